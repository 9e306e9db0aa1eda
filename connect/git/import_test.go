package git_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"pedigree/connect/git"
	"pedigree/internal/registrytest"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// newRegistry returns a service over an empty SQLite store, and a context of a subject with
// the role.
func newRegistry(t *testing.T, role string) (*service.Service, context.Context) {
	t.Helper()
	return registrytest.Empty(t), as(t, role)
}

func as(t *testing.T, role string) context.Context {
	return service.As(t.Context(), registry.Actor{Subject: "ann", Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, "test")
}

// repo is a git repository that a test changes with the git command.
type repo struct {
	t    *testing.T
	path string
	tick int
}

func newRepo(t *testing.T, args ...string) *repo {
	t.Helper()
	r := &repo{t: t, path: t.TempDir()}
	r.git(append([]string{"init", "-q", "-b", "main"}, args...)...)
	return r
}

// git runs a git command. The commit time advances by one minute with each call.
func (r *repo) git(args ...string) string {
	r.t.Helper()
	r.tick++
	at := time.Date(2024, 1, 1, 0, r.tick, 0, 0, time.UTC).Format(time.RFC3339)
	cmd := exec.Command("git", args...)
	cmd.Dir = r.path
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.test",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.test", "GIT_AUTHOR_DATE="+at, "GIT_COMMITTER_DATE="+at, "GIT_ALLOW_PROTOCOL=file:https")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes a file, commits it and returns the SHA.
func (r *repo) commit(message, file, text string) string {
	r.t.Helper()
	full := filepath.Join(r.path, file)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", message)
	return r.git("rev-parse", "HEAD")
}

// sample clones the sample repository, which was made with the dvc and gto commands.
func sample(t *testing.T) string {
	t.Helper()
	bundle, err := filepath.Abs("../../testdata/dvc-project/repo.bundle")
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "clone")
	if out, err := exec.Command("git", "clone", "-q", bundle, to).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	return to
}

func mustImport(t *testing.T, ctx context.Context, s *service.Service, from string, o git.Options) *git.Report {
	t.Helper()
	r, err := git.Import(ctx, s, from, o)
	if err != nil {
		t.Fatalf("import: %v", err)
	}
	return r
}

// lastEntry returns the sequence number of the newest entry of the audit log.
func lastEntry(t *testing.T, ctx context.Context, s *service.Service) int64 {
	t.Helper()
	log, err := s.AuditLog(ctx, core.Paging{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return log.Edges[0].Node.Seq
}

// hasProblem reports whether a problem of a kind contains all of the words.
func hasProblem(r *git.Report, kind git.ProblemKind, words ...string) bool {
	return slices.ContainsFunc(r.ProblemsOf(kind), func(p git.Problem) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(p.Where+": "+p.What, w) })
	})
}

func wantCode(t *testing.T, err error, code registry.Code, words string) {
	t.Helper()
	if registry.CodeOf(err) != code || !strings.Contains(err.Error(), words) {
		t.Fatalf("got %v %v, want %s with %q", registry.CodeOf(err), err, code, words)
	}
}

// logged is a commit as git log prints it.
type logged struct {
	SHA, Author, Role string
	Parents           []string
	At                string
}

// oracle reads git-log.txt: five lines for each commit, then its message, then "---".
func oracle(t *testing.T) (out []logged) {
	t.Helper()
	raw, err := os.ReadFile("../../testdata/dvc-project/git-log.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(strings.TrimSpace(string(raw)), "\n---") {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		if len(lines) < 5 {
			continue
		}
		author, rest, _ := strings.Cut(strings.TrimSpace(lines[2]), " <")
		_, at, _ := strings.Cut(rest, "> ")
		c := logged{SHA: lines[0], Author: author, At: at, Parents: strings.Fields(strings.TrimPrefix(strings.TrimSpace(lines[1]), "parents:"))}
		message := strings.Join(lines[4:], "\n")
		c.Role, _ = facts.CommitRole(message)
		if i := strings.Index(message, "Model-Role: "); i >= 0 {
			c.Role = message[i+len("Model-Role: "):] // Parsed here, independently of the code under test.
		}
		out = append(out, c)
	}
	return out
}

