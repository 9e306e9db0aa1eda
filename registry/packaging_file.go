package registry

// PackagingFormat is the format of a file that says how a model is run.
type PackagingFormat string

// The formats: MLflow's description of a model, a list of pip's, an environment of conda, and one of
// MLflow's for virtualenv.
const (
	PackagingMLmodel      PackagingFormat = "MLMODEL"
	PackagingRequirements PackagingFormat = "REQUIREMENTS"
	PackagingConda        PackagingFormat = "CONDA"
	PackagingPythonEnv    PackagingFormat = "PYTHON_ENV"
)

// MaxPackagingFiles is how many such files of a version are read; further ones are only stored.
const MaxPackagingFiles = 16

// PackagingFile is what a stored file says of how a model is run. It is what the file says, and
// nobody has checked it.
type PackagingFile struct {
	Path   string          `json:"path"`
	Format PackagingFormat `json:"format"`
	Digest string          `json:"digest"`
	// MLflowVersion is the version of MLflow that wrote the file.
	MLflowVersion string            `json:"mlflowVersion,omitempty"`
	Flavors       []PackagingFlavor `json:"flavors,omitempty"`
	PythonVersion string            `json:"pythonVersion,omitempty"`
	// Requirements are packages as pip or conda name them.
	Requirements []string `json:"requirements,omitempty"`
	// Inputs, Outputs and Params are the signature of the model.
	Inputs  []PackagingField `json:"inputs,omitempty"`
	Outputs []PackagingField `json:"outputs,omitempty"`
	Params  []PackagingField `json:"params,omitempty"`
	// ModelSizeBytes is the size of the model when it was logged.
	ModelSizeBytes *int64 `json:"modelSizeBytes,omitempty"`
	// Note says what of the file could not be read, "" when all was.
	Note string `json:"note,omitempty"`
}

// PackagingFlavor is a form in which a model can be loaded.
type PackagingFlavor struct {
	Name string `json:"name"`
	// Version is the version of the flavor's library.
	Version string `json:"version,omitempty"`
}

// PackagingField is an input, output or parameter of a model.
type PackagingField struct {
	// Name is "" for the only tensor of a model.
	Name     string `json:"name,omitempty"`
	Type     string `json:"type,omitempty"`
	Required bool   `json:"required,omitempty"`
	// Default is the default of a parameter, as JSON.
	Default string `json:"default,omitempty"`
}
