package lineageout

import (
	"context"

	"pedigree/graph"
	"pedigree/lineage/export"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// pageSize is how many nodes are read at a time.
const pageSize = 200

// ExportEvents passes everything that the caller sees to emit, as OpenLineage events: each node of the
// lineage, causes before effects, and each model. It is no snapshot: concurrent writes may or may not
// be in it. It returns how many events there were.
func (t *Teller) ExportEvents(ctx context.Context, emit func(LineageEvent) error) (n int64, err error) {
	scope, err := t.core.Gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return 0, err
	}
	tell := func(events []LineageEvent, err error) error {
		for i := 0; i < len(events) && err == nil; i++ {
			n++
			err = emit(events[i])
		}
		return err
	}
	for _, kind := range []registry.Kind{registry.KindCommit, registry.KindTag, registry.KindDatasetVersion, registry.KindFeature, registry.KindRun,
		registry.KindModelVersion, registry.KindModel, registry.KindDeployment} {
		err := pages(ctx, scope, kind, func(nodes []*graph.Node) error {
			w := t.writer(ctx, scope, graph.Instant{})
			if kind == registry.KindModel {
				for _, m := range nodes {
					if err := tell(w.modelLines(0, m)); err != nil {
						return err
					}
				}
				return nil
			}
			found, err := w.describe(nodes)
			if err != nil {
				return err
			}
			for _, x := range found {
				if kind == registry.KindRun {
					err = tell(runLines(0, x, nil))
				} else {
					err = tell(lines(0, x.event, x.facts))
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// pages passes the nodes of a kind to fn, the oldest first.
func pages(ctx context.Context, scope *policies.Scope, kind registry.Kind, fn func([]*graph.Node) error) error {
	q := graph.Query{Kinds: []registry.Kind{kind}, Order: registry.IndexValidFrom, Limit: pageSize}
	for {
		page, err := scope.Find(ctx, q)
		if err != nil {
			return err
		}
		if len(page.Nodes) > 0 {
			if err := fn(page.Nodes); err != nil {
				return err
			}
		}
		if !page.More || len(page.Nodes) == 0 {
			return nil
		}
		q.After = policies.KeyOf(page.Nodes[len(page.Nodes)-1], q.Order)
	}
}

// modelLines returns the event of a model with all that became of its versions.
func (w *writer) modelLines(seq int64, n *graph.Node) ([]LineageEvent, error) {
	facts, err := w.reader.OfModel(w.ctx, n)
	if err != nil || len(facts) == 0 {
		return nil, err
	}
	m, err := core.NounAs[*registry.Model](w.core.Decode(n, registry.Instant{Known: w.at.Known}))
	if err != nil {
		return nil, err
	}
	return lines(seq, export.EventOfModel(n.ID, m), facts)
}
