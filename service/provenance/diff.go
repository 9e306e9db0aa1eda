package provenance

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/core"
)

// LineageDiffInput selects the two nodes whose lineage is compared. The default direction is
// upstream.
type LineageDiffInput struct {
	A, B      registry.ID
	Direction lineage.Direction
	MaxDepth  *int
	AsOf      time.Time
	KnownAt   time.Time
}

// LineageDiff has the differences between two nodes and their lineage.
type LineageDiff struct {
	A, B         registry.ProvenanceNode
	Identical    bool
	Datasets     DatasetDiff
	Runs         RunDiff
	Features     NodeDiff
	Versions     NodeDiff
	Repositories []*RepositoryChange
	Commits      CommitDiff
	Parameters   []*ParameterChange
	Metrics      []*MetricChange
	Card         []*FieldChange
	Stage        *StageChange
	Approvals    *ApprovalDiff
	TruncationA  Truncation
	TruncationB  Truncation
	AsOf         time.Time
	KnownAt      time.Time
}

// DatasetDiff has the dataset versions that differ.
type DatasetDiff struct {
	Added, Removed []registry.ProvenanceNode
	Changed        []*DatasetChange
}

// DatasetChange is a dataset of which the two sides have different versions.
type DatasetChange struct {
	Name, Namespace             string
	Before, After               registry.ProvenanceNode
	BeforeDigest, AfterDigest   string
	BeforeVersion, AfterVersion string
}

// RunDiff has the runs that differ.
type RunDiff struct {
	Added, Removed []registry.ProvenanceNode
	Changed        []*RunChange
}

// RunChange is a pair of runs with the same name.
type RunChange struct {
	Name          string
	Before, After registry.ProvenanceNode
	Parameters    []*ParameterChange
	Metrics       []*MetricChange
}

// NodeDiff has the nodes of one kind that differ.
type NodeDiff struct {
	Added, Removed []registry.ProvenanceNode
	Changed        []*NodeChange
}

// NodeChange is a pair of nodes with the same name.
type NodeChange struct {
	Name          string
	Before, After registry.ProvenanceNode
}

// RepositoryChange is a repository of which the two sides ran different commits.
type RepositoryChange struct {
	Repository    *registry.Repository
	Before, After []registry.ProvenanceNode
}

// CommitDiff has the commits between the two sides: the first maxDiffCommits each way, and the
// counts of all.
type CommitDiff struct {
	Added, Removed           []registry.ProvenanceNode
	AddedCount, RemovedCount int
	Complete                 bool
}

// StageChange has the different stages of two versions.
type StageChange struct{ Before, After *registry.Stage }

// ApprovalDiff has the transitions of two versions.
type ApprovalDiff struct{ Before, After []*registry.Transition }

// maxDiffCommits is the largest number of added, and of removed, commits in an answer.
const maxDiffCommits = 200

// LineageDiff compares the lineage of two nodes of the same kind. It answers INVALID_ARGUMENT
// when their kinds differ, and NOT_FOUND when the caller does not see one of them.
func (e *Explorer) LineageDiff(ctx context.Context, in LineageDiffInput) (*LineageDiff, error) {
	scope, err := e.core.Gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return nil, err
	}
	o := lineage.Options{Direction: in.Direction, Fanout: 1000}
	if o.Direction == "" {
		o.Direction = lineage.Upstream
	}
	if o.Direction != lineage.Upstream {
		o.History = 1000 // The results of a later commit also descend from the earlier one.
	}
	if o.MaxDepth, err = core.CheckRange("maxDepth", in.MaxDepth, 50, 0, 50); err != nil {
		return nil, err
	}
	at, err := e.core.ResolvePinned(ctx, scope, in.AsOf, in.KnownAt)
	if err != nil {
		return nil, err
	}
	o.At = at.StoreInstant()
	walkCtx, cancel := core.WithAnswerReserve(ctx)
	defer cancel()
	a, err := lineage.Walk(walkCtx, scope, in.A, o)
	if err != nil {
		return nil, err
	}
	b, err := lineage.Walk(walkCtx, scope, in.B, o)
	if err != nil {
		return nil, err
	}
	compared, err := lineage.Compare(walkCtx, scope, a, b, o, in.MaxDepth == nil)
	if err != nil {
		return nil, err
	}
	d := &graphDiff{view: &view{explorer: e, ctx: ctx, scope: scope, at: at}, readAt: o.At, walkCtx: walkCtx, a: a, b: b, compared: compared}
	return d.compare()
}

// graphDiff compares the graphs of two walks. Its methods keep the first error in err.
type graphDiff struct {
	*view
	readAt  graph.Instant
	walkCtx context.Context
	a, b    *lineage.Graph
	// compared are the two graphs, and what lies beyond them.
	compared *lineage.Comparison
	// hiddenValues is true when the caller does not see all parameters and metrics.
	hiddenValues bool
	err          error
}

