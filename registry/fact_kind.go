package registry

// FactKind is the kind of one fact of a recordFacts batch.
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
	FactForeign        FactKind = "FOREIGN"
)

// MaxFacts is the most facts in one batch, MaxFactBytes the most bytes of one fact,
// which is one line of a facts file.
const (
	MaxFacts     = 500
	MaxFactBytes = 1 << 20
)
