package policies_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
)

const token = "pdg_0123456789abcdef"

// gateFixture is a gate with its own store; it counts reads of nodes.
type gateFixture struct {
	*testing.T
	graph.Store
	gate  *policies.Gate
	reads atomic.Int64
	// afterRead, when set, is called after each read of the store, before it returns.
	afterRead func()
}

// Nodes counts the read.
func (d *gateFixture) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	d.reads.Add(1)
	nodes, err := d.Store.Nodes(ctx, at, ids...)
	if d.afterRead != nil {
		d.afterRead()
	}
	return nodes, err
}

func newGateFixture(t *testing.T, file string, now func() time.Time) *gateFixture {
	t.Helper()
	s, err := sqlite.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	d := &gateFixture{T: t, Store: s}
	if d.gate, err = policies.NewGate(t.Context(), d, table, now); err != nil {
		t.Fatal(err)
	}
	return d
}

// putToken writes a token of ada through the gate.
func (d *gateFixture) putToken(tok registry.Token) {
	d.Helper()
	sum := sha256.Sum256([]byte(token))
	tok.Subject = "ada"
	tok.ID = registry.TokenID(hex.EncodeToString(sum[:]))
	actor := registry.Actor{Subject: "ada", Grants: []registry.Grant{{Role: registry.RoleViewer, Scope: registry.ScopeAll}}}
	admin := registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}
	err := d.gate.Write(policies.As(d.Context(), admin, "r"), registry.AccessManage, func(ctx context.Context, tx *policies.Tx) error {
		t, _ := json.Marshal(tok)
		a, _ := json.Marshal(actor)
		at := time.Now()
		if err := tx.Put(ctx, &graph.Node{ID: tok.ID, Kind: registry.KindToken, ValidFrom: at, Doc: t},
			&graph.Node{ID: registry.ActorID("ada"), Kind: registry.KindActor, ValidFrom: at, Doc: a}); err != nil {
			return err
		}
		return tx.Log(ctx, registry.LogEntry{Action: registry.LogTokenCreated, Objects: []registry.ID{tok.ID}})
	})
	if err != nil {
		d.Fatal(err)
	}
}

// checkToken fails unless the token is accepted (in) or refused (not in).
func (d *gateFixture) checkToken(in bool) {
	d.Helper()
	a, err := d.gate.Authenticate(d.Context(), token)
	if in && (err != nil || a.Subject != "ada" || a.ID != registry.ActorID("ada")) {
		d.Fatalf("refused: %+v, %v", a, err)
	}
	if !in && registry.CodeOf(err) != registry.Unauthenticated {
		d.Fatalf("accepted: %+v, %v", a, err)
	}
}

func TestTokenReadsAreCached(t *testing.T) {
	d := newGateFixture(t, filepath.Join(t.TempDir(), "p.db"), nil)
	d.checkToken(false)
	d.putToken(registry.Token{})
	d.checkToken(true) // A refusal is not cached.
	before, start := d.reads.Load(), time.Now()
	for range 100 {
		d.checkToken(true)
	}
	if n := d.reads.Load() - before; n > 2*int64(1+time.Since(start)/time.Second) {
		t.Errorf("100 requests in %v cost %d reads", time.Since(start), n)
	}
}

func TestATokenRevokedByThisServerIsRefusedAtOnce(t *testing.T) {
	d := newGateFixture(t, filepath.Join(t.TempDir(), "p.db"), nil)
	d.putToken(registry.Token{})
	d.checkToken(true)
	d.putToken(registry.Token{RevokedAt: time.Now()})
	d.checkToken(false)
	d.putToken(registry.Token{})
	d.checkToken(true)
}

