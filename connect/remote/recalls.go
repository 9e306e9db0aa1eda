package remote

import (
	"context"
	"encoding/json"
	"strings"

	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/governance"
	"pedigree/service/provenance"
)

// The fields that recalls and what is noted under them are read with. The nodes of a recall are
// objects there, and ids here.
var (
	recallFields     = strings.NewReplacer(" nodes ", " named: nodes { id } ", " fixedBy ", " fixes: fixedBy { id } ").Replace(fieldsOf(registry.KindRecall))
	resolutionFields = fieldsOf(registry.KindRecallResolution)
)

// The operations on recalls.
var (
	opRecalls = `query Recalls($first: Int, $after: String, $filter: RecallFilter) { recalls(first: $first, after: $after, filter: $filter) {
		edges { cursor node { ` + recallFields + ` } } ` + pageFields + ` } }`

	opRecallByID = `query RecallByID($id: ID!) { recall(id: $id) { ` + recallFields + ` } }`

	opAffected = `query Affected($id: ID!, $live: Boolean, $first: Int, $after: String) { recallAffected(id: $id, live: $live, first: $first, after: $after) {
		edges { cursor depth environment owner stage node { __typename id kind name } path { __typename id kind name } resolution { ` + resolutionFields + ` } }
		truncation { truncated reasons frontier redacted } ` + pageFields + ` } }`

	opRecall = `mutation Recall($input: RecallInput!) { recall(input: $input) { recall { ` + recallFields + ` } } }`

	opClearRecall = `mutation ClearRecall($input: ClearRecallInput!) { clearRecall(input: $input) { recall { ` + recallFields + ` } } }`

	opDecideRecallClearing = `mutation DecideRecallClearing($input: DecideRecallClearingInput!) { decideRecallClearing(input: $input) { recall { ` + recallFields + ` } } }`

	opResolveRecallDeployment = `mutation ResolveRecallDeployment($input: ResolveRecallDeploymentInput!) { resolveRecallDeployment(input: $input) { resolution { ` + resolutionFields + ` } } }`
)

// recallOperations lists the texts by a name.
func recallOperations() map[string]string {
	return map[string]string{"recalls": opRecalls, "recallByID": opRecallByID, "recallAffected": opAffected, "recall": opRecall, "clearRecall": opClearRecall,
		"decideRecallClearing": opDecideRecallClearing, "resolveRecallDeployment": opResolveRecallDeployment}
}

// recallAnswer is a recall in an answer, nil for null.
type recallAnswer struct{ *registry.Recall }

// UnmarshalJSON reads a recall with the ids of its nodes.
func (a *recallAnswer) UnmarshalJSON(raw []byte) error {
	var noun of[*registry.Recall]
	var named struct{ Named, Fixes []struct{ ID registry.ID } }
	if err := core.FirstError(json.Unmarshal(raw, &noun), json.Unmarshal(raw, &named)); err != nil || noun.Noun == nil {
		return err
	}
	a.Recall = noun.Noun
	for _, n := range named.Named {
		a.Nodes = append(a.Nodes, n.ID)
	}
	for _, n := range named.Fixes {
		a.FixedBy = append(a.FixedBy, n.ID)
	}
	return nil
}

// Recalls returns one page of the recalls that the caller sees, the newest first.
func (c *Client) Recalls(ctx context.Context, p core.Paging, f *governance.RecallFilter) (*governance.RecallConnection, error) {
	vars := addPaging(map[string]any{}, p)
	if f != nil {
		filter := map[string]any{}
		if f.Open != nil {
			filter["open"] = *f.Open
		}
		if f.Node != nil {
			filter["node"] = *f.Node
		}
		if f.Severity != nil {
			filter["severity"] = *f.Severity
		}
		vars["filter"] = filter
	}
	var out struct {
		Recalls *struct {
			Edges []struct {
				Cursor string
				Node   recallAnswer
			}
			PageInfo core.PageInfo
		}
	}
	if err := c.execute(ctx, opRecalls, vars, &out); err != nil {
		return nil, err
	}
	if out.Recalls == nil {
		return nil, errHiddenList
	}
	page := &governance.RecallConnection{}
	page.PageInfo = out.Recalls.PageInfo
	for _, e := range out.Recalls.Edges {
		page.Edges = append(page.Edges, &governance.RecallEdge{Cursor: e.Cursor, Node: e.Node.Recall})
	}
	return page, nil
}

