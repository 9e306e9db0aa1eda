package remote

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"

	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/artifacts"
	"pedigree/service/catalog"
	"pedigree/service/facts"
	"pedigree/service/governance"
)

func loadSchema(t *testing.T) *ast.Schema {
	t.Helper()
	files, err := filepath.Glob("../../schema/*.graphqls")
	if err != nil || len(files) == 0 {
		t.Fatal("no schema files", err)
	}
	var sources []*ast.Source
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, &ast.Source{Name: f, Input: string(b)})
	}
	s, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryOperationFitsTheSchema(t *testing.T) {
	s := loadSchema(t)
	for name, text := range operations() {
		if _, err := gqlparser.LoadQueryWithRules(s, text, nil); err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	drifted := strings.Replace(opRun, "producer runId", "producer runNumber", 1)
	if _, err := gqlparser.LoadQueryWithRules(s, drifted, nil); err == nil {
		t.Error("an operation that asks for what is not in the schema goes through")
	}
}

// TestNounsAreReadWhole holds the fields that are read to the field table.
func TestNounsAreReadWhole(t *testing.T) {
	for noun, fields := range map[string]string{"Model": modelFields, "Repository": repositoryFields, "ModelVersion": versionFields, "DatasetVersion": stateFields,
		"Run": runFields, "Commit": commitFields, "Tag": tagFields, "Feature": featureFields, "Deployment": deploymentFields, "Transition": transitionFields,
		"Alias": aliasFields, "Actor": actorFields, "PolicyVersion": policyVersionFields, "ModelCard": cardFields} {
		read := strings.Fields(fields)
		for _, f := range registry.NounNamed(noun).Fields {
			if f.Doc && !slices.Contains(read, f.Name) {
				t.Errorf("%s is not read from a server; add it to the fields of %s in nouns.go", f.Coordinate(), noun)
			}
		}
	}
}

// filled sets every field of an input, and of what lies in it, to something that
// is not empty.
func filled(v reflect.Value) {
	enums := map[reflect.Type]string{reflect.TypeFor[registry.Stage](): "PRODUCTION", reflect.TypeFor[registry.Bump](): "MINOR", reflect.TypeFor[registry.RunKind](): "ETL",
		reflect.TypeFor[registry.RunStatus](): "COMPLETE", reflect.TypeFor[registry.DataRole](): "RAW", reflect.TypeFor[registry.EdgeKind](): "USED",
		reflect.TypeFor[registry.Kind](): "RUN", reflect.TypeFor[registry.ColumnTransformationType](): "DIRECT", reflect.TypeFor[lineage.Direction](): "BOTH",
		reflect.TypeFor[registry.ExecuteWhen](): "LATER", reflect.TypeFor[registry.ReviewDecision](): "REJECTED", reflect.TypeFor[registry.ApprovalProfile](): "GUARDED",
		reflect.TypeFor[registry.RecallSeverity](): "HIGH"}
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2024, 1, 2, 3, 4, 5, 6000, time.UTC)))
	case v.Type() == reflect.TypeFor[registry.JSON]():
		v.Set(reflect.ValueOf(registry.JSON(`{"a":1}`)))
	case enums[v.Type()] != "":
		v.SetString(enums[v.Type()])
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		filled(v.Elem())
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		filled(v.Index(0))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			filled(v.Field(i))
		}
	case v.Kind() == reflect.String:
		v.SetString("x")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(1)
	case v.CanFloat():
		v.SetFloat(0.5)
	default:
		panic("no value for a " + v.Type().String())
	}
}

// inputs are the inputs of the mutations that are sent, empty.
func inputs() map[string]any {
	return map[string]any{"recordCommits": &facts.RecordCommitsInput{}, "recordTag": &facts.RecordTagInput{}, "recordDatasetVersion": &facts.RecordDatasetVersionInput{},
		"recordRun": &facts.RecordRunInput{}, "recordFeature": &facts.RecordFeatureInput{}, "recordDeployment": &facts.RecordDeploymentInput{},
		"endDeployment": &facts.EndDeploymentInput{}, "linkLineage": &facts.LinkLineageInput{}, "registerModel": &catalog.RegisterModelInput{},
		"registerModelVersion": &catalog.RegisterModelVersionInput{}, "transitionModelVersion": &catalog.TransitionModelVersionInput{}, "setAlias": &catalog.SetAliasInput{},
		"createApiToken": &access.CreateAPITokenInput{}, "revokeApiToken": &access.RevokeAPITokenInput{},
		"approveTransition": &governance.DecideInput{}, "rejectTransition": &governance.DecideInput{}, "withdrawTransition": &governance.DecideInput{}, "recordReview": &governance.RecordReviewInput{},
		"setReviewPlan": &governance.SetReviewPlanInput{}, "putTransitionGuard": &governance.PutTransitionGuardInput{}, "updateModel": &catalog.UpdateModelInput{}, "updateModelVersion": &catalog.UpdateModelVersionInput{}, "updateModelCard": &catalog.UpdateModelCardInput{Card: &catalog.ModelCardInput{}}, "deleteModel": &catalog.DeleteModelInput{}, "deleteModelVersion": &catalog.DeleteModelVersionInput{}, "deleteAlias": &catalog.DeleteAliasInput{},
		"planDeprecation": &governance.PlanDeprecationInput{}, "announceDeprecation": &governance.AnnounceDeprecationInput{}, "withdrawDeprecation": &governance.WithdrawDeprecationInput{},
		"confirmMigration": &governance.ConfirmMigrationInput{}, "attachSignature": &catalog.AttachSignatureInput{}, "detachSignature": &catalog.DetachSignatureInput{}, "sweepArtifacts": &artifacts.SweepArtifactsInput{}, "retireModelVersion": &governance.RetireModelVersionInput{}, "cleanupModelVersion": &governance.CleanupModelVersionInput{},
		"recall": &governance.RecallInput{}}
}