func (d *graphDiff) compare() (*LineageDiff, error) {
	nodes := map[registry.ID]*graph.Node{}
	for _, it := range slices.Concat(d.a.Items, d.b.Items) {
		d.registerHidden(it.Node)
		nodes[it.Node.ID] = it.Node
	}
	ra, rb := nodes[d.a.Root], nodes[d.b.Root]
	if ra.Kind != rb.Kind {
		return nil, registry.Invalid("b", "must be of the same kind as a: a is a %s and b a %s", ra.Kind, rb.Kind)
	}
	out := &LineageDiff{A: d.noun(ra), B: d.noun(rb), AsOf: d.at.Valid, KnownAt: d.at.KnownAt, TruncationA: d.truncation(d.a), TruncationB: d.truncation(d.b)}
	out.Datasets = d.datasets()
	out.Runs = d.runs()
	out.Features = d.nodesOfKind(registry.KindFeature)
	out.Versions = d.nodesOfKind(registry.KindModelVersion)
	d.commits(out)
	d.compareValues(out)
	if ra.Kind == registry.KindModelVersion {
		out.Stage = stageChange(ra, rb)
		d.approvals(out)
	}
	out.Identical = out.isIdentical() && !d.hiddenValues && d.compared.SameEdges()
	return out, d.err
}

// isIdentical reports whether no node and no value differs and nothing was left out.
func (o *LineageDiff) isIdentical() bool {
	none := func(n NodeDiff) bool { return len(n.Added)+len(n.Removed)+len(n.Changed) == 0 }
	return len(o.Datasets.Added)+len(o.Datasets.Removed)+len(o.Datasets.Changed)+len(o.Runs.Added)+len(o.Runs.Removed)+len(o.Runs.Changed) == 0 &&
		none(o.Features) && none(o.Versions) && len(o.Repositories) == 0 && o.Commits.AddedCount+o.Commits.RemovedCount == 0 && o.Commits.Complete &&
		o.Parameters != nil && len(o.Parameters) == 0 && o.Metrics != nil && len(o.Metrics) == 0 && len(o.Card) == 0 &&
		!o.TruncationA.Truncated && !o.TruncationB.Truncated
}

// noun decodes a node.
func (d *graphDiff) noun(n *graph.Node) registry.ProvenanceNode {
	out, err := d.node(n)
	d.err = core.FirstError(d.err, err)
	return out
}

// list decodes the nodes of a list.
func (d *graphDiff) list(nodes []*graph.Node) []registry.ProvenanceNode {
	out, err := d.nouns(nodes)
	if err != nil {
		d.err = core.FirstError(d.err, err)
		return make([]registry.ProvenanceNode, len(nodes))
	}
	return out
}

// pairs decodes both sides of changes.
func (d *graphDiff) pairs(changed []lineage.Pair) (before, after []registry.ProvenanceNode) {
	var from, to []*graph.Node
	for _, p := range changed {
		from, to = append(from, p.Before), append(to, p.After)
	}
	return d.list(from), d.list(to)
}

func (d *graphDiff) datasets() DatasetDiff {
	c := d.compared.Nodes(registry.KindDatasetVersion)
	out := DatasetDiff{Added: d.list(c.Added), Removed: d.list(c.Removed), Changed: []*DatasetChange{}}
	before, after := d.pairs(c.Changed)
	for i, p := range c.Changed {
		ch := &DatasetChange{Name: p.After.Name, Before: before[i], After: after[i]}
		if before, ok := ch.Before.(*registry.DatasetVersion); ok {
			ch.BeforeDigest, ch.BeforeVersion = before.Digest, before.Version
		}
		if after, ok := ch.After.(*registry.DatasetVersion); ok {
			ch.Namespace, ch.AfterDigest, ch.AfterVersion = after.Namespace, after.Digest, after.Version
		}
		out.Changed = append(out.Changed, ch)
	}
	return out
}

func (d *graphDiff) runs() RunDiff {
	c := d.compared.Nodes(registry.KindRun)
	out := RunDiff{Added: d.list(c.Added), Removed: d.list(c.Removed), Changed: []*RunChange{}}
	before, after := d.pairs(c.Changed)
	for i, p := range c.Changed {
		from, to := d.measurementsOf(nil, p.Before), d.measurementsOf(nil, p.After)
		out.Changed = append(out.Changed, &RunChange{Name: p.After.Name, Before: before[i], After: after[i],
			Parameters: from.parameterChanges(to), Metrics: from.metricChanges(to)})
	}
	return out
}

func (d *graphDiff) nodesOfKind(kind registry.Kind) NodeDiff {
	c := d.compared.Nodes(kind)
	out := NodeDiff{Added: d.list(c.Added), Removed: d.list(c.Removed), Changed: []*NodeChange{}}
	before, after := d.pairs(c.Changed)
	for i, p := range c.Changed {
		out.Changed = append(out.Changed, &NodeChange{Name: p.After.Name, Before: before[i], After: after[i]})
	}
	return out
}

