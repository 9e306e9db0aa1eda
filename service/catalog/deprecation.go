package catalog

import (
	"context"
	"time"

	"pedigree/governance"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// RetireVersion moves a version to ARCHIVED as MoveVersion does, also where only a retirement may.
func RetireVersion(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, n *graph.Node, in TransitionModelVersionInput, approval *Approval) (registry.ID, error) {
	in.To = registry.Archived
	return moveVersion(ctx, tx, v, n, in, approval, true)
}

// CheckNotRetiredOnly returns FAILED_PRECONDITION for a move to ARCHIVED where only a retirement
// may.
func CheckNotRetiredOnly(v *registry.ModelVersion, to registry.Stage, rule governance.Rule) error {
	if to != registry.Archived || !governance.RetiredOnly(v.DeprecationStep(), rule) {
		return nil
	}
	e := registry.Errorf(registry.FailedPrecondition, "this version goes to ARCHIVED only by retireModelVersion, because its deprecation is announced or the model is guarded")
	e.Details = map[string]any{"guarded": true}
	return e
}

// planSuperseded opens a deprecation of a version that a promotion replaces. The version is
// written by the promotion anyway: the deprecation costs one more node. A promotion of the past
// opens none.
func planSuperseded(tx *policies.Tx, batch *[]*graph.Node, old *registry.ModelVersion, by registry.ID, at time.Time, past bool) (registry.ID, error) {
	if past || old.DeprecationStep().Open() {
		return "", nil
	}
	d := old.NextDeprecation()
	d.ReplacementID, d.Superseded, d.PlannedBy, d.PlannedAt, d.ValidFrom = by, true, tx.Subject(), at, at
	old.Deprecation = d.OnVersion()
	n, err := DeprecationNode(tx, d)
	if err != nil {
		return "", err
	}
	*batch = append(*batch, n)
	return d.ID, nil
}

// DeprecationNode encodes a deprecation.
func DeprecationNode(tx *policies.Tx, d *registry.Deprecation) (*graph.Node, error) {
	return core.EncodeNode(d, core.OrdinalName(d.Ordinal), tx.Now())
}

// closePlan withdraws the deprecation of a version that is in no use of it any more: the plan of a
// replaced version that is promoted again, and any plan of one that is archived. The caller writes
// the version. It returns the ids of what it closed, for the log.
func closePlan(ctx context.Context, tx *policies.Tx, batch *[]*graph.Node, v *registry.ModelVersion, to registry.Stage) ([]registry.ID, error) {
	if v.DeprecationStep() != registry.DeprecationPlanned {
		return nil, nil
	}
	switch {
	case to == registry.Production && v.Deprecation.Superseded:
		return withdrawDeprecation(ctx, tx, batch, v, "the version was promoted again")
	case to == registry.Archived:
		return withdrawDeprecation(ctx, tx, batch, v, "the version was archived before an announcement")
	}
	return nil, nil
}

// withdrawDeprecation withdraws the open deprecation of a version, and returns its id. The caller
// writes the version.
func withdrawDeprecation(ctx context.Context, tx *policies.Tx, batch *[]*graph.Node, v *registry.ModelVersion, reason string) ([]registry.ID, error) {
	nodes, err := tx.NodesUnfiltered(ctx, v.Deprecation.ID)
	if err != nil || nodes[0] == nil {
		return nil, err
	}
	d, err := core.DecodeWhole(nodes[0], &registry.Deprecation{})
	if err != nil {
		return nil, err
	}
	d.Step, d.ClosedBy, d.ClosedAt, d.Reason = registry.DeprecationWithdrawn, tx.Subject(), tx.Now(), reason
	v.Deprecation = d.OnVersion()
	n, err := DeprecationNode(tx, d)
	if err != nil {
		return nil, err
	}
	*batch = append(*batch, n)
	return []registry.ID{d.ID}, nil
}

// DeprecationOf returns the last deprecation of a version, as the caller sees it; nil when there
// is none.
func (c *Catalog) DeprecationOf(ctx context.Context, v *registry.ModelVersion) (*registry.Deprecation, error) {
	return core.Related[*registry.Deprecation](ctx, c.core, v, "deprecation", func(v *registry.ModelVersion) core.NodeRef {
		if v.Deprecation == nil {
			return core.NodeRef{}
		}
		return core.NodeRef{ID: v.Deprecation.ID, At: v.ReadAt}
	})
}

// countGet counts a get of a version of today that has an open deprecation.
func (c *Catalog) countGet(ctx context.Context, n registry.Node) {
	if v, ok := n.(*registry.ModelVersion); ok && v != nil && v.ReadAt.Today() && v.DeprecationStep().Open() {
		c.core.Gate.CountUse(ctx, v.ID, registry.UseGet)
	}
}
