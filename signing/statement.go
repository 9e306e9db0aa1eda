package signing

import (
	"encoding/json"
	"slices"
)

// statementType is the type of an in-toto statement; the old one is that of v0.1.
const (
	statementType    = "https://in-toto.io/Statement/v1"
	oldStatementType = "https://in-toto.io/Statement/v0.1"
)

// Subject is something that a statement is about.
type Subject struct {
	Name   string
	Digest map[string]string
}

// statement is an in-toto statement.
type statement struct {
	kind, predicateType string
	subjects            []Subject
	predicate           object
}

// object are the members of a JSON object by their exact names. encoding/json would fill a struct
// from members in another case too, which other readers of a bundle do not see.
type object map[string]json.RawMessage

// text returns a member that is a string; "" when it is absent.
func (o object) text(name string) (s string, ok bool) {
	if o[name] == nil {
		return "", true
	}
	return s, json.Unmarshal(o[name], &s) == nil
}

// object returns a member that is an object; nil when it is absent.
func (o object) object(name string) (out object, ok bool) {
	if o[name] == nil {
		return nil, true
	}
	return out, json.Unmarshal(o[name], &out) == nil
}

// objects returns a member that is a list of objects.
func (o object) objects(name string) (out []object, ok bool) {
	if o[name] == nil {
		return nil, true
	}
	return out, json.Unmarshal(o[name], &out) == nil
}

// texts returns a member that is a list of strings.
func (o object) texts(name string) (out []string, ok bool) {
	if o[name] == nil {
		return nil, true
	}
	return out, json.Unmarshal(o[name], &out) == nil
}

// digests returns a member that is an object of strings.
func (o object) digests(name string) (out map[string]string, ok bool) {
	if o[name] == nil {
		return nil, true
	}
	return out, json.Unmarshal(o[name], &out) == nil
}

// parseStatement reads a statement of one of some types.
func parseStatement(payload []byte, kinds ...string) (*statement, error) {
	malformed := refuse(Malformed, "the bundle holds no in-toto statement")
	var o object
	if json.Unmarshal(payload, &o) != nil {
		return nil, malformed
	}
	s := &statement{}
	var ok [4]bool
	s.kind, ok[0] = o.text("_type")
	s.predicateType, ok[1] = o.text("predicateType")
	s.predicate, ok[2] = o.object("predicate")
	subjects, read := o.objects("subject")
	if ok[3] = read; slices.Contains(ok[:], false) || !slices.Contains(kinds, s.kind) || s.predicate == nil {
		return nil, malformed
	}
	if len(subjects) > MaxFiles {
		return nil, refuse(TooLarge, "the statement is about more than %d things", MaxFiles)
	}
	for _, one := range subjects {
		name, ok1 := one.text("name")
		digest, ok2 := one.digests("digest")
		if !ok1 || !ok2 {
			return nil, malformed
		}
		s.subjects = append(s.subjects, Subject{name, digest})
	}
	return s, nil
}
