package core

import (
	"context"
	"reflect"
	"slices"
	"sync"

	"pedigree/graph"
	"pedigree/registry"
)

// Objects that one read brought are siblings: the models of a page, the versions of all models
// of a page. A client that selects a field of one of them selects it of all. So the first
// resolver that needs the field reads it for all siblings in one store call, and the others
// wait for that call. What was read for all siblings are siblings again, so a query of N
// levels costs N calls, however many objects it has. No clock is involved: an object that was
// read alone is a group of one, and its fields are read at once.

// maxGroup is the largest number of objects in a group, and of ids in one store call. A longer
// list forms several groups.
const maxGroup = 1000

// loaders know the groups of siblings of one request.
type loaders struct {
	mu sync.Mutex
	// unplaced are lists of siblings that have no places yet. Most lists never need them.
	unplaced [][]any
	places   map[any]place
}

// place is the position of an object in its group.
type place struct {
	group *group
	index int
}

// group has siblings of one type, and what was loaded for all of them, by field.
type group struct {
	objects []any
	mu      sync.Mutex
	loads   map[any]*load
}

// load is one read for a group. After done is closed, it has a value for each object or an
// error.
type load struct {
	done   chan struct{}
	values any // []V
	err    error
	// abandoned is true when the caller that ran the load was cancelled; another one runs it
	// again.
	abandoned bool
}

type loadersKey struct{}

// WithLoaders returns a context with loaders of its own, for one request: its reads share a
// graph.Moment. Without loaders, each object is read by itself.
func (c *Core) WithLoaders(ctx context.Context) context.Context {
	ctx = graph.WithMoment(ctx)
	if c.unbatched {
		return ctx
	}
	return context.WithValue(ctx, loadersKey{}, &loaders{places: map[any]place{}})
}

func loadersOf(ctx context.Context) (*loaders, bool) {
	l, ok := ctx.Value(loadersKey{}).(*loaders)
	return l, ok
}

// ClearLoaders forgets all groups and what was loaded for them, so that reads after a write see
// the write.
func ClearLoaders(ctx context.Context) {
	if l, ok := loadersOf(ctx); ok {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.unplaced, l.places = nil, map[any]place{}
	}
}

// Siblings makes the objects of lists siblings of each other, as far as they have the same
// type. The objects are pointers that were read at one instant. Those that have siblings
// already keep them.
func Siblings[O any](ctx context.Context, lists ...[]O) {
	l, ok := loadersOf(ctx)
	if !ok {
		return
	}
	count := 0
	for _, list := range lists {
		count += len(list)
	}
	objects := make([]any, 0, count)
	for _, list := range lists {
		for _, o := range list {
			objects = append(objects, o)
			// The evidence of a request has a field that is read; the requests' evidences are siblings too.
			if r, ok := any(o).(*registry.TransitionRequest); ok && r != nil && r.Evidence != nil {
				objects = append(objects, r.Evidence)
			}
		}
	}
	if len(objects) > 1 {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.unplaced = append(l.unplaced, objects)
	}
}

// placeOf returns the place of an object; one without siblings gets a group of its own.
func (l *loaders) placeOf(object any) place {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.places) == 0 && len(l.unplaced) > 0 { // What a list has mostly has fields that are objects again.
		l.places = make(map[any]place, 4*len(l.unplaced[0]))
	}
	for _, objects := range l.unplaced {
		l.group(objects)
	}
	l.unplaced = nil
	if _, ok := l.places[object]; !ok {
		l.group([]any{object})
	}
	return l.places[object]
}

// group forms groups of those objects that are in no group yet, one for each type.
func (l *loaders) group(objects []any) {
	var forming []*group
	for _, o := range objects {
		if v := reflect.ValueOf(o); !v.IsValid() || v.IsNil() || l.places[o].group != nil {
			continue // It has no fields, or comes twice.
		}
		t := reflect.TypeOf(o)
		at := slices.IndexFunc(forming, func(g *group) bool { return reflect.TypeOf(g.objects[0]) == t })
		switch {
		case at < 0:
			at, forming = len(forming), append(forming, &group{loads: map[any]*load{}})
		case len(forming[at].objects) == maxGroup:
			forming[at] = &group{loads: map[any]*load{}}
		}
		g := forming[at]
		l.places[o] = place{g, len(g.objects)}
		g.objects = append(g.objects, o)
	}
}

// Batch returns the value of a field of an object. The first caller runs fetch for the object
// and its siblings; it returns a value for each of them, in order. The others get theirs from
// it. field names the field and its arguments; it is a map key. The instant of the objects need
// not be in it.
func Batch[O comparable, V any](ctx context.Context, of O, field any, fetch func(context.Context, []O) ([]V, error)) (V, error) {
	var none V
	l, ok := loadersOf(ctx)
	if !ok {
		values, err := fetch(ctx, []O{of})
		if err != nil {
			return none, err
		}
		return values[0], nil
	}
	p := l.placeOf(of)
	values, err := p.group.load(ctx, field, func() (any, error) {
		all := make([]O, len(p.group.objects))
		for i, o := range p.group.objects {
			all[i] = o.(O)
		}
		return fetch(ctx, all)
	})
	if err != nil {
		return none, err
	}
	return values.([]V)[p.index], nil
}

// load returns the values of a field for all objects of the group. It runs fetch unless another
// caller has done so or is doing it.
func (g *group) load(ctx context.Context, field any, fetch func() (any, error)) (any, error) {
	for {
		g.mu.Lock()
		ld, ok := g.loads[field]
		if !ok {
			ld = &load{done: make(chan struct{})}
			g.loads[field] = ld
		}
		g.mu.Unlock()
		if !ok {
			g.run(ctx, field, ld, fetch)
			return ld.values, ld.err
		}
		select {
		case <-ld.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if !ld.abandoned {
			return ld.values, ld.err
		}
	}
}

// run runs a load. Whatever happens, those that wait for it go on: after a panic with an error,
// and after the cancellation of this caller, which is not theirs, with a load of their own.
func (g *group) run(ctx context.Context, field any, ld *load, fetch func() (any, error)) {
	ld.err = registry.Errorf(registry.Internal, "the read for a list of objects did not return")
	defer func() {
		if ld.err != nil && ctx.Err() != nil {
			ld.abandoned = true
			g.mu.Lock()
			delete(g.loads, field)
			g.mu.Unlock()
		}
		close(ld.done)
	}()
	ld.values, ld.err = fetch()
}
