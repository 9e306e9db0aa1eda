package gates

import (
	"context"
	"slices"

	"pedigree/governance/gate"
	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/core"
)

// upstream walks to all that the version was made from, at most lineage.MaxNodes nodes. The history
// of commits is left out: the commit that was run stands for it.
func (g *gatherer) upstream(ctx context.Context) error {
	walk, err := lineage.Walk(ctx, g.tx.ReaderUnfiltered(), g.q.Version.ID, lineage.Options{Direction: lineage.Upstream, MaxDepth: lineage.MaxNodes, Fanout: lineage.MaxNodes, At: g.m.at})
	if err != nil {
		return err
	}
	if slices.Contains(walk.Reasons, lineage.ReasonTime) {
		return registry.Errorf(registry.Unavailable, "it takes too long to read what the version was made from; try again")
	}
	u := &upstream{walk: walk, sets: map[string]*gate.Set{}, sources: walk.Sources(), containers: map[registry.ID]*graph.Node{}, ran: map[registry.ID]bool{}, cut: map[registry.ID]bool{}}
	for _, name := range []string{"sources", "datasets", "runs", "commits", "gitTags", "features", "ancestors"} {
		u.sets[name] = &gate.Set{Truncated: len(walk.Reasons) > 0}
	}
	if err := g.containers(ctx, u); err != nil {
		return err
	}
	for _, e := range walk.Edges {
		u.ran[e.From] = u.ran[e.From] || e.Kind == registry.EdgeRanCode
	}
	for _, id := range walk.Frontier {
		u.cut[id] = true
	}
	for _, it := range walk.Items {
		if it.Node.ID == walk.Root {
			continue
		}
		if err := u.add(it.Node); err != nil {
			return err
		}
	}
	codes, err := g.gaps(ctx, walk)
	if err != nil {
		return err
	}
	if len(walk.Reasons) == 0 {
		g.facts["gaps"] = codes
	}
	for name, set := range u.sets {
		set.Truncated = set.Truncated || slices.ContainsFunc(cutBy[name], func(c lineage.GapCode) bool { return slices.Contains(codes, string(c)) })
		g.facts[name] = set
	}
	return g.markRecalled(ctx, u)
}

// markRecalled tells of each node whether it stands under a recall that is open at the moment. Where
// the walk for that was cut, it is not known. Where no recall is open it reads nothing else.
func (g *gatherer) markRecalled(ctx context.Context, u *upstream) error {
	ids := make([]registry.ID, len(u.walk.Items))
	for i, it := range u.walk.Items {
		ids[i] = it.Node.ID
	}
	marks, err := core.MarkRecalled(ctx, g.tx.RecallReader(), g.m.at, ids, lineage.RecallPromotionBounds)
	if err != nil {
		return err
	}
	for _, set := range u.sets {
		for _, o := range set.Items {
			switch marks.State(o.ID) {
			case registry.NotRecalled:
				o.Fields["recalled"] = false
			case registry.IsRecalled:
				o.Fields["recalled"] = true
			}
		}
	}
	return nil
}

// cutBy are the gaps that say that a set is not all there is: of a version whose training nobody
// recorded, the sources are not none, they are unknown.
var cutBy = map[string][]lineage.GapCode{
	"sources":   {lineage.VersionWithoutTraining, lineage.VersionWithoutData, lineage.RunNotRead},
	"datasets":  {lineage.VersionWithoutTraining, lineage.VersionWithoutData, lineage.RunNotRead},
	"runs":      {lineage.VersionWithoutTraining, lineage.RunNotRead},
	"commits":   {lineage.VersionWithoutTraining, lineage.RunWithoutCommit, lineage.RunNotRead},
	"ancestors": {lineage.VersionWithoutTraining, lineage.VersionWithoutData, lineage.RunWithoutCommit, lineage.RunNotRead},
}

// upstream sorts the nodes of a walk into sets.
type upstream struct {
	walk    *lineage.Graph
	sets    map[string]*gate.Set
	sources map[registry.ID]bool
	// containers are the datasets by id, ran the runs with a commit, cut the nodes with causes that were
	// left out.
	containers map[registry.ID]*graph.Node
	ran, cut   map[registry.ID]bool
}

func (u *upstream) put(set string, o *gate.Object) { u.sets[set].Items = append(u.sets[set].Items, o) }

func (u *upstream) add(n *graph.Node) error {
	u.put("ancestors", &gate.Object{Type: "Ancestor", ID: n.ID, Name: n.Name, Fields: map[string]any{"id": string(n.ID), "kind": string(n.Kind), "name": n.Name}})
	var set string
	var o *gate.Object
	var err error
	switch n.Kind {
	case registry.KindDatasetVersion:
		if o, err = datasetObject(n, u.containers[n.Parent]); err == nil && u.sources[n.ID] {
			u.put("sources", o)
		}
		set = "datasets"
	case registry.KindRun:
		var has *bool
		if found := u.ran[n.ID]; found || !u.cut[n.ID] {
			has = &found
		}
		set = "runs"
		o, err = runObject(n, has)
	case registry.KindCommit:
		set = "commits"
		o, err = commitObject(n)
	case registry.KindTag:
		set = "gitTags"
		o, err = tagObject(n)
	case registry.KindFeature:
		set = "features"
		o, err = featureObject(n)
	default:
		return nil
	}
	if err == nil {
		u.put(set, o)
	}
	return err
}

// containers reads the datasets of the dataset versions of a walk, in one call.
func (g *gatherer) containers(ctx context.Context, u *upstream) error {
	var ids []registry.ID
	for _, it := range u.walk.Items {
		if n := it.Node; n.Kind == registry.KindDatasetVersion && n.Parent != "" && !slices.Contains(ids, n.Parent) {
			ids = append(ids, n.Parent)
		}
	}
	nodes, err := lineage.Nodes(ctx, g.tx.ReaderUnfiltered(), g.m.at, ids...)
	if err != nil {
		return err
	}
	for i, n := range nodes {
		u.containers[ids[i]] = n
	}
	return nil
}

// gaps finds the codes of the gaps of a walk, as provenance does. Of a walk that was cut there may be
// more.
func (g *gatherer) gaps(ctx context.Context, walk *lineage.Graph) ([]string, error) {
	var versions, cardIDs, unreadIDs []registry.ID
	for _, it := range walk.Items {
		if it.Node.Kind == registry.KindModelVersion {
			versions, cardIDs, unreadIDs = append(versions, it.Node.ID), append(cardIDs, registry.CardID(it.Node.ID)), append(unreadIDs, registry.UnreadRunID(it.Node.ID))
		}
	}
	nodes, err := lineage.Nodes(ctx, g.tx.ReaderUnfiltered(), g.m.at, slices.Concat(cardIDs, unreadIDs)...)
	if err != nil {
		return nil, err
	}
	cards, unread := map[registry.ID]*registry.ModelCard{}, map[registry.ID]bool{}
	for i, n := range nodes {
		if i >= len(versions) {
			unread[versions[i-len(versions)]] = n != nil && !n.Deleted
			continue
		}
		if n == nil || n.Deleted {
			continue
		}
		if cards[versions[i]], err = core.DecodeWhole(n, &registry.ModelCard{}); err != nil {
			return nil, err
		}
	}
	codes := []string{}
	for _, gap := range slices.Concat(walk.Gaps(), walk.Contradictions(cards), walk.UnreadRuns(unread)) {
		if !slices.Contains(codes, string(gap.Code)) {
			codes = append(codes, string(gap.Code))
		}
	}
	return codes, nil
}
