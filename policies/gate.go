package policies

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// Gate holds the store and the policy. A use case asks it for a Scope to read
// from or a Tx to write in; there is no other way to the graph, so no use case
// can forget its check.
type Gate struct {
	store graph.Store
	table atomic.Pointer[Table]
	now   func() time.Time
	info  graph.Info
	// opaque is the key of the ids that stand for hidden nodes.
	opaqueKey []byte
	// bearers and models keep, for a moment, whose a token is and which model a
	// grant's scope names; an Update of this gate drops them.
	tokenCache ttlCache[bearer]
	modelCache ttlCache[registry.ID]
	// sightEnds is the budget of sight of one request.
	visibilityBudget int
}

// NewGate asks the store who it is and stands before it. now is the clock of
// everything that is recorded; nil is the system's.
func NewGate(ctx context.Context, store graph.Store, table *Table, now func() time.Time) (*Gate, error) {
	info, err := store.Ping(ctx)
	if err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	g := &Gate{store: store, now: now, info: info, visibilityBudget: defaultVisibilityBudget}
	g.opaqueKey = g.Key("opaque ids")
	g.table.Store(table)
	return g, nil
}

// Now returns the time, in UTC and whole microseconds, which is what stores keep.
func (g *Gate) Now() time.Time { return g.now().UTC().Truncate(time.Microsecond) }

// SightBudget sets how many edges one request may follow to find out what a
// restricted caller sees, before the first request. Beyond it the rest is hidden.
func (g *Gate) SightBudget(edges int) { g.visibilityBudget = edges }

// Policy returns the policy in force.
func (g *Gate) Policy() *Table { return g.table.Load() }

// Ping tells whether the store answers. It is open to all: /readyz asks it.
func (g *Gate) Ping(ctx context.Context) error {
	_, err := g.store.Ping(ctx)
	return err
}

// Key derives a 32-byte key for one purpose from the store's secret, so that all
// servers on a store agree (HKDF, RFC 5869).
func (g *Gate) Key(purpose string) []byte {
	k, err := hkdf.Key(sha256.New, g.info.Secret, nil, "pedigree "+purpose, 32)
	if err != nil {
		panic("policies: hkdf: " + err.Error())
	}
	return k
}

// identity is what one request carries: who asks, and the scope made for it.
type identity struct {
	actor     registry.Actor
	requestID string
	once      sync.Once
	scope     *Scope
	err       error
}

type identityKey struct{}

// As puts an actor into the context; everything under it acts as that subject.
func As(ctx context.Context, actor registry.Actor, requestID string) context.Context {
	return context.WithValue(ctx, identityKey{}, &identity{actor: actor, requestID: requestID})
}

// RequestID returns the id of the request of a context, "" outside of one.
func RequestID(ctx context.Context) string {
	if id, ok := ctx.Value(identityKey{}).(*identity); ok {
		return id.requestID
	}
	return ""
}

// Authenticate returns the actor that a bearer token names: UNAUTHENTICATED for
// one that is unknown, expired or revoked. What another server wrote is noticed
// within a second, what this one wrote at once.
func (g *Gate) Authenticate(ctx context.Context, token string) (registry.Actor, error) {
	if token == "" || len(token) > 512 {
		return registry.Actor{}, invalidToken()
	}
	sum := sha256.Sum256([]byte(token))
	b, err := g.tokenCache.get(string(sum[:]), func() (bearer, error) { return g.readBearer(ctx, registry.TokenID(hex.EncodeToString(sum[:]))) })
	if err != nil {
		return registry.Actor{}, err
	}
	if !b.token.RevokedAt.IsZero() || !b.token.ExpiresAt.IsZero() && !g.now().Before(b.token.ExpiresAt) {
		return registry.Actor{}, invalidToken()
	}
	return b.actor, nil
}

// bearer is a token and its actor.
type bearer struct {
	token registry.Token
	actor registry.Actor
}

func invalidToken() error {
	return registry.Errorf(registry.Unauthenticated, "the token is not valid; make one with: pedigree token create --subject NAME --role ROLE")
}

// bearer reads a token and its actor: UNAUTHENTICATED where one of them is not
// there.
func (g *Gate) readBearer(ctx context.Context, id registry.ID) (b bearer, err error) {
	nodes, err := g.store.Nodes(ctx, graph.Instant{}, id)
	if err != nil {
		return b, err
	}
	if !decodeNode(nodes[0], &b.token) {
		return b, invalidToken()
	}
	actors, err := g.store.Nodes(ctx, graph.Instant{}, registry.ActorID(b.token.Subject))
	if err != nil {
		return b, err
	}
	if !decodeNode(actors[0], &b.actor) {
		return b, invalidToken()
	}
	b.actor.ID = actors[0].ID
	return b, nil
}

