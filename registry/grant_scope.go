package registry

import "strings"

// ScopeAll is the scope of a grant that covers everything.
const ScopeAll = "*"

const (
	modelScopePrefix = "model:"
	tagScopePrefix   = "tag:"
)

// GrantScope is what a grant covers: everything, the model with a name, or the models with a
// tag; and what belongs to these models. The zero GrantScope covers everything.
type GrantScope struct {
	Model string
	Tag   KeyValue
}

// ParseGrantScope reads a scope: "*", "model:NAME" or "tag:KEY=VALUE". Anything else is
// INVALID_ARGUMENT and covers nothing.
func ParseGrantScope(text string) (GrantScope, error) {
	if text == ScopeAll {
		return GrantScope{}, nil
	}
	if name, ok := strings.CutPrefix(text, modelScopePrefix); ok && name != "" {
		return GrantScope{Model: name}, nil
	}
	if tag, ok := strings.CutPrefix(text, tagScopePrefix); ok {
		if key, value, ok := strings.Cut(tag, "="); ok && key != "" {
			return GrantScope{Tag: KeyValue{Key: key, Value: value}}, nil
		}
	}
	return GrantScope{}, Invalid("scope", "%q is no scope; write * for everything, model:NAME for one model, or tag:KEY=VALUE for the models with a tag", Shorten(text, 100))
}

// All reports whether the scope covers everything.
func (s GrantScope) All() bool { return s == GrantScope{} }

// String writes the scope as ParseGrantScope reads it.
func (s GrantScope) String() string {
	switch {
	case s.Model != "":
		return modelScopePrefix + s.Model
	case s.Tag.Key != "":
		return tagScopePrefix + s.Tag.Key + "=" + s.Tag.Value
	}
	return ScopeAll
}
