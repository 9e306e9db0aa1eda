package remote_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pedigree/connect/demo"
	"pedigree/connect/dvc"
	"pedigree/connect/git"
	"pedigree/lineage"
	"pedigree/lineage/export"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/provenance"
)

// entry is a log entry without its actor.
type entry struct {
	Action  registry.LogAction
	Objects []registry.ID
	Reason  string
	Detail  string
}

func entries(s *testServer) (out []entry) {
	for _, e := range s.log() {
		out = append(out, entry{e.Action, e.Objects, e.Reason, string(e.Detail)})
	}
	return out
}

func TestAnImportThroughAServerEqualsOneIntoTheStore(t *testing.T) {
	direct, served := newTestServer(t), newTestServer(t)
	from := sample(t)
	c, _ := served.client(registry.RoleAdmin)
	a, b := load(t, direct.admin(), direct.service, from), load(t, t.Context(), c, from)
	if d := cmp.Diff(a, b); d != "" {
		t.Errorf("the reports differ (-store +server):\n%s", d)
	}
	if a.Added("model versions") != 3 || a.Added("transitions") != 4 || a.Added("deployments ended") != 2 {
		t.Errorf("the sample is not imported whole: %+v", a.Counts)
	}
	x, err := demo.Load(direct.admin(), direct.service)
	if err != nil {
		t.Fatal(err)
	}
	y, err := demo.Load(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(x, y); d != "" {
		t.Errorf("the stories differ (-store +server):\n%s", d)
	}
	want, got := direct.answers(), served.answers()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the answers differ (-store +server):\n%.4000s", d)
	}
	if d := cmp.Diff(entries(direct), entries(served)); d != "" {
		t.Errorf("the logs differ (-store +server):\n%.4000s", d)
	}
	for _, e := range served.log() {
		if e.Actor != "cli:ann" && (e.Actor != "admin-subject" || !strings.HasPrefix(e.RequestID, "import-dvc-")) {
			t.Errorf("%s was logged for %s in request %s", e.Action, e.Actor, e.RequestID)
		}
	}
	t.Logf("PROOF %d answers and %d log entries equal, through a server and into the store; %d requests", len(want), len(entries(direct)), served.requests.Load())
}

func TestImportingAgainThroughAServerAddsNothing(t *testing.T) {
	s := newTestServer(t)
	from := sample(t)
	c, _ := s.client(registry.RoleAdmin)
	load(t, t.Context(), c, from)
	before := len(s.log())
	if r := load(t, t.Context(), c, from); r.Total() != 0 || len(r.Problems) != 0 {
		t.Errorf("a second import: %+v", r)
	}
	if r := load(t, s.admin(), s.service, from); r.Total() != 0 {
		t.Errorf("an import into the store after one through the server: %+v", r)
	}
	if _, err := demo.Load(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	story := len(s.log())
	if again, err := demo.Load(t.Context(), c); err != nil || again.Created {
		t.Errorf("the story again: %+v %v", again, err)
	}
	if story == before || len(s.log()) != story {
		t.Errorf("the log has %d entries after the imports, %d after the story, %d after the story again", before, story, len(s.log()))
	}
}

func TestADataScientistsImportReportsWhatIsNotDone(t *testing.T) {
	s := newTestServer(t)
	from := sample(t)
	c, _ := s.client(registry.RoleDataScientist)
	r := load(t, t.Context(), c, from)
	if r.Added("deployments") != 3 || r.Added("model versions") != 3 || r.Added("transitions") != 0 || len(r.ProblemsOf(git.NotDone)) != 4 {
		t.Fatalf("report %+v", r)
	}
	if p := r.ProblemsOf(git.NotDone)[0]; !strings.Contains(p.What, "you may not do transition") {
		t.Errorf("%+v", p)
	}
	if _, err := demo.Load(t.Context(), c); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("a data scientist loads the example: %v", err)
	}
	if m, err := c.Model(t.Context(), "credit-approval"); m != nil || err != nil {
		t.Errorf("a part of the example was recorded: %v %v", m, err)
	}
	admin, _ := s.client(registry.RoleAdmin)
	if r := load(t, t.Context(), admin, from); r.Added("transitions") != 4 || r.Total() != 4 {
		t.Errorf("the admin's import: %+v", r)
	}
}

