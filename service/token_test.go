package service_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/internal/neo4jtest"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/core"
)

// tokenFixture is a service on a store whose clock a test moves.
type tokenFixture struct {
	*testing.T
	*service.Service
	now   time.Time
	admin context.Context
}

func newTokenFixture(t *testing.T, store graph.Store) *tokenFixture {
	t.Helper()
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	f := &tokenFixture{T: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	gate, err := policies.NewGate(t.Context(), store, table, func() time.Time { return f.now })
	if err != nil {
		t.Fatal(err)
	}
	f.Service = service.New(gate)
	f.admin = service.As(t.Context(), registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "r")
	return f
}

func openSQLite(t *testing.T, file string) graph.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// subject makes a subject that holds a role within a scope, and returns it with a token.
func (f *tokenFixture) subject(name, role, scope string) (context.Context, string) {
	f.Helper()
	text, err := f.CreateToken(f.admin, access.CreateTokenInput{Subject: name, Role: role, Scope: scope})
	if err != nil {
		f.Fatal(err)
	}
	return f.as(text), text
}

// as returns the context of the subject of a token.
func (f *tokenFixture) as(token string) context.Context {
	f.Helper()
	actor, err := f.Authenticate(f.Context(), token)
	if err != nil {
		f.Fatal(err)
	}
	return service.As(f.Context(), actor, "r")
}

// create makes a token, which must succeed.
func (f *tokenFixture) create(ctx context.Context, in access.CreateAPITokenInput) (string, *registry.Token) {
	f.Helper()
	p, err := f.CreateAPIToken(ctx, in)
	if err != nil {
		f.Fatal(err)
	}
	return *p.Token, p.APIToken
}

// refuses fails unless making a token is refused with a code, and leaves no token behind.
func (f *tokenFixture) refuses(what string, ctx context.Context, in access.CreateAPITokenInput, code registry.Code) {
	f.Helper()
	before := f.count("")
	if _, err := f.CreateAPIToken(ctx, in); registry.CodeOf(err) != code {
		f.Errorf("%s: %v, want %s", what, err, code)
	}
	if n := f.count(""); n != before {
		f.Errorf("%s: %d tokens, %d before", what, n, before)
	}
}

// count returns how many tokens a subject has, all subjects for "".
func (f *tokenFixture) count(subject string) int {
	f.Helper()
	c, err := f.APITokens(f.admin, subject, core.Paging{})
	if err != nil {
		f.Fatal(err)
	}
	n, err := c.TotalCount(f.admin)
	if err != nil {
		f.Fatal(err)
	}
	return *n
}

// TestATokenGivesNoMoreThanItsSubjectHolds uses tokens with limits, after the subject was
// granted more.
func TestATokenGivesNoMoreThanItsSubjectHolds(t *testing.T) {
	f := newTokenFixture(t, openSQLite(t, filepath.Join(t.TempDir(), "p.db")))
	_, _ = f.subject("ada", registry.RoleDataScientist, "")
	ada, _ := f.subject("ada", registry.RoleViewer, "")
	for name, c := range map[string]struct {
		in   access.CreateAPITokenInput
		want []registry.Grant
	}{
		"no limit": {access.CreateAPITokenInput{}, []registry.Grant{{Role: "data_scientist", Scope: "*"}, {Role: "viewer", Scope: "*"}}},
		"a role":   {access.CreateAPITokenInput{Roles: []string{"viewer"}}, []registry.Grant{{Role: "viewer", Scope: "*"}}},
		"models": {access.CreateAPITokenInput{Roles: []string{"data_scientist"}, Models: []string{"churn", "fraud"}},
			[]registry.Grant{{Role: "data_scientist", Scope: "model:churn"}, {Role: "data_scientist", Scope: "model:fraud"}}},
	} {
		text, recorded := f.create(ada, c.in)
		actor, err := f.Authenticate(t.Context(), text)
		if err != nil || !slices.Equal(actor.Grants, c.want) || actor.Subject != "ada" {
			t.Errorf("%s: %+v %v, want %v", name, actor.Grants, err, c.want)
		}
		if actor.Token == nil || actor.Token.ID != recorded.ID {
			t.Errorf("%s: it does not say by which token it came", name)
		}
	}
	limited, _ := f.create(ada, access.CreateAPITokenInput{Roles: []string{"viewer"}})
	f.subject("ada", registry.RoleAdmin, "")
	if actor, err := f.Authenticate(t.Context(), limited); err != nil || len(actor.Grants) != 1 || actor.Grants[0].Role != "viewer" {
		t.Errorf("after a grant of admin: %+v %v", actor.Grants, err)
	}
	if _, err := f.Models(f.as(limited), core.Paging{}, nil, nil); err != nil {
		t.Error(err)
	}
	if _, err := f.AuditLog(f.as(limited), core.Paging{}, nil); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("the log as a viewer: %v", err)
	}
}

