package v1

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"pedigree/registry"
	"pedigree/rest/wire"
)

// document is what the tests read of the OpenAPI document.
type document struct {
	Paths map[string]map[string]struct {
		ID         string `json:"operationId"`
		Summary    string
		Parameters []struct{ In, Name string }
		Responses  map[string]json.RawMessage
	}
	Components struct{ Schemas map[string]map[string]any }
}

func readDocument(t *testing.T) (document, string) {
	t.Helper()
	w := newAPI(t).as(registry.RoleViewer, "GET", "../../openapi.json", "")
	var d document
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil || w.Code != 200 {
		t.Fatal(w.Code, err)
	}
	return d, w.Body.String()
}

// TestTheDocumentHasEveryRoute checks that the document has each route once, with its path
// parameters, a name of its own and a summary, and refers to schemas that it has.
func TestTheDocumentHasEveryRoute(t *testing.T) {
	d, text := readDocument(t)
	ids, operations := map[string]string{}, 0
	for path, methods := range d.Paths {
		for method, op := range methods {
			operations++
			if other := ids[op.ID]; other != "" || op.ID == "" || op.Summary == "" {
				t.Errorf("%s %s is called %q, as is %s", method, path, op.ID, other)
			}
			ids[op.ID] = method + " " + path
			var params []string
			for _, p := range op.Parameters {
				if p.In == "path" {
					params = append(params, "{"+p.Name+"}")
				}
			}
			if want := regexp.MustCompile(`\{\w+\}`).FindAllString(path, -1); !slices.Equal(params, want) {
				t.Errorf("%s has the parameters %v", path, params)
			}
		}
	}
	for _, r := range Routes() {
		path := strings.ReplaceAll(r.Path, "...}", "}")
		if d.Paths[path][strings.ToLower(r.Method)].ID == "" {
			t.Errorf("%s %s is not in the document", r.Method, r.Path)
		}
	}
	if operations != len(Routes()) {
		t.Errorf("%d operations, %d routes", operations, len(Routes()))
	}
	for _, ref := range regexp.MustCompile(`"#/components/schemas/(\w+)"`).FindAllStringSubmatch(text, -1) {
		if d.Components.Schemas[ref[1]] == nil {
			t.Errorf("there is no schema %s", ref[1])
		}
	}
	t.Logf("PROOF OpenAPI: %d operations, %d schemas", operations, len(d.Components.Schemas))
}

func loadSDL(t *testing.T) *ast.Schema {
	t.Helper()
	files, err := filepath.Glob("../../schema/*.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	var sources []*ast.Source
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, &ast.Source{Name: f, Input: string(b)})
	}
	schema, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// sdlNames are the GraphQL types of types that have another name there.
var sdlNames = map[string]string{"PolicyChangeKind": "PolicyChange", "Token": "ApiToken", "Restricted": "RestrictedNode", "RequestPayload": "ApproveTransitionPayload", "GuardPayload": "PutTransitionGuardPayload", "GatePayload": "PutGatePayload",
	"ModelPayload": "RegisterModelPayload", "RoleAssignmentPayload": "AssignRolePayload", "DeletePayload": "DeleteModelPayload", "CreateAPITokenPayload": "CreateApiTokenPayload",
	"RevokeAPITokenPayload": "RevokeApiTokenPayload", "DeprecationsPayload": "PlanDeprecationPayload", "DeprecationPayload": "WithdrawDeprecationPayload",
	"RetirementPayload": "RetireModelVersionPayload", "CleanupPayload": "CleanupModelVersionPayload", "ModelWithVersions": "Model", "VersionWithCard": "ModelVersion", "Impact": "ImpactConnection", "RecallImpact": "AffectedConnection", "AffectedDeployment": "AffectedEdge",
	"RecallResolutionPayload": "ResolveRecallDeploymentPayload", "ColumnsBody": "ColumnLineage"}

// extra are the members that only the REST API has.
var extra = map[string][]string{"ModelWithVersions": {"more_versions"}, "VersionWithCard": {"algorithm", "framework", "hyperparameters", "metrics"}, "LogEntry": {"from_stage", "to_stage"},
	"LineageGraph": {"next_page_token"}, "ColumnsBody": {"next_page_token"}, "Impact": {"affected", "next_page_token"}, "RecallImpact": {"affected", "next_page_token"}, "NodeBody": {"node"}, "ImpactNode": {"depth", "environment", "node", "owner", "path", "stage"}, "Restricted": {"restricted"},
	// A source is told by names only when it is recorded; what is stored has the id.
	"ColumnSource": {"dataset", "namespace"}}

