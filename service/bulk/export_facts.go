package bulk

import (
	"context"
	"slices"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// ExportedFacts counts what an export wrote and left out.
type ExportedFacts struct {
	Facts int64
	// LeftOut counts, by kind, the nodes that the caller sees but that cannot be exported as
	// facts: a field of their key is hidden from the caller, or they belong to a deleted node.
	LeftOut map[registry.Kind]int64
}

// ExportFacts passes everything that the caller sees to emit, as facts in an order that
// RecordFacts accepts. It reads one page at a time. The same registry gives the same facts in
// the same order. The export is no snapshot: concurrent writes may or may not be in it.
func (b *Bulk) ExportFacts(ctx context.Context, emit func(FactInput) error) (*ExportedFacts, error) {
	scope, err := b.core.Gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return nil, err
	}
	e := &factExport{scope: scope, emit: emit, out: &ExportedFacts{LeftOut: map[registry.Kind]int64{}}}
	for _, step := range []func(context.Context) error{e.commits, e.tags, e.datasetVersions, e.models, e.features, e.runs, e.versions, e.deployments, e.links, e.columnSources} {
		if err := step(ctx); err != nil {
			return e.out, err
		}
	}
	return e.out, nil
}

// exportPage is how many nodes are read at a time.
const exportPage = 500

// factExport is the state of one export.
type factExport struct {
	scope *policies.Scope
	emit  func(FactInput) error
	out   *ExportedFacts
}

func (e *factExport) write(f FactInput) error {
	e.out.Facts++
	return e.emit(f)
}