// unpacked reads the document of a node that is there.
func decodeNode(n *graph.Node, into any) bool {
	return n != nil && !n.Deleted && json.Unmarshal(n.Doc, into) == nil
}

// Read asks whether the actor of the context may do an action and returns the
// scope through which it reads: UNAUTHENTICATED without an identity, FORBIDDEN
// without a grant that allows it.
func (g *Gate) Read(ctx context.Context, action registry.Action) (*Scope, error) {
	s, err := g.scope(ctx)
	if err != nil {
		return nil, err
	}
	if len(s.grantsFor(action)) == 0 {
		return nil, s.forbidden(action)
	}
	return s, nil
}

// Write runs fn in one transaction when the actor may do the action. fn may run
// more than once.
func (g *Gate) Write(ctx context.Context, action registry.Action, fn func(context.Context, *Tx) error) error {
	s, err := g.scope(ctx)
	if err != nil {
		return err
	}
	grants := s.grantsFor(action)
	if len(grants) == 0 {
		return s.forbidden(action)
	}
	defer g.tokenCache.clear()
	defer g.modelCache.clear()
	return g.store.Update(ctx, func(tx graph.Tx) error {
		// Sight is taken anew inside the transaction: what is read is what is decided on.
		return fn(ctx, newTx(g, s, tx, grants))
	})
}

func (g *Gate) scope(ctx context.Context) (*Scope, error) {
	id, ok := ctx.Value(identityKey{}).(*identity)
	if !ok {
		return nil, registry.Errorf(registry.Unauthenticated, "this needs a token: send the header Authorization: Bearer TOKEN")
	}
	id.once.Do(func() { id.scope, id.err = newScope(ctx, g, g.store, id) })
	return id.scope, id.err
}

// forbidden says which roles could do what the actor may not.
func (s *Scope) forbidden(action registry.Action) error {
	var could []string
	for _, r := range s.table.Roles() {
		if s.table.May(r, RowsAll, action) {
			could = append(could, r)
		}
	}
	return registry.Errorf(registry.Forbidden, "you may not do %s; ask an administrator for a role that may: %s", action, strings.Join(could, ", "))
}

// grantsFor returns the grants that allow an action, with their row rules.
func (s *Scope) grantsFor(action registry.Action) (out []actionGrant) {
	for _, gr := range s.grants {
		for _, rows := range allRows {
			if s.table.May(gr.role, rows, action) {
				out = append(out, actionGrant{model: gr.model, rows: rows})
			}
		}
	}
	return out
}

// allowance is where an action is allowed: in a model ("" for all), on rows.
type actionGrant struct {
	model registry.ID
	rows  Rows
}

// May reports whether the actor may do a further action anywhere.
func (s *Scope) May(action registry.Action) bool { return len(s.grantsFor(action)) > 0 }

// grant is a grant of the actor with its scope resolved to a model's id.
type grant struct {
	role  string
	model registry.ID
}

func (g *Gate) resolveGrants(ctx context.Context, r graph.Reader, grants []registry.Grant) (out []grant, err error) {
	t := g.table.Load()
	for _, gr := range grants {
		if !t.HasRole(gr.Role) {
			continue // A role that the policy no longer knows gives nothing.
		}
		if gr.Scope == registry.ScopeAll {
			out = append(out, grant{role: gr.Role})
			continue
		}
		name, ok := strings.CutPrefix(gr.Scope, "model:")
		if !ok {
			continue
		}
		model, err := g.modelCache.get(name, func() (registry.ID, error) { return modelNamed(ctx, r, name) })
		if err != nil {
			return nil, err
		}
		out = append(out, grant{role: gr.Role, model: model})
	}
	return slices.Compact(out), nil
}

// modelNamed returns the id of the model that has a name, or would be the first to
// have it: a grant waits for a model that is not created yet.
func modelNamed(ctx context.Context, r graph.Reader, name string) (registry.ID, error) {
	page, err := r.Find(ctx, graph.Query{Kinds: []registry.Kind{registry.KindModel}, Slots: []string{registry.ModelNameSlot(name)}, Limit: 1, Bare: true})
	if err != nil {
		return "", err
	}
	if len(page.Nodes) == 1 {
		return page.Nodes[0].ID, nil
	}
	return registry.ModelID(name, 1), nil
}
