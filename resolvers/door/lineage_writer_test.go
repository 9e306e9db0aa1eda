package door

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"pedigree/connect/demo"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/resolvers/querycache"
	"pedigree/service"
)

// withClerk writes a policy file: the default policy with a role that may not read the
// names of runs and commits.
func withClerk(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../policies/policy.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range []string{"Run.command, read", "Commit.sha, read", "Tag.name, read", "ModelVersion.name, read", "Deployment.name, read", "Feature.type, read", "lineage.read, do",
		"catalog.read, do", "viewer.read, do"} {
		text = append(text, "\np, role:clerk, "+rule+", all, allow"...)
	}
	file := filepath.Join(t.TempDir(), "policy.csv")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// fieldCounter counts the fields of lineage nodes and of objects of the catalog that gqlgen's
// executor resolves.
type fieldCounter struct{ fields *atomic.Int64 }

func (fieldCounter) ExtensionName() string                   { return "Counted" }
func (fieldCounter) Validate(graphql.ExecutableSchema) error { return nil }
func (c fieldCounter) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	if slices.Contains([]string{"LineageNode", "Model", "ModelVersion", "Alias"}, graphql.GetFieldContext(ctx).Object) {
		c.fields.Add(1)
	}
	return next(ctx)
}

// handlers holds a handler without direct answers and one with them, over the same
// registry.
type handlers struct {
	*testing.T
	service              *service.Service
	standard, withWriter http.Handler
	fields               atomic.Int64
	story                *demo.Story
}

func newHandlers(t *testing.T) *handlers {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	table, err := policies.Load(withClerk(t))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	gate, err := policies.NewGate(t.Context(), store, table, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	s := service.New(gate)
	d := &handlers{T: t, service: s}
	log, id := slog.New(slog.DiscardHandler), func(context.Context) string { return "test" }
	d.standard = newHandler(s, log, id, fieldCounter{&d.fields})
	d.withWriter = newHandler(s, log, id, &directAnswers{service: s}, fieldCounter{&d.fields})
	if d.story, err = demo.Load(as(t, registry.RoleAdmin), s); err != nil {
		t.Fatal(err)
	}
	return d
}

func as(t *testing.T, role string) context.Context {
	return service.As(t.Context(), registry.Actor{Subject: "somebody", Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, "test")
}

// ask sends an operation to a handler as a role. It returns the answer and the number of
// lineage node fields that the executor resolved.
func (d *handlers) ask(h http.Handler, role, query string, vars map[string]any) (string, int64) {
	d.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		d.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body)).WithContext(as(d.T, role))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	before := d.fields.Load()
	h.ServeHTTP(w, r)
	return w.Body.String(), d.fields.Load() - before
}

