package bulk

import (
	"context"
	"maps"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// After makes the facts be those that are told after what was known at an instant: times that are set
// only once are left out for nodes that were known then, because they may have been told otherwise.
func (r *FactReader) After(before graph.Instant) { r.before = before }

// AlsoKnown says that an edge was known before: it is told without its time.
func (r *FactReader) AlsoKnown(e graph.Edge) { r.knownEdges[edgeEnds(e)] = true }

func edgeEnds(e graph.Edge) graph.Edge { return graph.Edge{Kind: e.Kind, From: e.From, To: e.To} }

// readKnown reads which of the nodes were known before.
func (r *FactReader) readKnown(ctx context.Context) error {
	if r.before.Known == 0 {
		return nil
	}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(r.nodes)), exportPage) {
		found, err := r.export.scope.Nodes(ctx, r.before, part...)
		if err != nil {
			return err
		}
		for i, n := range found {
			if n != nil && !n.Hidden {
				r.known[part[i]] = n
			}
		}
	}
	return nil
}

// later returns a fact of a node as it is told after what was known of the node before.
func (r *FactReader) later(id registry.ID, f FactInput) FactInput {
	old := r.known[id]
	switch {
	case f.Link != nil && r.knownEdges[graph.Edge{Kind: f.Link.Kind, From: f.Link.From, To: f.Link.To}]:
		in := *f.Link
		in.ValidFrom = time.Time{}
		return FactInput{Link: &in}
	case old == nil:
	case f.Run != nil:
		in := *f.Run
		in.StartedAt = time.Time{}
		if was, err := core.DecodeWhole(old, &registry.Run{}); err == nil && was.RunKind != "" && was.RunKind != registry.RunOther {
			in.RunKind = ""
		}
		return FactInput{Run: &in}
	case f.DatasetVersion != nil:
		in := *f.DatasetVersion
		in.CreatedAt = time.Time{}
		return FactInput{DatasetVersion: &in}
	case f.Feature != nil:
		in := *f.Feature
		in.CreatedAt = time.Time{}
		return FactInput{Feature: &in}
	case f.Commits != nil:
		in := *f.Commits
		in.Commits = slices.Clone(in.Commits)
		in.Commits[0].CommittedAt = time.Time{}
		return FactInput{Commits: &in}
	case f.Tag != nil:
		in := *f.Tag
		in.TaggedAt = time.Time{}
		return FactInput{Tag: &in}
	}
	return f
}

// speech is what is being said of one node.
type speech struct {
	*FactReader
	facts []FactInput
	said  map[registry.ID]bool
}

// say adds the facts of a node: whole with its edges, or as far as others refer to it. It returns
// false for a node that facts cannot stand for.
func (s *speech) say(id registry.ID, whole bool) bool {
	if ok, said := s.said[id]; said {
		return ok
	}
	n := s.nodes[id]
	if n == nil || !s.export.exportable(n) {
		return false
	}
	s.said[id] = true
	ok := s.sayNode(n, whole)
	s.said[id] = ok
	return ok
}

func (s *speech) sayNode(n *graph.Node, whole bool) bool {
	o := s.own[n.ID]
	if !whole && (n.Kind == registry.KindDatasetVersion || n.Kind == registry.KindRun) {
		f, err := KeyFact(n)
		if err == nil {
			s.facts = append(s.facts, s.later(n.ID, f))
		}
		return err == nil
	}
	if o == nil || len(o.main) == 0 || s.export.omitted[n.ID] {
		return false
	}
	for _, need := range o.needs {
		if !s.say(need, false) {
			return false
		}
	}
	for _, f := range o.main {
		if f.Feature != nil && f.Feature.Model != "" || f.ModelVersion != nil {
			if s.model(containerOf(n)) != nil {
				return false
			}
		}
		if !s.sayAll(referencesOf(f)) {
			return false
		}
	}
	if !whole && n.Kind == registry.KindCommit {
		s.facts = append(s.facts, s.later(n.ID, withoutParents(o.main[0])))
		return true // An edge to a parent is told with the commit itself.
	}
	if whole {
		for _, f := range o.first {
			if s.sayAll(referencesOf(f)) {
				s.facts = append(s.facts, f)
			}
		}
	}
	for _, f := range o.main {
		s.facts = append(s.facts, s.later(n.ID, f))
	}
	for _, f := range slices.Concat(o.edges, o.columns) {
		// What takes back an edge that the fact names is told whenever the fact is.
		if (whole || f.Retract != nil) && s.sayAll(referencesOf(f)) {
			s.facts = append(s.facts, s.later(n.ID, f))
		}
	}
	return true
}

// withoutParents returns the fact of a commit that does not name its parents.
func withoutParents(f FactInput) FactInput {
	in := *f.Commits
	in.Commits = slices.Clone(in.Commits)
	in.Commits[0].Parents = nil
	return FactInput{Commits: &in}
}

func (s *speech) sayAll(ids []registry.ID) bool {
	for _, id := range ids {
		if !s.say(id, false) {
			return false
		}
	}
	return true
}

// model says a model, once.
func (s *speech) model(id registry.ID) error {
	n := s.containers[id]
	if n == nil || n.Kind != registry.KindModel {
		return registry.Errorf(registry.NotFound, "the model is not seen")
	}
	if s.said[id] {
		return nil
	}
	s.said[id] = true
	_, f, err := modelFact(n)
	s.facts = append(s.facts, f)
	return err
}

// KeyFact returns a fact with the key of a dataset version or run, and with the times that are set
// only once.
func KeyFact(n *graph.Node) (FactInput, error) {
	if n.Kind == registry.KindRun {
		r, err := core.DecodeWhole(n, &registry.Run{})
		if err != nil {
			return FactInput{}, err
		}
		return FactInput{Run: &facts.RecordRunInput{Producer: r.Producer, RunID: r.RunID, Name: r.Name, RunKind: r.RunKind, StartedAt: r.StartedAt}}, nil
	}
	v, err := core.DecodeWhole(n, &registry.DatasetVersion{})
	if err != nil {
		return FactInput{}, err
	}
	f := datasetVersionKey(v)
	f.CreatedAt = v.CreatedAt
	return FactInput{DatasetVersion: f}, nil
}
