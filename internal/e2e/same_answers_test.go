package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pedigree/audit"
	"pedigree/connect/demo"
	"pedigree/connect/dvc"
	"pedigree/connect/git"
	"pedigree/graph"
	"pedigree/graph/cache"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/internal/neo4jtest"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/server"
	"pedigree/service"
	"pedigree/service/access"
)

// fixedSecret gives all stores the same secret, so that their cursors and opaque
// ids are equal.
type fixedSecret struct{ graph.Store }

func (s fixedSecret) Ping(ctx context.Context) (graph.Info, error) {
	info, err := s.Store.Ping(ctx)
	info.Secret = bytes.Repeat([]byte{7}, 32)
	return info, err
}

// localRegistry is a registry in the test process, with a clock that stands still.
type localRegistry struct {
	t       *testing.T
	service *service.Service
	handler http.Handler
	store   graph.Store
}

func newLocalRegistry(t *testing.T, store graph.Store) *localRegistry {
	t.Helper()
	t.Cleanup(func() { store.Close() })
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	gate, err := policies.NewGate(t.Context(), fixedSecret{store}, table, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	s := service.New(gate)
	return &localRegistry{t, s, server.New(s, server.Config{Log: slog.New(slog.DiscardHandler)}), store}
}

func (s *localRegistry) admin() context.Context {
	return service.As(s.t.Context(), registry.Actor{Subject: "admin", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: "*"}}}, "equal")
}

func (s *localRegistry) token(role string) string {
	s.t.Helper()
	token := "pdg_equal_answers_" + role
	if _, err := s.service.CreateToken(s.admin(), access.CreateTokenInput{Subject: role + "-subject", Role: role, Token: token}); err != nil {
		s.t.Fatal(err)
	}
	return token
}

func (s *localRegistry) post(token, query string, vars map[string]any) []byte {
	body, _ := json.Marshal(map[string]any{"query": query, "variables": vars})
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return s.send(token, r)
}

func (s *localRegistry) get(token, path string) []byte {
	return s.send(token, httptest.NewRequest(http.MethodGet, path, nil))
}

func (s *localRegistry) send(token string, r *http.Request) []byte {
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("X-Request-Id", "equal-answers")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Body.Bytes()
}

func bothRegistries(t *testing.T) (lite, neo *localRegistry) {
	t.Helper()
	a, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()))
	if err != nil {
		t.Fatal(err)
	}
	return newLocalRegistry(t, a), newLocalRegistry(t, cache.New(b, 0)) // One has a cache, as in production.
}

// lineageQueries are sent about every lineage node.
var lineageQueries = []string{
	`query($id:ID!){lineage(of:$id,maxDepth:30,direction:BOTH,first:60){root historyCut asOf nodes{node{id kind name ... on Commit{sha message role roleEvidence} ... on Run{parameters metrics{name value} runKind} ... on DatasetVersion{digest role}} depth layer treeParent upstreamDegree downstreamDegree} edges{id from to kind validFrom} pageInfo{hasNextPage endCursor} truncation{truncated reasons frontier redacted}}}`,
	`query($id:ID!){lineage(of:$id,direction:DOWNSTREAM,first:2,maxDepth:3){nodes{node{id name} depth} edges{id} pageInfo{hasNextPage startCursor endCursor} truncation{truncated reasons frontier redacted}}}`,
	`query($id:ID!){lineageExport(of:$id,format:PROV_JSON,direction:BOTH){filename body truncation{truncated reasons frontier redacted}}}`,
	`query($id:ID!){lineageExport(of:$id,format:CYCLONEDX,direction:BOTH,history:1){body}}`,
	`query($id:ID!){lineageExport(of:$id,format:OPENLINEAGE,maxDepth:2){body}}`,
	`query($id:ID!){impact(of:[$id],targets:[DEPLOYMENT,MODEL_VERSION],live:false){totalCount counts{total environments{environment count} truncation{truncated reasons redacted}} models{models{model{name} versions liveDeployments} truncation{reasons}} edges{cursor depth environment owner stage node{id name} path{id name}} pageInfo{hasNextPage endCursor} truncation{truncated reasons redacted}}}`,
	`query($id:ID!){impact(of:[$id],targets:[RUN,DATASET_VERSION,MODEL_VERSION],live:false,first:2){edges{cursor depth node{id name ... on Run{parameters}}} pageInfo{hasNextPage endCursor} truncation{reasons frontier redacted}}}`,
	`query($id:ID!){lineageCounts(of:$id,maxDepth:30,direction:BOTH){counts{kind depth count} nodes edges redacted historyCut truncation{reasons frontier}}}`,
	`query($id:ID!){provenance(of:$id){rawSources{id name} datasets{name} runs{name} commits{name} tags{name} features{name} people gaps{code message field node{id}}}}`,
	`query($id:ID!){node(id:$id){id __typename ... on ModelVersion{version stage number replacedBy recallState recalls tags{key value} card{revision completeness{missing} performance{f1Score metrics{name value}}} transitions{totalCount edges{cursor node{from to at by reason}}} upstream{totalCount edges{cursor relation node{id}}} artifacts{edges{node{name uri}}} aliases{name}} ... on Deployment{environment live startedAt endedAt modelVersion{version}}}}`,
}