func TestCallerWithoutPermissionIsRefusedBeforeAnythingIsRecorded(t *testing.T) {
	s := newTestServer(t)
	from := sample(t)
	admin, _ := s.client(registry.RoleAdmin)
	load(t, t.Context(), admin, from) // The viewer's import must be refused also when the viewer can read the data.
	before := len(s.log())
	viewer, _ := s.client(registry.RoleViewer)
	for _, imp := range []func() error{
		func() error { _, err := git.Import(t.Context(), viewer, from, git.Options{Name: "churn"}); return err },
		func() error {
			_, err := dvc.Import(t.Context(), viewer, from, dvc.Options{Options: git.Options{Name: "churn"}})
			return err
		},
		func() error { _, err := demo.Load(t.Context(), viewer); return err },
	} {
		if err := imp(); registry.CodeOf(err) != registry.Forbidden || !strings.Contains(err.Error(), "ask an administrator") {
			t.Error(err)
		}
	}
	if after := len(s.log()); after != before {
		t.Errorf("a viewer wrote %d log entries", after-before)
	}
}

func TestAServersModelsBelongToTheirRepository(t *testing.T) {
	s, from := newTestServer(t), sample(t)
	c, _ := s.client(registry.RoleAdmin)
	load(t, t.Context(), c, from)
	rep, err := dvc.Import(t.Context(), c, from, dvc.Options{Options: git.Options{Name: "another"}})
	if err != nil || rep.Added("model versions")+rep.Added("deployments") != 0 {
		t.Fatalf("%+v, %v", rep, err)
	}
	if ps := rep.ProblemsOf(git.NotRecorded); len(ps) != 1 || ps[0].Where != "model churn-model" || !strings.Contains(ps[0].What, "repository churn") {
		t.Errorf("problems %+v", ps)
	}
}

// TestAServerThatGoesAwayLeavesNothingHalfDone drops all connections after a number of
// requests, in the middle of an import, and then accepts requests again.
func TestAServerThatGoesAwayLeavesNothingHalfDone(t *testing.T) {
	reference, from := newTestServer(t), sample(t)
	c, _ := reference.client(registry.RoleAdmin)
	load(t, t.Context(), c, from)
	want, requests := reference.answers(), reference.requests.Load()
	for _, after := range []int64{9, 35, 70} {
		s := newTestServer(t)
		s.setMiddleware(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if s.requests.Load() > after {
					dropConnection(w)
					return
				}
				next.ServeHTTP(w, r)
			})
		})
		c, waited := s.client(registry.RoleAdmin)
		_, err := dvc.Import(t.Context(), c, from, dvc.Options{Options: git.Options{Name: "churn"}})
		if registry.CodeOf(err) != registry.Unavailable || !strings.Contains(err.Error(), "repeat the command") || waited.Load() != 3 {
			t.Fatalf("after %d of %d requests: %v, %d waits", after, requests, err, waited.Load())
		}
		s.setMiddleware(nil)
		load(t, t.Context(), c, from)
		if d := cmp.Diff(want, s.answers()); d != "" {
			t.Errorf("broken off after %d requests, then imported again (-whole +again):\n%.3000s", after, d)
		}
	}
}

