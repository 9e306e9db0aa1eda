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
			Models []struct {
				ModelID string `json:"model_id"`
			} `json:"model_outputs"`
		} `json:"outputs"`
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
	var f float64
	if json.Unmarshal(bytes.Trim(b, `"`), &f) == nil {
		n.value = &f
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