// sameFields compares a value that is sent with what the schema takes, by name.
func sameFields(t *testing.T, s *ast.Schema, at string, typ *ast.Type, v any) {
	t.Helper()
	if list, ok := v.([]any); ok {
		sameFields(t, s, at, typ.Elem, list[0])
		return
	}
	def := s.Types[typ.Name()]
	m, ok := v.(map[string]any)
	if def.Kind != ast.InputObject || !ok {
		return
	}
	for _, f := range def.Fields {
		if m[f.Name] == nil {
			t.Errorf("%s.%s is never sent", at, f.Name)
			continue
		}
		sameFields(t, s, at+"."+f.Name, f.Type, m[f.Name])
	}
	if len(m) != len(def.Fields) {
		t.Errorf("%s: %d fields are sent, the schema has %d", at, len(m), len(def.Fields))
	}
}

// factsOnly are the fields that the service takes and the mutation of its own refuses, most of
// them from a batch of facts; nothing that is sent through a server sets them.
var factsOnly = map[string][]string{"registerModel": {"createdAt", "incarnation", "firstName"}, "setAlias": {"at", "removedAt"}, "recordTag": {"movedAt"}, "updateModelCard": {"clear"}}

func TestEveryInputFitsTheSchema(t *testing.T) {
	s := loadSchema(t)
	for field, in := range inputs() {
		doc, err := gqlparser.LoadQueryWithRules(s, operations()[field], nil)
		if err != nil {
			t.Fatal(err)
		}
		filled(reflect.ValueOf(in).Elem())
		vars, ferr := input(in)
		if ferr != nil {
			t.Fatal(ferr)
		}
		for _, name := range factsOnly[field] {
			if _, sent := vars[name]; !sent {
				t.Errorf("%s has no %s", field, name)
			}
			delete(vars, name)
		}
		sameFields(t, s, field, doc.Operations[0].VariableDefinitions[0].Type, vars)
		if _, err := validator.VariableValues(s, doc.Operations[0], map[string]any{"input": plain(vars)}); err != nil {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// plain brings what is sent to what JSON makes of it.
func plain(v any) any {
	rv := reflect.ValueOf(v)
	switch {
	case rv.Kind() == reflect.Map:
		out := map[string]any{}
		for k, x := range v.(map[string]any) {
			out[k] = plain(x)
		}
		return out
	case rv.Type() == reflect.TypeFor[[]any]():
		out := make([]any, rv.Len())
		for i := range out {
			out[i] = plain(rv.Index(i).Interface())
		}
		return out
	case rv.Kind() == reflect.String:
		return rv.String()
	case rv.Kind() == reflect.Struct, rv.Kind() == reflect.Slice:
		return "a scalar"
	}
	return v
}

// TestAnEmptyInputIsRefusedByTheServiceAlone: what the schema wants is sent also
// when it is empty, so that the answer is the service's sentence.
func TestAnEmptyInputIsRefusedByTheServiceAlone(t *testing.T) {
	s := loadSchema(t)
	empty := inputs()
	empty["CommitInput"], empty["ArtifactInput"], empty["MetricInput"], empty["KeyValueInput"], empty["ColumnInput"] =
		&facts.CommitInput{}, &catalog.ArtifactInput{}, &registry.Metric{}, &registry.KeyValue{}, &registry.Column{}
	for name, in := range empty {
		def := s.Types[name]
		if f := s.Mutation.Fields.ForName(name); f != nil {
			def = s.Types[f.Arguments[0].Type.Name()]
		}
		vars, err := input(in)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range def.Fields {
			enum := s.Types[f.Type.Name()].Kind == ast.Enum || f.Type.Name() == "RepositoryInput" || f.Type.Elem != nil
			if _, sent := vars[f.Name]; f.Type.NonNull && !sent && !enum {
				t.Errorf("%s.%s is wanted and not sent when it is empty", def.Name, f.Name)
			}
		}
	}
}

func TestNamesFollowTheSchemasRule(t *testing.T) {
	for in, want := range map[string]string{"URI": "uri", "SHA": "sha", "ID": "id", "RunID": "runId", "SizeBytes": "sizeBytes", "IfRevision": "ifRevision", "URLPath": "urlPath"} {
		if got := lowerCamel(in); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}

func TestTextThatIsNotUTF8IsNotChangedQuietly(t *testing.T) {
	_, err := input(facts.RecordTagInput{Name: "v\xff"})
	if registry.CodeOf(err) != registry.InvalidArgument || !strings.HasPrefix(err.Error(), "name: ") {
		t.Error(err)
	}
}
