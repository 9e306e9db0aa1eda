package githost

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pedigree/connect/git"
	"pedigree/internal/registrytest"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/core"
)

// kit is a registry with tokens of roles, and a repository on this machine.
type kit struct {
	*testing.T
	service *service.Service
	admin   context.Context
	repo    string
}

func newKit(t *testing.T) *kit {
	t.Helper()
	k := &kit{T: t, service: registrytest.Empty(t), repo: filepath.Join(t.TempDir(), "repo")}
	k.admin = service.As(t.Context(), registry.Actor{Subject: "ann", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "test")
	for _, role := range []string{registry.RoleDataScientist, registry.RoleViewer} {
		if _, err := k.service.CreateToken(k.admin, access.CreateTokenInput{Subject: "hooks-" + role, Role: role, Token: "pdg_token_of_" + role}); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("git", "clone", "-q", "../../testdata/dvc-project/repo.bundle", k.repo).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return k
}

func (k *kit) git(args ...string) {
	k.Helper()
	if out, err := exec.Command("git", append([]string{"-C", k.repo, "-c", "user.name=Ann", "-c", "user.email=ann@example.com"}, args...)...).CombinedOutput(); err != nil {
		k.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// commits counts the recorded commits of the repository.
func (k *kit) commits() int {
	k.Helper()
	n, err := k.service.Node(k.admin, registry.RepositoryID("churn"))
	if err != nil {
		k.Fatal(err)
	}
	if n == nil {
		return 0
	}
	count := 0
	out, err := exec.Command("git", "-C", k.repo, "rev-list", "--all").Output()
	if err != nil {
		k.Fatal(err)
	}
	for sha := range strings.FieldsSeq(string(out)) {
		if c, err := k.service.Node(k.admin, registry.CommitID(sha)); err == nil && c != nil {
			count++
		}
	}
	return count
}

// outcome is the end of one import.
type outcome struct {
	report *git.Report
	err    error
}

// keep runs a keeper of the repository with the token of a role; each import is sent to the channel.
func (k *kit) keep(role string) (*Keeper, chan time.Time, chan outcome) {
	k.Helper()
	c := &Config{Token: "pdg_token_of_" + role, Repositories: []Repository{{Name: "churn", Key: "churn", Host: GitHub, URL: k.repo, Secret: secret}}}
	keeper, ticks, done := NewKeeper(c, k.service, k.TempDir(), slog.New(slog.DiscardHandler)), make(chan time.Time), make(chan outcome, 100)
	keeper.imported = func(_ string, r *git.Report, err error) { done <- outcome{r, err} }
	ctx, cancel := context.WithCancel(k.Context())
	var group sync.WaitGroup
	group.Go(func() { keeper.Run(ctx, ticks) })
	k.Cleanup(func() { cancel(); group.Wait() })
	return keeper, ticks, done
}

// TestAKeptRepositoryIsImportedAtTheStartAndAfterAHook imports a real repository, then what a hook
// says is new, then nothing.
func TestAKeptRepositoryIsImportedAtTheStartAndAfterAHook(t *testing.T) {
	k := newKit(t)
	keeper, ticks, done := k.keep(registry.RoleDataScientist)
	if first := <-done; first.err != nil || first.report.Added("commits") != 5 || first.report.Added("model versions") != 3 {
		t.Fatalf("%+v", first)
	}
	hooks := NewHooks(keeper.config, keeper.Queue, keeper.NoteHookDelivery, time.Now)
	k.git("commit", "-q", "--allow-empty", "-m", "news")
	push := newHook(t, GitHub, "d1", secret)
	if status, err := hooks.Receive(t.Context(), "github", "churn", push.header, strings.NewReader(string(push.body))); err != nil || status != "queued" {
		t.Fatal(status, err)
	}
	if next := <-done; next.err != nil || next.report.Added("commits") != 1 || next.report.Total() != 1 || k.commits() != 6 {
		t.Errorf("%+v, %d commits", next.report, k.commits())
	}
	k.git("tag", "seen")
	ticks <- time.Now() // No hook came.
	if next := <-done; next.err != nil || next.report.Added("tags") != 1 {
		t.Errorf("%+v", next)
	}
	page, err := k.service.Node(k.admin, registry.RepositoryID("churn"))
	if err != nil || page == nil {
		t.Error(page, err)
	}
}

// TestTheRoleOfTheTokenDecides: a viewer's token imports nothing, nor does one that was revoked.
func TestTheRoleOfTheTokenDecides(t *testing.T) {
	k := newKit(t)
	_, _, done := k.keep(registry.RoleViewer)
	if first := <-done; registry.CodeOf(first.err) != registry.Forbidden || k.commits() != 0 {
		t.Errorf("a viewer: %+v, %d commits", first, k.commits())
	}
	keeper, _, done := k.keep(registry.RoleDataScientist)
	if first := <-done; first.err != nil {
		t.Fatal(first.err)
	}
	tokens, err := k.service.APITokens(k.admin, "hooks-"+registry.RoleDataScientist, core.Paging{})
	if err != nil || len(tokens.Edges) != 1 {
		t.Fatal(tokens, err)
	}
	if _, err := k.service.RevokeAPIToken(k.admin, access.RevokeAPITokenInput{ID: tokens.Edges[0].Node.ID}); err != nil {
		t.Fatal(err)
	}
	k.git("commit", "-q", "--allow-empty", "-m", "news")
	keeper.Queue("churn")
	if next := <-done; registry.CodeOf(next.err) != registry.Unauthenticated || k.commits() != 5 {
		t.Errorf("a revoked token: %+v, %d commits", next, k.commits())
	}
}

// TestHooksOfARepositoryAreOneJob queues a thousand times while one import runs: one more follows,
// and never two of a repository at the same time.
func TestHooksOfARepositoryAreOneJob(t *testing.T) {
	k := newKit(t)
	slow := &slowRegistry{Registry: k.service, entered: make(chan struct{}, 100), leave: make(chan struct{})}
	c := &Config{Token: "pdg_token_of_" + registry.RoleDataScientist, Repositories: []Repository{{Name: "churn", URL: k.repo, OnlyGit: true}, {Name: "other", URL: k.repo, OnlyGit: true}}}
	keeper := NewKeeper(c, slow, t.TempDir(), slog.New(slog.DiscardHandler))
	done := make(chan string, 100)
	keeper.imported = func(name string, _ *git.Report, err error) { done <- name }
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { keeper.Run(ctx, nil) })
	<-slow.entered
	<-slow.entered // Both repositories are being imported.
	k.git("commit", "-q", "--allow-empty", "-m", "news")
	for range 1000 {
		keeper.Queue("churn")
		keeper.Queue("nothing")
	}
	keeper.mu.Lock()
	if len(keeper.waiting) != 1 || len(keeper.running) != 2 {
		t.Errorf("%v wait, %v run", keeper.waiting, keeper.running)
	}
	keeper.mu.Unlock()
	if len(slow.entered) != 0 {
		t.Error("a second import of the repository began")
	}
	close(slow.leave)
	counts := map[string]int{}
	for range 3 {
		counts[<-done]++
	}
	cancel()
	group.Wait()
	if counts["churn"] != 2 || counts["other"] != 1 || len(done) != 0 || slow.most.Load() > 2 {
		t.Errorf("imports: %v, %d more, %d at once", counts, len(done), slow.most.Load())
	}
}

// TestARepositoryIsNotTakenTwice: while a worker has a repository, the other one takes none of its news.
func TestARepositoryIsNotTakenTwice(t *testing.T) {
	k := NewKeeper(&Config{Repositories: []Repository{{Name: "a", URL: "/a"}, {Name: "b", URL: "/b"}}}, nil, t.TempDir(), slog.New(slog.DiscardHandler))
	k.Queue("a")
	if got := k.take(); got != "a" {
		t.Fatal(got)
	}
	k.Queue("a")
	if got := k.take(); got != "" {
		t.Errorf("%q was taken twice", got)
	}
	k.Queue("b")
	if got := k.take(); got != "b" { // What waits does not hold up the others.
		t.Error(got)
	}
}

// slowRegistry holds each import until it may leave.
type slowRegistry struct {
	Registry
	entered, leave chan struct{}
	now, most      atomic.Int64
}

func (s *slowRegistry) Authenticate(ctx context.Context, token string) (registry.Actor, error) {
	if n := s.now.Add(1); n > s.most.Load() {
		s.most.Store(n)
	}
	defer s.now.Add(-1)
	s.entered <- struct{}{}
	<-s.leave
	return s.Registry.Authenticate(ctx, token)
}

// TestARepositoryWithoutNewsIsNotReadAgain counts the imports of a source; one that failed is
// tried again.
func TestARepositoryWithoutNewsIsNotReadAgain(t *testing.T) {
	k := newKit(t)
	s, calls := &Source{Path: k.repo}, 0
	var fail error
	do := func(string) error { calls++; return fail }
	fail = errors.New("not today")
	for range 2 {
		if _, err := s.Update(t.Context(), do); err == nil {
			t.Error("no error")
		}
	}
	fail = nil
	for range 3 {
		if _, err := s.Update(t.Context(), do); err != nil {
			t.Error(err)
		}
	}
	k.git("tag", "-a", "-m", "one", "x")
	if tried, err := s.Update(t.Context(), do); !tried || err != nil {
		t.Error(tried, err)
	}
	if calls != 4 {
		t.Errorf("%d imports, want 2 that failed and 2 more", calls)
	}
}

// TestWatchGoesOnAfterAFailure looks at a repository at each tick until the context ends.
func TestWatchGoesOnAfterAFailure(t *testing.T) {
	k := newKit(t)
	ctx, cancel := context.WithCancel(t.Context())
	ticks, told, imported := make(chan time.Time), make(chan error), make(chan string)
	ended := make(chan struct{})
	go func() {
		Watch(ctx, &Source{Path: k.repo}, ticks, func(path string) error { imported <- path; return nil }, func(err error) { told <- err })
		close(ended)
	}()
	if path := <-imported; path != k.repo {
		t.Error(path)
	}
	if err := os.Rename(k.repo, k.repo+".gone"); err != nil {
		t.Fatal(err)
	}
	ticks <- time.Now()
	if err := <-told; registry.CodeOf(err) != registry.NotFound {
		t.Error(err)
	}
	if err := os.Rename(k.repo+".gone", k.repo); err != nil {
		t.Fatal(err)
	}
	ticks <- time.Now() // Nothing moved.
	k.git("commit", "-q", "--allow-empty", "-m", "news")
	ticks <- time.Now()
	<-imported
	cancel()
	<-ended
}

// TestADeliveryIsKnownAfterARestart sends a delivery, and again to a receiver that was made anew, as after a
// restart or on another server of the store: it is refused by its id and by its body. A receiver that
// notes nothing takes it once more.
func TestADeliveryIsKnownAfterARestart(t *testing.T) {
	k := newKit(t)
	c := &Config{Token: "pdg_token_of_" + registry.RoleDataScientist, Repositories: []Repository{{Name: "churn", Host: GitHub, URL: k.repo, Secret: secret}}}
	now, queued := time.Now(), 0
	receiver := func(notes bool) *Hooks {
		keeper := NewKeeper(c, k.service, t.TempDir(), slog.New(slog.DiscardHandler))
		note := Note(keeper.NoteHookDelivery)
		if !notes {
			note = nil
		}
		return NewHooks(c, func(string) { queued++ }, note, func() time.Time { return now })
	}
	send := func(h *Hooks, delivery string) registry.Code {
		push := newHook(t, GitHub, delivery, secret)
		_, err := h.Receive(t.Context(), "github", "churn", push.header, strings.NewReader(string(push.body)))
		return registry.CodeOf(err)
	}
	if code := send(receiver(true), "d1"); code != "" || queued != 1 {
		t.Fatalf("%s, and %d are queued", code, queued)
	}
	for _, delivery := range []string{"d1", "another id with the same body"} {
		if code := send(receiver(true), delivery); code != registry.Conflict || queued != 1 {
			t.Errorf("%s after a restart: %q, and %d are queued", delivery, code, queued)
		}
	}
	if code := send(receiver(false), "d1"); code != "" || queued != 2 {
		t.Errorf("without the store: %q, and %d are queued", code, queued)
	}
	if code := send(receiver(true), "d1"); code != registry.Conflict {
		t.Errorf("and again: %q", code)
	}
	c.Token = "pdg_token_of_" + registry.RoleViewer
	if code := send(receiver(true), "d1"); code != "" {
		t.Errorf("with a token that may record nothing: %q", code)
	}
}