// TestATokenMakesNoStrongerToken tries to gain by making a token.
func TestATokenMakesNoStrongerToken(t *testing.T) {
	f := newTokenFixture(t, openSQLite(t, filepath.Join(t.TempDir(), "p.db")))
	_, _ = f.subject("ada", registry.RoleViewer, "")
	ada, _ := f.subject("ada", registry.RoleDataScientist, "")
	soon := f.now.Add(time.Hour)
	text, _ := f.create(ada, access.CreateAPITokenInput{Roles: []string{"viewer"}, Models: []string{"churn"}, ExpiresAt: soon})
	weak := f.as(text)
	f.refuses("another role", weak, access.CreateAPITokenInput{Roles: []string{"data_scientist"}, ExpiresAt: soon}, registry.Forbidden)
	f.refuses("another model", weak, access.CreateAPITokenInput{Models: []string{"fraud"}, ExpiresAt: soon}, registry.Forbidden)
	f.refuses("no expiry", weak, access.CreateAPITokenInput{}, registry.InvalidArgument)
	f.refuses("a later expiry", weak, access.CreateAPITokenInput{ExpiresAt: soon.Add(time.Second)}, registry.InvalidArgument)
	f.refuses("an expiry that has passed", ada, access.CreateAPITokenInput{ExpiresAt: f.now}, registry.InvalidArgument)
	f.refuses("a role that is not held", ada, access.CreateAPITokenInput{Roles: []string{"admin"}}, registry.InvalidArgument)
	f.refuses("a role that does not exist", ada, access.CreateAPITokenInput{Roles: []string{"root"}}, registry.InvalidArgument)
	f.refuses("a grant", ada, access.CreateAPITokenInput{Roles: []string{"admin"}, GrantRoles: true}, registry.Forbidden)
	f.refuses("somebody else", ada, access.CreateAPITokenInput{Subject: "root"}, registry.Forbidden)
	f.refuses("nobody", f.admin, access.CreateAPITokenInput{Subject: "nobody"}, registry.FailedPrecondition)
	_, child := f.create(weak, access.CreateAPITokenInput{ExpiresAt: soon})
	if !slices.Equal(child.Roles, []string{"viewer"}) || !slices.Equal(child.Models, []string{"churn"}) {
		t.Errorf("a token that a limited one makes has the limits %v %v", child.Roles, child.Models)
	}
	_, granted := f.create(f.admin, access.CreateAPITokenInput{Subject: "bob", Roles: []string{"developer"}, Models: []string{"churn"}, GrantRoles: true})
	if granted.CreatedBy != "root" || granted.Subject != "bob" {
		t.Errorf("%+v", granted)
	}
}

// TestALimitedAdministratorMakesNoOtherToken uses a token that may grant every role: its own
// limits hold nevertheless.
func TestALimitedAdministratorMakesNoOtherToken(t *testing.T) {
	f := newTokenFixture(t, openSQLite(t, filepath.Join(t.TempDir(), "p.db")))
	_, _ = f.subject("ada", registry.RoleViewer, "")
	ada, _ := f.subject("ada", registry.RoleAdmin, "")
	text, _ := f.create(ada, access.CreateAPITokenInput{Roles: []string{"admin"}})
	f.refuses("a role outside the limits", f.as(text), access.CreateAPITokenInput{Roles: []string{"viewer"}}, registry.Forbidden)
}

// TestAManagerOfTokensGainsNothing has a role that may make tokens for everybody and grant nothing:
// a token of an administrator would give it everything.
func TestAManagerOfTokensGainsNothing(t *testing.T) {
	f := newTokenFixture(t, openSQLite(t, filepath.Join(t.TempDir(), "p.db")))
	table, err := policies.Compile(policies.DefaultPolicy() + `
p, role:helpdesk, viewer.read, do, all, allow
p, role:helpdesk, token.manage.own, do, all, allow
p, role:helpdesk, token.manage.any, do, all, allow
`)
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), openSQLite(t, filepath.Join(t.TempDir(), "h.db")), table, func() time.Time { return f.now })
	if err != nil {
		t.Fatal(err)
	}
	f.Service = service.New(gate)
	f.subject("boss", registry.RoleAdmin, "")
	f.subject("bob", registry.RoleViewer, "")
	_, _ = f.subject("hal", "helpdesk", "")
	hal, _ := f.subject("hal", registry.RoleViewer, "")
	f.refuses("a token of the boss", hal, access.CreateAPITokenInput{Subject: "boss"}, registry.Forbidden)
	f.refuses("a token of the boss on a model", hal, access.CreateAPITokenInput{Subject: "boss", Models: []string{"churn"}}, registry.Forbidden)
	f.refuses("a grant", hal, access.CreateAPITokenInput{Subject: "hal", Roles: []string{"admin"}, GrantRoles: true}, registry.Forbidden)
	if _, token := f.create(hal, access.CreateAPITokenInput{Subject: "bob"}); token.CreatedBy != "hal" {
		t.Errorf("%+v", token)
	}
}

