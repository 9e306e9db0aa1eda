package bulk

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/kubeflow"
)

// ExportedFacts counts what an export wrote and left out.
type ExportedFacts struct {
	Facts int64
	// LeftOut counts, by kind, the nodes that the caller sees but that cannot be exported as
	// facts: a field of their key is hidden from the caller, they belong to something that is
	// deleted or hidden, or their fact is longer than a line may be.
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
	e := newFactExport(b.core, scope, emit)
	for _, step := range []func(context.Context) error{e.visibleRepositories, e.commits, e.withdrawnParents, e.tags, e.datasetVersions, e.withdrawnColumnSources, e.exportModels, e.features, e.runs,
		e.versions, e.deployments, e.links, e.columnSources, e.foreign} {
		if err := step(ctx); err != nil {
			return e.out, err
		}
	}
	return e.out, nil
}

// newFactExport returns an export of what a scope sees. c may be nil where foreign is not exported.
func newFactExport(c *core.Core, scope *policies.Scope, emit func(FactInput) error) *factExport {
	return &factExport{core: c, scope: scope, emit: emit, out: &ExportedFacts{LeftOut: map[registry.Kind]int64{}}, repositories: map[registry.ID]bool{},
		models: map[registry.ID]string{}, omitted: map[registry.ID]bool{}}
}

// exportPage is how many nodes are read at a time.
const exportPage = 500

