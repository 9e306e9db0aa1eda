package remote

import (
	"context"

	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/provenance"
)

// addPaging adds a page to the variables of a query.
func addPaging(vars map[string]any, p core.Paging) map[string]any {
	if p.First != nil {
		vars["first"] = *p.First
	}
	if p.After != nil && *p.After != "" {
		vars["after"] = *p.After
	}
	return vars
}

// addPointInTime adds a point in time to the variables of a query.
func addPointInTime(vars map[string]any, of []core.PointInTime) map[string]any {
	for _, p := range of {
		if !p.AsOf.IsZero() {
			vars["asOf"] = p.AsOf
		}
		if !p.KnownAt.IsZero() {
			vars["knownAt"] = p.KnownAt
		}
	}
	return vars
}

// Viewer returns the token's subject and the actions that it may do.
func (c *Client) Viewer(ctx context.Context) (*access.Viewer, error) {
	var out struct{ Viewer *access.Viewer }
	if err := c.execute(ctx, opViewer, nil, &out); err != nil {
		return nil, err
	}
	return out.Viewer, nil
}

// Node returns a node by its id. It returns nil when the caller sees no such node, and for
// types that this client does not read.
func (c *Client) Node(ctx context.Context, id registry.ID, then ...core.PointInTime) (registry.Node, error) {
	nodes, err := c.Nodes(ctx, []registry.ID{id}, then...)
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

// Nodes returns up to 100 nodes by their ids, with nil in the place of a node that is
// missing.
func (c *Client) Nodes(ctx context.Context, ids []registry.ID, then ...core.PointInTime) ([]registry.Node, error) {
	var out struct{ Nodes []of[registry.Node] }
	if err := c.execute(ctx, opNodes, addPointInTime(map[string]any{"ids": ids}, then), &out); err != nil {
		return nil, err
	}
	if len(out.Nodes) != len(ids) {
		return nil, registry.Errorf(registry.Internal, "the server answered %d nodes of %d; use the pedigree of its version", len(out.Nodes), len(ids))
	}
	nodes := make([]registry.Node, len(ids))
	for i, n := range out.Nodes {
		nodes[i] = n.Noun
	}
	return nodes, nil
}

// Model returns a model by its name, or nil when the caller sees no such model.
func (c *Client) Model(ctx context.Context, name string, then ...core.PointInTime) (*registry.Model, error) {
	var out struct{ Model of[*registry.Model] }
	err := c.execute(ctx, opModel, addPointInTime(map[string]any{"name": name}, then), &out)
	return out.Model.Noun, err
}

// ModelVersion returns a version by the model's name and a semver, label, alias or
// "latest". It returns nil when the caller sees no such version.
func (c *Client) ModelVersion(ctx context.Context, model, version string, then ...core.PointInTime) (*registry.ModelVersion, error) {
	var out struct{ ModelVersion of[*registry.ModelVersion] }
	err := c.execute(ctx, opModelVersion, addPointInTime(map[string]any{"model": model, "version": version}, then), &out)
	return out.ModelVersion.Noun, err
}

// ModelOf returns the model of a version.
func (c *Client) ModelOf(ctx context.Context, v *registry.ModelVersion) (*registry.Model, error) {
	var out struct {
		Node struct{ Model of[*registry.Model] }
	}
	err := c.execute(ctx, opModelOf, map[string]any{"id": v.ID}, &out)
	return out.Node.Model.Noun, err
}

// ProductionVersion returns the version of a model in PRODUCTION, or nil when there is
// none.
func (c *Client) ProductionVersion(ctx context.Context, m *registry.Model) (*registry.ModelVersion, error) {
	var out struct {
		Node struct{ ProductionVersion of[*registry.ModelVersion] }
	}
	err := c.execute(ctx, opProductionVersion, map[string]any{"id": m.ID}, &out)
	return out.Node.ProductionVersion.Noun, err
}

// Run returns a run by its id, or by its producer and the producer's run id. It returns nil
// when there is none.
func (c *Client) Run(ctx context.Context, id *registry.ID, producer, runID *string, then ...core.PointInTime) (*registry.Run, error) {
	vars := map[string]any{}
	if id != nil {
		vars["id"] = *id
	}
	if producer != nil {
		vars["producer"] = *producer
	}
	if runID != nil {
		vars["runId"] = *runID
	}
	var out struct{ Run of[*registry.Run] }
	err := c.execute(ctx, opRun, addPointInTime(vars, then), &out)
	return out.Run.Noun, err
}

// TransitionsOf lists the stage transitions of a version, oldest first.
func (c *Client) TransitionsOf(ctx context.Context, v *registry.ModelVersion, p core.Paging) (*catalog.TransitionConnection, error) {
	var out struct {
		Node struct{ Page *list[*registry.Transition] }
	}
	if err := c.execute(ctx, opTransitions, addPaging(map[string]any{"id": v.ID}, p), &out); err != nil {
		return nil, err
	}
	page, err := connection(out.Node.Page, func(cursor string, t *registry.Transition) *catalog.TransitionEdge {
		return &catalog.TransitionEdge{Cursor: cursor, Node: t}
	})
	return &catalog.TransitionConnection{Connection: page}, err
}

// VersionsOf lists the versions of a model, highest semver first unless o gives another order.
func (c *Client) VersionsOf(ctx context.Context, m *registry.Model, p core.Paging, f *catalog.ModelVersionFilter, o *core.ModelVersionOrder) (*catalog.ModelVersionConnection, error) {
	vars := addPaging(map[string]any{"id": m.ID}, p)
	if err := addInput(vars, "filter", f); err != nil {
		return nil, err
	}
	if err := addInput(vars, "orderBy", o); err != nil {
		return nil, err
	}
	var out struct {
		Node struct{ Page *list[*registry.ModelVersion] }
	}
	if err := c.execute(ctx, opVersions, vars, &out); err != nil {
		return nil, err
	}
	page, err := connection(out.Node.Page, catalog.NewVersionEdge)
	return &catalog.ModelVersionConnection{Connection: page}, err
}

// Upstream lists the direct causes of a model version. Tags are read whole, of runs and dataset
// versions what identifies them, of others nothing. The relation of each is empty.
func (c *Client) Upstream(ctx context.Context, n registry.Node, p core.Paging) (*provenance.ProvenanceNodeConnection, error) {
	var out struct {
		Node struct {
			Page *list[registry.ProvenanceNode]
		}
	}
	if err := c.execute(ctx, opUpstream, addPaging(map[string]any{"id": n.NodeMeta().ID}, p), &out); err != nil {
		return nil, err
	}
	page, err := connection(out.Node.Page, func(cursor string, n registry.ProvenanceNode) *provenance.ProvenanceNodeEdge {
		return &provenance.ProvenanceNodeEdge{Cursor: cursor, Node: n}
	})
	return &provenance.ProvenanceNodeConnection{Connection: page}, err
}

// TagsOf lists the tags of a repository by name.
func (c *Client) TagsOf(ctx context.Context, r *registry.Repository, p core.Paging) (*facts.TagConnection, error) {
	var out struct {
		Node struct{ Page *list[*registry.Tag] }
	}
	if err := c.execute(ctx, opTags, addPaging(map[string]any{"id": r.ID}, p), &out); err != nil {
		return nil, err
	}
	page, err := connection(out.Node.Page, func(cursor string, t *registry.Tag) *facts.TagEdge {
		return &facts.TagEdge{Cursor: cursor, Node: t}
	})
	return &facts.TagConnection{Connection: page}, err
}

// Deployments lists the deployments that the caller sees, sorted by name.
func (c *Client) Deployments(ctx context.Context, p core.Paging, f *facts.DeploymentFilter, o *core.DeploymentOrder) (*facts.DeploymentConnection, error) {
	vars := addPaging(map[string]any{}, p)
	if err := addInput(vars, "filter", f); err != nil {
		return nil, err
	}
	if err := addInput(vars, "orderBy", o); err != nil {
		return nil, err
	}
	var out struct{ Deployments *list[*registry.Deployment] }
	if err := c.execute(ctx, opDeployments, vars, &out); err != nil {
		return nil, err
	}
	page, err := connection(out.Deployments, func(cursor string, d *registry.Deployment) *facts.DeploymentEdge {
		return &facts.DeploymentEdge{Cursor: cursor, Node: d}
	})
	return &facts.DeploymentConnection{Connection: page}, err
}

// Export returns the bounded lineage of a node in a format, as the server encodes it.
func (c *Client) Export(ctx context.Context, in provenance.ExportInput) (*provenance.LineageExport, error) {
	vars, err := input(in)
	if err != nil {
		return nil, err
	}
	if in.Direction == "" {
		vars["direction"] = "UPSTREAM"
	}
	var out struct{ LineageExport *provenance.LineageExport }
	err = c.execute(ctx, opLineageExport, vars, &out)
	return out.LineageExport, err
}
