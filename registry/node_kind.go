package registry

// Kind is the type of a node. Lineage walks follow edges between nodes of the seven
// lineage kinds; nodes of the record kinds have no edges.
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
	// KindPending stands for a commit whose parent commit is not recorded yet. Its Parent
	// is the id that the missing commit will get.
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

// Prefix returns the prefix of the ids of this kind.
func (k Kind) Prefix() string { return kindPrefix[k] }

// Walked reports whether lineage walks nodes of this kind.
func (k Kind) Walked() bool {
	switch k {
	case KindDatasetVersion, KindRun, KindFeature, KindCommit, KindTag, KindModelVersion, KindDeployment:
		return true
	}
	return false
}
