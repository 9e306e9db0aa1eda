// Package kubeflow has the use cases of Kubeflow's model registry: objects with a number for an id,
// a name, custom properties and fields of their type. A registered model is a model, a model
// version a version, an artifact a record of a version, an inference service a deployment, an
// experiment run a run. What this registry has no field for is kept beside them, in tags or in
// foreign records, and given back.
package kubeflow

import (
	"context"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// Kubeflow has the use cases of this part.
type Kubeflow struct {
	core    *core.Core
	catalog *catalog.Catalog
}

// New returns the use cases over a core and the part that they share.
func New(c *core.Core, catalog *catalog.Catalog) *Kubeflow { return &Kubeflow{c, catalog} }

// Object is anything that Kubeflow's clients see. Fields has the own fields of its type, as string,
// []string, float64 or int64; a reference is the number of another object.
type Object struct {
	Type        Type
	ID          registry.ID
	Number      int64
	Name        string
	Description string
	ExternalID  string
	Created     time.Time
	Updated     time.Time
	Properties  map[string]Property
	Fields      map[string]any
}

// set sets a text field that is not empty.
func (o *Object) set(name, value string) {
	if value != "" {
		o.Fields[name] = value
	}
}

// Input is what a client says of an object. What is nil is left as it is. Number is that of the
// object to change, Parent that of the object which contains a new one, 0 for none.
type Input struct {
	Type        Type
	Number      int64
	Parent      int64
	ParentType  Type
	Name        *string
	Description *string
	ExternalID  *string
	// Properties replace all custom properties, unless they are nil.
	Properties map[string]Property
	Fields     map[string]any
}

func (in *Input) text(name string) (string, bool) { s, ok := in.Fields[name].(string); return s, ok }

func (in *Input) number(name string) int64 { n, _ := in.Fields[name].(int64); return n }

// valueOf returns a text that may be nil.
func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// pointer returns a text field as one that may be nil.
func (in *Input) pointer(name string) *string {
	if s, ok := in.text(name); ok {
		return &s
	}
	return nil
}

// checkName answers INVALID_ARGUMENT for a name that would not come back byte for byte.
func checkName(name string) error {
	normal := name
	if core.ToNFC(&normal); normal != name {
		return registry.Invalid("name", "must be in Unicode NFC")
	}
	if strings.TrimSpace(name) == "" {
		return registry.Invalid("name", "must not be blank")
	}
	return registry.CheckKey("name", name)
}

// notFound is the error of an object that is not there, or that the caller does not see.
func notFound(t Type, number int64) error {
	return registry.Errorf(registry.NotFound, "there is no %s %d", t, number)
}

func alreadyExists(t Type, name string) error {
	return registry.Errorf(registry.AlreadyExists, "the %s %q exists already", t, registry.Shorten(name, 100))
}

// write runs a change in one transaction.
func (k *Kubeflow) write(ctx context.Context, action registry.Action, fn func(context.Context, *policies.Tx) error) error {
	_, err := k.core.Write(ctx, action, core.NotIdempotent, func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return core.WriteResult{Changed: true}, fn(ctx, tx)
	})
	core.ClearLoaders(ctx)
	return err
}

// read returns the scope of the caller, who must be allowed to read the catalog.
func (k *Kubeflow) read(ctx context.Context) (*policies.Scope, error) {
	return k.core.Gate.Read(ctx, registry.CatalogRead)
}

// bySerial is a query for the node of a kind with a number.
func bySerial(kind registry.Kind, number int64) graph.Query {
	return graph.Query{Kinds: []registry.Kind{kind}, Order: registry.IndexSerial, Limit: 1,
		Where: []graph.Predicate{{Column: registry.IndexSerial, Op: graph.In, Values: []any{number}}}}
}
