package registry

import (
	"strconv"
	"time"
)

// PolicyVersion is one numbered state of the policy: the rules of the server's file, with rows
// that the API added to them or withdrew. Version 0 is the file alone and is not stored.
type PolicyVersion struct {
	Meta
	Number int `json:"number,omitempty"`
	// Hash identifies the text and the Casbin model.
	Hash string `json:"hash,omitempty"`
	// Text is the merged list as it was then.
	Text string `json:"text,omitempty"`
	// Added are the rules that the API added; Withdrawn are those of the file that it took out.
	Added     []string `json:"added,omitempty"`
	Withdrawn []string `json:"withdrawn,omitempty"`
	// Change says how it differs from the version before, and Rule which rule that was.
	Change PolicyChangeKind `json:"change,omitempty"`
	Rule   string           `json:"rule,omitempty"`
	By     string           `json:"by,omitempty"`
	At     time.Time        `json:"at,omitzero"`
	Reason string           `json:"reason,omitempty"`
}

// PolicyChangeKind is how a version of the policy came to be.
type PolicyChangeKind string

// The kinds of changes.
const (
	PolicyRulePut       PolicyChangeKind = "PUT"
	PolicyRuleWithdrawn PolicyChangeKind = "WITHDRAWN"
	PolicyReverted      PolicyChangeKind = "REVERTED"
)

// PolicyVersionID is the id of a version of the policy by its number.
func PolicyVersionID(number int) ID { return NewID(KindPolicy, strconv.Itoa(number)) }