// diffQuery compares every node with the previous node of its kind.
const diffQuery = `query($a:ID!,$b:ID!){lineageDiff(a:$a,b:$b){identical datasets{added{id} removed{id} changed{name before{id} after{id} beforeDigest afterDigest}} runs{added{id} removed{id} changed{name before{id} after{id} parameters{key before after} metrics{key before after}}} features{added{id} removed{id} changed{name}} versions{added{id} removed{id} changed{name after{id}}} repositories{repository{name} before{id} after{id}} commits{added{id} removed{id} addedCount removedCount complete} parameters{key before after} metrics{key before after} card{path before after} stage{before after} approvals{before{to reason forced} after{to reason forced}} truncationA{reasons redacted frontier} truncationB{reasons redacted frontier}}}`

// catalogQueries are sent once.
var catalogQueries = []string{
	`{models{totalCount edges{cursor node{id name owner latestVersion{version} productionVersion{version} versions{totalCount edges{cursor node{version stage}}}}} pageInfo{endCursor hasNextPage}}}`,
	`{datasets{totalCount edges{cursor node{id name namespace versions{edges{cursor node{version}}}}}}}`,
	`{runs(first:10){edges{cursor node{id name runKind}}} commits(first:10){edges{cursor node{sha parentShas}}} deployments(first:10){edges{cursor node{name live}}}}`,
	`{auditLog(first:200){edges{cursor node{seq at actor action objects reason detail leafHash}} pageInfo{endCursor}}}`,
	`{models(filter:{stage:STAGING}){edges{node{name}}}}`,
	`{recalls{totalCount edges{cursor node{id number severity state reason nodes{id}}}}}`,
	`{commits(filter:{role:"hyperparameter-tuning"}){edges{node{message}}}}`,
	`{search(text:"credit",first:200){totalCount facets{kinds{kind count} stages{stage count} recallStates{state count} complete} edges{cursor matched node{__typename id}} pageInfo{hasNextPage endCursor}}}`,
	`{a:search(text:"model 1.",first:3){totalCount edges{cursor node{id}} pageInfo{endCursor}} b:search(text:"d",kinds:[DATASET,RUN,COMMIT],first:50){totalCount edges{node{id}}} c:search(text:"churn",stages:[PRODUCTION,STAGING]){totalCount edges{matched node{id}}}}`,
	`{datasets(orderBy:{field:CREATED_AT,direction:DESC}){edges{cursor node{id name}}} runs(first:9,orderBy:{field:STARTED_AT,direction:DESC}){edges{cursor node{id}}}}`,
	`{commits(first:20,orderBy:{field:SHA,direction:ASC},filter:{committedFrom:"2020-01-01T00:00:00Z"}){totalCount edges{cursor node{id}}} deployments(orderBy:{field:STARTED_AT,direction:DESC}){edges{cursor node{id}}}}`,
	`{models{edges{node{versions(first:5,orderBy:{field:NUMBER,direction:DESC},filter:{createdFrom:"2020-01-01T00:00:00Z"}){totalCount edges{cursor node{version}}}}}}}`,
}

