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
	KindSession     Kind = "SESSION"
	KindPolicy      Kind = "POLICY_VERSION"
	KindIdempotency Kind = "IDEMPOTENCY"
	// The records of governance.
	KindTransitionRequest Kind = "TRANSITION_REQUEST"
	KindTransitionGuard   Kind = "TRANSITION_GUARD"
	KindReview            Kind = "REVIEW"
	KindDeprecation       Kind = "DEPRECATION"
	KindConsumer          Kind = "CONSUMER"
	// KindRecall is a recall, KindRecallResolution how a deployment was dealt with under one.
	KindRecall           Kind = "RECALL"
	KindRecallResolution Kind = "RECALL_RESOLUTION"
	// KindGate is a condition on transitions, KindGateIndex the list of those that stand.
	KindGate      Kind = "GATE"
	KindGateIndex Kind = "GATE_INDEX"
	// KindWebhook is a webhook, KindWebhookIndex the list of those that stand.
	KindWebhook      Kind = "WEBHOOK"
	KindWebhookIndex Kind = "WEBHOOK_INDEX"
	// KindStagedFile is a stored file that no version has yet.
	KindStagedFile Kind = "STAGED_FILE"
	// KindSignature is a signed bundle of a version, KindSignatureBundle its bytes.
	KindSignature       Kind = "SIGNATURE"
	KindSignatureBundle Kind = "SIGNATURE_BUNDLE"
	// KindPending stands for a commit whose parent commit is not recorded yet. Its Parent
	// is the id that the missing commit will get.
	KindPending Kind = "PENDING_PARENT"
	// The records of events (OpenLineage): what events told of a thing, which runs used a
	// dataset, and which names a dataset has.
	KindEventState  Kind = "EVENT_STATE"
	KindDatasetUse  Kind = "DATASET_USE"
	KindDatasetName Kind = "DATASET_NAME"
	// KindUnreadRun stands for a version whose run a tracking system still has to tell of. Its
	// parent is UnreadRuns or RefusedRuns, which are no nodes.
	KindUnreadRun Kind = "UNREAD_RUN"
	// KindForeign is what a client of a foreign API keeps here and this registry has no noun for;
	// see Foreign.
	KindForeign Kind = "FOREIGN_RECORD"
)

// kindRow is a row of the table of kinds.
type kindRow struct {
	kind   Kind
	prefix string // of the ids of the kind
	walked bool   // lineage walks follow its edges
	// noun makes the noun of the kind with a name; nil for kinds that no API shows.
	noun func(name string) Node
}

// kindTable is the one list of kinds: the lineage kinds, then the record kinds.
var kindTable = []kindRow{
	{KindDatasetVersion, "dv", true, func(name string) Node { return &DatasetVersion{Name: name} }},
	{KindRun, "run", true, func(name string) Node { return &Run{Name: name} }},
	{KindFeature, "feat", true, func(name string) Node { return &Feature{Name: name} }},
	{KindCommit, "commit", true, func(name string) Node { return &Commit{Name: name} }},
	{KindTag, "tag", true, func(name string) Node { return &Tag{Name: name} }},
	{KindModelVersion, "mv", true, func(name string) Node { return &ModelVersion{Name: name} }},
	{KindDeployment, "dep", true, func(name string) Node { return &Deployment{Name: name} }},
	{KindModel, "model", false, func(name string) Node { return &Model{Name: name} }},
	{KindDataset, "ds", false, func(name string) Node { return &Dataset{Name: name} }},
	{KindRepository, "repo", false, func(name string) Node { return &Repository{Name: name} }},
	{KindCard, "card", false, func(name string) Node { return &ModelCard{Name: name} }},
	{KindArtifact, "art", false, func(name string) Node { return &Artifact{Name: name} }},
	{KindAlias, "alias", false, func(name string) Node { return &Alias{Name: name} }},
	{KindTransition, "tr", false, func(string) Node { return &Transition{} }},
	{KindActor, "actor", false, func(string) Node { return &Actor{} }},
	{KindToken, "token", false, func(string) Node { return &Token{} }},
	{KindSession, "sess", false, nil},
	{KindPolicy, "policy", false, func(string) Node { return &PolicyVersion{} }},
	{KindTransitionRequest, "req", false, func(string) Node { return &TransitionRequest{} }},
	{KindTransitionGuard, "guard", false, func(name string) Node { return &TransitionGuard{Name: name} }},
	{KindReview, "rev", false, func(string) Node { return &Review{} }},
	{KindDeprecation, "dpr", false, func(string) Node { return &Deprecation{} }},
	{KindConsumer, "con", false, func(string) Node { return &Consumer{} }},
	{KindRecall, "rec", false, func(string) Node { return &Recall{} }},
	{KindRecallResolution, "recres", false, func(string) Node { return &RecallResolution{} }},
	{KindSignature, "sig", false, func(string) Node { return &Signature{} }},
	{KindGate, "gate", false, func(name string) Node { return &Gate{Name: name} }},
	{KindGateIndex, "gates", false, nil},
	{KindWebhook, "hook", false, nil},
	{KindWebhookIndex, "hooks", false, nil},
	{KindSignatureBundle, "bundle", false, nil},
	{KindStagedFile, "file", false, nil},
	{KindIdempotency, "idem", false, nil},
	{KindPending, "pend", false, nil},
	{KindEventState, "evs", false, nil},
	{KindDatasetUse, "use", false, nil},
	{KindDatasetName, "dsn", false, nil},
	{KindUnreadRun, "unread", false, nil},
	{KindForeign, "foreign", false, nil},
}

var kindRows, kindByPrefix = indexKinds()

func indexKinds() (map[Kind]kindRow, map[string]Kind) {
	rows, prefixes := map[Kind]kindRow{}, map[string]Kind{}
	for _, r := range kindTable {
		rows[r.kind], prefixes[r.prefix] = r, r.kind
	}
	return rows, prefixes
}

// LineageKinds lists the seven kinds that lineage walks, in a fixed order.
func LineageKinds() (out []Kind) {
	for _, r := range kindTable {
		if r.walked {
			out = append(out, r.kind)
		}
	}
	return out
}

// Kinds lists every kind: the lineage kinds, then the record kinds.
func Kinds() (out []Kind) {
	for _, r := range kindTable {
		out = append(out, r.kind)
	}
	return out
}

// Prefix returns the prefix of the ids of this kind.
func (k Kind) Prefix() string { return kindRows[k].prefix }

// Walked reports whether lineage walks nodes of this kind.
func (k Kind) Walked() bool { return kindRows[k].walked }

// NewNoun returns a noun of the kind with a name and nothing else; nil for a kind that
// no API shows. Kinds without a name ignore it.
func (k Kind) NewNoun(name string) Node {
	if row := kindRows[k]; row.noun != nil {
		return row.noun(name)
	}
	return nil
}
