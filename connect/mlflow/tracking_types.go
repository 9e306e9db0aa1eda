package mlflow

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// The answers of MLflow's REST API, as far as this package reads them. Its numbers may be written
// as texts.
type (
	// keyText is a parameter or a tag.
	keyText struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	metric struct {
		Key   string `json:"key"`
		Value number `json:"value"`
	}
	// dataset is a state of a data set that a run read. Source, Schema and Profile are JSON texts.
	dataset struct {
		Name       string `json:"name"`
		Digest     string `json:"digest"`
		SourceType string `json:"source_type"`
		Source     string `json:"source"`
		Schema     string `json:"schema"`
		Profile    string `json:"profile"`
	}
	datasetInput struct {
		Tags    []keyText `json:"tags"`
		Dataset dataset   `json:"dataset"`
	}
	run struct {
		Info struct {
			RunID       string  `json:"run_id"`
			RunName     string  `json:"run_name"`
			Experiment  string  `json:"experiment_id"`
			UserID      string  `json:"user_id"`
			Status      string  `json:"status"`
			StartTime   integer `json:"start_time"`
			EndTime     integer `json:"end_time"`
			ArtifactURI string  `json:"artifact_uri"`
		} `json:"info"`
		Data struct {
			Metrics []metric  `json:"metrics"`
			Params  []keyText `json:"params"`
			Tags    []keyText `json:"tags"`
		} `json:"data"`
		Inputs struct {
			Datasets []datasetInput `json:"dataset_inputs"`
		} `json:"inputs"`
		Outputs struct {
			Models []modelOutput `json:"model_outputs"`
		} `json:"outputs"`
	}
	// modelOutput is a model that a run logged.
	modelOutput struct {
		ModelID string `json:"model_id"`
	}
	aliasOf struct {
		Alias   string  `json:"alias"`
		Version integer `json:"version"`
	}
	registeredModel struct {
		Name        string    `json:"name"`
		Created     integer   `json:"creation_timestamp"`
		Updated     integer   `json:"last_updated_timestamp"`
		User        string    `json:"user_id"`
		Description string    `json:"description"`
		Tags        []keyText `json:"tags"`
		Aliases     []aliasOf `json:"aliases"`
	}
	modelVersion struct {
		Name        string    `json:"name"`
		Version     integer   `json:"version"`
		Created     integer   `json:"creation_timestamp"`
		Updated     integer   `json:"last_updated_timestamp"`
		User        string    `json:"user_id"`
		Stage       string    `json:"current_stage"`
		Description string    `json:"description"`
		Source      string    `json:"source"`
		RunID       string    `json:"run_id"`
		RunLink     string    `json:"run_link"`
		Status      string    `json:"status"`
		Tags        []keyText `json:"tags"`
	}
)

// integer is a whole number, also written as a text.
type integer int64

// UnmarshalJSON reads a number or the text of one. What is neither is 0.
func (i *integer) UnmarshalJSON(b []byte) error {
	n, _ := strconv.ParseInt(string(bytes.Trim(b, `"`)), 10, 64)
	*i = integer(n)
	return nil
}

// number is the value of a metric, nil for one that JSON has no number for, such as NaN.
type number struct{ value *float64 }

// UnmarshalJSON reads a number or the text of one.
func (n *number) UnmarshalJSON(b []byte) error {
	var f *float64 // It stays nil for null.
	if json.Unmarshal(bytes.Trim(b, `"`), &f) == nil {
		n.value = f
	}
	return nil
}

// textOf returns the value of a key, "" when there is none.
func textOf(list []keyText, key string) string {
	for _, t := range list {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}