// factExport is the state of one export.
type factExport struct {
	core  *core.Core
	scope *policies.Scope
	emit  func(FactInput) error
	out   *ExportedFacts
	// at is the instant that is read, the present when it is zero.
	at graph.Instant
	// current is the node whose facts are being written. meet, when it is set, is told of nodes
	// before it is asked whether facts may name them.
	current registry.ID
	meet    func(context.Context, []*graph.Node) error
	// found, when it is not nil, gets what is found of the nodes of a page.
	found map[registry.ID]*nodeFact
	// repositories and models are those that are exported, with the names of the models.
	repositories map[registry.ID]bool
	models       map[registry.ID]string
	// omitted are the nodes that were read and not exported.
	omitted map[registry.ID]bool
	// parents are the edges between commits that facts name and that do not exist.
	parents []graph.Edge
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

// keyFields are the fields of a node without which its fact cannot be written.
var keyFields = map[registry.Kind][]string{
	registry.KindCommit:         {"sha", "parentShas", "role", "roleEvidence"},
	registry.KindTag:            {"name", "sha", "dateInferred", "movedAt"},
	registry.KindDatasetVersion: {"name", "namespace", "version", "digest"},
	registry.KindModel:          {"name", "incarnation", "firstName"},
	registry.KindFeature:        {"name", "of", "column"},
	registry.KindRun:            {"name", "producer", "runId", "runKind", "status"},
	registry.KindModelVersion:   {"modelName", "version", "label"},
	registry.KindTransition:     {"to", "at", "forced", "reason", "replacedBy"},
	registry.KindAlias:          {"name", "version", "setAt"},
	registry.KindDeployment:     {"environment", "endpoint", "versionId", "modelName", "version"},
}

// seesKey reports whether the caller sees the key fields of a node.
func seesKey(n *graph.Node) bool {
	noun := registry.NounOf(n.Kind)
	for _, f := range keyFields[n.Kind] {
		if !n.Mask.Has(registry.Bit(noun.Name, f)) {
			return false
		}
	}
	return true
}

// omit counts a node as left out.
func (e *factExport) omit(n *graph.Node) {
	if !e.omitted[n.ID] {
		e.omitted[n.ID] = true
		e.out.LeftOut[n.Kind]++
	}
}

// exportable reports whether facts may name a node: the caller sees it, it is not deleted, and
// neither it nor what it belongs to is left out. Nodes of steps that are still to come count
// as exportable.
func (e *factExport) exportable(n *graph.Node) bool {
	if n.Hidden || n.Deleted || e.omitted[n.ID] {
		return false
	}
	switch n.Kind {
	case registry.KindCommit, registry.KindTag:
		return e.repositories[n.Parent]
	case registry.KindModelVersion:
		return e.models[n.Parent] != ""
	}
	return true
}

// existing returns, by id, the nodes that facts may name.
func (e *factExport) existing(ctx context.Context, ids []registry.ID) (map[registry.ID]*graph.Node, error) {
	out := map[registry.ID]*graph.Node{}
	slices.Sort(ids)
	for part := range slices.Chunk(slices.Compact(ids), exportPage) {
		nodes, err := e.scope.Nodes(ctx, e.at, part...)
		if err == nil && e.meet != nil {
			err = e.meet(ctx, nodes)
		}
		if err != nil {
			return nil, err
		}
		for _, n := range nodes {
			if n != nil && e.exportable(n) {
				out[n.ID] = n
			}
		}
	}
	return out, nil
}

// eachRepository passes each repository to fn, in the form in which facts name it.
func (e *factExport) eachRepository(ctx context.Context, fn func(registry.ID, facts.RepositoryInput) error) error {
	return e.pages(ctx, graph.Query{Kinds: []registry.Kind{registry.KindRepository}, Order: registry.IndexName}, func(nodes []*graph.Node) error {
		for _, n := range nodes {
			in, err := repositoryInput(n)
			if err != nil {
				return err
			}
			if err := fn(n.ID, in); err != nil {
				return err
			}
		}
		return nil
	})
}

// repositoryInput returns a repository in the form in which facts name it.
func repositoryInput(n *graph.Node) (facts.RepositoryInput, error) {
	r, err := core.DecodeWhole(n, &registry.Repository{})
	if err != nil {
		return facts.RepositoryInput{}, err
	}
	in := facts.RepositoryInput{Name: r.Name, URL: r.URL, DefaultBranch: r.DefaultBranch}
	if in.Name == in.URL {
		in.Name = "" // Its URL is its key.
	}
	return in, nil
}

// eachFact passes the nodes of a query to fn, each with its fact so far, and then writes
// retractions of the edges that the fact names and that do not exist. Nodes without a fact
// are left out.
func (e *factExport) eachFact(ctx context.Context, q graph.Query, fn func(*graph.Node, *nodeFact) error) error {
	return e.pages(ctx, q, func(nodes []*graph.Node) error { return e.pageFacts(ctx, nodes, fn) })
}

func (e *factExport) pageFacts(ctx context.Context, nodes []*graph.Node, fn func(*graph.Node, *nodeFact) error) error {
	found, err := e.nodeFacts(ctx, nodes)
	if err != nil {
		return err
	}
	if e.found != nil {
		maps.Copy(e.found, found)
	}
	for _, n := range nodes {
		x := found[n.ID]
		if x == nil {
			e.omit(n)
			continue
		}
		e.current = n.ID
		if err := fn(n, x); err != nil {
			return err
		}
		if e.omitted[n.ID] || n.Kind == registry.KindCommit {
			continue
		}
		if err := e.retract(ctx, x.missing); err != nil {
			return err
		}
	}
	return nil
}

// childrenByAge selects the children of a node, oldest first.
func childrenByAge(kind registry.Kind, parents ...registry.ID) graph.Query {
	return graph.Query{Kinds: []registry.Kind{kind}, Parents: parents, Order: registry.IndexValidFrom}
}

// visibleRepositories reads which repositories the caller sees. Commits of one repository may have
// parents in another.
func (e *factExport) visibleRepositories(ctx context.Context) error {
	return e.eachRepository(ctx, func(repo registry.ID, _ facts.RepositoryInput) error {
		e.repositories[repo] = true
		return nil
	})
}

// commitsPerFact is the largest number of commits in one exported fact.
const commitsPerFact = 50

// commits exports the commits of each repository. Edges to parents that were withdrawn are
// retracted when all commits are written, because parents may come after their children.
func (e *factExport) commits(ctx context.Context) error {
	return e.eachRepository(ctx, func(repo registry.ID, in facts.RepositoryInput) error {
		pack := &listFact[facts.CommitInput]{max: commitsPerFact, write: func(commits []facts.CommitInput) error {
			return e.write(FactInput{Commits: &facts.RecordCommitsInput{Repository: in, Commits: commits}})
		}}
		err := e.eachFact(ctx, childrenByAge(registry.KindCommit, repo), func(n *graph.Node, x *nodeFact) error {
			out, err := commitInput(n, x)
			if err != nil {
				return err
			}
			e.parents = append(e.parents, x.missing...)
			return pack.add(out)
		})
		return core.FirstError(err, pack.flush())
	})
}

// commitInput returns what a fact says of a commit.
func commitInput(n *graph.Node, x *nodeFact) (facts.CommitInput, error) {
	c, err := core.DecodeWhole(n, &registry.Commit{})
	out := x.fact.Commits.Commits[0]
	out.Message, out.Author, out.Email, out.Committer = c.Message, c.Author, c.Email, c.Committer
	out.Signature, out.AuthoredAt, out.CommittedAt = c.Signature, c.AuthoredAt, c.CommittedAt
	if strings.HasPrefix(c.RoleEvidence, facts.RoleGivenBy) {
		out.Role = c.Role
	}
	return out, err
}

// withdrawnParents retracts the edges to parents that commits name and that do not exist.
func (e *factExport) withdrawnParents(ctx context.Context) error {
	err := e.retract(ctx, e.parents)
	e.parents = nil
	return err
}

// retract writes retractions of edges that facts name and that do not exist. An edge whose
// cause is not exported is not recorded by its fact either.
func (e *factExport) retract(ctx context.Context, edges []graph.Edge) error {
	ids := make([]registry.ID, len(edges))
	for i, edge := range edges {
		ids[i] = edge.To
	}
	if len(ids) == 0 {
		return nil
	}
	causes, err := e.existing(ctx, ids)
	if err != nil {
		return err
	}
	for _, edge := range edges {
		if causes[edge.To] == nil {
			continue
		}
		if err := e.write(FactInput{Retract: &facts.RetractLineageInput{From: edge.From, To: edge.To, Kind: edge.Kind}}); err != nil {
			return err
		}
	}
	return nil
}

// tags exports the tags of each repository whose commits are exported.
func (e *factExport) tags(ctx context.Context) error {
	return e.eachRepository(ctx, func(repo registry.ID, in facts.RepositoryInput) error {
		return e.pages(ctx, childrenByAge(registry.KindTag, repo), func(nodes []*graph.Node) error { return e.tagPage(ctx, in, nodes) })
	})
}

func (e *factExport) tagPage(ctx context.Context, repo facts.RepositoryInput, nodes []*graph.Node) error {
	var ids []registry.ID
	for _, n := range nodes {
		t, err := core.DecodeWhole(n, &registry.Tag{})
		if err != nil {
			return err
		}
		ids = append(ids, registry.CommitID(t.SHA))
	}
	commits, err := e.existing(ctx, ids)
	if err != nil {
		return err
	}
	return e.pageFacts(ctx, nodes, func(n *graph.Node, x *nodeFact) error {
		t, err := core.DecodeWhole(n, &registry.Tag{})
		if err != nil {
			return err
		}
		commit := commits[registry.CommitID(t.SHA)]
		if commit == nil {
			e.omit(n)
			return nil
		}
		out := x.fact.Tag
		out.Repository, out.Annotated, out.Message, out.Tagger, out.TaggedAt, out.MovedAt = repo, t.Annotated, t.Message, t.Tagger, t.TaggedAt, t.MovedAt
		if t.DateInferred && t.TaggedAt.Equal(commit.ValidFrom) {
			out.TaggedAt = time.Time{} // It is the time of the commit.
		}
		return e.write(x.fact)
	})
}

func (e *factExport) datasetVersions(ctx context.Context) error {
	return e.pages(ctx, childrenByAge(registry.KindDatasetVersion), func(nodes []*graph.Node) error { return e.datasetVersionPage(ctx, nodes) })
}

func (e *factExport) datasetVersionPage(ctx context.Context, nodes []*graph.Node) error {
	var parents []registry.ID
	for _, n := range nodes {
		parents = append(parents, n.Parent)
	}
	datasets, err := e.existing(ctx, parents)
	if err != nil {
		return err
	}
	return e.pageFacts(ctx, nodes, func(n *graph.Node, x *nodeFact) error {
		v, err := core.DecodeWhole(n, &registry.DatasetVersion{})
		if err != nil {
			return err
		}
		out := x.fact.DatasetVersion
		out.Description, out.URI, out.SizeBytes, out.Rows, out.Role, out.Tags, out.CreatedAt = v.Description, v.URI, v.SizeBytes, v.Rows, v.Role, v.Tags, v.CreatedAt
		out.Columns = registry.WithoutSources(v.Columns)
		if d := datasets[v.Parent]; d != nil {
			out.Owner = d.Text(registry.IndexOwner)
		}
		return e.writeParts(n, x.fact, len(n.Doc))
	})
}

func (e *factExport) exportModels(ctx context.Context) error {
	return e.pages(ctx, childrenByAge(registry.KindModel), func(nodes []*graph.Node) error {
		for _, n := range nodes {
			if !seesKey(n) {
				e.omit(n)
				continue
			}
			m, f, err := modelFact(n)
			if err != nil {
				return err
			}
			e.models[n.ID] = m.Name
			if err := e.writeParts(n, f, len(n.Doc)); err != nil {
				return err
			}
			if e.omitted[n.ID] {
				delete(e.models, n.ID)
			}
		}
		return nil
	})
}

// foreign exports what Kubeflow's clients keep here and is no noun.
func (e *factExport) foreign(ctx context.Context) error {
	left, err := kubeflow.ExportForeign(ctx, e.core, e.scope, e.existing, func(n *graph.Node, in *kubeflow.RecordForeignInput) error {
		return e.writeParts(n, FactInput{Foreign: in}, len(n.Doc))
	})
	if left > 0 {
		e.out.LeftOut[registry.KindForeign] += left
	}
	return err
}

// modelFact returns a model and the fact of it.
func modelFact(n *graph.Node) (*registry.Model, FactInput, error) {
	m, err := core.DecodeWhole(n, &registry.Model{})
	if err != nil {
		return nil, FactInput{}, err
	}
	return m, FactInput{Model: &catalog.RegisterModelInput{Name: m.Name, Description: m.Description, Owner: m.Owner, Tags: m.Tags, CreatedAt: m.CreatedAt, Incarnation: m.Incarnation, FirstName: m.FirstName}}, nil
}
