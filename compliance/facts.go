// Package compliance makes the file that an auditor wants of a model version: what is recorded of
// it, in forms that people and tools read, the entries of the log that prove it, and a checklist of
// the headings of known rules. It takes facts and gives files; the same facts give the same bytes.
// Verify checks such a file with nothing but the file.
package compliance

import (
	"time"

	"pedigree/registry"
)

// Format is the number of the form of packs. It changes whenever the same facts give other bytes,
// so that a pack is only derived again by a program that derives the same.
const Format = 2

// Facts are what a pack is made from: what one caller may see of a version. Everything that people
// read in a pack is derived from them.
type Facts struct {
	Format  int    `json:"format"`
	MadeFor Reader `json:"madeFor"`
	// ReadAt is the instant of the newest log entry that the facts hold, or AsOf. LogSize is how many
	// entries the log had; ReadFrom is how many it had when the reading began.
	ReadAt   time.Time `json:"readAt,omitzero"`
	LogSize  int64     `json:"logSize"`
	ReadFrom int64     `json:"readFrom"`
	// AsOf is the time of the past that the facts are of, as it was known then; zero for the present.
	// NotAsOf are the parts that are of the time when the pack was made all the same, and why.
	AsOf    time.Time `json:"asOf,omitzero"`
	NotAsOf []string  `json:"notAsOf,omitempty"`
	Version Version   `json:"version"`
	Model   Model     `json:"model"`
	// Card is nil when there is none that the caller sees. Missing are its empty fields, by path.
	Card         *registry.ModelCard `json:"card"`
	Missing      []string            `json:"cardMissing,omitempty"`
	Artifacts    []Artifact          `json:"artifacts"`
	Signatures   []Signature         `json:"signatures"`
	Lineage      Lineage             `json:"lineage"`
	People       []string            `json:"people"`
	Gaps         []Gap               `json:"gaps"`
	Transitions  []Transition        `json:"transitions"`
	Requests     []Request           `json:"requests"`
	Reviews      []Review            `json:"reviews"`
	Recalls      []Recall            `json:"recalls"`
	Deployments  []Deployment        `json:"deployments"`
	Deprecations []Deprecation       `json:"deprecations"`
	// Hidden are the fields and parts that the caller may not see, Cut what a limit left out.
	Hidden []string `json:"hidden"`
	Cut    []string `json:"cut"`
	// LogSeqs are the newest log entry of the pack about an object, by the object's id.
	LogSeqs map[registry.ID]int64 `json:"logSeqs"`
}

// Reader is for whom a pack was made.
type Reader struct {
	Subject string   `json:"subject"`
	Roles   []string `json:"roles"`
}

// Version is the version that a pack is about.
type Version struct {
	ID          registry.ID         `json:"id"`
	Revision    int                 `json:"revision"`
	Model       string              `json:"model,omitempty"`
	Version     string              `json:"version,omitempty"`
	Label       string              `json:"label,omitempty"`
	Description string              `json:"description,omitempty"`
	Stage       registry.Stage      `json:"stage,omitempty"`
	Owner       string              `json:"owner,omitempty"`
	Creator     string              `json:"creator,omitempty"`
	CreatedDate time.Time           `json:"createdDate,omitzero"`
	RecordedAt  time.Time           `json:"recordedAt,omitzero"`
	Tags        []registry.KeyValue `json:"tags,omitempty"`
	// RecallState says whether the version, or what it came from, is recalled.
	RecallState registry.RecallState `json:"recallState,omitempty"`
}

// Model is the model of the version.
type Model struct {
	ID          registry.ID         `json:"id,omitempty"`
	Name        string              `json:"name,omitempty"`
	Description string              `json:"description,omitempty"`
	Owner       string              `json:"owner,omitempty"`
	Tags        []registry.KeyValue `json:"tags,omitempty"`
	// ReviewEveryDays is the interval of reviews, 0 without a plan.
	ReviewEveryDays int       `json:"reviewEveryDays,omitempty"`
	NextReview      time.Time `json:"nextReview,omitzero"`
}