// commits compares the commits that the two sides ran, and fills in Repositories and Commits.
func (d *graphDiff) commits(out *LineageDiff) {
	before, after := d.compared.EntryCommits()
	idsOf := func(by map[registry.ID][]*graph.Node) (ids []registry.ID) {
		for _, nodes := range by {
			for _, n := range nodes {
				ids = append(ids, n.ID)
			}
		}
		slices.Sort(ids)
		return ids
	}
	out.Repositories = d.repositories(before, after)
	between, err := lineage.CommitsBetween(d.walkCtx, d.scope, idsOf(before), idsOf(after), d.readAt)
	if err != nil {
		d.err = core.FirstError(d.err, err)
		return
	}
	out.Commits = CommitDiff{Added: d.withDocuments(between.Added), Removed: d.withDocuments(between.Removed), AddedCount: len(between.Added),
		RemovedCount: len(between.Removed), Complete: between.Complete && !d.compared.Cut()}
}

// withDocuments reads the first maxDiffCommits of bare nodes with their documents.
func (d *graphDiff) withDocuments(bare []*graph.Node) []registry.ProvenanceNode {
	var ids []registry.ID
	for _, n := range bare[:min(len(bare), maxDiffCommits)] {
		ids = append(ids, n.ID)
	}
	nodes, err := lineage.Nodes(d.walkCtx, d.scope, d.readAt, ids...)
	d.err = core.FirstError(d.err, err)
	return d.list(nodes)
}

func (d *graphDiff) repositories(before, after map[registry.ID][]*graph.Node) []*RepositoryChange {
	var ids []registry.ID
	for id := range before {
		ids = append(ids, id)
	}
	for id := range after {
		if before[id] == nil {
			ids = append(ids, id)
		}
	}
	same := func(a, b *graph.Node) bool { return a.ID == b.ID }
	ids = slices.DeleteFunc(ids, func(id registry.ID) bool {
		for _, by := range []map[registry.ID][]*graph.Node{before, after} {
			slices.SortFunc(by[id], func(a, b *graph.Node) int { return b.ValidFrom.Compare(a.ValidFrom) })
		}
		return slices.EqualFunc(before[id], after[id], same)
	})
	slices.Sort(ids)
	nodes, err := lineage.Nodes(d.walkCtx, d.scope, d.readAt, ids...)
	d.err = core.FirstError(d.err, err)
	out := []*RepositoryChange{}
	repos := make([]*registry.Repository, len(nodes))
	var was, is []*graph.Node
	for i, n := range nodes {
		repos[i], err = core.NounAs[*registry.Repository](d.explorer.core.Decode(n, d.at.NounInstant()))
		d.err = core.FirstError(d.err, err)
		was, is = append(was, before[ids[i]]...), append(is, after[ids[i]]...)
	}
	core.Siblings(d.ctx, repos)
	from, to := d.list(was), d.list(is)
	for i, repo := range repos {
		n, m := len(before[ids[i]]), len(after[ids[i]])
		out = append(out, &RepositoryChange{Repository: repo, Before: from[:n:n], After: to[:m:m]})
		from, to = from[n:], to[m:]
	}
	return out
}

func stageChange(a, b *graph.Node) *StageChange {
	if a.Text(registry.IndexStage) == b.Text(registry.IndexStage) {
		return nil
	}
	stageOf := func(n *graph.Node) *registry.Stage {
		if st := visibleColumn(n, registry.IndexStage); st != nil {
			return pointerTo(registry.Stage(*st))
		}
		return nil
	}
	return &StageChange{stageOf(a), stageOf(b)}
}

func pointerTo[T any](v T) *T { return &v }

// approvals fills in the transitions of the two versions that were true and recorded at the
// instant of the query.
func (d *graphDiff) approvals(out *LineageDiff) {
	if !d.scope.Sees("Transition", "to") {
		return
	}
	out.Approvals = &ApprovalDiff{}
	out.Approvals.Before = d.transitions(d.a.Root)
	out.Approvals.After = d.transitions(d.b.Root)
}

func (d *graphDiff) transitions(version registry.ID) []*registry.Transition {
	out := []*registry.Transition{}
	page, err := d.scope.Find(d.ctx, graph.Query{Kinds: []registry.Kind{registry.KindTransition}, Parents: []registry.ID{version}, Limit: core.MaxPage})
	d.err = core.FirstError(d.err, err)
	for _, n := range page.Nodes {
		t, err := core.NounAs[*registry.Transition](d.explorer.core.Decode(n, d.at.NounInstant()))
		d.err = core.FirstError(d.err, err)
		if t != nil && !n.ValidFrom.After(d.at.Valid) && (d.readAt.Known == 0 || n.RecordedSeq <= d.readAt.Known) {
			out = append(out, t)
		}
	}
	core.Siblings(d.ctx, out)
	return out
}
