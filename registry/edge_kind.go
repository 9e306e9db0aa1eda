package registry

// EdgeKind is the relation of an effect to its cause. Every edge points from the
// effect to the cause, as in W3C PROV, which defines used, generated and derived.
type EdgeKind string

// The edge kinds. Containment (version in model, version in dataset) is no edge: it is
// the Parent of a node.
const (
	EdgeUsed         EdgeKind = "USED"
	EdgeGeneratedBy  EdgeKind = "GENERATED_BY"
	EdgeRanCode      EdgeKind = "RAN_CODE"
	EdgeParent       EdgeKind = "PARENT"
	EdgePointsAt     EdgeKind = "POINTS_AT"
	EdgeReleasedFrom EdgeKind = "RELEASED_FROM"
	EdgeDerivedFrom  EdgeKind = "DERIVED_FROM"
	EdgeUsesFeature  EdgeKind = "USES_FEATURE"
	EdgeDefinedOn    EdgeKind = "DEFINED_ON"
	EdgeDeploys      EdgeKind = "DEPLOYS"
)

type edgeRule struct{ from, to []Kind }

var edgeRules = map[EdgeKind]edgeRule{
	EdgeUsed:         {[]Kind{KindRun}, []Kind{KindDatasetVersion, KindModelVersion, KindFeature}},
	EdgeGeneratedBy:  {[]Kind{KindDatasetVersion, KindModelVersion}, []Kind{KindRun}},
	EdgeRanCode:      {[]Kind{KindRun}, []Kind{KindCommit}},
	EdgeParent:       {[]Kind{KindCommit}, []Kind{KindCommit}},
	EdgePointsAt:     {[]Kind{KindTag}, []Kind{KindCommit}},
	EdgeReleasedFrom: {[]Kind{KindModelVersion}, []Kind{KindTag}},
	EdgeDerivedFrom:  {[]Kind{KindDatasetVersion, KindModelVersion}, []Kind{KindDatasetVersion, KindModelVersion}},
	EdgeUsesFeature:  {[]Kind{KindModelVersion}, []Kind{KindFeature}},
	EdgeDefinedOn:    {[]Kind{KindFeature}, []Kind{KindDatasetVersion}},
	EdgeDeploys:      {[]Kind{KindDeployment}, []Kind{KindModelVersion}},
}

var edgeKinds = []EdgeKind{EdgeUsed, EdgeGeneratedBy, EdgeRanCode, EdgeParent, EdgePointsAt, EdgeReleasedFrom,
	EdgeDerivedFrom, EdgeUsesFeature, EdgeDefinedOn, EdgeDeploys}

// EdgeKinds lists every edge kind in a fixed order.
func EdgeKinds() []EdgeKind { return append([]EdgeKind(nil), edgeKinds...) }

// EdgeEnds returns the node kinds that an edge of a kind may start and end at.
func EdgeEnds(kind EdgeKind) (from, to []Kind) {
	rule := edgeRules[kind]
	return append([]Kind(nil), rule.from...), append([]Kind(nil), rule.to...)
}

// CheckEdge returns INVALID_ARGUMENT, with the allowed node kinds, when an edge of this
// kind may not run from one kind of node to the other.
func CheckEdge(kind EdgeKind, from, to Kind) error {
	rule, ok := edgeRules[kind]
	if !ok {
		return Invalid("kind", "%q is no edge kind; use one of %v", kind, edgeKinds)
	}
	if !contains(rule.from, from) || !contains(rule.to, to) {
		return Invalid("kind", "%s joins %v to %v, not %s to %s", kind, rule.from, rule.to, from, to)
	}
	return nil
}

func contains[T comparable](list []T, v T) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}