// Artifact is a file of the version.
type Artifact struct {
	ID        registry.ID `json:"id"`
	Name      string      `json:"name,omitempty"`
	URI       string      `json:"uri,omitempty"`
	Digest    string      `json:"digest,omitempty"`
	SizeBytes *int64      `json:"sizeBytes,omitempty"`
	Format    string      `json:"format,omitempty"`
}

// Signature is a signature of the version, and what it proved when the pack was made.
type Signature struct {
	ID         registry.ID            `json:"id"`
	Kind       registry.SignatureKind `json:"kind,omitempty"`
	Digest     string                 `json:"digest,omitempty"`
	AttachedBy string                 `json:"attachedBy,omitempty"`
	AttachedAt time.Time              `json:"attachedAt,omitzero"`
	Status     string                 `json:"status,omitempty"`
	Signer     string                 `json:"signer,omitempty"`
}

// Lineage is what the version came from.
type Lineage struct {
	Nodes []Node `json:"nodes"`
	Edges []Edge `json:"edges"`
	// Reasons say why something is missing, Redacted how many nodes the caller may not see.
	Reasons    []string `json:"truncated,omitempty"`
	Redacted   int      `json:"redacted,omitempty"`
	HistoryCut bool     `json:"historyCut,omitempty"`
}

// Node is a node of the lineage. One that the caller may not see has an id made for the caller, a
// kind and no name.
type Node struct {
	ID         registry.ID         `json:"id"`
	Kind       registry.Kind       `json:"kind"`
	Title      string              `json:"title,omitempty"`
	Depth      int                 `json:"depth"`
	Restricted bool                `json:"restricted,omitempty"`
	Deleted    bool                `json:"deleted,omitempty"`
	Source     bool                `json:"source,omitempty"`
	Fields     []registry.KeyValue `json:"fields,omitempty"`
	Tags       []registry.KeyValue `json:"tags,omitempty"`
	Parameters registry.JSON       `json:"parameters,omitempty"`
	Metrics    []registry.Metric   `json:"metrics,omitempty"`
}

// Field returns the value of a field, "" when it has none.
func (n *Node) Field(name string) string {
	for _, f := range n.Fields {
		if f.Key == name {
			return f.Value
		}
	}
	return ""
}

// Edge points from an effect to its cause.
type Edge struct {
	From registry.ID       `json:"from"`
	To   registry.ID       `json:"to"`
	Kind registry.EdgeKind `json:"kind"`
}

// Gap is something that should be recorded and is not, or that contradicts itself.
type Gap struct {
	Code    string      `json:"code"`
	Node    registry.ID `json:"node"`
	Field   string      `json:"field,omitempty"`
	Message string      `json:"message"`
}

