package registry

import "time"

// RequestStatus says where a transition request stands.
type RequestStatus string

// The statuses of requests. PENDING and APPROVED are open: they can still come to an execution.
const (
	RequestPending   RequestStatus = "PENDING"
	RequestApproved  RequestStatus = "APPROVED"
	RequestExecuted  RequestStatus = "EXECUTED"
	RequestRejected  RequestStatus = "REJECTED"
	RequestExpired   RequestStatus = "EXPIRED"
	RequestVoid      RequestStatus = "VOID"
	RequestWithdrawn RequestStatus = "WITHDRAWN"
)

// RequestStatuses lists every status.
func RequestStatuses() []RequestStatus {
	return []RequestStatus{RequestPending, RequestApproved, RequestExecuted, RequestRejected, RequestExpired, RequestVoid, RequestWithdrawn}
}

// ExecuteWhen says when an approved request is executed.
type ExecuteWhen string

// The values of ExecuteWhen.
const (
	// ExecuteAtOnce executes a request with its last approval.
	ExecuteAtOnce ExecuteWhen = "AT_ONCE"
	// ExecuteLater leaves it to a transition that names the request as its approval.
	ExecuteLater ExecuteWhen = "LATER"
)

// TransitionRequest asks for a transition into a guarded stage.
type TransitionRequest struct {
	Meta
	VersionID ID     `json:"versionId,omitempty"`
	OfModel   ID     `json:"ofModel,omitempty"`
	ModelName string `json:"modelName,omitempty"`
	Version   string `json:"version,omitempty"`
	From      Stage  `json:"from,omitempty"`
	To        Stage  `json:"to,omitempty"`
	// Status is the stored status. StatusAt also knows whether the request has expired.
	Status      RequestStatus `json:"status,omitempty"`
	RequestedBy string        `json:"requestedBy,omitempty"`
	RequestedAt time.Time     `json:"requestedAt,omitzero"`
	// Registrant is who registered the version. Like the requester, they never count.
	Registrant string              `json:"registrant,omitempty"`
	Reason     string              `json:"reason,omitempty"`
	Evidence   *TransitionEvidence `json:"evidence,omitempty"`
	Execute    ExecuteWhen         `json:"execute,omitempty"`
	// Needed is how many approvals the request needs. Approvers are the subjects who may give
	// them; empty means everyone who may approve.
	Needed    int                  `json:"needed,omitempty"`
	Approvers []string             `json:"approvers,omitempty"`
	Approvals []TransitionApproval `json:"approvals,omitempty"`
	ExpiresAt time.Time            `json:"expiresAt,omitzero"`
	// ClosedBy and ClosedAt are who rejected, withdrew, voided or executed it, and when; Comment
	// is why.
	ClosedBy    string    `json:"closedBy,omitempty"`
	ClosedAt    time.Time `json:"closedAt,omitzero"`
	Comment     string    `json:"comment,omitempty"`
	VoidBecause []string  `json:"voidBecause,omitempty"`
	// TransitionID is the transition that executed it.
	TransitionID ID `json:"transitionId,omitempty"`
	// Ordinal is 1, 2, 3… within the version.
	Ordinal int `json:"ordinal,omitempty"`
}

// TransitionApproval is one subject's consent to a request.
type TransitionApproval struct {
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Comment string    `json:"comment,omitempty"`
	// Grants are what the subject held. They are read again at execution for subjects that the
	// registry does not keep, such as operators at the store.
	Grants []Grant `json:"grants,omitempty"`
}

// TransitionEvidence is what approvers decide on: what the requester gave, and the state of
// the version that the request is about.
type TransitionEvidence struct {
	Links   []string `json:"links,omitempty"`
	Metrics []Metric `json:"metrics,omitempty"`
	// VersionRevision and CardRevision are the revisions that were requested.
	VersionRevision int `json:"versionRevision,omitempty"`
	CardRevision    int `json:"cardRevision,omitempty"`
	// UpstreamDigest is the digest of what the version was made from. Truncated means that it
	// was made from more than the digest covers.
	UpstreamDigest string `json:"upstreamDigest,omitempty"`
	Truncated      bool   `json:"truncated,omitempty"`
	// UpstreamCount is how many nodes the digest covers, Upstream the first of them.
	UpstreamCount int            `json:"upstreamCount,omitempty"`
	Upstream      []UpstreamNode `json:"upstream,omitempty"`
}

// UpstreamNode is a node that a version was made from, with the digest of its content.
type UpstreamNode struct {
	ID     ID     `json:"id"`
	Kind   Kind   `json:"kind"`
	Digest string `json:"digest,omitempty"`
}

// MaxEvidenceNodes is how many nodes a request lists by id.
const MaxEvidenceNodes = 500

// Open reports whether the request can still come to an execution, as stored.
func (r *TransitionRequest) Open() bool {
	return r.Status == RequestPending || r.Status == RequestApproved
}

// StatusAt returns the status at a time: an open request expires.
func (r *TransitionRequest) StatusAt(now time.Time) RequestStatus {
	if r.Open() && !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt) {
		return RequestExpired
	}
	return r.Status
}

// TransitionRequestID is the id of a version's nth request.
func TransitionRequestID(version ID, ordinal int) ID {
	return NewID(KindTransitionRequest, string(version), itoa(ordinal))
}

// TransitionRequestSlot is the unique key that the one open request for a version and stage
// holds.
func TransitionRequestSlot(version ID, to Stage) string {
	return "request/" + string(version) + "/" + string(to)
}
