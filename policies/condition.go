package policies

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"pedigree/registry"
)

// Condition is one term of the conditions of a rule: the rule holds only where the key has one
// of the values.
type Condition struct {
	Key    ConditionKey
	Values []string
}

// ConditionKey says what a term of a condition is about.
type ConditionKey string

// The keys of conditions. They are written in lower case in a policy file.
const (
	// ConditionTo is the stage that a transition leads to.
	ConditionTo ConditionKey = "TO"
	// ConditionAlias is the name of the alias that is set or deleted.
	ConditionAlias ConditionKey = "ALIAS"
	// ConditionKind is the kind of the objects that are read.
	ConditionKind ConditionKey = "KIND"
	// ConditionOwner is the owner of the model, ConditionTag a tag KEY=VALUE of it.
	ConditionOwner ConditionKey = "OWNER"
	ConditionTag   ConditionKey = "TAG"
)

// conditions are all terms of a rule. All must hold; of a term, one value.
type conditions struct {
	text    string // canonical; two equal texts are the same conditions
	stages  []registry.Stage
	aliases []string
	kinds   []registry.Kind
	owners  []string
	tags    []registry.KeyValue
}

// unconditional is what a rule without conditions has.
var unconditional = &conditions{}

// ofTarget reports whether the terms about a stage and an alias allow a target.
func (c *conditions) ofTarget(t Target) bool {
	return (c.stages == nil || slices.Contains(c.stages, t.Stage)) && (c.aliases == nil || slices.Contains(c.aliases, t.Alias))
}

// ofNoun reports whether the term about kinds allows a noun.
func (c *conditions) ofNoun(n *registry.Noun) bool {
	return c.kinds == nil || slices.Contains(c.kinds, n.Kind)
}

// ofModels reports whether the conditions depend on the model of a row.
func (c *conditions) ofModels() bool { return c.owners != nil || c.tags != nil }

// valueEscapes are the characters that separate parts of a rule or end it.
var valueEscapes = strings.NewReplacer("%", "%25", ",", "%2C", ";", "%3B", "|", "%7C", " ", "%20", "\t", "%09", "#", "%23")

// writeConditions returns the canonical text of conditions, such as owner=ada;to=CANARY|STAGING.
func writeConditions(terms []Condition) string {
	terms = slices.Clone(terms)
	slices.SortFunc(terms, func(a, b Condition) int { return cmp.Compare(a.Key, b.Key) })
	var parts []string
	for _, t := range terms {
		values := slices.Clone(t.Values)
		slices.Sort(values)
		for i, v := range values {
			values[i] = valueEscapes.Replace(v)
		}
		parts = append(parts, strings.ToLower(string(t.Key))+"="+strings.Join(slices.Compact(values), "|"))
	}
	return strings.Join(parts, ";")
}

// splitConditions reads the text of conditions into terms. INVALID_ARGUMENT when it is no such
// text; it does not check the values.
func splitConditions(text string) (terms []Condition, err error) {
	if text == "" {
		return nil, nil
	}
	for _, part := range strings.Split(text, ";") {
		key, list, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return nil, registry.Invalid("conditions", "%q is no condition; write key=value, with | between alternatives and ; between conditions", part)
		}
		t := Condition{Key: ConditionKey(strings.ToUpper(strings.TrimSpace(key)))}
		for _, v := range strings.Split(list, "|") {
			if v, err = url.PathUnescape(strings.TrimSpace(v)); err != nil {
				return nil, registry.Invalid("conditions", "%q has a percent sign that is no escape; write %%25", part)
			}
			t.Values = append(t.Values, v)
		}
		terms = append(terms, t)
	}
	return terms, nil
}

// parseConditions reads and checks the text of conditions.
func parseConditions(text string) (*conditions, error) {
	terms, err := splitConditions(text)
	if err != nil || len(terms) == 0 {
		return unconditional, err
	}
	c := &conditions{text: writeConditions(terms)}
	seen := map[ConditionKey]bool{}
	for _, t := range terms {
		if seen[t.Key] {
			return nil, registry.Invalid("conditions", "%s is given twice; write its alternatives with |", strings.ToLower(string(t.Key)))
		}
		seen[t.Key] = true
		for _, v := range t.Values {
			if err := c.add(t.Key, v); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// add adds an alternative to the term of a key.
func (c *conditions) add(key ConditionKey, value string) error {
	if err := registry.CheckKey("conditions", value); err != nil {
		return err
	}
	switch key {
	case ConditionTo:
		stage := registry.Stage(value)
		if !slices.Contains(registry.Stages(), stage) {
			return registry.Invalid("conditions", "%q is no stage; use one of %v", value, registry.Stages())
		}
		c.stages = append(c.stages, stage)
	case ConditionAlias:
		c.aliases = append(c.aliases, value)
	case ConditionKind:
		kind := registry.Kind(value)
		if registry.NounOf(kind) == nil {
			return registry.Invalid("conditions", "%q is no kind that can be read, such as MODEL, MODEL_VERSION or RUN", value)
		}
		c.kinds = append(c.kinds, kind)
	case ConditionOwner:
		c.owners = append(c.owners, value)
	case ConditionTag:
		k, v, ok := strings.Cut(value, "=")
		if !ok || k == "" {
			return registry.Invalid("conditions", "%q is no tag; write tag=KEY=VALUE", value)
		}
		c.tags = append(c.tags, registry.KeyValue{Key: k, Value: v})
	default:
		return registry.Invalid("conditions", "%q is no condition; use to, alias, kind, owner or tag", strings.ToLower(string(key)))
	}
	return nil
}

// stageActions and aliasActions are the actions to which the conditions to and alias apply.
var (
	stageActions = []registry.Action{registry.TransitionDo, registry.TransitionForce, registry.TransitionRequestDo, registry.TransitionApprove}
	aliasActions = []registry.Action{registry.AliasSet, registry.AliasSetProtected, registry.AliasDelete}
)

// problem says why the conditions do not fit an object, "" when they do. A condition that
// nothing checks would allow more than it says.
func (c *conditions) problem(object, act string) string {
	switch {
	case c.stages != nil && !slices.Contains(stageActions, registry.Action(object)):
		return "the condition to is about a transition: it fits transition, transition.force and transition.request"
	case c.aliases != nil && !slices.Contains(aliasActions, registry.Action(object)):
		return "the condition alias is about an alias: it fits alias.set, alias.set.protected and alias.delete"
	case c.kinds != nil && act != "read":
		return "the condition kind is about what is read; an action names its kind itself"
	case c.ofModels() && act == "do" && registry.Action(object) == registry.AccessManage:
		return "access.manage is over everything or over the scope of a grant; give the role in a narrower scope instead"
	}
	return ""
}
