package notify

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"pedigree/registry"
	"pedigree/service/feed"
	"pedigree/service/webhooks"
)

// mlflowMessage is an event as MLflow's webhooks tell it.
type mlflowMessage struct {
	registry.MLflowEvent
	Data map[string]any
}

// mlflowTags are the tags that stand for fields of MLflow's messages, or that MLflow does not know.
var mlflowTags = []string{registry.MLflowTags, registry.KubeflowTags}

// Tags of prompts that MLflow's messages have as fields, or not at all.
const (
	promptTextTag = "mlflow.prompt.text"
	promptTypeTag = "_mlflow_prompt_type"
)

// sourceArtifact is the name of the artifact that holds the source of a version for MLflow.
const sourceArtifact = "model"

// mlflowEventOf returns which of MLflow's events a catalog event is, and whether it is one. MLflow
// tells of the tags of versions and of prompts, and not of those of models.
func mlflowEventOf(e *feed.CatalogEvent) (registry.MLflowEvent, bool) {
	prompt := isPrompt(e.Model.Tags)
	entity := func(ofModel, ofPrompt string) string {
		if prompt {
			return ofPrompt
		}
		return ofModel
	}
	action := "set"
	if e.Removed {
		action = "deleted"
	}
	switch e.Action {
	case registry.LogModelRegistered:
		return registry.MLflowEvent{Entity: entity("registered_model", "prompt"), Action: "created"}, true
	case registry.LogVersionRegistered:
		return registry.MLflowEvent{Entity: entity("model_version", "prompt_version"), Action: "created"}, true
	case registry.LogAliasSet:
		return registry.MLflowEvent{Entity: entity("model_version_alias", "prompt_alias"), Action: "created"}, true
	case registry.LogAliasDeleted:
		return registry.MLflowEvent{Entity: entity("model_version_alias", "prompt_alias"), Action: "deleted"}, true
	case registry.LogVersionUpdated:
		return registry.MLflowEvent{Entity: entity("model_version_tag", "prompt_version_tag"), Action: action}, !hiddenTag(e.Tag.Key)
	case registry.LogModelUpdated:
		return registry.MLflowEvent{Entity: "prompt_tag", Action: action}, prompt && !hiddenTag(e.Tag.Key)
	}
	return registry.MLflowEvent{}, false
}

func isPrompt(tags []registry.KeyValue) bool {
	return slices.Contains(tags, registry.KeyValue{Key: registry.MLflowPromptTag, Value: "true"})
}

func hiddenTag(key string) bool {
	return slices.ContainsFunc(mlflowTags, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// wants reports whether a webhook is told an event: one of MLflow's form only those that it names.
func wants(d *webhooks.Due, e feed.Told) bool {
	if d.Format != registry.WebhookMLflow {
		return true
	}
	of, ok := e.Event.(*feed.CatalogEvent)
	if !ok {
		return false
	}
	event, ok := mlflowEventOf(of)
	return ok && slices.Contains(d.MLflow, event)
}

// mlflow makes the message of a catalog event for MLflow's receivers, with the fields that MLflow's
// server sends. What the subject may not see is left out.
func (w *Worker) mlflow(ctx context.Context, e *feed.CatalogEvent) (*mlflowMessage, error) {
	event, _ := mlflowEventOf(e)
	m := &mlflowMessage{event, map[string]any{"name": e.Model.Name}}
	if e.Version != nil {
		m.Data["version"] = strconv.Itoa(e.Version.Number)
	}
	switch {
	case e.Tag != nil:
		if m.Data["key"] = e.Tag.Key; !e.Removed {
			m.Data["value"] = e.Tag.Value
		}
	case e.Alias != "":
		m.Data["alias"] = e.Alias
	case e.Version != nil && isPrompt(e.Model.Tags):
		m.Data["template"] = orNull(tagOf(e.Version.Tags, promptTextTag))
		m.Data["tags"], m.Data["description"] = mlflowTagMap(e.Version.Tags), orNull(e.Version.Description)
	case e.Version != nil:
		a, err := w.out.ReferenceOf(ctx, e.Version, sourceArtifact)
		if err != nil && registry.CodeOf(err) != registry.Forbidden {
			return nil, err
		}
		if a != nil && err == nil {
			m.Data["source"] = a.URI
		}
		m.Data["run_id"] = orNull(tagOf(e.Version.Tags, registry.MLflowRunTag))
		m.Data["tags"], m.Data["description"] = mlflowTagMap(e.Version.Tags), orNull(e.Version.Description)
	default:
		m.Data["tags"], m.Data["description"] = mlflowTagMap(e.Model.Tags), orNull(e.Model.Description)
	}
	return m, nil
}

// mlflowExample is what a test of an event sends.
func mlflowExample(e registry.MLflowEvent) *mlflowMessage {
	m := &mlflowMessage{e, map[string]any{"name": "example"}}
	switch entity := strings.TrimPrefix(strings.TrimPrefix(e.Entity, "model_"), "prompt_"); {
	case strings.HasSuffix(entity, "alias"):
		if m.Data["alias"] = "candidate"; e.Action == "created" {
			m.Data["version"] = "1"
		}
	case strings.HasSuffix(entity, "tag"):
		if m.Data["key"] = "key"; e.Action == "set" {
			m.Data["value"] = "value"
		}
		if e.Entity != "prompt_tag" {
			m.Data["version"] = "1"
		}
	default:
		m.Data["tags"], m.Data["description"] = map[string]string{"key": "value"}, "an example"
		switch e.Entity {
		case "model_version":
			m.Data["version"], m.Data["source"], m.Data["run_id"] = "1", "s3://bucket/example", nil
		case "prompt_version":
			m.Data["version"], m.Data["template"] = "1", "Hello {{name}}!"
		}
	}
	return m
}

func tagOf(tags []registry.KeyValue, key string) string {
	for _, t := range tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func mlflowTagMap(tags []registry.KeyValue) map[string]string {
	out := map[string]string{}
	for _, t := range tags {
		if !hiddenTag(t.Key) && !slices.Contains([]string{registry.MLflowPromptTag, promptTextTag, promptTypeTag}, t.Key) {
			out[t.Key] = t.Value
		}
	}
	return out
}

// mlflowBody is what MLflow's webhooks send. Its time is that of the sending, as in MLflow.
func mlflowBody(m Message, now time.Time) ([]byte, error) {
	return json.Marshal(map[string]any{"entity": m.MLflow.Entity, "action": m.MLflow.Action, "timestamp": now.UTC().Format("2006-01-02T15:04:05.000000-07:00"), "data": m.MLflow.Data})
}

// signMLflow sets the headers of MLflow's webhooks: the id, the time, and a signature where there is
// a secret.
func signMLflow(h http.Header, secrets []string, id string, at time.Time, body []byte) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	h.Set("X-MLflow-Delivery-Id", id)
	h.Set("X-MLflow-Timestamp", stamp)
	for _, s := range secrets {
		h.Set("X-MLflow-Signature", signature([]byte(s), id, stamp, body))
	}
}
