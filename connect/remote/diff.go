package remote

import (
	"context"
	"encoding/json"

	"pedigree/registry"
	"pedigree/service/provenance"
)

// diffNodeFragment names a node of a diff. It is a fragment, because a query may have 1,000 tokens.
const diffNodeFragment = ` fragment N on ProvenanceNode { __typename id kind ... on ModelVersion { modelName version stage } ... on DatasetVersion { name namespace version digest } ... on Run { name runKind producer runId }
	... on Commit { name sha message } ... on Tag { name } ... on Feature { name } ... on Deployment { name environment } }`

// The differences of the lineage of two nodes.
const (
	diffValueFields = `parameters { key before after } metrics { key before after }`

	opLineageDiff = `query LineageDiff($a: ID!, $b: ID!) { lineageDiff(a: $a, b: $b) { a { ...N } b { ...N } identical
	datasets { added { ...N } removed { ...N } changed { name namespace before { ...N } after { ...N } beforeDigest afterDigest beforeVersion afterVersion } }
	runs { added { ...N } removed { ...N } changed { name before { ...N } after { ...N } ` + diffValueFields + ` } }
	features { added { ...N } removed { ...N } changed { name before { ...N } after { ...N } } }
	versions { added { ...N } removed { ...N } changed { name before { ...N } after { ...N } } }
	commits { added { ...N } removed { ...N } addedCount removedCount complete } ` + diffValueFields + `
	card { path before after } stage { before after }
	truncationA { truncated reasons frontier redacted } truncationB { truncated reasons frontier redacted } asOf knownAt } }` + diffNodeFragment
)

// diffNode is a node of a diff; one that the caller may not see is restricted.
type diffNode struct{ registry.ProvenanceNode }

// UnmarshalJSON decodes a node.
func (n *diffNode) UnmarshalJSON(raw []byte) error {
	decoded, err := noun(raw)
	if err != nil {
		return err
	}
	var is bool
	if n.ProvenanceNode, is = decoded.(registry.ProvenanceNode); is {
		return nil
	}
	var m meta
	err = json.Unmarshal(raw, &m)
	n.ProvenanceNode = &registry.Restricted{Meta: registry.Meta{ID: m.ID, Kind: m.Kind}}
	return err
}

func nodesOfDiff(in []diffNode) []registry.ProvenanceNode {
	out := make([]registry.ProvenanceNode, len(in))
	for i, n := range in {
		out[i] = n.ProvenanceNode
	}
	return out
}

// diffNodes are nodes of one kind that differ.
type diffNodes struct {
	Added, Removed []diffNode
	Changed        []struct {
		Name                        string
		Namespace                   string
		Before, After               diffNode
		BeforeDigest, AfterDigest   string
		BeforeVersion, AfterVersion string
		Parameters                  []*provenance.ParameterChange
		Metrics                     []*provenance.MetricChange
	}
}

func (d *diffNodes) datasets() provenance.DatasetDiff {
	out := provenance.DatasetDiff{Added: nodesOfDiff(d.Added), Removed: nodesOfDiff(d.Removed)}
	for _, c := range d.Changed {
		out.Changed = append(out.Changed, &provenance.DatasetChange{Name: c.Name, Namespace: c.Namespace, Before: c.Before.ProvenanceNode, After: c.After.ProvenanceNode,
			BeforeDigest: c.BeforeDigest, AfterDigest: c.AfterDigest, BeforeVersion: c.BeforeVersion, AfterVersion: c.AfterVersion})
	}
	return out
}

func (d *diffNodes) runs() provenance.RunDiff {
	out := provenance.RunDiff{Added: nodesOfDiff(d.Added), Removed: nodesOfDiff(d.Removed)}
	for _, c := range d.Changed {
		out.Changed = append(out.Changed, &provenance.RunChange{Name: c.Name, Before: c.Before.ProvenanceNode, After: c.After.ProvenanceNode, Parameters: c.Parameters, Metrics: c.Metrics})
	}
	return out
}

func (d *diffNodes) nodes() provenance.NodeDiff {
	out := provenance.NodeDiff{Added: nodesOfDiff(d.Added), Removed: nodesOfDiff(d.Removed)}
	for _, c := range d.Changed {
		out.Changed = append(out.Changed, &provenance.NodeChange{Name: c.Name, Before: c.Before.ProvenanceNode, After: c.After.ProvenanceNode})
	}
	return out
}

// LineageDiff compares what two nodes came from, to the depth of the server and now.
func (c *Client) LineageDiff(ctx context.Context, in provenance.LineageDiffInput) (*provenance.LineageDiff, error) {
	if in.Direction != "" && in.Direction != "UPSTREAM" || in.MaxDepth != nil || !in.AsOf.IsZero() || !in.KnownAt.IsZero() {
		return nil, registry.Invalid("direction", "a diff over a server is upstream, whole and of now")
	}
	var out struct {
		LineageDiff *struct {
			provenance.LineageDiff
			A, B                               diffNode
			Datasets, Runs, Features, Versions diffNodes
			Commits                            struct {
				Added, Removed           []diffNode
				AddedCount, RemovedCount int
				Complete                 bool
			}
		}
	}
	if err := c.execute(ctx, opLineageDiff, map[string]any{"a": in.A, "b": in.B}, &out); err != nil {
		return nil, err
	}
	d := out.LineageDiff
	if d == nil {
		return nil, errHiddenList
	}
	whole := d.LineageDiff
	whole.A, whole.B = d.A.ProvenanceNode, d.B.ProvenanceNode
	whole.Datasets, whole.Runs, whole.Features, whole.Versions = d.Datasets.datasets(), d.Runs.runs(), d.Features.nodes(), d.Versions.nodes()
	whole.Commits = provenance.CommitDiff{Added: nodesOfDiff(d.Commits.Added), Removed: nodesOfDiff(d.Commits.Removed), AddedCount: d.Commits.AddedCount, RemovedCount: d.Commits.RemovedCount, Complete: d.Commits.Complete}
	return &whole, nil
}