func TestCommitsAgreeWithGitLog(t *testing.T) {
	s, ctx := newRegistry(t, registry.RoleAdmin)
	r := mustImport(t, ctx, s, sample(t), git.Options{})
	want := oracle(t)
	if len(want) != 5 || r.Added("commits") != 5 || r.Added("tags") != 12 || len(r.Problems) != 0 {
		t.Fatalf("oracle has %d commits; report %+v", len(want), r)
	}
	if r.Repository != want[0].SHA {
		t.Errorf("a clone of a bundle has the key %s, want its root %s", r.Repository, want[0].SHA)
	}
	roles := map[string]string{}
	for _, w := range want {
		c, err := s.Commit(ctx, w.SHA)
		if err != nil || c == nil {
			t.Fatalf("%s: %v", w.SHA, err)
		}
		got := logged{c.SHA, c.Author, c.Role, c.ParentSHAs, c.CommittedAt.Format("2006-01-02T15:04:05-07:00")}
		if len(got.Parents) == 0 {
			got.Parents = []string{}
		}
		if d := cmp.Diff(w, got); d != "" {
			t.Errorf("commit %s (-want +got):\n%s", w.SHA, d)
		}
		roles[c.Role] = c.RoleEvidence
	}
	if roles["feature-engineering"] != "trailer Model-Role: feature-engineering" || !strings.HasPrefix(roles["data"], "type of data: ") {
		t.Errorf("evidence of roles: %v", roles)
	}
	last, err := s.Commit(ctx, want[4].SHA)
	if err != nil {
		t.Fatal(err)
	}
	up, err := s.Upstream(ctx, last, core.Paging{})
	if err != nil || len(up.Edges) != 1 || up.Edges[0].Node.(*registry.Commit).SHA != want[3].SHA {
		t.Errorf("the newest commit comes from %+v, %v", up, err)
	}
}

func TestImportingTwiceAddsNothing(t *testing.T) {
	s, ctx := newRegistry(t, registry.RoleAdmin)
	path := sample(t)
	mustImport(t, ctx, s, path, git.Options{})
	before := lastEntry(t, ctx, s)
	unread := func(step string, done, _ int) {
		if step == "recording commits" || step == "reading history" && done > 0 {
			t.Errorf("known commits are read again: %s %d", step, done)
		}
	}
	for _, o := range []git.Options{{Progress: unread}, {All: true}} {
		if r := mustImport(t, ctx, s, path, o); r.Total() != 0 || len(r.Problems) != 0 {
			t.Errorf("again with %+v: %+v", o, r)
		}
	}
	if after := lastEntry(t, ctx, s); after != before {
		t.Errorf("the log grew from %d to %d", before, after)
	}
}

func TestOnlyNewCommitsAreRecorded(t *testing.T) {
	s, ctx := newRegistry(t, registry.RoleAdmin)
	r := newRepo(t)
	first := r.commit("feat: one", "a", "1")
	mustImport(t, ctx, s, r.path, git.Options{Name: "mine"})
	r.git("checkout", "-q", "-b", "side")
	r.commit("fix: on the side", "b", "1")
	r.git("checkout", "-q", "main")
	r.commit("feat: two", "a", "2")
	r.git("merge", "-q", "--no-ff", "-m", "merge the side", "side")
	got := mustImport(t, ctx, s, r.path, git.Options{Name: "mine"})
	if got.Added("commits") != 3 {
		t.Errorf("added %d commits, want 3", got.Added("commits"))
	}
	merge, err := s.Commit(ctx, r.git("rev-parse", "HEAD"))
	if err != nil || len(merge.ParentSHAs) != 2 {
		t.Fatalf("merge: %+v %v", merge, err)
	}
	root, err := s.Commit(ctx, first)
	if err != nil {
		t.Fatal(err)
	}
	down, err := s.Downstream(ctx, root, core.Paging{})
	if err != nil || len(down.Edges) != 2 {
		t.Errorf("the first commit has %d children, want 2 (%v)", len(down.Edges), err)
	}
	if log, err := s.AuditLog(ctx, core.Paging{}, nil); err != nil || log.Edges[0].Node.Actor != "import:git" || !strings.Contains(log.Edges[0].Node.RequestID, "ann") {
		t.Errorf("logged as %+v, %v", log.Edges[0].Node, err)
	}
}

