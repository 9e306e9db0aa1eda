package lineage

import (
	"pedigree/graph"
	"pedigree/registry"
)

// GapCode is the kind of a gap.
type GapCode string

// The gaps.
const (
	VersionWithoutTraining GapCode = "VERSION_WITHOUT_TRAINING"
	VersionWithoutData     GapCode = "VERSION_WITHOUT_DATA"
	RunWithoutCommit       GapCode = "RUN_WITHOUT_COMMIT"
	DatasetWithoutSource   GapCode = "DATASET_WITHOUT_SOURCE"
	CardContradictsGraph   GapCode = "CARD_CONTRADICTS_GRAPH"
	RunNotRead             GapCode = "RUN_NOT_READ"
)

// Gap is a fact that is missing from a node of a graph, or a card field that contradicts
// the graph.
type Gap struct {
	Code    GapCode
	Node    *graph.Node
	Message string
	// Field is the path of the wrong card field, "" for other gaps.
	Field string
}

// causesByEffect returns, by effect, the kinds of its edges to causes, and the causes.
func (g *Graph) causesByEffect() (byEdge map[registry.ID]map[registry.EdgeKind]bool, ups map[registry.ID][]registry.ID) {
	byEdge, ups = map[registry.ID]map[registry.EdgeKind]bool{}, map[registry.ID][]registry.ID{}
	for _, e := range g.Edges {
		if byEdge[e.From] == nil {
			byEdge[e.From] = map[registry.EdgeKind]bool{}
		}
		byEdge[e.From][e.Kind] = true
		ups[e.From] = append(ups[e.From], e.To)
	}
	return byEdge, ups
}

// Sources returns the dataset versions of an upstream walk without any known cause.
func (g *Graph) Sources() map[registry.ID]bool {
	byEdge, _ := g.causesByEffect()
	frontier := g.frontierSet()
	out := map[registry.ID]bool{}
	for _, it := range g.Items {
		if it.Node.Kind == registry.KindDatasetVersion && len(byEdge[it.Node.ID]) == 0 && !frontier[it.Node.ID] {
			out[it.Node.ID] = true
		}
	}
	return out
}

// frontierSet is Frontier as a set. The causes of these nodes may be known but are not in
// the graph.
func (g *Graph) frontierSet() map[registry.ID]bool {
	out := map[registry.ID]bool{}
	for _, id := range g.Frontier {
		out[id] = true
	}
	return out
}

// Gaps returns the gaps of an upstream walk. It skips hidden nodes and those at the
// frontier.
func (g *Graph) Gaps() (out []Gap) {
	byEdge, ups := g.causesByEffect()
	frontier := g.frontierSet()
	kinds := map[registry.ID]registry.Kind{}
	for _, it := range g.Items {
		kinds[it.Node.ID] = it.Node.Kind
	}
	for _, it := range g.Items {
		n, have := it.Node, byEdge[it.Node.ID]
		if n.Hidden || n.Deleted || n.Erased() || frontier[n.ID] {
			continue
		}
		switch n.Kind {
		case registry.KindModelVersion:
			if !have[registry.EdgeGeneratedBy] && !have[registry.EdgeDerivedFrom] {
				out = append(out, Gap{Code: VersionWithoutTraining, Node: n, Message: "no training run is known; record it with recordRun and link it with GENERATED_BY"})
			}
			if found, decided := reachesKind(n.ID, registry.KindDatasetVersion, ups, kinds, frontier); decided && !found {
				out = append(out, Gap{Code: VersionWithoutData, Node: n, Message: "no training data is known; record what its run read"})
			}
		case registry.KindRun:
			if !have[registry.EdgeRanCode] {
				out = append(out, Gap{Code: RunWithoutCommit, Node: n, Message: "no commit is known; record whose code it ran"})
			}
		case registry.KindDatasetVersion:
			if len(have) == 0 && fieldVisible(n, "role") && n.Text(registry.IndexRole) != string(registry.RawData) {
				out = append(out, Gap{Code: DatasetWithoutSource, Node: n, Message: "nothing is known of where it came from; if it is raw, record it with role RAW"})
			}
		}
	}
	return out
}

// UnreadRuns returns a gap for each version whose run a tracking system still has to tell of.
// unread has these versions.
func (g *Graph) UnreadRuns(unread map[registry.ID]bool) (out []Gap) {
	for _, it := range g.Items {
		if unread[it.Node.ID] && !it.Node.Hidden && !it.Node.Deleted {
			out = append(out, Gap{Code: RunNotRead, Node: it.Node, Message: "its run is not read to its end from the tracking server; it is read again when the server answers and the run has ended"})
		}
	}
	return out
}

// fieldVisible reports whether a field of a node is visible. Without a policy (Mask 0)
// every field is.
func fieldVisible(n *graph.Node, field string) bool {
	noun := registry.NounOf(n.Kind)
	return n.Mask == 0 || n.Mask.Has(registry.Bit(noun.Name, field))
}

// reachesKind reports whether a node of a kind is upstream of another. It is undecided
// when there is none in the graph, but the frontier is upstream too.
func reachesKind(from registry.ID, kind registry.Kind, ups map[registry.ID][]registry.ID, kinds map[registry.ID]registry.Kind, frontier map[registry.ID]bool) (found, decided bool) {
	seen := map[registry.ID]bool{from: true}
	decided = true
	for queue := []registry.ID{from}; len(queue) > 0; queue = queue[1:] {
		decided = decided && !frontier[queue[0]]
		for _, up := range ups[queue[0]] {
			if kinds[up] == kind {
				return true, true
			}
			if !seen[up] {
				seen[up] = true
				queue = append(queue, up)
			}
		}
	}
	return false, decided
}
