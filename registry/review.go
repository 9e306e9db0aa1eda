package registry

import "time"

// ReviewDecision is the outcome of a review.
type ReviewDecision string

// The decisions of reviews.
const (
	ReviewApproved   ReviewDecision = "APPROVED"
	ReviewConditions ReviewDecision = "APPROVED_WITH_CONDITIONS"
	ReviewRejected   ReviewDecision = "REJECTED"
)

// ReviewDecisions lists every decision.
func ReviewDecisions() []ReviewDecision {
	return []ReviewDecision{ReviewApproved, ReviewConditions, ReviewRejected}
}

// Review is one periodic review of a model.
type Review struct {
	Meta
	OfModel   ID     `json:"ofModel,omitempty"`
	ModelName string `json:"modelName,omitempty"`
	// VersionID and Version are the version that was looked at, if one was named.
	VersionID ID             `json:"versionId,omitempty"`
	Version   string         `json:"version,omitempty"`
	By        string         `json:"by,omitempty"`
	At        time.Time      `json:"at,omitzero"`
	Findings  string         `json:"findings,omitempty"`
	Decision  ReviewDecision `json:"decision,omitempty"`
	// NextReview is when the next review is due, zero when none is planned.
	NextReview time.Time `json:"nextReview,omitzero"`
	// Ordinal is 1, 2, 3… within the model.
	Ordinal int `json:"ordinal,omitempty"`
}

// MaxReviewDays is the longest interval between reviews, in days.
const MaxReviewDays = 3660

// ReviewID is the id of a model's nth review.
func ReviewID(model ID, ordinal int) ID { return NewID(KindReview, string(model), itoa(ordinal)) }