func TestATokenRevokedByAnotherServerIsRefusedWithinASecond(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p.db")
	d, other := newGateFixture(t, file, func() time.Time { return time.Unix(0, 0) }), newGateFixture(t, file, nil) // The cache does not use the injected clock, which stands still.
	d.putToken(registry.Token{})
	d.checkToken(true)
	other.putToken(registry.Token{RevokedAt: time.Now()})
	if _, err := d.gate.Authenticate(t.Context(), token); err == nil {
		t.Log("it is accepted from the cache")
	}
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		_, err := d.gate.Authenticate(t.Context(), token)
		if took := time.Since(start); registry.CodeOf(err) == registry.Unauthenticated {
			t.Logf("refused after %v", took)
			return
		} else if took > 30*time.Second {
			t.Fatal("it is accepted for ever")
		}
	}
}

func TestExpiryIsCheckedOnCachedTokens(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	d := newGateFixture(t, filepath.Join(t.TempDir(), "p.db"), func() time.Time { return now })
	d.putToken(registry.Token{ExpiresAt: now.Add(time.Minute)})
	d.checkToken(true)
	reads := d.reads.Load()
	now = now.Add(time.Minute)
	d.checkToken(false)
	if n := d.reads.Load() - reads; n > 2 {
		t.Errorf("%d reads", n)
	}
}

// TestAReadOvertakenByAnUpdateIsNotCached revokes a token after the store has read it
// and before the read returns.
func TestAReadOvertakenByAnUpdateIsNotCached(t *testing.T) {
	d := newGateFixture(t, filepath.Join(t.TempDir(), "p.db"), nil)
	d.putToken(registry.Token{})
	var once sync.Once
	d.afterRead = func() {
		once.Do(func() {
			d.putToken(registry.Token{RevokedAt: time.Now()})
		})
	}
	if _, err := d.gate.Authenticate(t.Context(), token); err != nil {
		t.Fatal(err) // The token was valid when it was read.
	}
	d.checkToken(false)
}

// TestAWriteOfOtherNodesKeepsTheIdentityCaches counts what the request after a write reads: nothing
// after an alias was written, and the token again after a token was.
func TestAWriteOfOtherNodesKeepsTheIdentityCaches(t *testing.T) {
	d := newGateFixture(t, filepath.Join(t.TempDir(), "p.db"), nil)
	d.putToken(registry.Token{})
	admin := registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}
	for kind, reads := range map[registry.Kind]bool{registry.KindAlias: false, registry.KindModel: false, registry.KindActor: true} {
		again := false
		for range 20 { // An entry of the cache may end in between.
			d.checkToken(true)
			err := d.gate.Write(policies.As(d.Context(), admin, "r"), registry.AccessManage, func(ctx context.Context, tx *policies.Tx) error {
				n := &graph.Node{ID: registry.NewID(kind, "other"), Kind: kind, Name: "other", ValidFrom: time.Now(), Doc: []byte(`{}`)}
				return errors.Join(tx.Put(ctx, n), tx.Log(ctx, registry.LogEntry{Action: registry.LogTokenCreated}))
			})
			if err != nil {
				t.Fatal(err)
			}
			before := d.reads.Load()
			d.checkToken(true)
			if again = d.reads.Load() > before; again == reads {
				break
			}
		}
		if again != reads {
			t.Errorf("after a write of %s the token is read again: %v", kind, again)
		}
	}
}

// TestABatchClearsTheIdentityCaches: what a batch wrote is seen at once, as after Write.
func TestABatchClearsTheIdentityCaches(t *testing.T) {
	d := newGateFixture(t, filepath.Join(t.TempDir(), "p.db"), nil)
	d.putToken(registry.Token{})
	d.checkToken(true)
	before := d.reads.Load()
	d.checkToken(true)
	if d.reads.Load() != before {
		t.Fatal("the token is not cached")
	}
	ctx := policies.As(t.Context(), registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "")
	if err := d.gate.WriteBatch(ctx, registry.FactsRecord, func(context.Context, *policies.Batch) error { return nil }); err != nil {
		t.Fatal(err)
	}
	d.checkToken(true)
	if d.reads.Load() == before {
		t.Error("the batch left the cache as it was")
	}
}