// lineageQueries holds queries with many forms of selections. The extension writes those
// under "direct"; those under "slow" need the executor; those under "refused" give errors.
var lineageQueries = map[string][]string{
	"direct": {
		`query($of: ID!) { lineage(of: $of) { root nodes { node { id kind name } depth layer treeParent upstreamDegree downstreamDegree historyCut }
			edges { id from to kind validFrom validTo } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
			truncation { truncated reasons frontier redacted } historyCut asOf knownAt } }`,
		`query($of: ID!) { lineage(of: $of) { __typename nodes { __typename node { __typename } } edges { __typename } pageInfo { __typename } truncation { __typename } } }`,
		`query($of: ID!) { a: lineage(of: $of, direction: BOTH) { r: root n: nodes { x: node { i: id k: kind n: name i2: id } d: depth } } b: lineage(of: $of, first: 3) { nodes { node { id } } pageInfo { endCursor } } }`,
		`query($of: ID!, $yes: Boolean = true, $no: Boolean = false) { lineage(of: $of) { root @skip(if: $yes) historyCut @include(if: $no) nodes { depth @skip(if: $no) node { id name @include(if: $yes) } } } }`,
		`query($of: ID!) { lineage(of: $of) { ...g nodes { ...n } } } fragment g on LineageGraph { root edges { ... on LineageEdge { from } to } }
			fragment n on LineageNode { depth node { ... on Run { id } ... on Node { id } ... on ProvenanceNode { name } ...c } } fragment c on Commit { kind name __typename }`,
		`query($of: ID!) { lineage(of: $of) { nodes { node { id } } nodes { node { name } depth } edges { from } edges { from to } } }`,
		`query($of: ID!) { lineage(of: $of) { nodes { a: node { id } b: node { name kind } } } }`,
		`query($of: ID!) { lineage(of: $of) { nodes { node { ... on RestrictedNode { kind } } } } }`,
		`query($of: ID!) { __typename lineage(of: $of, direction: DOWNSTREAM, maxDepth: 2, history: 0, fanout: 2, through: [RUN]) { nodes { node { id } } truncation { reasons frontier } } viewer { subject } }`,
		`query($of: ID!) { lineage(of: $of, where: {kinds: [RUN, COMMIT]}, asOf: "2025-01-01") { asOf nodes { node { id } treeParent } edges { kind validFrom } } }`,
		`query($of: ID!) { lineage(of: $of, maxDepth: 0) { nodes { node { id } } edges { id } } }`,
	},
	"slow": {
		`query($of: ID!) { lineage(of: $of) { nodes { node { id ... on ModelVersion { version stage card { description } } ... on Commit { sha } } } } }`,
		`query($of: ID!) { lineage(of: $of) { nodes { node { id ... on DatasetVersion { dataset { name } } } } } }`,
	},
	"refused": {
		`query($of: ID!) { lineage(of: "mv_unknown") { root } viewer { subject } }`,
		`query($of: ID!) { a: lineage(of: $of) { root } b: lineage(of: $of, maxDepth: 99) { root } }`,
		`query($of: ID!) { lineage(of: $of, after: "nonsense") { root nodes { depth } } }`,
	},
}

func TestWrittenAnswersEqualTheExecutors(t *testing.T) {
	d := newHandlers(t)
	roles := []string{registry.RoleAdmin, "data_scientist", "developer", "viewer", "clerk"}
	roots := []registry.ID{d.story.Raw, d.story.Version, d.story.Deployment}
	for group, queries := range lineageQueries {
		for _, q := range queries {
			for _, role := range roles {
				for _, of := range roots {
					vars := map[string]any{"of": of}
					want, executorFields := d.ask(d.standard, role, q, vars)
					got, writerFields := d.ask(d.withWriter, role, q, vars)
					if sorted(t, got) != sorted(t, want) {
						t.Fatalf("%s of %s:\n%s\nexecutor: %s\ndirect:   %s", role, of, q, want, got)
					}
					if !json.Valid([]byte(got)) {
						t.Errorf("no JSON: %s", got)
					}
					if strings.Contains(got, `"data":null`) {
						continue
					}
					if group == "direct" && writerFields != 0 || group == "slow" && writerFields != executorFields {
						t.Errorf("%s: the executor resolved %d node fields, and %d without the extension\n%s", group, writerFields, executorFields, q)
					}
				}
			}
		}
	}
}

// TestAPlanDependsOnItsVariables checks that a directive with a variable is evaluated for
// every request, and that the number of cached plans is limited.
func TestAPlanDependsOnItsVariables(t *testing.T) {
	d := newHandlers(t)
	const decided = `query($of: ID!, $deep: Boolean!) { lineage(of: $of) { nodes { depth @include(if: $deep) node { id } } } }`
	var answers []string
	for _, deep := range []bool{true, false, true} {
		vars := map[string]any{"of": d.story.Version, "deep": deep}
		want, _ := d.ask(d.standard, registry.RoleAdmin, decided, vars)
		got, _ := d.ask(d.withWriter, registry.RoleAdmin, decided, vars)
		if got != want {
			t.Errorf("deep %v:\n%s\n%s", deep, want, got)
		}
		answers = append(answers, got)
	}
	if answers[0] == answers[1] || answers[0] != answers[2] {
		t.Error("the variable decides nothing")
	}
	var cached querycache.Cache[*selectionPlan]
	for range 2 * querycache.MaxEntries {
		op := &graphql.OperationContext{Doc: &ast.QueryDocument{}, Operation: &ast.OperationDefinition{}}
		cached.GetOrDerive(op, graphql.CollectedField{Field: &ast.Field{}}, func() *selectionPlan { return nil })
	}
	if n := cached.Len(); n > querycache.MaxEntries || n == 0 {
		t.Errorf("%d plans are cached", n)
	}
}