// Transition is a change of the version's stage, with what gates said of it.
type Transition struct {
	ID       registry.ID    `json:"id"`
	From     registry.Stage `json:"from,omitempty"`
	To       registry.Stage `json:"to,omitempty"`
	At       time.Time      `json:"at,omitzero"`
	By       string         `json:"by,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	Approval registry.ID    `json:"approval,omitempty"`
	Forced   bool           `json:"forced,omitempty"`
	Gates    []Gate         `json:"gates,omitempty"`
}

// Gate is what a gate said of a transition. Saw are the facts that it looked at, read again as they
// were at the time of the transition.
type Gate struct {
	Name     string              `json:"name,omitempty"`
	Revision int                 `json:"revision,omitempty"`
	Mode     registry.GateMode   `json:"mode,omitempty"`
	Answer   registry.GateAnswer `json:"answer"`
	Message  string              `json:"message,omitempty"`
	Saw      []GateFact          `json:"saw,omitempty"`
	// More is how many facts beyond Saw there are. ReadAgain is false when the gate is not kept any
	// more, or what it looked at cannot be read again.
	More      int  `json:"more,omitempty"`
	ReadAgain bool `json:"readAgain"`
}

// GateFact is something that a gate looked at.
type GateFact struct {
	Path  string      `json:"path"`
	State string      `json:"state"`
	Node  registry.ID `json:"node,omitempty"`
	Name  string      `json:"name,omitempty"`
	Value string      `json:"value,omitempty"`
}

// Request is a request for a transition, and who approved it.
type Request struct {
	ID          registry.ID            `json:"id"`
	From        registry.Stage         `json:"from,omitempty"`
	To          registry.Stage         `json:"to,omitempty"`
	Status      registry.RequestStatus `json:"status,omitempty"`
	RequestedBy string                 `json:"requestedBy,omitempty"`
	RequestedAt time.Time              `json:"requestedAt,omitzero"`
	Reason      string                 `json:"reason,omitempty"`
	Needed      int                    `json:"needed,omitempty"`
	Approvals   []Approval             `json:"approvals,omitempty"`
	ClosedBy    string                 `json:"closedBy,omitempty"`
	ClosedAt    time.Time              `json:"closedAt,omitzero"`
	Comment     string                 `json:"comment,omitempty"`
	// VersionRevision, CardRevision and UpstreamDigest are the state that was decided on.
	VersionRevision int      `json:"versionRevision,omitempty"`
	CardRevision    int      `json:"cardRevision,omitempty"`
	UpstreamDigest  string   `json:"upstreamDigest,omitempty"`
	Links           []string `json:"links,omitempty"`
}

// Approval is one subject's consent.
type Approval struct {
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Comment string    `json:"comment,omitempty"`
}

// Review is a review of the model. Version is the version that was looked at, when one was named.
type Review struct {
	ID         registry.ID             `json:"id"`
	Version    string                  `json:"version,omitempty"`
	By         string                  `json:"by,omitempty"`
	At         time.Time               `json:"at,omitzero"`
	Decision   registry.ReviewDecision `json:"decision,omitempty"`
	Findings   string                  `json:"findings,omitempty"`
	NextReview time.Time               `json:"nextReview,omitzero"`
}

// Recall is a recall of something in the lineage. Nodes are those that it names; one that the caller
// may not see has an id made for the caller.
type Recall struct {
	ID         registry.ID             `json:"id"`
	Number     int                     `json:"number,omitempty"`
	State      registry.RecallStatus   `json:"state,omitempty"`
	Severity   registry.RecallSeverity `json:"severity,omitempty"`
	Reason     string                  `json:"reason,omitempty"`
	Links      []string                `json:"links,omitempty"`
	Nodes      []registry.ID           `json:"nodes,omitempty"`
	RecalledBy string                  `json:"recalledBy,omitempty"`
	RecalledAt time.Time               `json:"recalledAt,omitzero"`
	ClearedBy  string                  `json:"clearedBy,omitempty"`
	ClearedAt  time.Time               `json:"clearedAt,omitzero"`
	Comment    string                  `json:"comment,omitempty"`
}

// Deployment is where the version serves or served.
type Deployment struct {
	ID             registry.ID `json:"id"`
	Environment    string      `json:"environment,omitempty"`
	Endpoint       string      `json:"endpoint,omitempty"`
	Owner          string      `json:"owner,omitempty"`
	TrafficPercent *float64    `json:"trafficPercent,omitempty"`
	StartedAt      time.Time   `json:"startedAt,omitzero"`
	EndedAt        time.Time   `json:"endedAt,omitzero"`
}

// Deprecation is the way of the version out of use.
type Deprecation struct {
	ID          registry.ID              `json:"id"`
	Step        registry.DeprecationStep `json:"step,omitempty"`
	Plan        string                   `json:"plan,omitempty"`
	Guide       string                   `json:"guide,omitempty"`
	PlannedBy   string                   `json:"plannedBy,omitempty"`
	PlannedAt   time.Time                `json:"plannedAt,omitzero"`
	AnnouncedBy string                   `json:"announcedBy,omitempty"`
	AnnouncedAt time.Time                `json:"announcedAt,omitzero"`
	Sunset      time.Time                `json:"sunset,omitzero"`
	ClosedBy    string                   `json:"closedBy,omitempty"`
	ClosedAt    time.Time                `json:"closedAt,omitzero"`
	Reason      string                   `json:"reason,omitempty"`
}