// RecallByID returns a recall by its id, nil when there is none that the caller sees.
func (c *Client) RecallByID(ctx context.Context, id registry.ID) (*registry.Recall, error) {
	var out struct{ Recall recallAnswer }
	err := c.execute(ctx, opRecallByID, map[string]any{"id": id}, &out)
	return out.Recall.Recall, err
}

// EachAffected calls emit with the deployments that a recall concerns, a page at a time, and returns
// what is missing. Of the nodes only the kind and the name are read.
func (c *Client) EachAffected(ctx context.Context, id registry.ID, live *bool, emit func([]*provenance.AffectedEdge) error) (*provenance.Truncation, error) {
	first := core.MaxPage
	for p := (core.Paging{First: &first}); ; {
		page, err := c.affectedBy(ctx, id, live, p)
		if err == nil {
			err = emit(page.Edges)
		}
		if err != nil {
			return nil, err
		}
		if !page.PageInfo.HasNextPage {
			return &page.Truncation, nil
		}
		p.After = &page.PageInfo.EndCursor
	}
}

func (c *Client) affectedBy(ctx context.Context, id registry.ID, live *bool, p core.Paging) (*provenance.AffectedConnection, error) {
	var out struct {
		RecallAffected *struct {
			Edges []struct {
				Cursor      string
				Depth       int
				Environment *string
				Owner       *string
				Stage       *registry.Stage
				Node        of[registry.ProvenanceNode]
				Path        []of[registry.ProvenanceNode]
				Resolution  of[*registry.RecallResolution]
			}
			PageInfo   core.PageInfo
			Truncation provenance.Truncation
		}
	}
	if err := c.execute(ctx, opAffected, addPaging(map[string]any{"id": id, "live": live}, p), &out); err != nil {
		return nil, err
	}
	if out.RecallAffected == nil {
		return nil, errHiddenList
	}
	found := &provenance.AffectedConnection{PageInfo: out.RecallAffected.PageInfo, Truncation: out.RecallAffected.Truncation}
	for _, e := range out.RecallAffected.Edges {
		edge := &provenance.ImpactEdge{Cursor: e.Cursor, Node: e.Node.Noun, Depth: e.Depth, Environment: e.Environment, Owner: e.Owner, Stage: e.Stage}
		for _, n := range e.Path {
			edge.Path = append(edge.Path, n.Noun)
		}
		found.Edges = append(found.Edges, &provenance.AffectedEdge{ImpactEdge: edge, Resolution: e.Resolution.Noun})
	}
	return found, nil
}

func (c *Client) recall(ctx context.Context, op, field string, in any) (*governance.RecallPayload, error) {
	p, err := mutate[struct{ Recall recallAnswer }](ctx, c, op, field, in)
	return &governance.RecallPayload{Recall: p.Recall.Recall}, err
}

// Recall says that nodes are bad.
func (c *Client) Recall(ctx context.Context, in governance.RecallInput) (*governance.RecallPayload, error) {
	return c.recall(ctx, opRecall, "recall", in)
}

// ClearRecall asks for a recall to be cleared.
func (c *Client) ClearRecall(ctx context.Context, in governance.ClearRecallInput) (*governance.RecallPayload, error) {
	return c.recall(ctx, opClearRecall, "clearRecall", in)
}

// DecideRecallClearing clears a recall as the second person, or denies the request.
func (c *Client) DecideRecallClearing(ctx context.Context, in governance.DecideRecallClearingInput) (*governance.RecallPayload, error) {
	return c.recall(ctx, opDecideRecallClearing, "decideRecallClearing", in)
}

// ResolveRecallDeployment says how a deployment was dealt with.
func (c *Client) ResolveRecallDeployment(ctx context.Context, in governance.ResolveRecallDeploymentInput) (*governance.RecallResolutionPayload, error) {
	p, err := mutate[struct {
		Resolution of[*registry.RecallResolution]
	}](ctx, c, opResolveRecallDeployment, "resolveRecallDeployment", in)
	return &governance.RecallResolutionPayload{Resolution: p.Resolution.Noun}, err
}
