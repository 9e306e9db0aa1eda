package remote

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"pedigree/registry"
	"pedigree/service/core"
)

// The fields that nouns are read with: every field of the stored document.
var (
	modelFields      = fieldsOf(registry.KindModel)
	repositoryFields = fieldsOf(registry.KindRepository)
	versionFields    = fieldsOf(registry.KindModelVersion)
	stateFields      = fieldsOf(registry.KindDatasetVersion)
	runFields        = fieldsOf(registry.KindRun)
	commitFields     = fieldsOf(registry.KindCommit)
	tagFields        = fieldsOf(registry.KindTag)
	featureFields    = fieldsOf(registry.KindFeature)
	deploymentFields = fieldsOf(registry.KindDeployment)
	transitionFields = fieldsOf(registry.KindTransition)
	aliasFields      = fieldsOf(registry.KindAlias)
	actorFields      = fieldsOf(registry.KindActor)

	policyVersionFields = fieldsOf(registry.KindPolicy)
)

const (
	pageFields = `pageInfo { hasNextPage hasPreviousPage startCursor endCursor }`
	edgeFields = `id from to kind validFrom validTo`

	ruleFields   = `id role object act rows effect conditions { key values } text origin`
	policyFields = `version hash text rules { ` + ruleFields + ` } unused`
)

// aliases rename a field that another type has with another scalar: one query may not
// ask for both under one name.
var aliases = map[string]string{"DatasetVersion.role": "dataRole"}

// fieldsOf is the selection that reads a noun whole: its plumbing, and the fields of
// its stored document from the field table.
func fieldsOf(kind registry.Kind) string {
	noun := registry.NounOf(kind)
	out := []string{"__typename", "id", "revision"}
	if kind.Walked() {
		out = append(out, "kind")
	}
	if kind.Walked() || kind == registry.KindModel {
		out = append(out, "deleted")
	}
	t := reflect.TypeOf(kind.NewNoun("")).Elem()
	for _, f := range noun.Fields {
		if !f.Doc {
			continue
		}
		text := f.Name
		if alias := aliases[f.Coordinate()]; alias != "" {
			text = alias + ": " + text
		}
		if below := scalarsOf(typeOfField(t, f.Name)); len(below) > 0 {
			text += " { " + strings.Join(below, " ") + " }"
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// typeOfField returns the type of the field of a struct that JSON calls by a name, nil
// when there is none.
func typeOfField(t reflect.Type, name string) reflect.Type {
	for i := range t.NumField() {
		if tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); tag == name {
			return t.Field(i).Type
		}
	}
	return nil
}

// scalarsOf names the scalar fields of the struct behind lists and pointers; none for
// a type that is a scalar itself.
func scalarsOf(t reflect.Type) (out []string) {
	for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice) {
		if t.Implements(marshalerType) {
			return nil
		}
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct || t == timeType || t.Implements(marshalerType) {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if k := f.Type.Kind(); tag != "" && tag != "-" && k != reflect.Slice && (k != reflect.Struct || f.Type == timeType) {
			out = append(out, tag)
		}
	}
	return out
}

// meta is what every noun carries beside its fields.
type meta struct {
	Typename string            `json:"__typename"`
	ID       registry.ID       `json:"id"`
	Kind     registry.Kind     `json:"kind"`
	Revision int               `json:"revision"`
	Deleted  bool              `json:"deleted"`
	DataRole registry.DataRole `json:"dataRole"`
}

// noun decodes one noun; nil for null and for a type that is not read here. Its
// fields are those of the field table, which its JSON tags name. Fields that the
// caller may not see are empty.
func noun(raw json.RawMessage) (registry.Node, error) {
	var m meta
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	known := registry.NounNamed(m.Typename)
	if known == nil {
		return nil, nil
	}
	n := known.Kind.NewNoun("")
	if n == nil { // A log entry is no node.
		return nil, nil
	}
	if err := json.Unmarshal(raw, n); err != nil {
		return nil, err
	}
	if s, ok := n.(*registry.DatasetVersion); ok {
		s.Role = m.DataRole
	}
	if m.Kind == "" {
		m.Kind = m.ID.Kind()
	}
	from, to := validity(n, known)
	*n.NodeMeta() = registry.Meta{ID: m.ID, Kind: m.Kind, Revision: m.Revision, Deleted: m.Deleted, Mask: registry.AllFields, ValidFrom: from, ValidTo: to}
	return n, nil
}

// validity returns since when and until when a noun is true in the world: the fields
// that the field table maps to the columns valid_from and ended.
func validity(n registry.Node, noun *registry.Noun) (from, to time.Time) {
	switch n := n.(type) {
	case *registry.Tag: // It has no end column: the end of a tag is not filtered by.
		return n.TaggedAt, n.MovedAt
	case *registry.Transition:
		return n.At, to
	}
	v := reflect.ValueOf(n).Elem()
	for _, f := range noun.Fields {
		if f.Column == registry.IndexValidFrom {
			from, _ = fieldNamed(v, f.Name).(time.Time)
		} else if f.Column == registry.IndexEnded {
			to, _ = fieldNamed(v, f.Name).(time.Time)
		}
	}
	return from, to
}

// fieldNamed returns the value of the field of a struct that JSON calls by a name, nil
// when there is none.
func fieldNamed(v reflect.Value, name string) any {
	for i := range v.NumField() {
		if tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); tag == name {
			return v.Field(i).Interface()
		}
	}
	return nil
}

// of is a noun of one type in an answer; its Noun is nil for null.
type of[N registry.Node] struct{ Noun N }

// UnmarshalJSON reads a noun, and nothing for one of another type.
func (o *of[N]) UnmarshalJSON(raw []byte) error {
	n, err := noun(raw)
	o.Noun, _ = n.(N)
	return err
}

// list is a connection of nouns in an answer.
type list[N registry.Node] struct {
	Edges []struct {
		Cursor string
		Node   of[N]
	}
	PageInfo core.PageInfo
}

// errHiddenList is the error for a list that is hidden from the caller.
var errHiddenList = registry.Errorf(registry.Forbidden, "you may not see a list that this needs; ask an administrator for a role that may")

// connection turns a list into a page of the service. FORBIDDEN when the list is
// hidden from the caller: an empty page would be read as that there is nothing.
func connection[N registry.Node, E any](l *list[N], edge func(cursor string, n N) E) (core.Connection[E], error) {
	out := core.Connection[E]{Edges: []E{}}
	if l == nil {
		return out, errHiddenList
	}
	out.PageInfo = l.PageInfo
	for _, e := range l.Edges {
		if any(e.Node.Noun) != any(*new(N)) {
			out.Edges = append(out.Edges, edge(e.Cursor, e.Node.Noun))
		}
	}
	return out, nil
}
