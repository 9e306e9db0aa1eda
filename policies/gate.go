package policies

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// Gate holds the store and the policy. A use case gets a Scope to read from or a Tx to
// write in. There is no other way to the graph, so no use case can skip the check.
type Gate struct {
	store graph.Store
	// counters is nil for a store that keeps none; nothing is counted then.
	counters graph.Counters
	table    atomic.Pointer[Table]
	now      func() time.Time
	info     graph.Info
	// opaqueKey is the HMAC key of the ids that replace those of hidden nodes.
	opaqueKey []byte
	// tokenCache has the actor of a token, sessionCache that of a session, subjectCache the stored
	// grants of a subject, modelCache the model that a grant's scope
	// names, for identityTTL. Every write of this gate clears both.
	tokenCache   ttlCache[bearer]
	sessionCache ttlCache[browser]
	subjectCache ttlCache[[]registry.Grant]
	modelCache   ttlCache[*modelSet]
	tokenUses    tokenUses
	usage        usage
	watch        logWatch
	// models finds the models with a tag or an owner.
	models modelIndex
	// policy follows the policy in the store.
	policy policyFollower
	// newestHead is the newest state that an answer has named.
	newestHead atomic.Pointer[Head]
	// visibilityBudget is how many neighbors rowVisibility may read per request.
	visibilityBudget int
}

// NewGate reads the identity of the store and returns a gate for it. now is the clock
// of everything that is recorded; nil means the system clock.
func NewGate(ctx context.Context, store graph.Store, table *Table, now func() time.Time) (*Gate, error) {
	info, err := store.Ping(ctx)
	if err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	g := &Gate{store: store, counters: graph.CountersOf(store), now: now, info: info, visibilityBudget: defaultVisibilityBudget}
	g.opaqueKey = g.Key("opaque ids")
	g.usage.full = make(chan struct{}, 1)
	g.table.Store(table)
	g.policy.file = table
	return g, g.followPolicy(ctx)
}

// Now returns the time in UTC and whole microseconds, the precision of the stores.
func (g *Gate) Now() time.Time { return g.now().UTC().Truncate(time.Microsecond) }

// rememberHead stores a state when it is the newest, and returns it.
func (g *Gate) rememberHead(h Head) Head {
	for {
		old := g.newestHead.Load()
		if old != nil && old.Seq >= h.Seq || g.newestHead.CompareAndSwap(old, &h) {
			return h
		}
	}
}

// SetVisibilityBudget sets how many edges one request may follow to find out which rows a
// restricted caller sees. Rows that are undecided then stay hidden. Call it before the
// first request.
func (g *Gate) SetVisibilityBudget(edges int) { g.visibilityBudget = edges }

// Policy returns the policy in force.
func (g *Gate) Policy() *Table { return g.table.Load() }

// Ping reports whether the store answers. It needs no identity: /readyz calls it.
func (g *Gate) Ping(ctx context.Context) error {
	_, err := g.store.Ping(ctx)
	return err
}

// Key derives a 32-byte key for one purpose from the store's secret (HKDF, RFC 5869).
// All servers of a store derive the same key.
func (g *Gate) Key(purpose string) []byte {
	k, err := hkdf.Key(sha256.New, g.info.Secret, nil, "pedigree "+purpose, 32)
	if err != nil {
		panic("policies: hkdf: " + err.Error())
	}
	return k
}

// identity is the actor of one request, and the scope that its first use makes.
type identity struct {
	actor     registry.Actor
	requestID string
	mu        sync.Mutex
	scope     *Scope
	err       error
}

type identityKey struct{}

// As puts an actor into the context; every call with it acts as that subject.
func As(ctx context.Context, actor registry.Actor, requestID string) context.Context {
	return context.WithValue(ctx, identityKey{}, &identity{actor: actor, requestID: requestID})
}

// RequestID returns the id of the request of a context, "" when there is none.
func RequestID(ctx context.Context) string {
	if id, ok := ctx.Value(identityKey{}).(*identity); ok {
		return id.requestID
	}
	return ""
}

// Read returns the scope of the context's actor when it may do an action:
// UNAUTHENTICATED without an identity, FORBIDDEN without a grant that allows it.
func (g *Gate) Read(ctx context.Context, action registry.Action) (*Scope, error) {
	s, err := g.scope(ctx)
	if err != nil {
		return nil, err
	}
	if !s.May(action) {
		return nil, s.forbidden(action)
	}
	return s, nil
}

