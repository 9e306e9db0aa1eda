package kubeflow

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// Order is what a list is sorted by.
type Order string

// The orders.
const (
	ByID      Order = "ID"
	ByCreated Order = "CREATE_TIME"
	ByUpdated Order = "LAST_UPDATE_TIME"
)

// ListQuery selects objects, one page at a time.
type ListQuery struct {
	// Type is the type of the objects; AnyArtifact stands for all of Types, or of all artifacts.
	Type  Type
	Types []Type
	// Parent is the number of the object of ParentType that contains them, 0 for all.
	Parent     int64
	ParentType Type
	Size       int
	Order      Order
	Desc       bool
	// After is the Next of the page before.
	After string
	Where *Condition
}

// Page is one page. Next is the start of the next page, "" on the last.
type Page struct {
	Objects []*Object
	Next    string
}

// The limits of a list: its page, how many nodes it looks through for one, and how many it sorts
// by a time for which there is no index.
const (
	MaxPage          = 1000
	maxLookedThrough = 20_000
	listBatch        = 1000
)

// tooMany is the refusal of a list that looks through too much.
var tooMany = registry.Errorf(registry.InvalidArgument, "there are more than %d objects to look through; filter by name = 'N', list what one parent has, or order by ID or CREATE_TIME", maxLookedThrough)

// item is an object of a list with its place.
type item struct {
	Value  int64
	ID     registry.ID
	object *Object
}

func (q *ListQuery) compare(a, b item) int {
	c := cmp.Or(cmp.Compare(a.Value, b.Value), strings.Compare(string(a.ID), string(b.ID)))
	if q.Desc {
		return -c
	}
	return c
}

// binding is what a token is bound to beside its caller.
func (q *ListQuery) binding() []any {
	where, _ := json.Marshal(q.Where)
	return []any{"kubeflow", q.Type, q.Types, q.Parent, q.Order, q.Desc, string(where)}
}

// KubeflowList returns one page of objects. The orders ID and CREATE_TIME are read from an index,
// up to the end of the page; the order LAST_UPDATE_TIME and a filter that matches little look
// through what there is, up to a limit at which they are refused.
func (k *Kubeflow) KubeflowList(ctx context.Context, q ListQuery) (*Page, error) {
	scope, err := k.read(ctx)
	if err != nil {
		return nil, err
	}
	if q.Size < 1 || q.Size > MaxPage {
		return nil, registry.Invalid("pageSize", "must be 0 to %d, not %d", MaxPage, q.Size)
	}
	if q.Where != nil {
		if _, err := q.Where.prepare(); err != nil {
			return nil, err
		}
	}
	if err := q.Where.check(q.Type, scope); err != nil {
		return nil, err
	}
	var after *item
	if q.After != "" {
		after = &item{}
		if err := k.core.OpenCursor(scope.Actor().Subject, q.binding(), q.After, after); err != nil {
			return nil, registry.Invalid("nextPageToken", "is not one of this list and this caller")
		}
	}
	sources, err := k.sourcesOf(ctx, &q)
	if err != nil {
		return nil, err
	}
	var all []item
	l := lister{k, scope, &q, 0}
	for _, source := range sources {
		found, err := l.collect(ctx, source, after)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, q.compare)
	if q.Order == ByUpdated && after != nil {
		i, found := slices.BinarySearchFunc(all, *after, q.compare)
		if found {
			i++
		}
		all = all[i:]
	}
	out := &Page{}
	if len(all) > q.Size {
		all = all[:q.Size]
		out.Next = k.core.SealCursor(scope.Actor().Subject, q.binding(), all[q.Size-1])
	}
	for _, x := range all {
		out.Objects = append(out.Objects, x.object)
	}
	return out, nil
}

