package kubernetes

import (
	"maps"
	"slices"
	"strings"
	"time"

	"pedigree/connect/source"
	"pedigree/registry"
)

// object is an object of Kubernetes that may serve a model.
type object struct {
	where string
	kind  string
	name  string
	// environment is its namespace.
	environment string
	labels      map[string]string
	created     time.Time
	// stated are URIs that it says are those of its model, mentioned those that may be.
	stated, mentioned []string
	canary            *float64
	// stopped is true for a workload without replicas.
	stopped bool
}

// serving are the kinds whose purpose is to serve models.
var serving = []string{"InferenceService", "LLMInferenceService", "SeldonDeployment", "TrainedModel"}

// workloads are the other kinds that are read.
var workloads = []string{"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Service", "Rollout"}

// isServing reports whether an object serves a model, by its kind.
func (o *object) isServing() bool { return slices.Contains(serving, o.kind) }

// endpoint is the address that the object serves at: its name, and for a workload its kind before it.
func (o *object) endpoint() string {
	if o.isServing() {
		return o.name
	}
	return strings.ToLower(o.kind) + "/" + o.name
}

type header struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		Created     any               `json:"creationTimestamp"`
	} `json:"metadata"`
	Spec struct {
		Replicas *float64 `json:"replicas"`
		Canary   *float64 `json:"canaryTrafficPercent"`
		Template struct {
			Metadata struct {
				Labels      map[string]string `json:"labels"`
				Annotations map[string]string `json:"annotations"`
			} `json:"metadata"`
		} `json:"template"`
		Predictor struct {
			Canary *float64 `json:"canaryTrafficPercent"`
		} `json:"predictor"`
	} `json:"spec"`
	Items []any `json:"items"`
}

// maxLists bounds lists in lists.
const maxLists = 10

// objectsOf returns the objects of a document that may serve a model: it may be a list of them.
func objectsOf(where string, value any, depth int) (out []*object, err error) {
	doc, ok := value.(map[string]any)
	if !ok || doc["kind"] == nil {
		return nil, registry.Errorf(registry.InvalidArgument, "%s: is no object of Kubernetes", registry.Shorten(where, 200))
	}
	var h header
	if err := source.Decode(where, doc, &h); err != nil {
		return nil, err
	}
	if len(h.Items) > 0 && depth < maxLists {
		for _, item := range h.Items {
			more, err := objectsOf(where, item, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		}
		return out, nil
	}
	if !slices.Contains(serving, h.Kind) && !slices.Contains(workloads, h.Kind) {
		return nil, nil
	}
	o := &object{kind: h.Kind, name: h.Metadata.Name, environment: h.Metadata.Namespace, labels: map[string]string{}}
	if o.environment == "" {
		o.environment = "default"
	}
	o.where = registry.Shorten(where+" "+h.Kind+" "+o.environment+"/"+o.name, 250)
	if registry.CheckKey("metadata.name", o.name) != nil {
		return nil, registry.Errorf(registry.InvalidArgument, "%s: metadata.name: is no name", registry.Shorten(where, 200))
	}
	for _, m := range []map[string]string{h.Spec.Template.Metadata.Annotations, h.Spec.Template.Metadata.Labels, h.Metadata.Annotations, h.Metadata.Labels} {
		maps.Copy(o.labels, m)
	}
	switch at := h.Metadata.Created.(type) {
	case time.Time:
		o.created = at.UTC()
	case string:
		o.created, _ = time.Parse(time.RFC3339, at)
	}
	o.stopped = h.Spec.Replicas != nil && *h.Spec.Replicas == 0
	if o.canary = h.Spec.Predictor.Canary; o.canary == nil {
		o.canary = h.Spec.Canary
	}
	o.walk("", doc["spec"], 0)
	if uri := o.labels["internal.serving.kserve.io/storage-initializer-sourceuri"]; uri != "" {
		o.stated = append(o.stated, uri)
	}
	return append(out, o), nil
}

// walk finds the URIs of a specification: storageUri and modelUri name a model, a value of the
// environment or an argument may.
func (o *object) walk(key string, value any, depth int) {
	if depth > 50 {
		return
	}
	switch v := value.(type) {
	case map[string]any:
		name, _ := v["name"].(string)
		if text, ok := v["value"].(string); ok && name != "" {
			o.mention(text)
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			text, isText := v[k].(string)
			switch {
			case isText && (k == "storageUri" || k == "modelUri" || k == "uri" && (key == "model" || key == "storage")):
				o.state(text)
			case !isText:
				o.walk(k, v[k], depth+1)
			}
		}
	case []any:
		for _, item := range v {
			if text, ok := item.(string); ok && (key == "args" || key == "command") {
				for part := range strings.FieldsSeq(strings.ReplaceAll(text, "=", " ")) {
					o.mention(part)
				}
				continue
			}
			o.walk(key, item, depth+1)
		}
	}
}

func (o *object) state(uri string) {
	if uri != "" && !slices.Contains(o.stated, uri) {
		o.stated = append(o.stated, uri)
	}
}

func (o *object) mention(text string) {
	_, _, named := source.ModelURI(text)
	if (named || strings.Contains(text, "://")) && !slices.Contains(o.mentioned, text) {
		o.mentioned = append(o.mentioned, text)
	}
}