// Write runs fn in one transaction when the actor may do the action. fn may run
// more than once.
func (g *Gate) Write(ctx context.Context, action registry.Action, fn func(context.Context, *Tx) error) error {
	return g.WriteAny(ctx, []registry.Action{action}, fn)
}

// WriteAny is Write for a change that each of several actions allows, such as a transition and
// the request for one. fn must ask Tx.MayOn which of them the actor may do where.
func (g *Gate) WriteAny(ctx context.Context, actions []registry.Action, fn func(context.Context, *Tx) error) error {
	return g.write(ctx, graph.MayRehearse(ctx), actions, fn)
}

// WriteCombined is Write for a change of many small steps. Its writes are buffered and combined
// into fewer store calls (see bufferedTx), so a step may get the error of one before it.
func (g *Gate) WriteCombined(ctx context.Context, action registry.Action, fn func(context.Context, *Tx) error) error {
	return g.write(ctx, graph.MayRehearse(ctx), []registry.Action{action}, func(ctx context.Context, t *Tx) error {
		u := newBufferedTx(t.tx)
		t.tx, t.scope = u, t.scope.withReader(u)
		err := fn(ctx, t)
		if err == nil {
			err = u.flush(ctx)
		}
		if u.newest != nil { // It has its sequence only now.
			*t.logged = *u.newest
		}
		_, err = StepOf(err, 0)
		return err
	})
}

// WriteOutside is Write for a change that also acts outside of the store. fn may run more than
// once, and always with the lock of the writer and on what is there: no store rehearses it.
func (g *Gate) WriteOutside(ctx context.Context, action registry.Action, fn func(context.Context, *Tx) error) error {
	return g.write(ctx, ctx, []registry.Action{action}, fn)
}

// write runs fn in one transaction of a context of the store.
func (g *Gate) write(ctx, storeContext context.Context, actions []registry.Action, fn func(context.Context, *Tx) error) error {
	s, grants, err := g.grantsOf(ctx, actions...)
	if err != nil {
		return err
	}
	var last *Tx // that of the last run
	err = g.store.Update(storeContext, func(tx graph.Tx) error {
		// Visibility is computed anew from the reads of this transaction.
		t, err := newTx(ctx, g, s, tx, grants)
		if err != nil {
			return err
		}
		last = t
		return fn(ctx, t)
	})
	if err != nil || last == nil { // What failed may be committed.
		g.clearIdentities()
		return err
	}
	g.forgetWritten(last.wrote)
	g.watch.tell()
	if last.policy != nil {
		g.adopt(last.policy)
	}
	g.policy.skip(last.head, last.logged.Seq)
	if last.policy != nil || len(last.registered) > 0 {
		resetScope(ctx)
	}
	return nil
}

// grantsOf returns the caller's scope and grants for actions: FORBIDDEN when there are none.
func (g *Gate) grantsOf(ctx context.Context, actions ...registry.Action) (s *Scope, grants []actionGrant, err error) {
	if s, err = g.scope(ctx); err != nil {
		return nil, nil, err
	}
	for _, a := range actions {
		grants = append(grants, s.grantsFor(a)...)
	}
	if len(grants) == 0 {
		return nil, nil, s.forbidden(actions[0])
	}
	return s, grants, nil
}

// forgetWritten drops the cached identities that a write may have made wrong.
func (g *Gate) forgetWritten(w *cachedWrites) {
	if w.tokens {
		g.tokenCache.clear()
		g.sessionCache.clear()
		g.subjectCache.clear()
	}
	if w.models {
		g.modelCache.clear()
	}
}

// clearIdentities makes the gate read identities anew, after a write that may have
// changed them.
func (g *Gate) clearIdentities() {
	g.tokenCache.clear()
	g.sessionCache.clear()
	g.subjectCache.clear()
	g.modelCache.clear()
}

func (g *Gate) scope(ctx context.Context) (*Scope, error) {
	id, ok := ctx.Value(identityKey{}).(*identity)
	if !ok {
		return nil, registry.Errorf(registry.Unauthenticated, "this needs a token: send the header Authorization: Bearer TOKEN")
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.scope == nil && id.err == nil {
		if id.err = g.followPolicy(ctx); id.err == nil {
			id.scope, id.err = newScope(ctx, g, countedReader{g.store, g}, id)
		}
	}
	return id.scope, id.err
}

// resetScope makes the next use of the identity of a context resolve its grants anew, after a
// write that changed what they cover.
func resetScope(ctx context.Context) {
	id, _ := ctx.Value(identityKey{}).(*identity)
	id.mu.Lock()
	defer id.mu.Unlock()
	id.scope = nil
}
