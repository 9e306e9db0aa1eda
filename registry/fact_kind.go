package registry

// FactKind says which of the facts one fact of a batch is.
type FactKind string

// The kinds of facts, in the order in which an export writes them.
const (
	FactCommits        FactKind = "COMMITS"
	FactTag            FactKind = "TAG"
	FactDatasetVersion FactKind = "DATASET_VERSION"
	FactModel          FactKind = "MODEL"
	FactFeature        FactKind = "FEATURE"
	FactRun            FactKind = "RUN"
	FactModelVersion   FactKind = "MODEL_VERSION"
	FactTransition     FactKind = "TRANSITION"
	FactAlias          FactKind = "ALIAS"
	FactDeployment     FactKind = "DEPLOYMENT"
	FactEndDeployment  FactKind = "END_DEPLOYMENT"
	FactLink           FactKind = "LINK"
	FactRetract        FactKind = "RETRACT"
)

// MaxFacts is the most facts of one batch, MaxFactBytes the most bytes of one and
// of one line of a file of facts.
const (
	MaxFacts     = 500
	MaxFactBytes = 1 << 20
)