// pages passes the nodes of a query to fn, one page at a time.
func (e *factExport) pages(ctx context.Context, q graph.Query, fn func([]*graph.Node) error) error {
	q.Limit = exportPage
	for {
		page, err := e.scope.Find(ctx, q)
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

// each passes the nodes of a kind to fn, one by one. Nodes of which the caller does not see
// all fields in needs are left out.
func (e *factExport) each(ctx context.Context, kind registry.Kind, parents []registry.ID, needs []string, fn func(*graph.Node) error) error {
	return e.pages(ctx, graph.Query{Kinds: []registry.Kind{kind}, Parents: parents, Order: registry.IndexValidFrom}, func(nodes []*graph.Node) error {
		for _, n := range nodes {
			if !e.seesKey(n, needs) {
				continue
			}
			if err := fn(n); err != nil {
				return err
			}
		}
		return nil
	})
}

// seesKey reports whether the caller sees the key fields of a node, and otherwise counts the
// node as left out.
func (e *factExport) seesKey(n *graph.Node, fields []string) bool {
	noun := registry.NounOf(n.Kind)
	for _, f := range fields {
		if !n.Mask.Has(registry.Bit(noun.Name, f)) {
			e.out.LeftOut[n.Kind]++
			return false
		}
	}
	return true
}

// existing returns, by id, the nodes that the caller sees and that are not deleted.
func (e *factExport) existing(ctx context.Context, ids []registry.ID) (map[registry.ID]*graph.Node, error) {
	out := map[registry.ID]*graph.Node{}
	slices.Sort(ids)
	for part := range slices.Chunk(slices.Compact(ids), exportPage) {
		nodes, err := e.scope.Nodes(ctx, graph.Instant{}, part...)
		if err != nil {
			return nil, err
		}
		for _, n := range nodes {
			if n != nil && !n.Hidden && !n.Deleted {
				out[n.ID] = n
			}
		}
	}
	return out, nil
}

// repositories passes each repository to fn, in the form in which facts name it.
func (e *factExport) repositories(ctx context.Context, fn func(registry.ID, facts.RepositoryInput) error) error {
	return e.pages(ctx, graph.Query{Kinds: []registry.Kind{registry.KindRepository}, Order: registry.IndexName}, func(nodes []*graph.Node) error {
		for _, n := range nodes {
			r, err := core.DecodeWhole(n, &registry.Repository{})
			if err != nil {
				return err
			}
			in := facts.RepositoryInput{Name: r.Name, URL: r.URL, DefaultBranch: r.DefaultBranch}
			if in.Name == in.URL {
				in.Name = "" // Its URL is its key.
			}
			if err := fn(n.ID, in); err != nil {
				return err
			}
		}
		return nil
	})
}

// commitsPerFact is the largest number of commits in one exported fact.
const commitsPerFact = 50

func (e *factExport) commits(ctx context.Context) error {
	return e.repositories(ctx, func(repo registry.ID, in facts.RepositoryInput) error {
		var pending []facts.CommitInput
		flush := func() error {
			if len(pending) == 0 {
				return nil
			}
			f := FactInput{Commits: &facts.RecordCommitsInput{Repository: in, Commits: pending}}
			pending = nil
			return e.write(f)
		}
		err := e.each(ctx, registry.KindCommit, []registry.ID{repo}, []string{"sha", "parentShas", "role", "roleEvidence"}, func(n *graph.Node) error {
			c, err := core.DecodeWhole(n, &registry.Commit{})
			if err != nil {
				return err
			}
			out := facts.CommitInput{SHA: c.SHA, Parents: c.ParentSHAs, Message: c.Message, Author: c.Author, Email: c.Email, Committer: c.Committer,
				Signature: c.Signature, AuthoredAt: c.AuthoredAt, CommittedAt: c.CommittedAt}
			if strings.HasPrefix(c.RoleEvidence, facts.RoleGivenBy) {
				out.Role = c.Role
			}
			if pending = append(pending, out); len(pending) == commitsPerFact {
				return flush()
			}
			return nil
		})
		if err != nil {
			return err
		}
		return flush()
	})
}

func (e *factExport) tags(ctx context.Context) error {
	return e.repositories(ctx, func(repo registry.ID, in facts.RepositoryInput) error {
		return e.each(ctx, registry.KindTag, []registry.ID{repo}, []string{"name", "sha", "dateInferred", "movedAt"}, func(n *graph.Node) error {
			t, err := core.DecodeWhole(n, &registry.Tag{})
			if err != nil {
				return err
			}
			out := facts.RecordTagInput{Repository: in, Name: t.Name, SHA: t.SHA, Annotated: t.Annotated, Message: t.Message, Tagger: t.Tagger, TaggedAt: t.TaggedAt, MovedAt: t.MovedAt}
			if t.DateInferred {
				out.TaggedAt = time.Time{} // It is the time of the commit.
			}
			return e.write(FactInput{Tag: &out})
		})
	})
}

func (e *factExport) datasetVersions(ctx context.Context) error {
	return e.pages(ctx, graph.Query{Kinds: []registry.Kind{registry.KindDatasetVersion}, Order: registry.IndexValidFrom}, func(nodes []*graph.Node) error {
		var parents []registry.ID
		for _, n := range nodes {
			parents = append(parents, n.Parent)
		}
		datasets, err := e.existing(ctx, parents)
		if err != nil {
			return err
		}
		for _, n := range nodes {
			if !e.seesKey(n, []string{"name", "namespace", "version", "digest"}) {
				continue
			}
			v, err := core.DecodeWhole(n, &registry.DatasetVersion{})
			if err != nil {
				return err
			}
			out := &facts.RecordDatasetVersionInput{Dataset: v.Name, Namespace: v.Namespace, Digest: v.Digest, Version: v.Version, Description: v.Description, URI: v.URI,
				SizeBytes: v.SizeBytes, Rows: v.Rows, Role: v.Role, Columns: registry.WithoutSources(v.Columns), Tags: v.Tags, CreatedAt: v.CreatedAt}
			if out.Version == out.Digest {
				out.Version = "" // The digest is the key.
			}
			if d := datasets[v.Parent]; d != nil {
				out.Owner = d.Text(registry.IndexOwner)
			}
			if err := e.write(FactInput{DatasetVersion: out}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *factExport) models(ctx context.Context) error {
	return e.each(ctx, registry.KindModel, nil, []string{"name", "incarnation"}, func(n *graph.Node) error {
		m, err := core.DecodeWhole(n, &registry.Model{})
		if err != nil {
			return err
		}
		return e.write(FactInput{Model: &catalog.RegisterModelInput{Name: m.Name, Description: m.Description, Owner: m.Owner, Tags: m.Tags, CreatedAt: m.CreatedAt, Incarnation: m.Incarnation}})
	})
}
