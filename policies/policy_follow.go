package policies

import (
	"context"
	"sync"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// policyTTL is how long the policy is used before the log head is asked whether there is a
// newer one. Another server's change is in force here within twice that time.
const policyTTL = 400 * time.Millisecond

// policyFollower follows the policy in the store. The time is the system's: an injected clock
// may stand still.
type policyFollower struct {
	mu sync.Mutex
	// file is the policy of this server's file, without what the API changed.
	file *Table
	// head is the log sequence up to which the policy is known, checked when it was asked for.
	head    int64
	checked time.Time
	// compiled is the last merged policy, so that checking a change and making it compile once.
	// It has a lock of its own: requests do not wait for a compilation, which takes long.
	compiling sync.Mutex
	compiled  *Table
	overlay   overlay
}

// followPolicy takes up a newer policy, if the log has grown and there is one. It fails when
// the store does not answer: nobody is served by a policy that may be out of force.
func (g *Gate) followPolicy(ctx context.Context) error {
	f := &g.policy
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if !f.checked.IsZero() && now.Sub(f.checked) < policyTTL {
		return nil
	}
	// A request that gives up must not leave the others without a policy.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	info, err := g.store.Ping(ctx)
	if err != nil {
		return err
	}
	if f.checked.IsZero() || info.Head != f.head {
		table, err := f.newest(ctx, g.store, g.table.Load())
		if err != nil {
			return err
		}
		g.table.Store(table)
	}
	f.head, f.checked = info.Head, now
	return nil
}

// skip notes what this gate has written itself: the log entries after head, up to newest. So its
// own writes do not make it read the policy again.
func (f *policyFollower) skip(head, newest int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.head == head && newest > head {
		f.head = newest
	}
}

// newest returns the policy in the store, or have when that is the one.
func (f *policyFollower) newest(ctx context.Context, r graph.Reader, have *Table) (*Table, error) {
	v, err := newestPolicyVersion(ctx, r)
	if err != nil || v.Number == have.Number {
		return have, err
	}
	return f.compile(overlay{v.Added, v.Withdrawn}, v.Number)
}

// compile returns the policy of the file with an overlay, as a numbered version.
func (f *policyFollower) compile(o overlay, number int) (*Table, error) {
	f.compiling.Lock()
	defer f.compiling.Unlock()
	if f.compiled == nil || !f.overlay.equal(o) {
		t, err := f.file.merge(o)
		if err != nil {
			return nil, err
		}
		f.compiled, f.overlay = t, o
	}
	t := *f.compiled
	t.Number = number
	return &t, nil
}

// adopt puts a policy that this gate has written into force, unless a newer one is.
func (g *Gate) adopt(t *Table) {
	g.policy.mu.Lock()
	defer g.policy.mu.Unlock()
	if t.Number > g.table.Load().Number {
		g.table.Store(t)
	}
}

// newestPolicyVersion reads the newest version of the policy; number 0 when there is none.
func newestPolicyVersion(ctx context.Context, r graph.Reader) (v registry.PolicyVersion, err error) {
	page, err := r.Find(ctx, graph.Query{Kinds: []registry.Kind{registry.KindPolicy}, Order: registry.IndexNumber, Desc: true, Limit: 1})
	if err != nil || len(page.Nodes) == 0 {
		return v, err
	}
	if !decodeNode(page.Nodes[0], &v) {
		err = &registry.Error{Code: registry.Internal, Message: "the policy in the store cannot be read"}
	}
	return v, err
}
