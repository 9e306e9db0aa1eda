package registry

import "time"

// RecallSeverity says how bad a recall is.
type RecallSeverity string

// The severities, the least first.
const (
	SeverityLow      RecallSeverity = "LOW"
	SeverityMedium   RecallSeverity = "MEDIUM"
	SeverityHigh     RecallSeverity = "HIGH"
	SeverityCritical RecallSeverity = "CRITICAL"
)

// RecallSeverities lists every severity, the least first.
func RecallSeverities() []RecallSeverity {
	return []RecallSeverity{SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}
}

// RecallStatus says whether a recall is in force.
type RecallStatus string

// The states of recalls.
const (
	RecallOpen    RecallStatus = "OPEN"
	RecallCleared RecallStatus = "CLEARED"
)

// Recall says that nodes are bad, and so all that descends from them. Nothing is written on the
// descendants: whether a node is recalled is found out by walking to what it came from.
type Recall struct {
	Meta
	// Number is 1, 2, 3… in the order of the recalls of the registry.
	Number int `json:"number,omitempty"`
	// Nodes are what is bad: dataset versions, commits, features, runs and model versions.
	Nodes    []ID           `json:"nodes,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	Severity RecallSeverity `json:"severity,omitempty"`
	// Links are the evidence. Nothing opens them.
	Links []string `json:"links,omitempty"`
	// FixedBy are commits that repair recalled commits: these, and what has one of them as an
	// ancestor, are not recalled with the commits before them.
	FixedBy []ID         `json:"fixedBy,omitempty"`
	State   RecallStatus `json:"state,omitempty"`
	// Seq is the log sequence from which on the recall stands.
	Seq        int64     `json:"seq,omitempty"`
	RecalledBy string    `json:"recalledBy,omitempty"`
	RecalledAt time.Time `json:"recalledAt,omitzero"`
	// Clearing is the request to clear the recall, nil when nobody has asked.
	Clearing *RecallClearing `json:"clearing,omitempty"`
	// ClearedBy is the second person, who cleared it at ClearedAt. ClearedSeq is the log sequence
	// from which on the recall does not stand.
	ClearedBy  string    `json:"clearedBy,omitempty"`
	ClearedAt  time.Time `json:"clearedAt,omitzero"`
	ClearedSeq int64     `json:"clearedSeq,omitempty"`
	// Comment is what the second person said.
	Comment string `json:"comment,omitempty"`
}

// RecallClearing is a request to clear a recall.
type RecallClearing struct {
	AskedBy string    `json:"askedBy"`
	AskedAt time.Time `json:"askedAt"`
	Reason  string    `json:"reason,omitempty"`
}

// The bounds of recalls.
const (
	// MaxRecalledNodes is the most nodes, and the most fixing commits, that one recall names.
	MaxRecalledNodes = 100
	// MaxOpenRecalls is the most recalls that are open at one time: every read of a mark looks at
	// all of them.
	MaxOpenRecalls = 200
	// MaxRecallLinks is the most links of a recall.
	MaxRecallLinks = 50
)

// RecallID is the id of a recall by its number.
func RecallID(number int) ID { return NewID(KindRecall, itoa(number)) }

// Recallable reports whether a recall can name nodes of a kind.
func (k Kind) Recallable() bool {
	switch k {
	case KindDatasetVersion, KindCommit, KindFeature, KindRun, KindModelVersion:
		return true
	}
	return false
}

// RecallState says whether a node is recalled.
type RecallState string

// The states. RecallUnknown means that the walk to what the node came from was cut before its end
// and met no recalled node.
const (
	NotRecalled   RecallState = "CLEAR"
	IsRecalled    RecallState = "RECALLED"
	RecallUnknown RecallState = "UNKNOWN"
)

// RecallHandling says what was done about a deployment of something recalled.
type RecallHandling string

// The ways. The first two need a deployment that has ended.
const (
	HandledReplaced   RecallHandling = "REPLACED"
	HandledRolledBack RecallHandling = "ROLLED_BACK"
	HandledAccepted   RecallHandling = "ACCEPTED"
)

// RecallHandlings lists every way.
func RecallHandlings() []RecallHandling {
	return []RecallHandling{HandledReplaced, HandledRolledBack, HandledAccepted}
}

// RecallResolution says how one deployment of something recalled was dealt with.
type RecallResolution struct {
	Meta
	RecallID     ID             `json:"recallId,omitempty"`
	DeploymentID ID             `json:"deploymentId,omitempty"`
	VersionID    ID             `json:"versionId,omitempty"`
	Handling     RecallHandling `json:"handling,omitempty"`
	Reason       string         `json:"reason,omitempty"`
	ResolvedBy   string         `json:"resolvedBy,omitempty"`
	ResolvedAt   time.Time      `json:"resolvedAt,omitzero"`
}

// RecallResolutionID is the id of how a deployment was dealt with under a recall.
func RecallResolutionID(recall, deployment ID) ID {
	return NewID(KindRecallResolution, string(recall), string(deployment))
}
