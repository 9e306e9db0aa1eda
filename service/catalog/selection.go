package catalog

import (
	"cmp"
	"slices"
	"strings"

	"pedigree/policies"
	"pedigree/registry"
)

// Selection selects models or versions by conditions that must all hold, in an order, one page
// at a time. It is for other systems' query languages: a list of GraphQL reads an index for each
// of its filters and orders, and a selection may look through a whole kind. It then ends with an
// error at a limit, and never with a part of its matches as if they were all.
type Selection struct {
	Where []Condition
	// Orders are what to sort by, the first first. Ties are sorted by name, and versions of one
	// model by their number, highest first.
	Orders []SelectionOrder
	// Size is the page size. After is the Next of the page before.
	Size  int
	After string
}

// SelectionOrder is one key of an order.
type SelectionOrder struct {
	By   Subject
	Desc bool
}

// The limits of a selection: the page sizes, and how many nodes it looks through.
const (
	MaxSelectedModels   = 1000
	MaxSelectedVersions = 200_000
	maxLookedThrough    = 200_000
	selectionBatch      = 1000
)

// check checks a selection of a noun and prepares its conditions.
func (s *Selection) check(noun string, most int, scope *policies.Scope) error {
	if s.Size < 1 || s.Size > most {
		return registry.Invalid("max_results", "must be 1 to %d, not %d", most, s.Size)
	}
	if len(s.Where) > maxConditions {
		return registry.Invalid("filter", "has more than %d conditions", maxConditions)
	}
	for i := range s.Where {
		c := &s.Where[i]
		if err := c.prepare(); err != nil {
			return err
		}
		if c.Of == OfTag && !c.OrAbsent && !scope.Sees(noun, "tags") {
			return registry.Errorf(registry.Forbidden, "you may not filter by tags, which you cannot see")
		}
		if c.Of == OfSource && !scope.Sees("Artifact", "uri") {
			return registry.Errorf(registry.Forbidden, "you may not filter by the source, which you cannot see")
		}
	}
	return nil
}

// of returns the conditions on a subject.
func (s *Selection) of(subject Subject) (out []*Condition) {
	for i := range s.Where {
		if s.Where[i].Of == subject {
			out = append(out, &s.Where[i])
		}
	}
	return out
}

// names returns the only names that can match, and false where the conditions do not name them.
func (s *Selection) names() ([]string, bool) {
	for _, c := range s.of(OfName) {
		if c.Compare == Equal || c.Compare == OneOf {
			out := slices.Clone(c.Values)
			slices.Sort(out)
			return slices.Compact(out), true
		}
	}
	return nil, false
}

// selected is what a match is sorted by, and the match itself while it is kept.
type selected[N any] struct {
	Name    string
	Number  int
	Created int64
	Updated int64
	ID      registry.ID
	noun    N
}

// compareSelected compares matches in an order of a selection.
func compareSelected[N any](orders []SelectionOrder, a, b *selected[N]) int {
	for _, o := range orders {
		c := 0
		switch o.By {
		case OfName:
			c = strings.Compare(a.Name, b.Name)
		case OfNumber:
			c = cmp.Compare(a.Number, b.Number)
		case OfCreated:
			c = cmp.Compare(a.Created, b.Created)
		case OfUpdated:
			c = cmp.Compare(a.Updated, b.Updated)
		}
		if o.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(b.Number, a.Number), strings.Compare(string(a.ID), string(b.ID)))
}

// tooMany is the refusal of a selection that looks through too much. It is no RESOURCE_EXHAUSTED:
// the same question later is as large.
func tooMany(what string) error {
	return registry.Errorf(registry.InvalidArgument, "there are more than %d %s to look through; name the models, as in name = 'M'", maxLookedThrough, what)
}

// pageOf sorts matches and returns the page after a key, and the key of its last match where
// more follow.
func pageOf[N any](orders []SelectionOrder, all []selected[N], after *selected[N], size int) (page []selected[N], last *selected[N]) {
	slices.SortFunc(all, func(a, b selected[N]) int { return compareSelected(orders, &a, &b) })
	if after != nil {
		i, found := slices.BinarySearchFunc(all, after, func(a selected[N], b *selected[N]) int { return compareSelected(orders, &a, b) })
		if found {
			i++
		}
		all = all[i:]
	}
	if len(all) <= size {
		return all, nil
	}
	return all[:size], &all[size-1]
}
