package kubeflow

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pedigree/registry"
	"pedigree/service/bulk"
)

// fill makes one object of each type, with fields, properties and external ids of each kind.
func (k *kit) fill() {
	k.Helper()
	const properties = `"customProperties":{"i":{"metadataType":"MetadataIntValue","int_value":"7"},"d":{"metadataType":"MetadataDoubleValue","double_value":0.5},"b":{"metadataType":"MetadataBoolValue","bool_value":true},
		"s":{"metadataType":"MetadataStringValue","string_value":"t"}}`
	model := k.ok("POST", "registered_models", `{"name":"churn","externalId":"m-1","language":["en","de"],"readme":"# r",`+properties+`}`).text("id")
	v1 := k.ok("POST", "model_versions", `{"name":"v1","externalId":"v-1","registeredModelId":"`+model+`",`+properties+`}`).text("id")
	v2 := k.ok("POST", "model_versions", `{"name":"2.0.0","registeredModelId":"`+model+`"}`).text("id")
	for _, body := range []string{ // Files in the order of their names, in which an export has them.
		`{"artifactType":"doc-artifact","name":"doc","uri":"s3://b/doc","description":"read me"}`,
		`{"name":"model","uri":"s3://b/m","externalId":"a-1","modelFormatName":"onnx","modelFormatVersion":"1.5","storageKey":"k","modelSourceKind":"kfp","modelSourceId":"r1","modelSourceName":"train","state":"LIVE",` + properties + `}`,
		`{"artifactType":"dataset-artifact","name":"data","uri":"s3://b/data","digest":"md5:0123456789abcdef","profile":"p"}`,
		`{"artifactType":"metric","name":"auc","value":0.91,"step":3,"timestamp":"1796000000000","externalId":"a-2"}`, `{"artifactType":"parameter","name":"rate","value":"0.1","parameterType":"number"}`,
	} {
		k.ok("POST", "model_versions/"+v1+"/artifacts", body)
	}
	k.ok("POST", "artifacts", `{"name":"loose","uri":"s3://b/l",`+properties+`}`)
	env := k.ok("POST", "serving_environments", `{"name":"prod","externalId":"e-1",`+properties+`}`).text("id")
	service := k.ok("POST", "inference_services", `{"name":"pinned","runtime":"triton","registeredModelId":"`+model+`","servingEnvironmentId":"`+env+`","modelVersionId":"`+v1+`",`+properties+`}`).text("id")
	k.ok("POST", "inference_services", `{"name":"newest","registeredModelId":"`+model+`","servingEnvironmentId":"`+env+`"}`)
	k.ok("POST", "inference_services/"+service+"/serves", `{"name":"serve","modelVersionId":"`+v2+`","lastKnownState":"RUNNING"}`)
	k.ok("PATCH", "inference_services/"+service, `{"desiredState":"UNDEPLOYED"}`)
	experiment := k.ok("POST", "experiments", `{"name":"tuning","owner":"ada"}`).text("id")
	run := k.ok("POST", "experiment_runs", `{"name":"run","experimentId":"`+experiment+`","startTimeSinceEpoch":"1795000000000"}`).text("id")
	for _, step := range []string{"1", "2"} {
		k.ok("POST", "experiment_runs/"+run+"/artifacts", `{"artifactType":"metric","name":"loss","value":0.`+step+`,"step":`+step+`}`)
	}
	k.ok("POST", "experiment_runs/"+run+"/artifacts", `{"artifactType":"parameter","name":"lr","value":"0.01"}`)
	k.ok("POST", "experiment_runs/"+run+"/artifacts", `{"artifactType":"dataset-artifact","name":"train","uri":"s3://b/train"}`)
}

// facts returns what an export has.
func (k *kit) facts(role string) (out []bulk.FactInput) {
	k.Helper()
	if _, err := k.service.ExportFacts(k.as(role), func(f bulk.FactInput) error { out = append(out, f); return nil }); err != nil {
		k.Fatal(err)
	}
	return out
}