func TestBothStoresAnswerTheSameBytes(t *testing.T) {
	t.Parallel()
	lite, neo := bothRegistries(t)
	private, err := audit.NewKey(lite.service.LogOrigin())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*localRegistry{lite, neo} {
		key, err := audit.ParseKey(private)
		if err == nil {
			err = s.service.SetLogKey(s.admin(), key)
		}
		if err != nil {
			t.Fatal(err)
		}
		loadDemoData(t, s)
	}
	asked, size := 0, 0
	var packs []string
	for _, role := range []string{registry.RoleAdmin, registry.RoleDataScientist, registry.RoleDeveloper, registry.RoleViewer} {
		a, b := lite.token(role), neo.token(role)
		if a != b {
			t.Fatal("the tokens differ")
		}
		ask := func(query string, vars map[string]any) {
			x, y := lite.post(a, query, vars), neo.post(b, query, vars)
			if !bytes.Equal(x, y) {
				t.Errorf("%s asks %s %v:\nSQLite %.1500s\nNeo4j  %.1500s", role, query, vars, fromDifference(x, y), fromDifference(y, x))
			}
			if bytes.Contains(x, []byte(`"INTERNAL"`)) {
				t.Errorf("%s asks %s: %.300s", role, query, x)
			}
			asked, size = asked+1, size+len(x)
		}
		for _, q := range catalogQueries {
			ask(q, nil)
		}
		last := map[string]string{}
		if role == registry.RoleAdmin {
			packs = lite.packs(a)
		}
		for _, pack := range packs {
			x, y := lite.get(a, pack), neo.get(b, pack)
			if !bytes.Equal(x, y) || !bytes.HasPrefix(x, []byte("PK")) && role == registry.RoleAdmin {
				t.Errorf("%s asks for %s: %d and %d bytes, beginning %.100q and %.100q", role, pack, len(x), len(y), x, y)
			}
			asked, size = asked+1, size+len(x)
		}
		for _, id := range lineageIDs(t, lite) {
			prefix, _, _ := strings.Cut(id, "_")
			if before := last[prefix]; before != "" {
				ask(diffQuery, map[string]any{"a": before, "b": id})
			}
			last[prefix] = id
		}
		// Administrators send every query about every node. The other roles, whose
		// visibility takes a graph walk, send one of the queries about each node, in turn.
		for i, id := range lineageIDs(t, lite) {
			for k, q := range lineageQueries {
				if role == registry.RoleAdmin || k == i%len(lineageQueries) {
					ask(q, map[string]any{"id": id})
				}
			}
		}
	}
	t.Logf("PROOF %d answers, %d bytes, equal on SQLite and Neo4j", asked, size)
}

// fromDifference returns a text from a little before the place where it differs from another.
func fromDifference(text, other []byte) []byte {
	for i := range text {
		if i == len(other) || text[i] != other[i] {
			return text[max(0, i-100):]
		}
	}
	return nil
}

// packs lists the paths of the compliance packs of all versions that an administrator sees.
func (s *localRegistry) packs(token string) (out []string) {
	var found struct {
		Data struct {
			Models struct {
				Edges []struct {
					Node struct {
						Name     string
						Versions struct {
							Edges []struct{ Node struct{ Version string } }
						}
					}
				}
			}
		}
	}
	answer := s.post(token, `{models(first:50){edges{node{name versions(first:50){edges{node{version}}}}}}}`, nil)
	if err := json.Unmarshal(answer, &found); err != nil {
		s.t.Fatal(err)
	}
	for _, m := range found.Data.Models.Edges {
		for _, v := range m.Node.Versions.Edges {
			out = append(out, "/api/v1/models/"+url.PathEscape(m.Node.Name)+"/"+url.PathEscape(v.Node.Version)+"/compliance")
		}
	}
	if len(out) == 0 {
		s.t.Fatalf("there is no version to make a pack of: %s", answer)
	}
	return out
}

// loadDemoData loads the demo and imports a real DVC project.
func loadDemoData(t *testing.T, s *localRegistry) {
	t.Helper()
	if _, err := demo.Load(s.admin(), s.service); err != nil {
		t.Fatal(err)
	}
	project := filepath.Join(t.TempDir(), "project")
	if out, err := exec.Command("git", "clone", "-q", filepath.Join("..", "..", "testdata", "dvc-project", "repo.bundle"), project).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := dvc.Import(s.admin(), s.service, project, dvc.Options{Options: git.Options{}}); err != nil {
		t.Fatal(err)
	}
}

// lineageIDs returns the ids of all lineage nodes in the objects of the log.
func lineageIDs(t *testing.T, s *localRegistry) (ids []string) {
	t.Helper()
	var log struct {
		Data struct {
			AuditLog struct {
				Edges []struct{ Node struct{ Objects []string } }
			}
		}
	}
	if err := json.Unmarshal(s.post(s.token(registry.RoleAdmin), `{auditLog(first:200){edges{node{objects}}}}`, nil), &log); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range log.Data.AuditLog.Edges {
		for _, id := range e.Node.Objects {
			prefix, _, _ := strings.Cut(id, "_")
			if !seen[id] && strings.Contains(" dv run feat tag mv dep ", " "+prefix+" ") {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	return ids
}
