package kubeflow

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"pedigree/registry"
	"pedigree/service/kubeflow"
)

// number returns the id in the path, which is that of an object of a type.
func (c *call) number(t kubeflow.Type) (int64, error) {
	n, err := strconv.ParseInt(c.id, 10, 64)
	if err != nil {
		return 0, badRequest("invalid %s ID: %s", words(t), numberError(err))
	}
	if n < 1 || n > maxID {
		return 0, c.asNotFound(registry.Errorf(registry.NotFound, ""), t)
	}
	return n, nil
}

// created is the status of the answer to a new object. Of artifacts, Kubeflow's server only answers
// so for models and documents.
func created(t kubeflow.Type) int {
	if t == kubeflow.DatasetArtifact || t == kubeflow.MetricArtifact || t == kubeflow.ParameterArtifact {
		return http.StatusOK
	}
	return http.StatusCreated
}

// typeOf returns the type of the object of a body: that of the route or, of an artifact, that which
// it says.
func (c *call) typeOf(members map[string]json.RawMessage, update bool) (kubeflow.Type, error) {
	if c.of != kubeflow.AnyArtifact && c.of != kubeflow.ModelArtifact {
		return c.of, nil
	}
	raw, given := members["artifactType"]
	if !given {
		if c.of == kubeflow.ModelArtifact {
			return c.of, nil
		}
		if update {
			return "", missing{"artifactType"}
		}
		return kubeflow.ModelArtifact, nil
	}
	text, err := textMember("artifactType", raw)
	if err != nil {
		return "", err
	}
	t := kubeflow.Type(*text)
	if !t.IsArtifact() || c.of == kubeflow.ModelArtifact && t != c.of {
		return "", badRequest("invalid artifact type: %s", registry.Shorten(*text, 60))
	}
	return t, nil
}

// containers are the fields that name the object which contains a new one.
var containers = map[kubeflow.Type]string{kubeflow.RegisteredModel: "registeredModelId", kubeflow.ServingEnvironment: "servingEnvironmentId", kubeflow.Experiment: "experimentId"}

func create1(ctx context.Context, c *call) (int, any, error) {
	members, err := membersOf(c.body)
	if err != nil {
		return 0, nil, err
	}
	t, err := c.typeOf(members, false)
	if err != nil {
		return 0, nil, err
	}
	in, err := c.input(t, members, false)
	if err != nil {
		return 0, nil, err
	}
	if c.in != "" {
		if in.Parent, err = c.number(c.in); err != nil {
			return 0, nil, err
		}
		in.ParentType = c.in
		if field := containers[c.in]; field != "" {
			if told, given := in.Fields[field]; given && told != in.Parent {
				return 0, nil, badRequest("%s is not the id in the path", field)
			}
			in.Fields[field] = in.Parent
		}
	}
	if err := required(&in); err != nil {
		return 0, nil, err
	}
	if raw, given := members["id"]; given && t.IsArtifact() { // An artifact with an id is one that is there.
		text, err := textMember("id", raw)
		if err == nil {
			c.id = *text
			in.Number, err = c.number(t)
		}
		if err != nil {
			return 0, nil, err
		}
		in.Name = nil
		o, err := c.KubeflowUpdate(ctx, in)
		return http.StatusOK, wired(o), c.asNotFound(err, t)
	}
	o, _, err := c.KubeflowCreate(ctx, in)
	if err != nil {
		name := ""
		if in.Name != nil {
			name = *in.Name
		}
		return 0, nil, asAlreadyExists(c.asMissingParent(err), t, name)
	}
	return created(t), wired(o), nil
}

// asMissingParent gives the error of an object in the path that is not there its text.
func (c *call) asMissingParent(err error) error {
	if c.in == "" {
		return err
	}
	return c.asNotFound(err, c.in)
}

// wired is wire for an object that may be nil.
func wired(o *kubeflow.Object) any {
	if o == nil {
		return nil
	}
	return wire(o)
}

func get1(ctx context.Context, c *call) (int, any, error) {
	n, err := c.number(c.of)
	if err != nil {
		return 0, nil, err
	}
	o, err := c.KubeflowObject(ctx, c.of, n)
	return http.StatusOK, wired(o), c.asNotFound(err, c.of)
}

func update1(ctx context.Context, c *call) (int, any, error) {
	n, err := c.number(c.of)
	if err != nil {
		return 0, nil, err
	}
	members, err := membersOf(c.body)
	if err != nil {
		return 0, nil, err
	}
	t, err := c.typeOf(members, true)
	if err != nil {
		return 0, nil, err
	}
	in, err := c.input(t, members, true)
	if err != nil {
		return 0, nil, err
	}
	in.Number = n
	o, err := c.KubeflowUpdate(ctx, in)
	if err != nil {
		return 0, nil, asAlreadyExists(c.asNotFound(err, c.of), c.of, cmp.Or(c.query.Get("name"), c.id))
	}
	return http.StatusOK, wired(o), nil
}

// inParent are the types that are found by their name in a parent.
var inParent = []kubeflow.Type{kubeflow.ModelVersion, kubeflow.AnyArtifact, kubeflow.ModelArtifact, kubeflow.InferenceService, kubeflow.ExperimentRun}

func findOne(ctx context.Context, c *call) (int, any, error) {
	name, external, parent := c.query.Get("name"), c.query.Get("externalId"), c.query.Get("parentResourceId")
	nested := slices.Contains(inParent, c.of)
	switch {
	case nested && external == "" && (name == "" || parent == ""):
		return 0, nil, badRequest("invalid parameters call, supply either name and parentResourceId, or externalId")
	case external == "" && name == "":
		return 0, nil, badRequest("invalid parameters call, supply either name or externalId")
	}
	var in int64
	var err error
	if nested && parent != "" {
		if in, err = reference("parentResourceId", parent); err != nil {
			return 0, nil, err
		}
	}
	o, err := c.KubeflowFind(ctx, c.of, name, in, external)
	if err != nil {
		return 0, nil, err
	}
	if o == nil {
		name, external = registry.Shorten(name, 300), registry.Shorten(external, 300)
		if nested {
			return 0, nil, registry.Errorf(registry.NotFound, "no %ss found for name=%s, parentResourceId=%s, externalId=%s: not found", words(c.of), name, registry.Shorten(parent, 60), external)
		}
		return 0, nil, registry.Errorf(registry.NotFound, "no %ss found for name=%s, externalId=%s: not found", words(c.of), name, external)
	}
	return http.StatusOK, wire(o), nil
}

func servedModel(ctx context.Context, c *call) (int, any, error) {
	n, err := c.number(c.of)
	if err != nil {
		return 0, nil, err
	}
	o, err := c.KubeflowModelOf(ctx, n)
	return http.StatusOK, wired(o), c.asNotFound(err, c.of)
}

func servedVersion(ctx context.Context, c *call) (int, any, error) {
	n, err := c.number(c.of)
	if err != nil {
		return 0, nil, err
	}
	o, err := c.KubeflowVersionOf(ctx, n)
	return http.StatusOK, wired(o), c.asNotFound(err, c.of)
}
