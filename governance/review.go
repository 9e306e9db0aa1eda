package governance

import (
	"slices"
	"strings"
	"time"

	"pedigree/registry"
)

// NextReview returns when the next review of a model is due after one at a time: the day that
// the reviewer named, else the interval later, zero without an interval.
func NextReview(at, named time.Time, intervalDays int) time.Time {
	switch {
	case !named.IsZero():
		return named
	case intervalDays == 0:
		return time.Time{}
	}
	return at.AddDate(0, 0, intervalDays)
}

// CheckReviewer returns FORBIDDEN when a model has reviewers and a subject is not one of them.
func CheckReviewer(m *registry.Model, subject string) error {
	if len(m.Reviewers) > 0 && !slices.Contains(m.Reviewers, subject) {
		return registry.Errorf(registry.Forbidden, "only the reviewers of this model review it: %s", strings.Join(m.Reviewers, ", "))
	}
	return nil
}
