package dvc_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/connect/dvc"
	"pedigree/connect/git"
	"pedigree/internal/registrytest"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/core"
	"pedigree/service/provenance"
)

// fixture is a service over an empty SQLite store and a context of the subject ann.
type fixture struct {
	*testing.T
	s   *service.Service
	ctx context.Context
}

func newFixture(t *testing.T, role string) *fixture {
	t.Helper()
	t.Parallel()
	w := &fixture{T: t, s: registrytest.Empty(t)}
	w.actAs(role)
	return w
}

func (w *fixture) actAs(role string) {
	w.ctx = service.As(w.Context(), registry.Actor{Subject: "ann", Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, "test")
}

func (w *fixture) load(from string, o git.Options) *git.Report {
	w.Helper()
	r, err := dvc.Import(w.ctx, w.s, from, dvc.Options{Options: o})
	if err != nil {
		w.Fatalf("import: %v", err)
	}
	return r
}

// importAgain repeats an import and checks that it adds nothing: no counts and no log
// entry.
func (w *fixture) importAgain(from string, o git.Options) {
	w.Helper()
	before := w.lastEntry()
	if r := w.load(from, o); r.Total() != 0 {
		w.Errorf("a second import added %+v", r.Counts)
	}
	if after := w.lastEntry(); after != before {
		w.Errorf("a second import made the log grow from %d to %d", before, after)
	}
}

func (w *fixture) lastEntry() int64 {
	w.Helper()
	log, err := w.s.AuditLog(w.ctx, core.Paging{}, nil)
	if err != nil {
		w.Fatal(err)
	}
	return log.Edges[0].Node.Seq
}

func (w *fixture) version(model, version string) *registry.ModelVersion {
	w.Helper()
	v, err := w.s.ModelVersion(w.ctx, model, version)
	if err != nil || v == nil {
		w.Fatalf("%s %s: %v %v", model, version, v, err)
	}
	return v
}

func (w *fixture) deployments(v *registry.ModelVersion) (out []*registry.Deployment) {
	w.Helper()
	c, err := w.s.DeploymentsOf(w.ctx, v, core.Paging{})
	if err != nil {
		w.Fatal(err)
	}
	for _, e := range c.Edges {
		out = append(out, e.Node)
	}
	return out
}

// upstream returns the whole upstream closure of a node, described as text.
func (w *fixture) upstream(of registry.ID) []string { return w.walk(of, "UPSTREAM") }

func (w *fixture) walk(of registry.ID, direction string) (out []string) {
	w.Helper()
	first, depth, history := core.MaxPage, 50, 1000
	in := provenance.LineageInput{Of: of, MaxDepth: &depth, First: &first, History: &history}
	if direction == "DOWNSTREAM" {
		in.Direction = "DOWNSTREAM"
	}
	g, err := w.s.Lineage(w.ctx, in)
	if err != nil {
		w.Fatal(err)
	}
	for _, n := range g.Nodes {
		noun, err := n.Node()
		if err != nil {
			w.Fatal(err)
		}
		out = append(out, describe(noun))
	}
	return out
}

func describe(n registry.Node) string {
	switch n := n.(type) {
	case *registry.DatasetVersion:
		return "data " + n.Name + " " + n.Version
	case *registry.Run:
		return "run " + n.Name
	case *registry.Commit:
		return "commit " + n.SHA
	case *registry.Tag:
		return "tag " + n.Name
	case *registry.ModelVersion:
		return "version " + n.ModelName + " " + n.Version
	case *registry.Deployment:
		return "deployment " + n.Name
	}
	return string(n.NodeMeta().Kind)
}

func hasPrefix(list []string, prefix string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.HasPrefix(s, prefix) })
}

// runs returns the runs by name.
func (w *fixture) runs() map[string][]*registry.Run {
	w.Helper()
	first := core.MaxPage
	c, err := w.s.Runs(w.ctx, core.Paging{First: &first}, nil, nil)
	if err != nil {
		w.Fatal(err)
	}
	out := map[string][]*registry.Run{}
	for _, e := range c.Edges {
		out[e.Node.Name] = append(out[e.Node.Name], e.Node)
	}
	return out
}

// data returns a version of a dataset.
func (w *fixture) data(namespace, name, version string) *registry.DatasetVersion {
	w.Helper()
	v, err := w.s.DatasetVersion(w.ctx, name, version, namespace)
	if err != nil {
		w.Fatal(err)
	}
	return v
}

// neighbors returns the nodes that are one hop from a node, with the relation, described as
// text.
func (w *fixture) neighbors(n registry.Node, down bool) (out []string) {
	w.Helper()
	hop := w.s.Upstream
	if down {
		hop = w.s.Downstream
	}
	c, err := hop(w.ctx, n, core.Paging{})
	if err != nil {
		w.Fatal(err)
	}
	for _, e := range c.Edges {
		out = append(out, string(e.Relation)+" "+describe(e.Node))
	}
	slices.Sort(out)
	return out
}

// hasProblem reports whether a problem of a kind contains all of the words.
func hasProblem(r *git.Report, kind git.ProblemKind, words ...string) bool {
	return slices.ContainsFunc(r.ProblemsOf(kind), func(p git.Problem) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(p.Where+": "+p.What, w) })
	})
}

// repo is a git repository that a test changes with the git command.
type repo struct {
	*testing.T
	path string
	tick int
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	r := &repo{T: t, path: t.TempDir()}
	r.git("init", "-q", "-b", "main")
	return r
}

// commitTime returns the time of the repository's nth git command.
func commitTime(tick int) time.Time { return time.Date(2024, 1, 1, 0, tick, 0, 0, time.UTC) }

func (r *repo) git(args ...string) string {
	r.Helper()
	r.tick++
	at := commitTime(r.tick).Format(time.RFC3339)
	cmd := exec.Command("git", args...)
	cmd.Dir = r.path
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.test",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.test", "GIT_AUTHOR_DATE="+at, "GIT_COMMITTER_DATE="+at)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes files, given as pairs of path and text, and commits them. It returns the
// SHA.
func (r *repo) commit(message string, files ...string) string {
	r.Helper()
	for i := 0; i < len(files); i += 2 {
		full := filepath.Join(r.path, files[i])
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			r.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(files[i+1]), 0o644); err != nil {
			r.Fatal(err)
		}
	}
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", message)
	return r.git("rev-parse", "HEAD")
}

// tag makes an annotated tag as gto does, and returns its time.
func (r *repo) tag(name, message string, more ...string) time.Time {
	r.Helper()
	r.git(append([]string{"tag", "-a", name, "-m", message}, more...)...)
	return commitTime(r.tick)
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
