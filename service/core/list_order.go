package core

import (
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// OrderDirection is ASC or DESC.
type OrderDirection string

// The fields that lists can be sorted by, one type for each list.
type (
	// ModelOrderField is a field that models can be sorted by.
	ModelOrderField string
	// ModelVersionOrderField is a field that versions can be sorted by.
	ModelVersionOrderField string
	// DatasetOrderField is a field that datasets can be sorted by.
	DatasetOrderField string
	// RunOrderField is a field that runs can be sorted by.
	RunOrderField string
	// CommitOrderField is a field that commits can be sorted by.
	CommitOrderField string
	// DeploymentOrderField is a field that deployments can be sorted by.
	DeploymentOrderField string
)

// The orders of lists: a field and a direction.
type (
	// ModelOrder is an order of models.
	ModelOrder struct {
		Field     ModelOrderField
		Direction OrderDirection
	}
	// ModelVersionOrder is an order of versions.
	ModelVersionOrder struct {
		Field     ModelVersionOrderField
		Direction OrderDirection
	}
	// DatasetOrder is an order of datasets.
	DatasetOrder struct {
		Field     DatasetOrderField
		Direction OrderDirection
	}
	// RunOrder is an order of runs.
	RunOrder struct {
		Field     RunOrderField
		Direction OrderDirection
	}
	// CommitOrder is an order of commits.
	CommitOrder struct {
		Field     CommitOrderField
		Direction OrderDirection
	}
	// DeploymentOrder is an order of deployments.
	DeploymentOrder struct {
		Field     DeploymentOrderField
		Direction OrderDirection
	}
)

// OrderColumns maps order fields to columns of the field table. SHA maps to the name column,
// because the name of a commit is the start of its sha.
var OrderColumns = map[string]registry.Index{
	"NAME": registry.IndexName, "SHA": registry.IndexName, "OWNER": registry.IndexOwner, "NAMESPACE": registry.IndexNamespace,
	"CREATED_AT": registry.IndexValidFrom, "CREATED_DATE": registry.IndexValidFrom, "STARTED_AT": registry.IndexValidFrom, "COMMITTED_AT": registry.IndexValidFrom,
	"ENDED_AT": registry.IndexEnded, "VERSION": registry.IndexVersion, "NUMBER": registry.IndexNumber, "RUN_KIND": registry.IndexRunKind,
	"ROLE": registry.IndexRole, "ENVIRONMENT": registry.IndexEnvironment,
}

// SortBy sets the order of a query.
func SortBy[F ~string](q *graph.Query, field F, direction OrderDirection) {
	q.Order, q.Desc = OrderColumns[string(field)], direction == "DESC"
}

// TimeRange is the half-open interval [From, Before); a nil bound is open.
type TimeRange struct{ From, Before *time.Time }

// TaggedWith returns the predicate for nodes with a tag, none for nil. It answers INVALID_ARGUMENT
// for what can be no tag.
func TaggedWith(tag *registry.KeyValue) ([]graph.Predicate, error) {
	label, err := TagLabel(tag)
	if label == "" {
		return nil, err
	}
	return []graph.Predicate{{Label: label}}, nil
}

// TagLabel checks a tag, and returns what stores keep of it; "" for nil.
func TagLabel(tag *registry.KeyValue) (string, error) {
	if tag == nil {
		return "", nil
	}
	checked := []registry.KeyValue{*tag}
	if err := CheckTags("tag", checked); err != nil {
		return "", err
	}
	return registry.TagLabel(checked[0]), nil
}

// BeganWithin returns predicates for nodes whose ValidFrom lies in a time range.
func BeganWithin(r TimeRange) (out []graph.Predicate) {
	if r.From != nil {
		out = append(out, graph.Predicate{Column: registry.IndexValidFrom, Op: graph.AtLeast, Values: []any{CeilMicroseconds(r.From)}})
	}
	if r.Before != nil {
		out = append(out, graph.Predicate{Column: registry.IndexValidFrom, Op: graph.Less, Values: []any{CeilMicroseconds(r.Before)}})
	}
	return out
}

// CeilMicroseconds returns a time in Unix microseconds, rounded up. Stores keep whole
// microseconds.
func CeilMicroseconds(t *time.Time) int64 {
	micros := t.UnixMicro()
	if t.Nanosecond()%1000 != 0 {
		micros++
	}
	return micros
}