// sorted returns an answer with its errors in a fixed order and all else unchanged. Sibling
// fields are resolved concurrently, so their errors come in any order.
func sorted(t *testing.T, answer string) string {
	t.Helper()
	var a struct{ Errors []json.RawMessage }
	if !strings.HasPrefix(answer, `{"errors":[`) || json.Unmarshal([]byte(answer), &a) != nil || len(a.Errors) < 2 {
		return answer
	}
	list, err := json.Marshal(a.Errors)
	rest, ok := strings.CutPrefix(answer, `{"errors":`+string(list))
	if err != nil || !ok {
		return answer
	}
	slices.SortFunc(a.Errors, func(x, y json.RawMessage) int { return bytes.Compare(x, y) })
	list, _ = json.Marshal(a.Errors)
	return string(list) + rest
}

// TestWrittenPagesEqualTheExecutors compares all pages of a lineage with both handlers,
// including the cursors.
func TestWrittenPagesEqualTheExecutors(t *testing.T) {
	d := newHandlers(t)
	const q = `query($of: ID!, $after: String) { lineage(of: $of, first: 4, after: $after) { nodes { node { id name } treeParent } edges { from to } pageInfo { hasNextPage endCursor } } }`
	after, pages := "", 0
	for more := true; more && pages < 20; pages++ {
		vars := map[string]any{"of": d.story.Deployment, "after": after}
		want, _ := d.ask(d.standard, "viewer", q, vars)
		got, _ := d.ask(d.withWriter, "viewer", q, vars)
		if got != want {
			t.Fatalf("page %d:\n%s\n%s", pages, want, got)
		}
		var a struct {
			Data struct {
				Lineage struct {
					PageInfo struct {
						HasNextPage bool
						EndCursor   string
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(got), &a); err != nil {
			t.Fatal(err)
		}
		after, more = a.Data.Lineage.PageInfo.EndCursor, a.Data.Lineage.PageInfo.HasNextPage
	}
	if got, _ := d.ask(d.withWriter, "clerk", lineageQueries["direct"][0], map[string]any{"of": d.story.Version}); !strings.Contains(got, `"coordinate":"Commit.name"`) {
		t.Errorf("a hidden name is not reported: %s", got)
	}
	if pages < 3 {
		t.Errorf("only %d pages", pages)
	}
}

// TestTextsAreEscapedAsTheExecutorDoes compares the escapes of texts with those of gqlgen.
func TestTextsAreEscapedAsTheExecutorDoes(t *testing.T) {
	for _, s := range []string{"", "plain", `"quoted" \ back`, "line\nbreak\ttab\rreturn", "\x01\x1f\x7f", "ünï → 語 \u2028 <b>&", strings.Repeat("é\"", 50)} {
		var want bytes.Buffer
		graphql.MarshalString(s).MarshalGQL(&want)
		if got := appendString([]byte("before"), s); string(got) != "before"+want.String() {
			t.Errorf("%q: %s, wanted %s", s, got, want.String())
		}
	}
}

func TestEveryLineageTypeIsPlanned(t *testing.T) {
	for _, k := range registry.LineageKinds() {
		if !slices.Contains(nodeTypes, registry.NounOf(k).Name) {
			t.Errorf("%s is not planned", k)
		}
	}
}