// sourcesOf returns the queries that find the objects of a list.
func (k *Kubeflow) sourcesOf(ctx context.Context, q *ListQuery) (out []graph.Query, err error) {
	parent, err := k.parentOf(ctx, q)
	if err != nil {
		return nil, err
	}
	names, named := q.Where.exactNames()
	for _, kind := range kindsOf(q.Type) {
		source := graph.Query{Kinds: []registry.Kind{kind}, Order: registry.IndexSerial, Desc: q.Desc}
		if q.Order == ByCreated && (kind == registry.KindModel || kind == registry.KindModelVersion) { // The others have numbers in the order of their creation.
			source.Order = registry.IndexValidFrom
		}
		switch {
		case kind == registry.KindModel && named:
			for _, name := range names {
				source.Slots = append(source.Slots, registry.ModelNameSlot(name))
			}
			if len(names) == 0 {
				continue
			}
		case kind == registry.KindModelVersion && parent != "" && q.Order != ByCreated:
			source.Order = registry.IndexNumber // It grows as the number in the store does.
		case kind == registry.KindForeign:
			source.Where = []graph.Predicate{{Column: registry.IndexNamespace, Op: graph.In, Values: q.recordTypes()}}
		}
		if parent != "" {
			source.Parents = []registry.ID{parent}
		}
		out = append(out, source)
	}
	return out, nil
}

// recordTypes are the types of records in a list.
func (q *ListQuery) recordTypes() (out []any) {
	types := q.Types
	if len(types) == 0 {
		types = []Type{q.Type}
		if q.Type == AnyArtifact {
			types = ArtifactTypes()
		}
	}
	for _, t := range types {
		out = append(out, string(t))
	}
	return out
}

// parentOf returns the node that contains the objects of a list, "" for none.
func (k *Kubeflow) parentOf(ctx context.Context, q *ListQuery) (registry.ID, error) {
	if q.Parent == 0 {
		return "", nil
	}
	switch q.ParentType {
	case RegisteredModel:
		m, err := k.modelNumbered(ctx, q.Parent)
		if err != nil {
			return "", err
		}
		return m.ID, nil
	case ModelVersion:
		v, err := k.versionNumbered(ctx, q.Parent)
		if err != nil {
			return "", err
		}
		return v.ID, nil
	}
	r, err := k.recordNumbered(ctx, q.Parent, q.ParentType)
	if err != nil {
		return "", err
	}
	return r.id, nil
}

// lister looks through the nodes of a list.
type lister struct {
	k      *Kubeflow
	scope  *policies.Scope
	query  *ListQuery
	looked int
}

// collect returns the objects of a source that match: those of one page after a place, and one
// more; in the order of the last update, all.
func (l *lister) collect(ctx context.Context, source graph.Query, after *item) (out []item, err error) {
	whole := l.query.Order == ByUpdated
	source.Limit = min(l.query.Size+1, listBatch)
	if whole || l.query.Where != nil {
		source.Limit = listBatch
	}
	if after != nil && !whole {
		source.After = &graph.Key{Value: after.Value, ID: after.ID}
	}
	for {
		page, err := find(ctx, l.scope, source)
		if err != nil {
			return nil, err
		}
		objects, err := l.k.objectsOf(ctx, l.scope, page.Nodes)
		if err != nil {
			return nil, err
		}
		for i, o := range objects {
			if o == nil || !l.wanted(o) || !l.query.Where.holds(o) {
				continue
			}
			value, _ := policies.KeyOf(page.Nodes[i], source.Order).Value.(int64)
			if whole {
				value = o.Updated.UnixMicro()
			}
			out = append(out, item{value, page.Nodes[i].ID, o})
		}
		if !page.More || !whole && len(out) > l.query.Size {
			return out, nil
		}
		if l.looked += len(page.Nodes); l.looked > maxLookedThrough {
			return nil, tooMany
		}
		source.After, source.Limit = policies.KeyOf(page.Nodes[len(page.Nodes)-1], source.Order), listBatch
	}
}

// wanted reports whether an object has a type of the list.
func (l *lister) wanted(o *Object) bool {
	q := l.query
	switch {
	case len(q.Types) > 0:
		return slices.Contains(q.Types, o.Type)
	case q.Type == AnyArtifact:
		return o.Type.IsArtifact()
	}
	return o.Type == q.Type
}
