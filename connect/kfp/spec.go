package kfp

// The wire form of a compiled pipeline (PipelineSpec 2.1.0), as far as it is read here.

// spec is a pipeline: a graph of tasks, the components that they run, and their executors.
type spec struct {
	Info struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	} `json:"pipelineInfo"`
	SchemaVersion string                `json:"schemaVersion"`
	SDKVersion    string                `json:"sdkVersion"`
	Root          component             `json:"root"`
	Components    map[string]*component `json:"components"`
	Deployment    struct {
		Executors map[string]*executor `json:"executors"`
	} `json:"deploymentSpec"`
}

// component is what a task runs: an executor, or a graph of tasks.
type component struct {
	Executor string      `json:"executorLabel"`
	Dag      *dag        `json:"dag"`
	Inputs   definitions `json:"inputDefinitions"`
	Outputs  definitions `json:"outputDefinitions"`
}

type definitions struct {
	Artifacts map[string]struct {
		Type   typeSchema `json:"artifactType"`
		IsList bool       `json:"isArtifactList"`
	} `json:"artifacts"`
	Parameters map[string]struct {
		Type    string `json:"parameterType"`
		Default any    `json:"defaultValue"`
	} `json:"parameters"`
}

type typeSchema struct {
	Title string `json:"schemaTitle"`
}

type dag struct {
	Tasks   map[string]*task `json:"tasks"`
	Outputs struct {
		Artifacts map[string]struct {
			Selectors []struct {
				Task string `json:"producerSubtask"`
				Key  string `json:"outputArtifactKey"`
			} `json:"artifactSelectors"`
		} `json:"artifacts"`
		Parameters map[string]struct {
			From  *subtaskParameter `json:"valueFromParameter"`
			OneOf *struct {
				Selectors []subtaskParameter `json:"parameterSelectors"`
			} `json:"valueFromOneof"`
		} `json:"parameters"`
	} `json:"outputs"`
}

type subtaskParameter struct {
	Task string `json:"producerSubtask"`
	Key  string `json:"outputParameterKey"`
}

type task struct {
	Info struct {
		Name string `json:"name"`
	} `json:"taskInfo"`
	Ref struct {
		Name string `json:"name"`
	} `json:"componentRef"`
	Depends []string `json:"dependentTasks"`
	Inputs  struct {
		Artifacts  map[string]artifactInput  `json:"artifacts"`
		Parameters map[string]parameterInput `json:"parameters"`
	} `json:"inputs"`
	Trigger struct {
		Condition string `json:"condition"`
		Strategy  string `json:"strategy"`
	} `json:"triggerPolicy"`
	ParameterIterator *struct {
		Item  string `json:"itemInput"`
		Items struct {
			Raw   string `json:"raw"`
			Input string `json:"inputParameter"`
		} `json:"items"`
	} `json:"parameterIterator"`
	ArtifactIterator *struct {
		Item  string `json:"itemInput"`
		Items struct {
			Input string `json:"inputArtifact"`
		} `json:"items"`
	} `json:"artifactIterator"`
}

// isLoop reports whether the task runs once for each item of a list.
func (t *task) isLoop() bool { return t.ParameterIterator != nil || t.ArtifactIterator != nil }

type artifactInput struct {
	From *struct {
		Task string `json:"producerTask"`
		Key  string `json:"outputArtifactKey"`
	} `json:"taskOutputArtifact"`
	Input string `json:"componentInputArtifact"`
}

type parameterInput struct {
	From *struct {
		Task string `json:"producerTask"`
		Key  string `json:"outputParameterKey"`
	} `json:"taskOutputParameter"`
	Value *struct {
		Constant any `json:"constant"`
	} `json:"runtimeValue"`
	Input       string `json:"componentInputParameter"`
	FinalStatus *struct {
		Task string `json:"producerTask"`
	} `json:"taskFinalStatus"`
}

type executor struct {
	Container *struct {
		Image   string   `json:"image"`
		Command []string `json:"command"`
		Args    []string `json:"args"`
	} `json:"container"`
	Importer *struct {
		URI struct {
			Constant  any    `json:"constant"`
			Parameter string `json:"runtimeParameter"`
		} `json:"artifactUri"`
		Type     typeSchema     `json:"typeSchema"`
		Metadata map[string]any `json:"metadata"`
	} `json:"importer"`
}

// componentOf returns what a task runs, an empty component when the pipeline does not have it.
func (s *spec) componentOf(t *task) *component {
	if c := s.Components[t.Ref.Name]; c != nil {
		return c
	}
	return &component{}
}

// executorOf returns the executor of a component, an empty one when the pipeline does not have it.
func (s *spec) executorOf(c *component) *executor {
	if e := s.Deployment.Executors[c.Executor]; e != nil {
		return e
	}
	return &executor{}
}

// system are the titles of artifact types that this package tells apart.
const (
	typeDataset       = "system.Dataset"
	typeModel         = "system.Model"
	typeMetrics       = "system.Metrics"
	typeClassMetrics  = "system.ClassificationMetrics"
	typeSlicedMetrics = "system.SlicedClassificationMetrics"
	typeHTML          = "system.HTML"
	typeMarkdown      = "system.Markdown"
)