// TestWhoManagesWhoseTokens lists and revokes own tokens and those of others.
func TestWhoManagesWhoseTokens(t *testing.T) {
	f := newTokenFixture(t, openSQLite(t, filepath.Join(t.TempDir(), "p.db")))
	ada, _ := f.subject("ada", registry.RoleViewer, "")
	bob, bobs := f.subject("bob", registry.RoleAdmin, "model:churn")
	text, token := f.create(ada, access.CreateAPITokenInput{Name: "laptop"})
	for who, ctx := range map[string]context.Context{"bob, an administrator of one model": bob} {
		if _, err := f.APITokens(ctx, "ada", core.Paging{}); registry.CodeOf(err) != registry.Forbidden {
			t.Errorf("%s lists ada's: %v", who, err)
		}
		if _, err := f.RevokeAPIToken(ctx, access.RevokeAPITokenInput{ID: token.ID}); registry.CodeOf(err) != registry.NotFound {
			t.Errorf("%s revokes ada's: %v", who, err)
		}
	}
	if n, all := f.count("ada"), f.count(""); n != 2 || all != 3 {
		t.Errorf("ada has %d tokens of %d", n, all)
	}
	own, err := f.APITokens(bob, "", core.Paging{})
	if err != nil || len(own.Edges) != 1 || own.Edges[0].Node.Subject != "bob" {
		t.Errorf("bob lists %+v %v", own, err)
	}
	page, err := f.APITokens(f.admin, "", core.Paging{First: new(2)})
	if err != nil || len(page.Edges) != 2 || !page.PageInfo.HasNextPage || page.Edges[0].Node.ID != token.ID {
		t.Fatalf("the newest two: %+v %v", page, err)
	}
	rest, err := f.APITokens(f.admin, "", core.Paging{First: new(2), After: &page.PageInfo.EndCursor})
	if err != nil || len(rest.Edges) != 1 || rest.PageInfo.HasNextPage {
		t.Errorf("the rest: %+v %v", rest, err)
	}
	if p, err := f.RevokeAPIToken(ada, access.RevokeAPITokenInput{ID: token.ID}); err != nil || !p.APIToken.RevokedAt.After(f.now.Add(-time.Second)) {
		t.Errorf("%+v %v", p, err)
	}
	if _, err := f.Authenticate(t.Context(), text); registry.CodeOf(err) != registry.Unauthenticated {
		t.Errorf("a revoked token: %v", err)
	}
	log := func() int {
		c, err := f.AuditLog(f.admin, core.Paging{}, &access.LogFilter{Object: &token.ID})
		if err != nil {
			t.Fatal(err)
		}
		return len(c.Edges)
	}
	before := log()
	if _, err := f.RevokeAPIToken(ada, access.RevokeAPITokenInput{ID: token.ID}); err != nil || log() != before || before != 2 {
		t.Errorf("revoked again: %v, %d log entries, %d before", err, log(), before)
	}
	if _, err := f.Authenticate(t.Context(), bobs); err != nil {
		t.Error(err)
	}
}

// TestARetryShowsNoTokenAgain repeats a createApiToken with its key.
func TestARetryShowsNoTokenAgain(t *testing.T) {
	f := newTokenFixture(t, openSQLite(t, filepath.Join(t.TempDir(), "p.db")))
	ada, _ := f.subject("ada", registry.RoleViewer, "")
	in := access.CreateAPITokenInput{Name: "ci", ExpiresAt: f.now.Add(time.Hour), IdempotencyKey: new("k")}
	first, err := f.CreateAPIToken(ada, in)
	if err != nil || first.Token == nil {
		t.Fatal(err)
	}
	again, err := f.CreateAPIToken(ada, in)
	if err != nil || again.Token != nil || again.APIToken.ID != first.APIToken.ID || f.count("ada") != 2 {
		t.Errorf("%+v %v, %d tokens", again, err, f.count("ada"))
	}
	in.Name = "other"
	if _, err := f.CreateAPIToken(ada, in); registry.CodeOf(err) != registry.Conflict {
		t.Errorf("another input: %v", err)
	}
}

