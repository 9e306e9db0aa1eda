package core

import (
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// OrderDirection is ASC or DESC.
type OrderDirection string

// What lists can be sorted by, each of one list.
type (
	ModelOrderField        string
	ModelVersionOrderField string
	DatasetOrderField      string
	RunOrderField          string
	CommitOrderField       string
	DeploymentOrderField   string
)

// How to sort lists.
type (
	// ModelOrder says how to sort models.
	ModelOrder struct {
		Field     ModelOrderField
		Direction OrderDirection
	}
	// ModelVersionOrder says how to sort versions.
	ModelVersionOrder struct {
		Field     ModelVersionOrderField
		Direction OrderDirection
	}
	// DatasetOrder says how to sort datasets.
	DatasetOrder struct {
		Field     DatasetOrderField
		Direction OrderDirection
	}
	// RunOrder says how to sort runs.
	RunOrder struct {
		Field     RunOrderField
		Direction OrderDirection
	}
	// CommitOrder says how to sort commits.
	CommitOrder struct {
		Field     CommitOrderField
		Direction OrderDirection
	}
	// DeploymentOrder says how to sort deployments.
	DeploymentOrder struct {
		Field     DeploymentOrderField
		Direction OrderDirection
	}
)

// OrderColumns are the columns of the field table behind the names of order
// fields; a commit's name is the start of its sha.
var OrderColumns = map[string]registry.Index{
	"NAME": registry.IndexName, "SHA": registry.IndexName, "OWNER": registry.IndexOwner, "NAMESPACE": registry.IndexNamespace,
	"CREATED_AT": registry.IndexValidFrom, "CREATED_DATE": registry.IndexValidFrom, "STARTED_AT": registry.IndexValidFrom, "COMMITTED_AT": registry.IndexValidFrom,
	"ENDED_AT": registry.IndexEnded, "VERSION": registry.IndexVersion, "NUMBER": registry.IndexNumber, "RUN_KIND": registry.IndexRunKind,
	"ROLE": registry.IndexRole, "ENVIRONMENT": registry.IndexEnvironment,
}

// SortBy makes a query's order that of a list.
func SortBy[F ~string](q *graph.Query, field F, direction OrderDirection) {
	q.Order, q.Desc = OrderColumns[string(field)], direction == "DESC"
}

// TimeRange is a stretch of time, from one instant until before another; nil is open.
type TimeRange struct{ From, Before *time.Time }

// BeganWithin keeps the nodes that began in a stretch of time.
func BeganWithin(r TimeRange) (out []graph.Predicate) {
	if r.From != nil {
		out = append(out, graph.Predicate{Column: registry.IndexValidFrom, Op: graph.AtLeast, Values: []any{CeilMicroseconds(r.From)}})
	}
	if r.Before != nil {
		out = append(out, graph.Predicate{Column: registry.IndexValidFrom, Op: graph.Less, Values: []any{CeilMicroseconds(r.Before)}})
	}
	return out
}

// CeilMicroseconds is the first whole microsecond that is not before a time, which is what
// stores keep.
func CeilMicroseconds(t *time.Time) int64 {
	us := t.UnixMicro()
	if t.Nanosecond()%1000 != 0 {
		us++
	}
	return us
}
