package catalog

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// tombstone replaces nodes by tombstones that keep only the name.
func tombstone(ctx context.Context, tx *policies.Tx, nodes ...*graph.Node) error {
	if len(nodes) == 0 {
		return nil
	}
	out := slices.Clone(nodes)
	for i, n := range out {
		doc, err := registry.Canonical(map[string]string{"name": n.Name})
		if err != nil {
			return err
		}
		c := *n
		c.Doc, c.Slots, c.Columns, c.Since = doc, nil, nil, tx.Now()
		out[i] = &c
	}
	return tx.Delete(ctx, out...)
}

// tombstoneVersion replaces a version, its card, artifacts and aliases by tombstones, and
// records in the model that the semver was used. It answers FAILED_PRECONDITION while the
// version has a live deployment.
func tombstoneVersion(ctx context.Context, tx *policies.Tx, n *graph.Node) error {
	v, deleted, err := versionParts(ctx, tx, n)
	if err != nil {
		return err
	}
	aliases, err := tx.ChildrenWith(ctx, registry.KindAlias, registry.IndexVersion, n.Text(registry.IndexVersion), v.Parent)
	if err != nil {
		return err
	}
	models, err := tx.NodesUnfiltered(ctx, v.Parent)
	if err != nil {
		return err
	}
	m, err := core.DecodeWhole(models[0], &registry.Model{})
	if err != nil {
		return err
	}
	if v.Stage == registry.Production {
		if err := endProduction(ctx, tx, v); err != nil {
			return err
		}
	}
	m.Used, m.UpdatedAt = append(m.Used, v.Version), tx.Now()
	if err := PutModel(ctx, tx, m); err != nil {
		return err
	}
	return tombstone(ctx, tx, append(deleted, aliases...)...)
}

// versionParts returns a version, and the nodes to delete with it: its own, its card and
// artifacts. It makes the open requests of the version void. It answers FAILED_PRECONDITION while the version has a live deployment.
func versionParts(ctx context.Context, tx *policies.Tx, n *graph.Node) (*registry.ModelVersion, []*graph.Node, error) {
	v, err := core.DecodeWhole(n, &registry.ModelVersion{})
	if err != nil {
		return nil, nil, err
	}
	if err := RefuseLive(ctx, tx, v); err != nil {
		return nil, nil, err
	}
	if err := VoidRequests(ctx, tx, v.ID, "the version was deleted"); err != nil {
		return nil, nil, err
	}
	if v.DeprecationStep().Open() {
		var closed []*graph.Node
		if _, err := withdrawDeprecation(ctx, tx, &closed, v, "the version was deleted"); err != nil {
			return nil, nil, err
		}
		if err := tx.Put(ctx, closed...); err != nil {
			return nil, nil, err
		}
	}
	parts := []*graph.Node{n}
	for _, kind := range []registry.Kind{registry.KindCard, registry.KindArtifact, registry.KindSignature, registry.KindSignatureBundle, registry.KindForeign} {
		children, err := tx.ChildrenUnfiltered(ctx, kind, registry.IndexName, v.ID)
		if err != nil {
			return nil, nil, err
		}
		parts = append(parts, children...)
	}
	return v, parts, nil
}

// RefuseLive answers FAILED_PRECONDITION when a version has a live deployment. It reads
// deployments up to the first live one.
func RefuseLive(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion) error {
	q := graph.NeighborQuery{IDs: []registry.ID{v.ID}, Direction: graph.Downstream, Edges: []registry.EdgeKind{registry.EdgeDeploys}, LimitPerNode: 100, Bare: true}
	for {
		hops, err := tx.Neighbors(ctx, q)
		if err != nil {
			return err
		}
		for _, d := range hops[0].Nodes {
			if d.Int(registry.IndexEnded) == 0 {
				return registry.Errorf(registry.FailedPrecondition, "%s %s has a live deployment (%s); end it first with endDeployment", v.ModelName, v.Version, d.ID)
			}
			q.After = d.Number
		}
		if !hops[0].More {
			return nil
		}
	}
}

// endProduction notes that a version is deleted in PRODUCTION, on the transition that brought
// it there.
func endProduction(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion) error {
	last, err := tx.LastChild(ctx, registry.KindTransition, registry.IndexName, v.ID)
	if err != nil || last == nil {
		return err
	}
	end := *last
	end.Slots = slices.Clone(last.Slots)
	batch := []*graph.Node{&end}
	if err := moveProductionEnd(ctx, tx, &batch, v.Parent, &end); err != nil {
		return err
	}
	return tx.Put(ctx, batch...)
}
