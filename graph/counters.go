package graph

import (
	"context"
	"time"

	"pedigree/registry"
)

// CountKey names what is counted together: the uses of an object by a subject, which may be "".
type CountKey struct {
	Object  registry.ID
	Subject string
}

// Count is a counter: how often, and when last, an object was used by a subject in one way on one
// day. The counter without Day and Kind is that of all days.
type Count struct {
	CountKey
	// Day is a UTC day, such as 2027-03-01.
	Day, Kind string
	N         int64
	Last      time.Time
}

// Counters is a Store that keeps counters beside the graph. They are not provenance: they have no
// revisions, are not in the log, and leave its head as it is. Dump does not hold them, DumpCounts does.
type Counters interface {
	// AddCounts adds to counters, all or none: N is added to the stored one, and Last is kept
	// when it is later. Additions of several Stores on one database add up.
	AddCounts(ctx context.Context, counts ...Count) error
	// Counts returns the counters of each key, in order of day and kind: first that of all days,
	// then those of a day and of later ones.
	Counts(ctx context.Context, since string, keys ...CountKey) ([][]Count, error)
	// DumpCounts returns the next counters after one, the first after the zero Count, in an order of
	// the engine's own.
	DumpCounts(ctx context.Context, after Count, limit int) ([]Count, error)
	// SetCounts writes counters as they are, also while a migration into the store is not finished.
	SetCounts(ctx context.Context, counts ...Count) error
}

// CountersOf returns the counters of a store, also of one that a wrapper with a method Unwrap
// hides; nil when it keeps none.
func CountersOf(s Store) Counters {
	for s != nil {
		if c, ok := s.(Counters); ok {
			return c
		}
		wrapper, ok := s.(interface{ Unwrap() Store })
		if !ok {
			return nil
		}
		s = wrapper.Unwrap()
	}
	return nil
}
