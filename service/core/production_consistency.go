package core

import (
	"context"
	"slices"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// A store whose reads are no snapshot (Neo4j reads what is committed, row by
// row) can show a list of versions from the middle of a promotion: none or two in
// PRODUCTION. The slot that the one in PRODUCTION holds is a single record, so it
// settles the question: a list that disagrees with it is read again.

// consistencyTries and consistencyPause bound the reading again; a commit takes less.
const (
	consistencyTries = 200
	consistencyPause = 2 * time.Millisecond
)

// findVersions reads versions of several models until they agree with the slots.
func findVersions(ctx context.Context, scope *policies.Scope, q graph.Query, stages string) ([]*graph.Node, error) {
	for try := 0; ; try++ {
		page, err := scope.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		holders, err := productionHolders(ctx, scope, q.Parents)
		if err != nil {
			return nil, err
		}
		if agreesWithSlots(page.Nodes, holders, q, stages) {
			return page.Nodes, nil
		}
		if try == consistencyTries {
			return nil, registry.Errorf(registry.Unavailable, "the versions are being changed faster than they can be read; try again")
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(consistencyPause):
		}
	}
}

// productionHolders returns, by model, the version that holds its slot and that
// the caller sees.
func productionHolders(ctx context.Context, scope *policies.Scope, models []registry.ID) (map[registry.ID]registry.ID, error) {
	out := map[registry.ID]registry.ID{}
	for part := range slices.Chunk(models, 1000) {
		q := graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Limit: len(part), Bare: true}
		for _, m := range part {
			q.Slots = append(q.Slots, registry.ProductionSlot(m))
		}
		page, err := scope.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, n := range page.Nodes {
			out[n.Parent] = n.ID
		}
	}
	return out, nil
}

// agreesWithSlots reports whether a list agrees with the slots: only a holder is in
// PRODUCTION, a holder that is listed is, and a list of PRODUCTION lists it.
func agreesWithSlots(nodes []*graph.Node, holders map[registry.ID]registry.ID, q graph.Query, stages string) bool {
	listed := map[registry.ID]bool{}
	for _, n := range nodes {
		listed[n.ID] = true
		inProduction := n.Text(registry.IndexStage) == string(registry.Production)
		if stage, known := n.Columns[registry.IndexStage]; known && stage != "" && inProduction != (holders[n.Parent] == n.ID) {
			return false
		}
	}
	if !slices.Contains(strings.Split(stages, ","), string(registry.Production)) {
		return true
	}
	perParent := map[registry.ID]int{}
	for _, n := range nodes {
		perParent[n.Parent]++
	}
	for model, id := range holders {
		if !listed[id] && perParent[model] < q.Limit {
			return false
		}
	}
	return true
}
