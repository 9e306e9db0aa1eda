package bulk

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// FactReader reads the facts of single nodes of the lineage. The facts of a node name everything
// that they refer to, by its key: so they can be recorded by themselves, and those of several nodes
// in any order.
type FactReader struct {
	export *factExport
	nodes  map[registry.ID]*graph.Node
	own    map[registry.ID]*ownFacts
	repos  map[registry.ID]facts.RepositoryInput
	// containers are the models and repositories that were looked for, nil for those that the
	// caller does not see.
	containers map[registry.ID]*graph.Node
	causes     map[registry.ID][]Cause
	outputs    map[registry.ID][]Cause
	// retracted are the edges that are told to be retracted, by their effects, knownEdges those
	// that were told before, and known the nodes that were.
	retracted  map[registry.ID][]FactInput
	knownEdges map[graph.Edge]bool
	known      map[registry.ID]*graph.Node
	before     graph.Instant
}

// ownFacts are the facts of one node: what comes first, those that are about it, its edges, and the
// sources of its columns.
type ownFacts struct {
	first, main, edges, columns []FactInput
	needs                       []registry.ID
}

// Cause is an edge of a node to a node that facts may name.
type Cause struct {
	graph.Edge
	Node *graph.Node
}

// NewFactReader returns a reader of what a scope sees, at an instant of what is known.
func NewFactReader(scope *policies.Scope, at graph.Instant) *FactReader {
	r := &FactReader{nodes: map[registry.ID]*graph.Node{}, own: map[registry.ID]*ownFacts{}, repos: map[registry.ID]facts.RepositoryInput{},
		containers: map[registry.ID]*graph.Node{}, causes: map[registry.ID][]Cause{}, outputs: map[registry.ID][]Cause{}, retracted: map[registry.ID][]FactInput{}, knownEdges: map[graph.Edge]bool{}, known: map[registry.ID]*graph.Node{}}
	r.export = newFactExport(nil, scope, func(f FactInput) error {
		o := r.own[r.export.current]
		switch {
		case f.Link != nil || f.Retract != nil:
			o.edges = append(o.edges, f)
		default:
			o.main = append(o.main, f)
		}
		return nil
	})
	r.export.at, r.export.meet, r.export.found = at, r.meet, map[registry.ID]*nodeFact{}
	return r
}

