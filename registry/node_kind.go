package registry

// Kind is what a node is. The seven lineage kinds are walked; the others are
// record kinds, which only stand beside them.
type Kind string

// The lineage kinds: GraphQL's NodeKind.
const (
	KindDatasetVersion Kind = "DATASET_VERSION"
	KindRun            Kind = "RUN"
	KindFeature        Kind = "FEATURE"
	KindCommit         Kind = "COMMIT"
	KindTag            Kind = "TAG"
	KindModelVersion   Kind = "MODEL_VERSION"
	KindDeployment     Kind = "DEPLOYMENT"
)

// The record kinds.
const (
	KindModel       Kind = "MODEL"
	KindDataset     Kind = "DATASET"
	KindRepository  Kind = "REPOSITORY"
	KindCard        Kind = "MODEL_CARD"
	KindArtifact    Kind = "ARTIFACT"
	KindAlias       Kind = "ALIAS"
	KindTransition  Kind = "TRANSITION"
	KindActor       Kind = "ACTOR"
	KindToken       Kind = "TOKEN"
	KindIdempotency Kind = "IDEMPOTENCY"
	// KindPending remembers a commit whose parent is not known yet; its parent is
	// the id that the missing commit will have.
	KindPending Kind = "PENDING_PARENT"
)

var kindPrefix = map[Kind]string{
	KindDatasetVersion: "dv", KindRun: "run", KindFeature: "feat", KindCommit: "commit", KindTag: "tag",
	KindModelVersion: "mv", KindDeployment: "dep",
	KindModel: "model", KindDataset: "ds", KindRepository: "repo", KindCard: "card", KindArtifact: "art",
	KindAlias: "alias", KindTransition: "tr", KindActor: "actor", KindToken: "token", KindIdempotency: "idem", KindPending: "pend",
}

var kindByPrefix = func() map[string]Kind {
	m := make(map[string]Kind, len(kindPrefix))
	for k, p := range kindPrefix {
		m[p] = k
	}
	return m
}()

var lineageKinds = []Kind{KindDatasetVersion, KindRun, KindFeature, KindCommit, KindTag, KindModelVersion, KindDeployment}

// LineageKinds lists the seven kinds that lineage walks, in a fixed order.
func LineageKinds() []Kind { return append([]Kind(nil), lineageKinds...) }

// Kinds lists every kind: the lineage kinds, then the record kinds.
func Kinds() []Kind {
	return append(LineageKinds(), KindModel, KindDataset, KindRepository, KindCard, KindArtifact, KindAlias,
		KindTransition, KindActor, KindToken, KindIdempotency, KindPending)
}

// Prefix returns the short text that starts the ids of this kind.
func (k Kind) Prefix() string { return kindPrefix[k] }

// Walked reports whether lineage walks nodes of this kind.
func (k Kind) Walked() bool {
	switch k {
	case KindDatasetVersion, KindRun, KindFeature, KindCommit, KindTag, KindModelVersion, KindDeployment:
		return true
	}
	return false
}

// EdgeKind is how an effect came from a cause. Every edge points from effect to
// cause; the words used, generated and derived are W3C PROV's.
type EdgeKind string

// The edge kinds. Containment (version in model, version in dataset) is not
// among them: it is a node's parent.
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

// EdgeEnds returns the kinds that an edge of a kind may run from and to.
func EdgeEnds(kind EdgeKind) (from, to []Kind) {
	rule := edgeRules[kind]
	return append([]Kind(nil), rule.from...), append([]Kind(nil), rule.to...)
}

// CheckEdge answers INVALID_ARGUMENT when an edge of this kind may not run from
// one kind of node to another, naming what it may join.
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