// TestTheLastUseIsBesideTheLog uses a token often: the list says when, and neither the log nor the
// token's revision grows. What the store does not take is written the next time.
func TestTheLastUseIsBesideTheLog(t *testing.T) {
	store := &failingStore{Store: openSQLite(t, filepath.Join(t.TempDir(), "p.db"))}
	f := newTokenFixture(t, store)
	ada, _ := f.subject("ada", registry.RoleViewer, "")
	text, token := f.create(ada, access.CreateAPITokenInput{})
	listed := func() *registry.Token {
		c, err := f.APITokens(ada, "", core.Paging{})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(c.Edges, func(e *access.TokenEdge) bool { return e.Node.ID == token.ID })
		return c.Edges[i].Node
	}
	head := func() int64 {
		info, err := store.Ping(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return info.Head
	}
	if used := listed().LastUsedAt; !used.IsZero() {
		t.Fatalf("it was used %v", used)
	}
	before, start := head(), f.now
	for minute := range 5 {
		f.now, store.fails = start.Add(time.Duration(minute)*time.Minute), minute == 3
		if _, err := f.Authenticate(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		if minute == 4 {
			continue // It is written at the end.
		}
		if err := f.FlushTokenUses(t.Context()); (err != nil) != store.fails {
			t.Fatal(err)
		}
		if want := start.Add(time.Duration(min(minute, 2)) * time.Minute); !listed().LastUsedAt.Equal(want) {
			t.Errorf("in minute %d it was last used at %v, not %v", minute, listed().LastUsedAt, want)
		}
	}
	store.fails = false
	if err := f.FlushTokenUses(t.Context()); err != nil || !listed().LastUsedAt.Equal(f.now) {
		t.Errorf("%v; last used at %v", err, listed().LastUsedAt)
	}
	counts, err := graph.CountersOf(store).Counts(t.Context(), "", graph.CountKey{Object: token.ID})
	if err != nil || len(counts[0]) != 1 || counts[0][0].N != 5 {
		t.Errorf("%v %v", counts, err)
	}
	if head() != before || listed().Revision != 1 {
		t.Errorf("the log went from %d to %d, the token has revision %d", before, head(), listed().Revision)
	}
}

// TestARevokedTokenIsRefusedOnBothServers revokes a token on one of two servers of a store.
// The other one has just answered it, so it has it in its cache.
func TestARevokedTokenIsRefusedOnBothServers(t *testing.T) {
	for name, open := range map[string]func(*testing.T) (one, two graph.Store){
		"SQLite": func(t *testing.T) (graph.Store, graph.Store) {
			file := filepath.Join(t.TempDir(), "p.db")
			return openSQLite(t, file), openSQLite(t, file)
		},
		"Neo4j": func(t *testing.T) (graph.Store, graph.Store) {
			ns, stores := neo4jtest.Namespace(), [2]graph.Store{}
			for i := range stores {
				s, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(ns))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { s.Close() })
				stores[i] = s
			}
			return stores[0], stores[1]
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := open(t)
			one, two := newTokenFixture(t, a), newTokenFixture(t, b)
			ada, _ := one.subject("ada", registry.RoleViewer, "")
			for what, end := range map[string]func(*registry.Token){
				"revoked": func(token *registry.Token) {
					if _, err := one.RevokeAPIToken(ada, access.RevokeAPITokenInput{ID: token.ID}); err != nil {
						t.Fatal(err)
					}
				},
				"expired": func(*registry.Token) { one.now, two.now = one.now.Add(2*time.Hour), two.now.Add(2*time.Hour) },
			} {
				text, token := one.create(ada, access.CreateAPITokenInput{ExpiresAt: one.now.Add(time.Hour)})
				one.as(text)
				two.as(text)
				end(token)
				start := time.Now()
				if _, err := one.Authenticate(t.Context(), text); registry.CodeOf(err) != registry.Unauthenticated {
					t.Errorf("%s: the server that did it accepts the token: %v", what, err)
				}
				for {
					if _, err := two.Authenticate(t.Context(), text); registry.CodeOf(err) == registry.Unauthenticated {
						break
					}
					if time.Since(start) > 30*time.Second {
						t.Fatalf("%s: the other server accepts the token for ever", what)
					}
					time.Sleep(10 * time.Millisecond)
				}
				t.Logf("%s: refused at once here, after %v there", what, time.Since(start).Round(time.Millisecond))
			}
		})
	}
}