func TestAMovedTagIsRecordedAnew(t *testing.T) {
	s, ctx := newRegistry(t, registry.RoleAdmin)
	r := newRepo(t)
	old := r.commit("feat: one", "a", "1")
	r.git("tag", "release")
	r.git("tag", "-a", "signed-off", "-m", "looked at")
	mustImport(t, ctx, s, r.path, git.Options{Name: "mine"})
	now := r.commit("feat: two", "a", "2")
	r.git("tag", "-f", "release")
	r.git("tag", "-d", "signed-off")
	rep := mustImport(t, ctx, s, r.path, git.Options{Name: "mine"})
	if rep.Added("tags") != 1 || !hasProblem(rep, git.Remark, "signed-off", "no longer in the repository") {
		t.Fatalf("report %+v", rep)
	}
	node, err := s.Node(ctx, registry.RepositoryID("mine"))
	if err != nil {
		t.Fatal(err)
	}
	tags, err := s.TagsOf(ctx, node.(*registry.Repository), core.Paging{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, e := range tags.Edges {
		got[e.Node.Name+" "+e.Node.SHA] = e.Node.MovedAt.IsZero()
		if e.Node.Name == "release" && (e.Node.Annotated || !e.Node.DateInferred) {
			t.Errorf("a lightweight tag has no date of its own: %+v", e.Node)
		}
		if e.Node.Name == "signed-off" && (!e.Node.Annotated || e.Node.Tagger != "Ada" || e.Node.Message != "looked at" || e.Node.DateInferred) {
			t.Errorf("an annotated tag: %+v", e.Node)
		}
	}
	if d := cmp.Diff(map[string]bool{"release " + old: false, "release " + now: true, "signed-off " + old: true}, got); d != "" {
		t.Errorf("tags and whether they are current (-want +got):\n%s", d)
	}
}

func TestARepositoryWithoutCommitsIsRefused(t *testing.T) {
	s, ctx := newRegistry(t, registry.RoleAdmin)
	_, err := git.Import(ctx, s, newRepo(t).path, git.Options{})
	wantCode(t, err, registry.FailedPrecondition, "no commits yet")
	_, err = git.Import(ctx, s, t.TempDir(), git.Options{})
	wantCode(t, err, registry.FailedPrecondition, "no git repository")
	_, err = git.Import(ctx, s, filepath.Join(t.TempDir(), "nowhere"), git.Options{})
	wantCode(t, err, registry.NotFound, "nothing to read")
	_, err = git.Import(ctx, s, "../../testdata/dvc-project/repo.bundle", git.Options{})
	wantCode(t, err, registry.FailedPrecondition, "bundle")
	sha256 := newRepo(t, "--object-format=sha256")
	sha256.commit("feat: one", "a", "1")
	_, err = git.Import(ctx, s, sha256.path, git.Options{})
	wantCode(t, err, registry.FailedPrecondition, "SHA-256")
}

func TestAShallowCloneIsImportedUpToItsBoundary(t *testing.T) {
	s, ctx := newRegistry(t, registry.RoleAdmin)
	full := newRepo(t)
	for _, n := range []string{"1", "2", "3", "4"} {
		full.commit("feat: "+n, "a", n)
	}
	clone := &repo{t: t, path: filepath.Join(t.TempDir(), "clone")}
	full.git("clone", "-q", "--depth", "2", "file://"+full.path, clone.path)
	cut := clone.git("rev-parse", "HEAD~1")
	got := mustImport(t, ctx, s, clone.path, git.Options{})
	if got.Added("commits") != 2 || !hasProblem(got, git.Remark, "history is cut at "+cut) || !hasProblem(got, git.Remark, "--repo NAME") {
		t.Fatalf("report %+v", got)
	}
	clone.git("fetch", "-q", "--unshallow")
	got = mustImport(t, ctx, s, clone.path, git.Options{Name: cut, All: true})
	if got.Added("commits") != 2 || hasProblem(got, git.Remark, "history is cut") {
		t.Errorf("deepened: %+v", got)
	}
	c, err := s.Commit(ctx, cut)
	if err != nil {
		t.Fatal(err)
	}
	if up, err := s.Upstream(ctx, c, core.Paging{}); err != nil || len(up.Edges) != 1 {
		t.Errorf("the boundary commit is not linked to its parent: %v", err)
	}
}

func TestUnusualRepositoryLayoutsAreRead(t *testing.T) {
	full := newRepo(t)
	full.commit("feat: one", "a", "1")
	full.commit("feat: two", "sub/a", "2")
	elsewhere := t.TempDir()
	full.git("worktree", "add", "-q", filepath.Join(elsewhere, "linked"), "-b", "linked")
	full.git("clone", "-q", "--shared", full.path, filepath.Join(elsewhere, "borrowing"))
	full.git("clone", "-q", "--bare", full.path, filepath.Join(elsewhere, "bare.git"))
	full.git("config", "uploadpack.allowFilter", "true")
	full.git("clone", "-q", "--no-checkout", "--filter=tree:0", "file://"+full.path, filepath.Join(elsewhere, "partial"))
	for _, path := range []string{filepath.Join(full.path, "sub"), filepath.Join(elsewhere, "linked"), filepath.Join(elsewhere, "borrowing"),
		filepath.Join(elsewhere, "bare.git"), filepath.Join(elsewhere, "partial"), "file://" + full.path} {
		s, ctx := newRegistry(t, registry.RoleAdmin)
		if r := mustImport(t, ctx, s, path, git.Options{}); r.Added("commits") != 2 || len(r.Problems) != 0 {
			t.Errorf("%s: %+v", filepath.Base(path), r)
		}
	}
}

func TestInvalidTextIsCleanedAndReported(t *testing.T) {
	s, ctx := newRegistry(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("feat: one", "a", "1")
	tree := r.git("rev-parse", "HEAD^{tree}")
	raw := "tree " + tree + "\nparent " + r.git("rev-parse", "HEAD") + "\nauthor \xff\xfe <x@y> 1700000000 +0000\ncommitter B\x01b <x@y> 1700000000 +0000\n" +
		"gpgsig -----BEGIN SSH SIGNATURE-----\n AAAA\n -----END SSH SIGNATURE-----\n\nfix: bad \xff bytes and \x07 bells\n"
	latin := "tree " + tree + "\nauthor J\xf6rg <x@y> 1700000000 +0000\ncommitter J\xf6rg <x@y> 1700000000 +0000\nencoding ISO-8859-1\n\nfix: gr\xfc\xdfe\n"
	shas := map[string]string{}
	for name, object := range map[string]string{"raw": raw, "latin": latin} {
		file := filepath.Join(t.TempDir(), "object")
		if err := os.WriteFile(file, []byte(object), 0o644); err != nil {
			t.Fatal(err)
		}
		shas[name] = r.git("hash-object", "-t", "commit", "-w", "--literally", file)
		r.git("update-ref", "refs/heads/"+name, shas[name])
	}
	blob := r.git("rev-parse", "HEAD:a")
	r.git("tag", "of-a-blob", blob)
	rep := mustImport(t, ctx, s, r.path, git.Options{Name: "mine"})
	if rep.Added("commits") != 3 || !hasProblem(rep, git.Changed, shas["raw"][:12], "no UTF-8") || !hasProblem(rep, git.Changed, shas["raw"][:12], "control characters") ||
		hasProblem(rep, git.Changed, shas["latin"][:12]) || !hasProblem(rep, git.NotRecorded, "of-a-blob", "points at a blob") {
		t.Errorf("report %+v", rep)
	}
	c, err := s.Commit(ctx, shas["raw"])
	if err != nil || c.Signature != "ssh" || strings.ContainsAny(c.Message+c.Author+c.Committer, "\x01\x07") || !utf8.ValidString(c.Message+c.Author+c.Committer) {
		t.Errorf("%+v %v", c, err)
	}
	if c, err := s.Commit(ctx, shas["latin"]); err != nil || c.Message != "fix: grüße" || c.Author != "Jörg" {
		t.Errorf("%+v %v", c, err)
	}
}

func TestCallerWithoutPermissionImportsNothing(t *testing.T) {
	s, ctx := newRegistry(t, registry.RoleViewer)
	_, err := git.Import(ctx, s, sample(t), git.Options{})
	wantCode(t, err, registry.Forbidden, "commit.record")
}

// overtaken answers lookups of commits as before another import recorded them.
type overtaken struct{ *service.Service }

func (overtaken) Nodes(_ context.Context, ids []registry.ID, _ ...core.PointInTime) ([]registry.Node, error) {
	return make([]registry.Node, len(ids)), nil
}

func TestAnImportThatAnotherOvertookHasNothingNew(t *testing.T) {
	s, ctx := newRegistry(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("one", "f", "1")
	mustImport(t, ctx, s, r.path, git.Options{})
	rep, err := git.Import(ctx, overtaken{s}, r.path, git.Options{})
	if err != nil || rep.Total() != 0 || len(rep.Problems) != 0 {
		t.Errorf("%+v, %v", rep, err)
	}
}

// TestACommitThatARunNamedIsImportedWhole records a commit by its sha alone, as a run of a
// tracking system names it. The import of its repository tells the rest, and its ancestors too. It
// stays in the repository that it was recorded in.
func TestACommitThatARunNamedIsImportedWhole(t *testing.T) {
	r := newRepo(t)
	r.git("commit", "-q", "--allow-empty", "-m", "feat: first")
	r.git("commit", "-q", "--allow-empty", "-m", "feat: second")
	sha := strings.TrimSpace(r.git("rev-parse", "HEAD"))
	s, ctx := newRegistry(t, registry.RoleAdmin)
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(-10, 0, 0)
	if _, err := s.RecordCommits(ctx, facts.RecordCommitsInput{Repository: facts.RepositoryInput{Name: "unknown"}, Commits: []facts.CommitInput{{SHA: sha, CommittedAt: at}}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		report, err := git.Import(ctx, s, r.path, git.Options{Name: "churn"})
		if err != nil || len(report.Problems) > 0 {
			t.Fatalf("%v %+v", err, report.Problems)
		}
	}
	c, err := s.Commit(ctx, sha)
	if err != nil || c.Message != "feat: second" || len(c.ParentSHAs) != 1 || c.CommittedAt.Equal(at) || c.Parent != registry.RepositoryID("unknown") {
		t.Fatalf("%+v %v", c, err)
	}
	if parent, err := s.Commit(ctx, c.ParentSHAs[0]); err != nil || parent == nil {
		t.Errorf("the parent is not recorded: %v", err)
	}
}
