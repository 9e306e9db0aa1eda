package bulk

import (
	"context"
	"errors"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// nodeFact is what an export writes of one lineage node. The fact holds the node's key and
// the edges that it names; the steps of the export add the other fields. Every stored edge is
// either named by the fact or one of links, because both come from namedEdges.
type nodeFact struct {
	fact FactInput
	// links are the stored edges that the fact does not name, or not with their times.
	links []graph.Edge
	// missing are the edges that the fact names and that are not stored, or not with the
	// times that the fact gives them.
	missing []graph.Edge
	// causes are all stored edges.
	causes []Cause
}

// namedEdges returns the edges that recording the fact of a node records, all of which begin
// with the node. This is the only rule of what a fact names.
func namedEdges(n *graph.Node, f *FactInput) (out []graph.Edge, err error) {
	add := func(kind registry.EdgeKind, ids ...registry.ID) {
		for _, id := range ids {
			out = append(out, graph.Edge{Kind: kind, From: n.ID, To: id})
		}
	}
	commits := func(kind registry.EdgeKind, shas ...string) {
		for _, sha := range shas {
			add(kind, registry.CommitID(sha))
		}
	}
	switch {
	case f.Commits != nil:
		commits(registry.EdgeParent, f.Commits.Commits[0].Parents...)
	case f.Tag != nil:
		commits(registry.EdgePointsAt, f.Tag.SHA)
	case f.Feature != nil:
		add(registry.EdgeDefinedOn, core.IDsOf(f.Feature.DefinedOn)...)
	case f.Run != nil:
		add(registry.EdgeUsed, f.Run.Inputs...)
		commits(registry.EdgeRanCode, f.Run.Commits...)
	case f.ModelVersion != nil:
		add(registry.EdgeGeneratedBy, core.IDsOf(f.ModelVersion.Run)...)
		add(registry.EdgeReleasedFrom, core.IDsOf(f.ModelVersion.ReleasedFrom)...)
		add(registry.EdgeDerivedFrom, f.ModelVersion.DerivedFrom...)
		add(registry.EdgeUsesFeature, f.ModelVersion.Features...)
	case f.Deployment != nil:
		d, err := core.DecodeWhole(n, &registry.Deployment{})
		if err != nil {
			return nil, err
		}
		add(registry.EdgeDeploys, d.VersionID)
	}
	return out, nil
}

// storedEdge is an edge of an effect, with its cause.
type storedEdge struct {
	graph.Edge
	cause *graph.Node
	// usual is true when the edge has the times that a fact of the effect gives it: it began
	// with the effect and has no end.
	usual bool
}

// edgeKey identifies an edge of a known effect.
type edgeKey struct {
	kind registry.EdgeKind
	to   registry.ID
}

// compare sets links and missing: what the store has and the fact does not name, and the
// reverse.
func (x *nodeFact) compare(n *graph.Node, stored []storedEdge) error {
	named, err := namedEdges(n, &x.fact)
	if err != nil {
		return err
	}
	isNamed, isStored := map[edgeKey]bool{}, map[edgeKey]bool{}
	for _, edge := range named {
		isNamed[edgeKey{edge.Kind, edge.To}] = true
	}
	for _, s := range stored {
		x.causes = append(x.causes, Cause{s.Edge, s.cause})
		key := edgeKey{s.Kind, s.To}
		if s.usual && isNamed[key] {
			isStored[key] = true
			continue
		}
		x.links = append(x.links, s.Edge)
	}
	for _, edge := range named {
		if !isStored[edgeKey{edge.Kind, edge.To}] {
			x.missing = append(x.missing, edge)
		}
	}
	return nil
}

// maxNamedEdges is the largest number of edges that an exported fact names. The fact of a run
// or version may name 1000; the rest are link facts.
const maxNamedEdges = 900

// begin returns the fact of a node with its key and the edges that it names, nil when no
// fact can stand for the node.
func (e *factExport) begin(ctx context.Context, n *graph.Node, stored []storedEdge) (*nodeFact, error) {
	switch n.Kind {
	case registry.KindCommit:
		c, err := core.DecodeWhole(n, &registry.Commit{})
		return &nodeFact{fact: FactInput{Commits: &facts.RecordCommitsInput{Commits: []facts.CommitInput{{SHA: c.SHA, Parents: c.ParentSHAs}}}}}, err
	case registry.KindTag:
		t, err := core.DecodeWhole(n, &registry.Tag{})
		return &nodeFact{fact: FactInput{Tag: &facts.RecordTagInput{Name: t.Name, SHA: t.SHA}}}, err
	case registry.KindDatasetVersion:
		v, err := core.DecodeWhole(n, &registry.DatasetVersion{})
		return &nodeFact{fact: FactInput{DatasetVersion: datasetVersionKey(v)}}, err
	case registry.KindFeature:
		return e.beginFeature(ctx, n, stored)
	case registry.KindRun:
		return beginRun(n, stored)
	case registry.KindModelVersion:
		return beginVersion(n, e.models[n.Parent], stored)
	case registry.KindDeployment:
		d, err := core.DecodeWhole(n, &registry.Deployment{})
		return &nodeFact{fact: FactInput{Deployment: &facts.RecordDeploymentInput{Model: &d.ModelName, Version: &d.Version, Environment: d.Environment, Endpoint: d.Endpoint}}}, err
	}
	return nil, nil
}

// datasetVersionKey returns a fact with the key of a dataset version.
func datasetVersionKey(v *registry.DatasetVersion) *facts.RecordDatasetVersionInput {
	out := &facts.RecordDatasetVersionInput{Dataset: v.Name, Namespace: v.Namespace, Digest: v.Digest, Version: v.Version}
	if out.Version == out.Digest {
		out.Version = "" // The digest is the key.
	}
	return out
}

// beginRun names the data, features and commits of a run. Model versions come later.
func beginRun(n *graph.Node, stored []storedEdge) (*nodeFact, error) {
	r, err := core.DecodeWhole(n, &registry.Run{})
	if err != nil {
		return nil, err
	}
	out := &facts.RecordRunInput{Producer: r.Producer, RunID: r.RunID, Name: r.Name}
	for _, s := range stored {
		if !s.usual || len(out.Inputs)+len(out.Commits) == maxNamedEdges {
			continue
		}
		switch {
		case s.Kind == registry.EdgeUsed && s.cause.Kind != registry.KindModelVersion:
			out.Inputs = append(out.Inputs, s.To)
		case s.Kind == registry.EdgeRanCode:
			c, err := core.DecodeWhole(s.cause, &registry.Commit{})
			if err != nil {
				return nil, err
			}
			out.Commits = append(out.Commits, c.SHA)
		}
	}
	return &nodeFact{fact: FactInput{Run: out}}, nil
}

// beginVersion names the run, tag, data and features of a version of the model with a name of
// today. Other versions may come later.
func beginVersion(n *graph.Node, model string, stored []storedEdge) (*nodeFact, error) {
	v, err := core.DecodeWhole(n, &registry.ModelVersion{})
	if err != nil {
		return nil, err
	}
	out := &catalog.RegisterModelVersionInput{Model: model, Version: &v.Version}
	for _, s := range stored {
		if !s.usual {
			continue
		}
		full := len(out.DerivedFrom)+len(out.Features) == maxNamedEdges
		switch {
		case s.Kind == registry.EdgeGeneratedBy && out.Run == nil:
			out.Run = &s.To
		case s.Kind == registry.EdgeReleasedFrom && out.ReleasedFrom == nil:
			out.ReleasedFrom = &s.To
		case s.Kind == registry.EdgeDerivedFrom && s.cause.Kind == registry.KindDatasetVersion && !full:
			out.DerivedFrom = append(out.DerivedFrom, s.To)
		case s.Kind == registry.EdgeUsesFeature && !full:
			out.Features = append(out.Features, s.To)
		}
	}
	return &nodeFact{fact: FactInput{ModelVersion: out}}, nil
}

// beginFeature names the model of a feature, or a version of its dataset: one that it is
// defined on, or else any that has the column, for a feature whose edge was withdrawn.
func (e *factExport) beginFeature(ctx context.Context, n *graph.Node, stored []storedEdge) (*nodeFact, error) {
	f, err := core.DecodeWhole(n, &registry.Feature{})
	if err != nil {
		return nil, err
	}
	out := &facts.RecordFeatureInput{Column: f.Column}
	owner := registry.ID(f.Of)
	if owner.Kind() == registry.KindModel {
		m := e.models[owner]
		if m == "" {
			return nil, nil
		}
		out.Name, out.Model = f.Name, m
		return &nodeFact{fact: FactInput{Feature: out}}, nil
	}
	if out.Name = f.Name; out.Name == out.Column {
		out.Name = ""
	}
	for _, usual := range []bool{true, false} {
		for _, s := range stored {
			if s.Kind != registry.EdgeDefinedOn || s.usual != usual || s.cause.Parent != owner {
				continue
			}
			if has, err := hasColumn(s.cause, f.Column); err != nil {
				return nil, err
			} else if has {
				out.DefinedOn = &s.To
				return &nodeFact{fact: FactInput{Feature: out}}, nil
			}
		}
	}
	if out.DefinedOn, err = e.versionWithColumn(ctx, owner, f.Column); err != nil || out.DefinedOn == nil {
		return nil, err
	}
	return &nodeFact{fact: FactInput{Feature: out}}, nil
}

// errFound ends a search.
var errFound = errors.New("found")

// versionWithColumn returns a version of a dataset that has a column or lists no columns, nil
// when the caller sees none.
func (e *factExport) versionWithColumn(ctx context.Context, dataset registry.ID, column string) (id *registry.ID, err error) {
	err = e.pages(ctx, childrenByAge(registry.KindDatasetVersion, dataset), func(nodes []*graph.Node) error {
		for _, n := range nodes {
			has, err := hasColumn(n, column)
			if err != nil {
				return err
			}
			if has && e.exportable(n) {
				id = &n.ID
				return errFound
			}
		}
		return nil
	})
	if err == errFound {
		err = nil
	}
	return id, err
}

// hasColumn reports whether a feature of a column can be defined on a dataset version.
func hasColumn(n *graph.Node, column string) (bool, error) {
	v, err := core.DecodeWhole(n, &registry.DatasetVersion{})
	if err != nil {
		return false, err
	}
	for _, c := range v.Columns {
		if c.Name == column {
			return true, nil
		}
	}
	return len(v.Columns) == 0, nil
}