// TestAMutationWithALostAnswerIsDoneOnce drops every other answer after the server
// processed the request.
func TestAMutationWithALostAnswerIsDoneOnce(t *testing.T) {
	reference, s, from := newTestServer(t), newTestServer(t), sample(t)
	c, _ := reference.client(registry.RoleAdmin)
	want := load(t, t.Context(), c, from)
	var n atomic.Int64
	s.setMiddleware(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			if n.Add(1)%2 == 1 {
				dropConnection(w)
				return
			}
			w.WriteHeader(rec.Code)
			w.Write(rec.Body.Bytes())
		})
	})
	c, waited := s.client(registry.RoleAdmin)
	got := load(t, t.Context(), c, from)
	s.setMiddleware(nil)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the reports differ (-whole +lossy):\n%s", d)
	}
	if d := cmp.Diff(entries(reference), entries(s)); d != "" || waited.Load() < 50 {
		t.Errorf("the logs differ after %d lost answers (-whole +lossy):\n%s", waited.Load(), d)
	}
	// Without the client's idempotency key, a repeated request is executed twice.
	register := `mutation{registerModel(input:{name:"twice"}){model{id}}}`
	if first, second := string(s.query(register, nil)), string(s.query(register, nil)); strings.Contains(first, "errors") || !strings.Contains(second, "ALREADY_EXISTS") {
		t.Errorf("%s\n%s", first, second)
	}
}

func TestManyCommitsAreSplitOverSeveralRequests(t *testing.T) {
	s := newTestServer(t)
	r := newRepo(t)
	message := strings.Repeat("a \"long\" message about <everything> & more\n", 700)
	for range 30 {
		r.commit("feat: step\n\n" + message)
	}
	c, _ := s.client(registry.RoleAdmin)
	report, err := git.Import(t.Context(), c, r.path, git.Options{Name: "long"})
	if err != nil || report.Added("commits") != 30 || len(report.Problems) != 0 {
		t.Fatalf("%v %+v", err, report)
	}
	batches := 0
	for _, e := range s.log() {
		if e.Action == registry.LogCommitsRecorded {
			batches++
		}
	}
	if batches < 4 {
		t.Errorf("30 commits of 30 KB each were recorded in %d requests of 256 KiB", batches)
	}
}

func TestAnExportThroughAServerEqualsTheServices(t *testing.T) {
	s := newTestServer(t)
	c, _ := s.client(registry.RoleAdmin)
	load(t, t.Context(), c, sample(t))
	v, err := c.ModelVersion(t.Context(), "churn-model", "latest")
	if err != nil || v == nil {
		t.Fatal(v, err)
	}
	depth, asOf := 30, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, f := range export.Formats() {
		for _, in := range []provenance.ExportInput{{Of: v.ID, Format: f}, {Of: v.ID, Format: f, Direction: lineage.Downstream, MaxDepth: &depth, AsOf: asOf}} {
			want, err := s.service.Export(s.admin(), in)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Export(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" || len(got.Body) == 0 {
				t.Errorf("%s (-service +server):\n%.2000s", f, d)
			}
		}
	}
}

func TestAViewerReadsThroughAServerWhatItMaySee(t *testing.T) {
	s := newTestServer(t)
	admin, _ := s.client(registry.RoleAdmin)
	load(t, t.Context(), admin, sample(t))
	viewer, _ := s.client(registry.RoleViewer)
	seen, err := viewer.ModelVersion(t.Context(), "churn-model", "1.1.1")
	if err != nil || seen == nil || seen.Stage != registry.Production {
		t.Fatalf("%+v %v", seen, err)
	}
	if hidden, err := viewer.ModelVersion(t.Context(), "churn-model", "1.0.0"); hidden != nil || err != nil {
		t.Errorf("an archived version: %+v %v", hidden, err)
	}
	tree, err := viewer.Export(t.Context(), provenance.ExportInput{Of: seen.ID, Format: export.Tree})
	if err != nil || !strings.Contains(tree.Body, "churn-model 1.1.1") || strings.Contains(tree.Body, "md5:") {
		t.Fatalf("%+v %v", tree, err)
	}
	if _, err := viewer.TransitionsOf(t.Context(), seen, core.Paging{}); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("a hidden list is returned as an empty list: %v", err)
	}
}
