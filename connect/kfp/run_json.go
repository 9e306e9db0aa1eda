package kfp

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"pedigree/registry"
)

// The wire form of runs: that of KFP 2.x (GET /apis/v2beta1/runs/{id}), and that of KFP 3, which
// adds tasks with their artifacts.

type runJSON struct {
	RunID       string `json:"run_id"`
	Experiment  string `json:"experiment_id"`
	Name        string `json:"display_name"`
	Description string `json:"description"`
	Version     struct {
		Pipeline string `json:"pipeline_id"`
		Version  string `json:"pipeline_version_id"`
	} `json:"pipeline_version_reference"`
	Spec   map[string]any `json:"pipeline_spec"`
	Config struct {
		Parameters map[string]any `json:"parameters"`
		Root       string         `json:"pipeline_root"`
	} `json:"runtime_config"`
	Created  string      `json:"created_at"`
	Finished string      `json:"finished_at"`
	State    string      `json:"state"`
	Error    *statusJSON `json:"error"`
	Details  struct {
		Tasks []taskJSON `json:"task_details"`
	} `json:"run_details"`
	Tasks []taskJSON `json:"tasks"`
}

type statusJSON struct {
	Message string `json:"message"`
}

type taskJSON struct {
	RunID      string      `json:"run_id"`
	TaskID     string      `json:"task_id"`
	Name       string      `json:"name"`
	Display    string      `json:"display_name"`
	Created    string      `json:"create_time"`
	Started    string      `json:"start_time"`
	Ended      string      `json:"end_time"`
	State      string      `json:"state"`
	Status     string      `json:"status"`
	Type       string      `json:"type"`
	Error      *statusJSON `json:"error"`
	Parent     string      `json:"parent_task_id"`
	Attributes struct {
		Iteration any `json:"iteration_index"`
	} `json:"type_attributes"`
	Children []struct {
		TaskID string `json:"task_id"`
		Pod    string `json:"pod_name"`
	} `json:"child_tasks"`
	Pod string `json:"pod_name"`
	// Outputs is a map of ids in 2.x, which is always empty, and a struct in 3.
	Outputs any `json:"outputs"`
}

// outputsJSON are the outputs of a task in KFP 3. A key has several names in the drafts.
type outputsJSON struct {
	Parameters []struct {
		Key   string `json:"parameter_key"`
		Name  string `json:"name"`
		Value any    `json:"value"`
	} `json:"parameters"`
	Artifacts []writtenJSON `json:"artifacts"`
}

// writtenJSON are the artifacts that a task wrote under one key.
type writtenJSON struct {
	Key       string         `json:"artifact_key"`
	Artifacts []artifactJSON `json:"artifacts"`
	Own       artifactJSON   `json:"artifact"`
}

type artifactJSON struct {
	ID       string         `json:"artifact_id"`
	Name     string         `json:"name"`
	Type     string         `json:"type"`
	URI      string         `json:"uri"`
	Metadata map[string]any `json:"metadata"`
	Number   *float64       `json:"number_value"`
}

// artifactTaskJSON says that a task read or wrote an artifact (KFP 3).
type artifactTaskJSON struct {
	ArtifactID string `json:"artifact_id"`
	RunID      string `json:"run_id"`
	TaskID     string `json:"task_id"`
	Type       string `json:"type"`
	Key        string `json:"artifact_key"`
	Producer   string `json:"producer_key"`
}

// outputJSON is an executor_output.json.
type outputJSON struct {
	Artifacts map[string]struct {
		Artifacts []struct {
			Name     string         `json:"name"`
			URI      string         `json:"uri"`
			Metadata map[string]any `json:"metadata"`
		} `json:"artifacts"`
	} `json:"artifacts"`
	Parameters map[string]any `json:"parameterValues"`
}

// name returns the name of a task: that of its pipeline, or else the one that people see.
func (t *taskJSON) name() string {
	if t.Name != "" {
		return t.Name
	}
	return t.Display
}

func (t *taskJSON) state() string {
	if t.State != "" {
		return t.State
	}
	return t.Status
}

// iterationInName matches the number of an iteration in the names of KFP 2.x and of its local runner.
var iterationInName = regexp.MustCompile(`(?:^|[^A-Za-z])iteration[^0-9]{0,12}([0-9]{1,9})`)

// iteration returns the number of the iteration that a task stands for.
func (t *taskJSON) iteration() (int, bool) {
	switch n := t.Attributes.Iteration.(type) {
	case float64:
		if t.Type == "" || strings.HasSuffix(t.Type, "ITERATION") {
			return int(n), n >= 0 && n < 1e9
		}
	case int:
		if t.Type == "" || strings.HasSuffix(t.Type, "ITERATION") {
			return n, n >= 0
		}
	case string:
		if i, err := strconv.Atoi(n); err == nil && strings.HasSuffix(t.Type, "ITERATION") {
			return i, i >= 0
		}
	}
	if m := iterationInName.FindStringSubmatch(t.name()); m != nil {
		i, err := strconv.Atoi(m[1])
		return i, err == nil
	}
	return 0, false
}

// statuses are the states of runs and tasks by KFP's names; what is not listed has not begun.
var statuses = map[string]registry.RunStatus{"SUCCEEDED": registry.RunComplete, "CACHED": registry.RunComplete, "FAILED": registry.RunFailed, "CANCELED": registry.RunAborted,
	"CANCELING": registry.RunRunning, "RUNNING": registry.RunRunning, "PAUSED": registry.RunRunning}

func statusOf(state string) registry.RunStatus { return statuses[strings.ToUpper(state)] }

// timeOf returns a time of KFP's, the zero time for what is none.
func timeOf(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 1971 || t.Year() > 9998 {
		return time.Time{}
	}
	return t.UTC()
}