// load records facts, so many at a time.
func (k *kit) load(facts []bulk.FactInput, size int) (changed int) {
	k.Helper()
	for part := range slices.Chunk(facts, size) {
		p, err := k.service.RecordFacts(k.as(registry.RoleAdmin), bulk.RecordFactsInput{Facts: part})
		if err != nil {
			text, _ := json.Marshal(part)
			k.Fatalf("%v: %s", err, text)
		}
		changed += p.Created + p.Merged
	}
	return changed
}

// text returns facts as JSON.
func text(t *testing.T, facts []bulk.FactInput) string {
	t.Helper()
	b, err := json.MarshalIndent(facts, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// updated is a member that says when this store was told something last.
var updated = regexp.MustCompile(`"lastUpdateTimeSinceEpoch":"\d+"`)

// shown returns what every list and every search answers, with the ids of objects replaced by their
// place in the list of all objects of the type: a store gives its own numbers.
func (k *kit) shown() (out []string) {
	k.Helper()
	places := []string{}
	var answers []string
	for _, plural := range []string{"registered_models", "model_versions", "artifacts", "serving_environments", "inference_services", "experiments", "experiment_runs", "experiment_runs/metric_history"} {
		list := k.ok("GET", plural+"?orderBy=ID", "")
		for i, id := range list.items("id") {
			name := list.items("name")[i]
			places = append(places, `"`+id+`"`, `"`+plural+` `+name+`"`)
			for _, below := range map[string][]string{"registered_models": {"versions"}, "model_versions": {"artifacts"}, "serving_environments": {"inference_services"}, "inference_services": {"model", "version", "serves"},
				"experiments": {"experiment_runs"}, "experiment_runs": {"artifacts", "metric_history"}}[plural] {
				answers = append(answers, plural+" "+name+" "+below)
				_, body := k.send(registry.RoleAdmin, "GET", alphaPrefix+plural+"/"+id+"/"+below, "")
				answers = append(answers, body)
			}
		}
		_, body := k.send(registry.RoleAdmin, "GET", alphaPrefix+plural+"?orderBy=ID", "")
		answers = append(answers, body)
	}
	for _, search := range []string{"registered_model?externalId=m-1", "model_version?externalId=v-1", "artifact?externalId=a-1", "artifact?externalId=a-2", "serving_environment?externalId=e-1", "serving_environment?name=prod"} {
		_, body := k.send(registry.RoleAdmin, "GET", alphaPrefix+search, "")
		answers = append(answers, body)
	}
	serves := regexp.MustCompile(`"id":"\d+"`)
	for _, a := range answers {
		out = append(out, serves.ReplaceAllString(updated.ReplaceAllString(strings.NewReplacer(places...).Replace(a), ""), `"id":"of a serve"`))
	}
	return out
}

// TestACopyByFactsAnswersTheSame exports a registry that Kubeflow's clients filled, and loads it into an
// empty one: every list and search answers the same, another export is the same, and loading it
// again changes nothing.
func TestACopyByFactsAnswersTheSame(t *testing.T) { checkCopy(t, newKit(t), newKit(t)) }

// TestACopyByFactsAnswersTheSameOnNeo4j copies from SQLite to Neo4j.
func TestACopyByFactsAnswersTheSameOnNeo4j(t *testing.T) { checkCopy(t, newKit(t), kitOnNeo4j(t)) }

func checkCopy(t *testing.T, from, to *kit) {
	t.Helper()
	from.fill()
	facts := from.facts(registry.RoleAdmin)
	foreign := 0
	for _, f := range facts {
		if f.Foreign != nil {
			foreign++
		}
	}
	if n := to.load(facts, 500); n != len(facts) {
		t.Errorf("%d of %d facts were new", n, len(facts))
	}
	for i, want := range from.shown() {
		if got := to.shown()[i]; got != want {
			t.Errorf("the copy answers\n%s\nand not\n%s", got, want)
		}
	}
	if a, b := text(t, facts), text(t, to.facts(registry.RoleAdmin)); a != b {
		t.Errorf("an export of the copy is\n%s\nand not\n%s", b, a)
	}
	if n := to.load(facts, 1) + from.load(facts, 7); n != 0 {
		t.Errorf("%d facts changed something when they were told again", n)
	}
	t.Logf("PROOF %d facts, %d of them foreign: the copy answers the same", len(facts), foreign)
}

// TestAForeignFactIsRefused tells records that stand nowhere, and as callers who may not make them.
func TestAForeignFactIsRefused(t *testing.T) {
	from, k := newKit(t), newKit(t)
	from.fill()
	facts := from.facts(registry.RoleAdmin)
	k.load(slices.DeleteFunc(slices.Clone(facts), func(f bulk.FactInput) bool { return f.Foreign != nil }), 500)
	i := slices.IndexFunc(facts, func(f bulk.FactInput) bool { return f.Foreign != nil && f.Foreign.Type == "metric" })
	tell := func(change func(f *bulk.FactInput), role string) registry.Code {
		f, foreign := facts[i], *facts[i].Foreign
		f.Foreign = &foreign
		change(&f)
		_, err := k.service.RecordFacts(k.as(role), bulk.RecordFactsInput{Facts: []bulk.FactInput{f}})
		return registry.CodeOf(err)
	}
	missing := registry.ModelVersionID(registry.ModelID("churn", 1), "9.9.9")
	for name, c := range map[string]struct {
		change func(f *bulk.FactInput)
		want   registry.Code
	}{
		"a type that is none": {func(f *bulk.FactInput) { f.Foreign.Type = "gadget" }, registry.InvalidArgument}, "no name": {func(f *bulk.FactInput) { f.Foreign.Name = "" }, registry.InvalidArgument},
		"another parent":              {func(f *bulk.FactInput) { f.Foreign.Parent = &missing }, registry.InvalidArgument},
		"a version that is not there": {func(f *bulk.FactInput) { f.Foreign.Of, f.Foreign.Parent = &missing, &missing }, registry.NotFound},
		"a field of another type":     {func(f *bulk.FactInput) { f.Foreign.Fields = registry.JSON(`{"runtime":"x"}`) }, registry.InvalidArgument},
		"a value of another kind":     {func(f *bulk.FactInput) { f.Foreign.Fields = registry.JSON(`{"value":"x"}`) }, registry.InvalidArgument},
		"a state that is none":        {func(f *bulk.FactInput) { f.Foreign.Fields = registry.JSON(`{"state":"GONE"}`) }, registry.InvalidArgument},
		"a property without its value": {func(f *bulk.FactInput) {
			f.Foreign.Properties = registry.JSON(`{"a":{"type":"MetadataBoolValue","value":"x"}}`)
		}, registry.InvalidArgument},
		"a node of another kind": {func(f *bulk.FactInput) { f.Foreign.Node = f.Foreign.Of }, registry.InvalidArgument},
		"a reference to what is not there": {func(f *bulk.FactInput) {
			f.Foreign.Fields = registry.JSON(`{"experimentId":"` + string(missing) + `"}`)
		}, registry.NotFound},
	} {
		if got := tell(c.change, registry.RoleAdmin); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	for _, role := range []string{registry.RoleDeveloper, registry.RoleViewer} {
		if got := tell(func(*bulk.FactInput) {}, role); got != registry.Forbidden {
			t.Errorf("as %s: %s", role, got)
		}
		if n := len(slices.DeleteFunc(from.facts(role), func(f bulk.FactInput) bool { return f.Foreign == nil })); n != 0 {
			t.Errorf("%s, who sees no version, has %d foreign facts", role, n)
		}
	}
	if got := tell(func(*bulk.FactInput) {}, registry.RoleDataScientist); got != "" {
		t.Errorf("as a data scientist: %s", got)
	}
}
