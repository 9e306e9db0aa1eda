package registry

import "time"

// DeprecationStep says how far the deprecation of a version has come.
type DeprecationStep string

// The steps. Between the announcement and the retirement the version is supported.
const (
	// DeprecationPlanned has a plan that nobody was told.
	DeprecationPlanned DeprecationStep = "PLANNED"
	// DeprecationAnnounced has a sunset, up to which the version is supported.
	DeprecationAnnounced DeprecationStep = "ANNOUNCED"
	// DeprecationRetired is over: the version is archived, and its records are kept for a time.
	DeprecationRetired DeprecationStep = "RETIRED"
	// DeprecationCleanedUp has no artifact records any more.
	DeprecationCleanedUp DeprecationStep = "CLEANED_UP"
	// DeprecationWithdrawn was given up.
	DeprecationWithdrawn DeprecationStep = "WITHDRAWN"
)

// DeprecationSteps lists every step.
func DeprecationSteps() []DeprecationStep {
	return []DeprecationStep{DeprecationPlanned, DeprecationAnnounced, DeprecationRetired, DeprecationCleanedUp, DeprecationWithdrawn}
}

// Open reports whether the version is still in use: its uses are counted.
func (s DeprecationStep) Open() bool { return s == DeprecationPlanned || s == DeprecationAnnounced }

// Deprecation is the way of one version out of use: from a plan over the announcement to the
// retirement and the clean-up.
type Deprecation struct {
	Meta
	VersionID ID              `json:"versionId,omitempty"`
	OfModel   ID              `json:"ofModel,omitempty"`
	ModelName string          `json:"modelName,omitempty"`
	Version   string          `json:"version,omitempty"`
	Step      DeprecationStep `json:"step,omitempty"`
	// Plan is the text of the plan.
	Plan string `json:"plan,omitempty"`
	// ReplacementID is the version to go to, "" when there is none.
	ReplacementID ID `json:"replacementId,omitempty"`
	// Superseded is true when the promotion of the replacement opened it.
	Superseded bool      `json:"superseded,omitempty"`
	PlannedBy  string    `json:"plannedBy,omitempty"`
	PlannedAt  time.Time `json:"plannedAt,omitzero"`
	// Guide tells how to migrate: a text or a link.
	Guide string `json:"guide,omitempty"`
	// Sunset is the first day, in UTC, on which the version may be retired.
	Sunset      time.Time           `json:"sunset,omitzero"`
	AnnouncedBy string              `json:"announcedBy,omitempty"`
	AnnouncedAt time.Time           `json:"announcedAt,omitzero"`
	Notices     []DeprecationNotice `json:"notices,omitempty"`
	// ClosedBy retired or withdrew it, at ClosedAt, for Reason. Forced means before the sunset.
	ClosedBy string    `json:"closedBy,omitempty"`
	ClosedAt time.Time `json:"closedAt,omitzero"`
	Reason   string    `json:"reason,omitempty"`
	Forced   bool      `json:"forced,omitempty"`
	// KeepUntil is until when the records of a retired version are kept.
	KeepUntil time.Time `json:"keepUntil,omitzero"`
	CleanedBy string    `json:"cleanedBy,omitempty"`
	CleanedAt time.Time `json:"cleanedAt,omitzero"`
	// ArtifactsRemoved is how many artifact records were removed. LogDigest is the digest of the
	// export of the version's log entries up to the clean-up, LogEntries how many it has.
	ArtifactsRemoved int    `json:"artifactsRemoved,omitempty"`
	LogDigest        string `json:"logDigest,omitempty"`
	LogEntries       int    `json:"logEntries,omitempty"`
	// Ordinal is 1, 2, 3… within the version.
	Ordinal int `json:"ordinal,omitempty"`
}

// NoticeReason says why somebody is told of a deprecation.
type NoticeReason string

// The reasons.
const (
	NoticeOwner      NoticeReason = "OWNER"
	NoticeDeployment NoticeReason = "DEPLOYMENT"
	NoticeUsage      NoticeReason = "USAGE"
)

// DeprecationNotice says who is told of a deprecation, and why.
type DeprecationNotice struct {
	// To is a subject, "" for a deployment without an owner.
	To      string       `json:"to,omitempty"`
	Because NoticeReason `json:"because"`
	// Where is the environment and endpoint of a deployment.
	Where string `json:"where,omitempty"`
}

// MaxNotices is how many notices a deprecation lists.
const MaxNotices = 500

// VersionDeprecation is what a version keeps of its last deprecation, so that a read of the
// version tells of it without another read.
type VersionDeprecation struct {
	ID            ID              `json:"id"`
	Step          DeprecationStep `json:"step"`
	Ordinal       int             `json:"ordinal"`
	Superseded    bool            `json:"superseded,omitempty"`
	AnnouncedAt   time.Time       `json:"announcedAt,omitzero"`
	Sunset        time.Time       `json:"sunset,omitzero"`
	Guide         string          `json:"guide,omitempty"`
	ReplacementID ID              `json:"replacementId,omitempty"`
}

// OnVersion returns what the version keeps of the deprecation.
func (d *Deprecation) OnVersion() *VersionDeprecation {
	return &VersionDeprecation{ID: d.ID, Step: d.Step, Ordinal: d.Ordinal, Superseded: d.Superseded, AnnouncedAt: d.AnnouncedAt, Sunset: d.Sunset, Guide: d.Guide, ReplacementID: d.ReplacementID}
}

// DeprecationStep returns the step of the version's last deprecation, "" without one.
func (v *ModelVersion) DeprecationStep() DeprecationStep {
	if v.Deprecation == nil {
		return ""
	}
	return v.Deprecation.Step
}

// NextDeprecation returns a new deprecation of the version, in the step PLANNED.
func (v *ModelVersion) NextDeprecation() *Deprecation {
	d := &Deprecation{VersionID: v.ID, OfModel: v.Parent, ModelName: v.ModelName, Version: v.Version, Step: DeprecationPlanned, Ordinal: 1}
	if v.Deprecation != nil {
		d.Ordinal = v.Deprecation.Ordinal + 1
	}
	d.ID, d.Parent = DeprecationID(v.ID, d.Ordinal), v.ID
	return d
}

// The days for which the records of a retired version are kept.
const (
	DefaultRetentionDays = 365
	MaxRetentionDays     = 3660
)

// DeprecationID is the id of a version's nth deprecation.
func DeprecationID(version ID, ordinal int) ID {
	return NewID(KindDeprecation, string(version), itoa(ordinal))
}
