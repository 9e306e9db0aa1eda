package remote_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pedigree/connect/dvc"
	"pedigree/connect/git"
	"pedigree/connect/remote"
	"pedigree/graph"
	"pedigree/internal/registrytest"
	"pedigree/registry"
	"pedigree/server"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/core"
)

// fixedSecret makes two stores derive the same keys, so that their cursors and opaque ids
// are comparable.
type fixedSecret struct{ graph.Store }

func (s fixedSecret) Ping(ctx context.Context) (graph.Info, error) {
	info, err := s.Store.Ping(ctx)
	info.Secret = bytes.Repeat([]byte{7}, 32)
	return info, err
}

// testServer is a server over an empty SQLite store. Its clock always returns the same
// time.
type testServer struct {
	*testing.T
	service *service.Service
	url     string
	// middleware wraps the server; nil passes every request through.
	middleware atomic.Pointer[func(next http.Handler) http.Handler]
	requests   atomic.Int64
}

func newTestServer(t *testing.T) *testServer {
	t.Helper()
	now := time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)
	s := &testServer{T: t, service: registrytest.Open(t, fixedSecret{registrytest.Store(t)}, func() time.Time { return now })}
	handler := server.New(s.service, server.Config{})
	l := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if before := s.middleware.Load(); before != nil {
			(*before)(handler).ServeHTTP(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(l.Close)
	s.url = l.URL
	for _, role := range []string{registry.RoleAdmin, registry.RoleDataScientist, registry.RoleViewer} {
		if _, err := s.service.CreateToken(s.admin(), access.CreateTokenInput{Subject: role + "-subject", Role: role, Token: tokenOf(role)}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func tokenOf(role string) string { return "pdg_token_of_" + role }

// setMiddleware sets the middleware; nil removes it.
func (s *testServer) setMiddleware(before func(next http.Handler) http.Handler) {
	if before == nil {
		s.middleware.Store(nil)
		return
	}
	s.middleware.Store(&before)
}

// admin returns the context of a subject that opened the store directly.
func (s *testServer) admin() context.Context {
	return service.As(s.Context(), registry.Actor{Subject: "cli:ann", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "cli")
}

// client returns a client with the token of a role, and the number of waits before its
// retries.
func (s *testServer) client(role string) (*remote.Client, *atomic.Int64) {
	s.Helper()
	waited := &atomic.Int64{}
	c, err := remote.New(s.url, tokenOf(role), remote.Purpose("import dvc"), remote.Sleep(func(ctx context.Context, _ time.Duration) error {
		waited.Add(1)
		return ctx.Err()
	}))
	if err != nil {
		s.Fatal(err)
	}
	return c, waited
}

// log returns the log entries, oldest first.
func (s *testServer) log() (out []*registry.LogEntry) {
	s.Helper()
	first := core.MaxPage
	for p := (core.Paging{First: &first}); ; {
		c, err := s.service.AuditLog(s.admin(), p, nil)
		if err != nil {
			s.Fatal(err)
		}
		for _, e := range c.Edges {
			out = append(out, e.Node)
		}
		if !c.PageInfo.HasNextPage {
			slices.Reverse(out)
			return out
		}
		p.After = &c.PageInfo.EndCursor
	}
}

// query sends an operation as an admin and returns the bytes of the answer.
func (s *testServer) query(query string, vars map[string]any) []byte {
	s.Helper()
	body, _ := json.Marshal(map[string]any{"query": query, "variables": vars})
	r, _ := http.NewRequestWithContext(s.Context(), http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+tokenOf(registry.RoleAdmin))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	var out bytes.Buffer
	out.ReadFrom(resp.Body)
	return out.Bytes()
}

// importers replaces the subjects that recorded something, which differ between the store
// and the server.
var importers = strings.NewReplacer("import:git", "WHO", "import:dvc", "WHO", "import:gto", "WHO", "cli:ann", "WHO", "admin-subject", "WHO")

// answers runs a set of queries for every object in the log, and for the catalog. It
// returns the answers by query, without the names of the subjects.
func (s *testServer) answers() map[string]string {
	s.Helper()
	questions := []string{
		`query($id:ID!){lineage(of:$id,maxDepth:30,direction:BOTH,first:100){root historyCut asOf nodes{node{id kind name ... on Commit{sha message author committer email authoredAt committedAt signature role roleEvidence parentShas repository} ... on Run{producer runId command description parameters metrics{name value} runKind status startedAt endedAt} ... on DatasetVersion{namespace version digest description uri sizeBytes rows dataRole:role tags{key value} createdAt} ... on Tag{sha annotated message tagger taggedAt dateInferred} ... on Feature{type column owner}} depth layer treeParent upstreamDegree downstreamDegree} edges{id from to kind validFrom validTo} truncation{truncated reasons redacted}}}`,
		`query($id:ID!){impact(of:[$id],targets:[DEPLOYMENT,MODEL_VERSION],live:false){totalCount counts{environments{environment count}} edges{depth node{id name} path{id name}}}}`,
		`query($id:ID!){provenance(of:$id){rawSources{id name} datasets{name} runs{name} commits{name} tags{name} gaps{code message node{id}}}}`,
		`query($id:ID!){node(id:$id){id __typename ... on ModelVersion{name version number label description owner creator stage createdDate replacedBy tags{key value} card{description modelDetails{algorithm framework hyperparameters} training{trainingDataVersion trainingDate trainingTimeHours samplesUsed} performance{accuracy precision recall f1Score metrics{name value}} features dataPreprocessing limitations ethicalConsiderations{fairnessChecked biasAuditDone protectedGroups}} transitions{edges{node{ordinal from to at by reason forced replacedBy}}} artifacts{edges{node{name uri digest sizeBytes format storageKey}}} aliases{name version}} ... on Deployment{environment endpoint trafficPercent owner description live startedAt endedAt modelVersion{version}}}}`,
	}
	out := map[string]string{}
	put := func(query string, vars map[string]any) {
		answer := string(s.query(query, vars))
		if strings.Contains(answer, `"errors"`) {
			s.Fatalf("%s %v: %s", query, vars, answer)
		}
		out[query+" "+toText(vars)] = importers.Replace(answer)
	}
	for _, q := range []string{
		`{models(first:20){totalCount edges{node{id name description owner tags{key value} lastNumber productionVersion{version} latestVersion{version} versions{edges{node{id version stage}}}}}}}`,
		`{datasets(first:80){totalCount edges{node{id name namespace owner versions{edges{node{id version}}}}}}}`,
		`{runs(first:100){edges{node{id name runKind}}} commits(first:100){edges{node{id sha}}} deployments(first:100){totalCount edges{node{id name live startedAt endedAt}}}}`,
	} {
		put(q, nil)
	}
	seen := map[registry.ID]bool{}
	for _, e := range s.log() {
		for _, id := range e.Objects {
			if seen[id] || !id.Kind().Walked() {
				continue
			}
			seen[id] = true
			for _, q := range questions {
				put(q, map[string]any{"id": id})
			}
		}
	}
	return out
}

func toText(v any) string { b, _ := json.Marshal(v); return string(b) }

// sample clones the sample repository, which was made with the dvc and gto commands.
func sample(t *testing.T) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "clone")
	if out, err := exec.Command("git", "clone", "-q", "../../testdata/dvc-project/repo.bundle", to).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	return to
}

// load imports a repository and fails the test on an error.
func load(t *testing.T, ctx context.Context, r dvc.Registry, from string) *git.Report {
	t.Helper()
	report, err := dvc.Import(ctx, r, from, dvc.Options{Options: git.Options{Name: "churn"}})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// dropConnection closes the connection of a request without an answer.
func dropConnection(w http.ResponseWriter) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		c.Close()
	}
}
