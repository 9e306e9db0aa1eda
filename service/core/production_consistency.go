package core

import (
	"context"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// The reads of Neo4j are no snapshot: each row is read as it is committed at that moment. A
// list of versions that is read during a promotion can therefore show no version in
// PRODUCTION, or two. The production slot of a model is a single record and is always
// consistent: a list that contradicts it is read again.

// consistencyTries bounds the retries. Each is two reads of the store, so that in total they
// last longer than a commit takes.
const consistencyTries = 500

// findVersions reads versions of several models, again and again until they agree with the
// production slots. It answers UNAVAILABLE after consistencyTries retries.
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
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// productionHolders returns, by model, the version that holds the production slot, if the
// caller sees it.
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

// agreesWithSlots reports whether a list agrees with the production slots: a listed version is
// in PRODUCTION if and only if it holds the slot, and a list that includes PRODUCTION
// contains each holder unless its page is full.
func agreesWithSlots(nodes []*graph.Node, holders map[registry.ID]registry.ID, q graph.Query, stages string) bool {
	for _, n := range nodes {
		inProduction := n.Text(registry.IndexStage) == string(registry.Production)
		if stage, known := n.Columns[registry.IndexStage]; known && stage != "" && inProduction != (holders[n.Parent] == n.ID) {
			return false
		}
	}
	if !slices.Contains(strings.Split(stages, ","), string(registry.Production)) {
		return true
	}
	listed, perParent := map[registry.ID]bool{}, map[registry.ID]int{}
	for _, n := range nodes {
		listed[n.ID] = true
		perParent[n.Parent]++
	}
	for model, id := range holders {
		if !listed[id] && perParent[model] < q.Limit {
			return false
		}
	}
	return true
}