// TestRESTTellsNoMoreThanGraphQL compares the schemas of answers with the GraphQL types: a field
// of a struct that GraphQL does not show is not shown here either. So does a value: the enums are
// the same.
func TestRESTTellsNoMoreThanGraphQL(t *testing.T) {
	d, _ := readDocument(t)
	sdl, compared := loadSDL(t), 0
	for name, schema := range d.Components.Schemas {
		if name == "Node" || name == "Problem" || strings.HasSuffix(name, "Input") {
			continue
		}
		of, renamed := sdlNames[name]
		if !renamed {
			of = name
		}
		def := sdl.Types[of]
		if def == nil && extra[name] == nil {
			t.Errorf("%s is no type of GraphQL", name)
			continue
		}
		compared++
		if values, ok := schema["enum"].([]any); ok {
			checkValues(t, name, def, values)
			continue
		}
		known := map[string]bool{"kind": true, "deleted": true, "revision": true}
		for _, e := range extra[name] {
			known[e] = true
		}
		if def != nil {
			for _, f := range def.Fields {
				known[wire.Snake(f.Name)] = true
				if r := names[of+"."+f.Name]; r != "" {
					delete(known, wire.Snake(f.Name))
					known[r] = true
				}
			}
		}
		for member := range schema["properties"].(map[string]any) {
			if !known[member] {
				t.Errorf("%s.%s is not in GraphQL", name, member)
			}
		}
	}
	if compared < 80 {
		t.Errorf("only %d types were compared", compared)
	}
}

func checkValues(t *testing.T, name string, def *ast.Definition, values []any) {
	t.Helper()
	want := []string{}
	for _, v := range def.EnumValues {
		want = append(want, strings.ToLower(v.Name))
	}
	if name == "NodeKind" {
		return // A record has a kind too, which no enum of GraphQL lists.
	}
	var got []string
	for _, v := range values {
		got = append(got, v.(string))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s has the values %v, in GraphQL %v", name, got, want)
	}
}

// TestWhatAResolverReadsIsVirtual checks that each field that GraphQL reads by a resolver instead
// of from the document, because it may refer to what the caller does not see, is read so here too.
func TestWhatAResolverReadsIsVirtual(t *testing.T) {
	b, err := os.ReadFile("../../gqlgen.yml")
	if err != nil {
		t.Fatal(err)
	}
	codec := newCodec(nil)
	types := map[string]reflect.Type{"ModelVersion": reflect.TypeFor[registry.ModelVersion](), "Transition": reflect.TypeFor[registry.Transition](), "Feature": reflect.TypeFor[registry.Feature](),
		"DatasetVersion": reflect.TypeFor[registry.DatasetVersion](), "Column": reflect.TypeFor[registry.Column](), "TransitionEvidence": reflect.TypeFor[registry.TransitionEvidence](),
		"ColumnSource": reflect.TypeFor[registry.ColumnSource](), "Deprecation": reflect.TypeFor[registry.Deprecation](), "Recall": reflect.TypeFor[registry.Recall](), "Viewer": reflect.TypeFor[viewerBody]()}
	found := regexp.MustCompile(`(?m)^  (\w+):\n    fields:\n((?:      .*\n)+)`).FindAllStringSubmatch(string(b), -1)
	checked := map[string]bool{}
	for _, m := range found {
		for _, f := range regexp.MustCompile(`(\w+): \{resolver: true\}`).FindAllStringSubmatch(m[2], -1) {
			of := types[m[1]]
			if of == nil {
				t.Errorf("%s.%s is read by a resolver: is it virtual?", m[1], f[1])
				continue
			}
			checked[m[1]] = true
			for _, member := range codec.Members(of, nil) {
				if member.Name == wire.Snake(f[1]) {
					t.Errorf("%s.%s is written as it is stored", m[1], f[1])
				}
			}
		}
	}
	if len(checked) != len(types) {
		t.Errorf("checked %v", slices.Sorted(maps.Keys(checked)))
	}
}

// TestThePageWorksOffline checks that the page has all operations and loads nothing: no script, no
// image, no other host.
func TestThePageWorksOffline(t *testing.T) {
	w := newAPI(t).as(registry.RoleViewer, "GET", "docs", "")
	body := w.Body.String()
	if got := strings.Count(body, "<summary><b>"); got != len(Routes()) || w.Code != 200 {
		t.Errorf("%d: %d operations of %d", w.Code, got, len(Routes()))
	}
	if found := regexp.MustCompile(`(?i)<script|\ssrc=|<link|url\(|https?:|\son\w+=`).FindString(body); found != "" {
		t.Errorf("the page has %q", found)
	}
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "unsafe") {
		t.Error(policy)
	}
}
