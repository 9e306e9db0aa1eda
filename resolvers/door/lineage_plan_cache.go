package door

import (
	"github.com/99designs/gqlgen/graphql"

	"pedigree/resolvers/querycache"
)

// lineagePlanCache caches the plans of parsed queries.
type lineagePlanCache struct {
	querycache.Cache[*selectionPlan]
}

// of returns the plan of a field's selection, or nil when there is none.
func (p *lineagePlanCache) of(op *graphql.OperationContext, f graphql.CollectedField) *selectionPlan {
	return p.GetOrDerive(op, f, func() *selectionPlan { return planGraph(op, f.Selections) })
}