// meet reads what nodes belong to, and notes which of them have hidden keys.
func (r *FactReader) meet(ctx context.Context, nodes []*graph.Node) error {
	var unknown []registry.ID
	for _, n := range nodes {
		if n == nil || n.Hidden {
			continue
		}
		r.nodes[n.ID] = n
		if keyFields[n.Kind] != nil && n.Doc != nil && !seesKey(n) {
			r.export.omitted[n.ID] = true
		}
		container := containerOf(n)
		if k := container.Kind(); k != registry.KindModel && k != registry.KindRepository {
			continue
		}
		if _, known := r.containers[container]; !known && !slices.Contains(unknown, container) {
			unknown = append(unknown, container)
		}
	}
	for part := range slices.Chunk(unknown, exportPage) {
		// As they are now: a model has one name, and when it began is told by its versions too.
		found, err := r.export.scope.Nodes(ctx, graph.Instant{}, part...)
		if err != nil {
			return err
		}
		for i, n := range found {
			r.containers[part[i]] = nil
			if n == nil || n.Hidden || n.Deleted {
				continue
			}
			if err := r.addContainer(n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *FactReader) addContainer(n *graph.Node) (err error) {
	switch {
	case n.Kind == registry.KindRepository:
		r.export.repositories[n.ID] = true
		r.repos[n.ID], err = repositoryInput(n)
	case seesKey(n):
		r.export.models[n.ID] = n.Name
	default:
		return nil
	}
	r.containers[n.ID] = n
	return err
}

// Of returns the facts of nodes, by their ids: none for a node that facts cannot stand for.
func (r *FactReader) Of(ctx context.Context, nodes []*graph.Node) (map[registry.ID][]FactInput, error) {
	if err := core.FirstError(r.readAll(ctx, nodes), r.readKnown(ctx)); err != nil {
		return nil, err
	}
	out := map[registry.ID][]FactInput{}
	for _, n := range nodes {
		s := &speech{FactReader: r, said: map[registry.ID]bool{}}
		if s.say(n.ID, true) {
			out[n.ID] = s.facts
		}
	}
	return out, nil
}

// AlsoRetracted makes the facts of the effect of an edge say that the edge was never true.
func (r *FactReader) AlsoRetracted(e graph.Edge) {
	r.retracted[e.From] = append(r.retracted[e.From], FactInput{Retract: &facts.RetractLineageInput{From: e.From, To: e.To, Kind: e.Kind}})
}

// CausesOf returns the causes of a node that was read.
func (r *FactReader) CausesOf(id registry.ID) []Cause { return r.causes[id] }

// OutputsOf returns what a run wrote that was read; the nodes are effects.
func (r *FactReader) OutputsOf(id registry.ID) []Cause { return r.outputs[id] }

// ContainerOf returns the model or repository of a node that was met, nil when there is none that
// the caller sees.
func (r *FactReader) ContainerOf(n *graph.Node) *graph.Node { return r.containers[containerOf(n)] }

// containerOf returns the id of what a node belongs to.
func containerOf(n *graph.Node) registry.ID {
	if n.Kind != registry.KindFeature || n.Doc == nil {
		return n.Parent
	}
	f, err := core.DecodeWhole(n, &registry.Feature{})
	if err != nil {
		return ""
	}
	return registry.ID(f.Of)
}

// readOutputs reads what runs wrote: a run that is told also tells that it wrote data.
func (r *FactReader) readOutputs(ctx context.Context, runs []*graph.Node) error {
	q := graph.NeighborQuery{Direction: graph.Downstream, Edges: []registry.EdgeKind{registry.EdgeGeneratedBy}, At: r.export.at, LimitPerNode: 1000}
	for _, n := range runs {
		q.IDs = append(q.IDs, n.ID)
	}
	hops, err := r.export.scope.Neighbors(ctx, q)
	if err != nil {
		return err
	}
	for _, h := range hops {
		for {
			if err := r.addOutputs(ctx, h); err != nil {
				return err
			}
			if !h.More {
				break
			}
			q.IDs, q.After = []registry.ID{h.NodeID}, h.Nodes[len(h.Nodes)-1].Number
			more, err := r.export.scope.Neighbors(ctx, q)
			if err != nil {
				return err
			}
			h = more[0]
		}
	}
	return nil
}

func (r *FactReader) addOutputs(ctx context.Context, h graph.Neighbors) error {
	if err := r.meet(ctx, h.Nodes); err != nil {
		return err
	}
	for i, n := range h.Nodes {
		if !r.export.exportable(n) {
			continue
		}
		r.outputs[h.NodeID] = append(r.outputs[h.NodeID], Cause{h.Edges[i], n})
		if n.Kind == registry.KindDatasetVersion {
			o := r.own[h.NodeID]
			o.edges = append(o.edges, FactInput{Link: &facts.LinkLineageInput{From: n.ID, To: h.NodeID, Kind: registry.EdgeGeneratedBy, ValidFrom: h.Edges[i].ValidFrom}})
		}
	}
	return nil
}

// readAll reads nodes, and what their facts refer to as far as more than its key is told.
func (r *FactReader) readAll(ctx context.Context, nodes []*graph.Node) error {
	if err := r.meet(ctx, nodes); err != nil {
		return err
	}
	whole := true
	for len(nodes) > 0 {
		if err := r.read(ctx, nodes); err != nil {
			return err
		}
		var needed []registry.ID
		for _, n := range nodes {
			o := r.own[n.ID]
			needed = append(needed, o.needs...)
			lists := [][]FactInput{o.first, o.main, o.edges}
			if whole {
				lists = append(lists, o.columns)
			}
			for _, f := range slices.Concat(lists...) {
				if !whole && f.Link != nil {
					continue
				}
				needed = append(needed, referencesOf(f)...)
			}
		}
		whole = false
		slices.Sort(needed)
		needed = slices.DeleteFunc(slices.Compact(needed), func(id registry.ID) bool { return r.own[id] != nil })
		missing := slices.DeleteFunc(slices.Clone(needed), func(id registry.ID) bool { return r.nodes[id] != nil && r.nodes[id].Doc != nil })
		if _, err := r.export.existing(ctx, missing); err != nil {
			return err
		}
		nodes = nil
		for _, id := range needed {
			switch id.Kind() {
			case registry.KindCommit, registry.KindTag, registry.KindFeature, registry.KindModelVersion:
				if n := r.nodes[id]; n != nil {
					nodes = append(nodes, n)
				}
			}
		}
	}
	return nil
}

// referencesOf returns the nodes of the lineage that a fact refers to.
func referencesOf(f FactInput) (out []registry.ID) {
	if f.Commits != nil {
		return nil // A parent may be told later.
	}
	fact, err := f.fact()
	if err != nil {
		return nil
	}
	ids, effects := fact.FactReads()
	for _, id := range append(ids, effects...) {
		if slices.Contains(registry.LineageKinds(), id.Kind()) {
			out = append(out, id)
		}
	}
	return out
}

// read reads the own facts of nodes.
func (r *FactReader) read(ctx context.Context, nodes []*graph.Node) error {
	byKind := map[registry.Kind][]*graph.Node{}
	for _, n := range nodes {
		r.own[n.ID] = &ownFacts{first: r.retracted[n.ID]}
		if r.export.exportable(n) {
			byKind[n.Kind] = append(byKind[n.Kind], n)
		}
	}
	e := r.export
	for _, kind := range registry.LineageKinds() {
		for page := range slices.Chunk(byKind[kind], exportPage) {
			if err := r.readPage(ctx, kind, page); err != nil {
				return err
			}
			for _, n := range page {
				e.current = n.ID
				if x := e.found[n.ID]; x != nil {
					if err := e.writeLinks(n, x.links); err != nil {
						return err
					}
					r.causes[n.ID] = x.causes
				}
				if err := r.readColumns(ctx, n); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *FactReader) readPage(ctx context.Context, kind registry.Kind, page []*graph.Node) error {
	e := r.export
	switch kind {
	case registry.KindCommit:
		return e.pageFacts(ctx, page, func(n *graph.Node, x *nodeFact) error {
			c, err := commitInput(n, x)
			if err != nil {
				return err
			}
			err = e.write(FactInput{Commits: &facts.RecordCommitsInput{Repository: r.repos[n.Parent], Commits: []facts.CommitInput{c}}})
			return core.FirstError(err, e.retract(ctx, x.missing))
		})
	case registry.KindTag:
		byRepo := map[registry.ID][]*graph.Node{}
		for _, n := range page {
			byRepo[n.Parent] = append(byRepo[n.Parent], n)
		}
		for repo, tags := range byRepo {
			if err := e.tagPage(ctx, r.repos[repo], tags); err != nil {
				return err
			}
		}
		return nil
	case registry.KindDatasetVersion:
		return e.datasetVersionPage(ctx, page)
	case registry.KindFeature:
		return e.pageFacts(ctx, page, e.writeFeature)
	case registry.KindRun:
		return core.FirstError(e.pageFacts(ctx, page, e.writeRunFact), r.readOutputs(ctx, page))
	case registry.KindModelVersion:
		return e.versionPage(ctx, page)
	case registry.KindDeployment:
		for _, n := range page {
			d, err := core.DecodeWhole(n, &registry.Deployment{})
			if err != nil {
				return err
			}
			r.own[n.ID].needs = []registry.ID{d.VersionID}
		}
		return e.deploymentPage(ctx, page)
	}
	return nil
}

// readColumns reads the sources of the columns of a dataset version, with the edges that join it to
// them: recording them asks for these.
func (r *FactReader) readColumns(ctx context.Context, n *graph.Node) error {
	e := r.export
	if n.Kind != registry.KindDatasetVersion || !e.exportable(n) || !n.Mask.Has(registry.Bit("DatasetVersion", "columns")) {
		return nil
	}
	v, err := core.DecodeWhole(n, &registry.DatasetVersion{})
	if err != nil || !slices.ContainsFunc(v.Columns, func(c registry.Column) bool { return len(c.DerivedFrom) > 0 }) {
		return err
	}
	joined := map[registry.ID]bool{}
	o := r.own[n.ID]
	for _, c := range r.causes[n.ID] {
		switch c.Kind {
		case registry.EdgeDerivedFrom:
			joined[c.To] = true
		case registry.EdgeGeneratedBy:
			inputs, err := e.nodeFacts(ctx, []*graph.Node{c.Node})
			if err != nil {
				return err
			}
			if x := inputs[c.To]; x != nil {
				for _, in := range x.causes {
					if in.Kind == registry.EdgeUsed && in.Node.Kind == registry.KindDatasetVersion && !joined[in.To] && isSource(v, in.To) {
						joined[in.To] = true
						o.columns = append(o.columns, FactInput{Link: &facts.LinkLineageInput{From: c.To, To: in.To, Kind: in.Kind, ValidFrom: in.ValidFrom}})
					}
				}
			}
		}
	}
	links := len(o.columns)
	main := o.main
	err = e.writeSources(v, func(id registry.ID) bool { return joined[id] })
	o.columns = append(o.columns[:links:links], o.main[len(main):]...)
	o.main = o.main[:len(main)]
	return err
}

// isSource reports whether a column of a version has a source in another version.
func isSource(v *registry.DatasetVersion, id registry.ID) bool {
	return slices.ContainsFunc(v.Columns, func(c registry.Column) bool {
		return slices.ContainsFunc(c.DerivedFrom, func(s registry.ColumnSource) bool { return s.DatasetVersion == id })
	})
}

// OfModel returns the facts of a model with all its versions, its transitions and its aliases.
func (r *FactReader) OfModel(ctx context.Context, model *graph.Node) ([]FactInput, error) {
	if _, ok, err := ModelFact(model); !ok || err != nil {
		return nil, err
	}
	e := r.export
	if err := r.addContainer(model); err != nil {
		return nil, err
	}
	s := &speech{FactReader: r, said: map[registry.ID]bool{}}
	if err := s.model(model.ID); err != nil {
		return nil, err
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Parents: []registry.ID{model.ID}, Order: registry.IndexNumber}
	err := e.pages(ctx, q, func(nodes []*graph.Node) error {
		ids := make([]registry.ID, len(nodes))
		for i, n := range nodes {
			ids[i] = n.ID
		}
		known, err := e.existing(ctx, ids)
		if err != nil {
			return err
		}
		nodes = slices.DeleteFunc(nodes, func(n *graph.Node) bool { return known[n.ID] == nil })
		for i := range nodes {
			nodes[i] = known[nodes[i].ID]
		}
		if err := r.readAll(ctx, nodes); err != nil {
			return err
		}
		for _, n := range nodes {
			s.say(n.ID, false)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	e.current, r.own[model.ID] = model.ID, &ownFacts{}
	err = core.FirstError(e.transitions(ctx, model.ID), e.aliases(ctx, model))
	return append(s.facts, r.own[model.ID].main...), err
}

// OfTransitions returns the facts of the transitions of a version, whose own facts were read.
func (r *FactReader) OfTransitions(ctx context.Context, version registry.ID) ([]FactInput, error) {
	o := r.own[version]
	if o == nil || len(o.main) == 0 {
		return nil, nil
	}
	from := len(o.main)
	r.export.current = version
	err := r.export.versionTransitions(ctx, version)
	out := o.main[from:]
	o.main = o.main[:from:from]
	return out, err
}

// OfAlias returns the fact that an alias points at a version that was read, or pointed at it last.
func (r *FactReader) OfAlias(n *graph.Node, version registry.ID) (FactInput, error) {
	a, err := core.DecodeWhole(n, &registry.Alias{})
	if err != nil || a.VersionID != version || !seesKey(n) || r.export.models[n.Parent] == "" {
		return FactInput{}, err
	}
	return FactInput{Alias: &catalog.SetAliasInput{Model: r.export.models[n.Parent], Alias: n.Name, Version: a.Version, At: a.SetAt, RemovedAt: n.ValidTo}}, nil
}

// ModelFact returns the fact of a model; false when its key is hidden from the caller.
func ModelFact(n *graph.Node) (FactInput, bool, error) {
	if n.Hidden || n.Deleted || !seesKey(n) {
		return FactInput{}, false, nil
	}
	_, f, err := modelFact(n)
	return f, err == nil, err
}
