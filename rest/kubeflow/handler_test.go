package kubeflow

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// models makes models and returns their ids.
func (k *kit) models(names ...string) (ids []string) {
	k.Helper()
	for i, name := range names {
		ids = append(ids, k.ok("POST", "registered_models", fmt.Sprintf(`{"name":%q,"customProperties":{"n":{"metadataType":"MetadataIntValue","int_value":"%d"},
			"odd key":{"metadataType":"MetadataBoolValue","bool_value":%t},"team":{"metadataType":"MetadataStringValue","string_value":"t%d"}}}`, name, i, i%2 == 0, i)).text("id"))
	}
	return ids
}

// TestFilters selects by each part of the grammar, and refuses what is not in it.
func TestFilters(t *testing.T) {
	k := newKit(t)
	ids := k.models("a", "b", "bc", "D")
	for filter, want := range map[string]string{
		`name = 'b'`: "b", `name != 'b'`: "a bc D", `name <> "b"`: "a bc D", `name LIKE 'b%'`: "b bc", `name ILIKE 'd'`: "D", `name IN ('a', 'D')`: "a D",
		`n > 1`: "bc D", `n >= 1 AND n < 3`: "b bc", `n.int_value <= 1`: "a b", `n.string_value = '1'`: "", "`odd key` = true": "a bc", "`odd key`.bool_value = false": "b D",
		`(n = 0 OR n = 3) AND name != 'a'`: "D", `n = 0 OR n = 3 AND name = 'a'`: "a", `customProperties.team = 't2'`: "bc", `state = 'LIVE' AND id = ` + ids[1]: "b",
		`absent != 'x'`: "", `name = 'it''s'`: "", `createTimeSinceEpoch > 0 and n = 2`: "bc",
	} {
		if got := strings.Join(k.ok("GET", "registered_models?filterQuery="+url.QueryEscape(filter), "").items("name"), " "); got != want {
			t.Errorf("%s: %q, want %q", filter, got, want)
		}
	}
	for _, filter := range []string{`name`, `name =`, `name = b`, `= 'b'`, `name = 'b`, `(name = 'b'`, `name = 'b')`, `name = 'b' name = 'c'`, `name IN ()`, `name LIKE 3`, `name ~ 'b'`,
		strings.Repeat("(", 60) + "n = 1" + strings.Repeat(")", 60), strings.Repeat("n = 1 AND ", 200) + "n = 1", strings.Repeat(" ", 1<<16) + "n = 1"} {
		k.refused(http.StatusBadRequest, "", "GET", "registered_models?filterQuery="+url.QueryEscape(filter), "")
	}
}

// TestPagesStayGoodUnderWrites reads pages of each size and order while models are made: each model that
// was there comes once, and a token is the same for the same page.
func TestPagesStayGoodUnderWrites(t *testing.T) {
	k := newKit(t)
	names := []string{"m0", "m1", "m2", "m3", "m4", "m5", "m6"}
	k.models(names...)
	for _, order := range []string{"ID", "CREATE_TIME", "LAST_UPDATE_TIME"} {
		for _, size := range []int{1, 2, 3, 6, 7, 8} {
			var got []string
			token, pages := "", 0
			for {
				path := fmt.Sprintf("registered_models?pageSize=%d&orderBy=%s&filterQuery=%s&nextPageToken=%s", size, order, url.QueryEscape("name LIKE 'm%'"), url.QueryEscape(token))
				page := k.ok("GET", path, "")
				if again := k.ok("GET", path, ""); again.text("nextPageToken") != page.text("nextPageToken") {
					t.Fatalf("%s: %q, and then %q", path, page.text("nextPageToken"), again.text("nextPageToken"))
				}
				got = append(got, page.items("name")...)
				if token = page.text("nextPageToken"); token == "" {
					break
				}
				pages++
				k.models(fmt.Sprintf("x-%s-%d-%d", order, size, pages))
			}
			if !slices.Equal(got, names) {
				t.Errorf("%s by %d: %v", order, size, got)
			}
		}
	}
	k.refused(400, "nextPageToken", "GET", "registered_models?orderBy=ID&nextPageToken="+url.QueryEscape(k.ok("GET", "registered_models?pageSize=1&orderBy=CREATE_TIME", "").text("nextPageToken")), "")
	k.refused(400, "pageSize", "GET", "registered_models?pageSize=1001", "")
	k.refused(400, "pageSize", "GET", "registered_models?pageSize=-1", "")
}

// TestRequestsAreReadStrictly sends what no client sends.
func TestRequestsAreReadStrictly(t *testing.T) {
	k := newKit(t)
	id := k.models("m")[0]
	v := k.ok("POST", "model_versions", `{"name":"v1","registeredModelId":"`+id+`"}`).text("id")
	for _, c := range []struct {
		status                      int
		message, method, path, body string
	}{
		{400, "not one JSON object", "POST", "registered_models", `[]`}, {400, "not one JSON object", "POST", "registered_models", `{"name":"x"} {}`},
		{400, "given twice", "POST", "registered_models", `{"name":"x","name":"y"}`}, {400, "unknown field \\\"id\\\"", "POST", "registered_models", `{"name":"x","id":"1"}`},
		{400, "unknown field \\\"name\\\"", "PATCH", "registered_models/" + id, `{"name":"x"}`}, {400, "must be a string", "POST", "registered_models", `{"name":1}`},
		{400, "invalid value", "PATCH", "registered_models/" + id, `{"state":"GONE"}`}, {422, "'registeredModelId'", "POST", "model_versions", `{"name":"v"}`},
		{400, "NFC", "POST", "registered_models", `{"name":"e\u0301"}`}, {400, "", "POST", "registered_models", `{"name":"a/b"}`}, {400, "control", "POST", "registered_models", `{"name":"a\u0000"}`},
		{400, "custom property", "PATCH", "registered_models/" + id, `{"customProperties":{"a":{"int_value":"1"}}}`},
		{400, "custom property", "PATCH", "registered_models/" + id, `{"customProperties":{"a":{"metadataType":"MetadataIntValue","int_value":"1.5"}}}`},
		{400, "..", "POST", "model_versions/" + v + "/artifacts", `{"name":"m","uri":"s3://b/../x"}`},
		{404, "", "GET", "registered_models/9999999999", ""}, {404, "", "GET", "registered_models/0", ""}, {404, "", "GET", "nothing", ""}, {404, "", "GET", "registered_models/1/2/3", ""},
		{404, "no model version found for id " + id, "GET", "model_versions/" + id, ""}, {405, "", "DELETE", "model_versions/" + v, ""}, {413, "", "POST", "registered_models", `{"name":"` + strings.Repeat("x", 1<<20) + `"}`},
		{400, "artifactType", "POST", "model_versions/" + v + "/artifacts", `{"artifactType":7}`}, {400, "invalid artifact type", "POST", "model_versions/" + v + "/artifacts", `{"artifactType":"x"}`},
	} {
		k.refused(c.status, c.message, c.method, c.path, c.body)
	}
	if status, _ := k.send(registry.RoleAdmin, "GET", Prefix+"experiments", ""); status != 404 {
		t.Errorf("experiments in v1: %d", status)
	}
	if status, _ := k.send(registry.RoleAdmin, "GET", Prefix+"registered_models?orderBy=NOPE", ""); status != 400 {
		t.Errorf("an unknown order in v1: %d", status)
	}
}

// TestWhatOtherDoorsMade shows models and versions of other doors, their tags as custom properties,
// and keeps the tags of others when the properties are replaced.
func TestWhatOtherDoorsMade(t *testing.T) {
	k := newKit(t)
	ctx := k.as(registry.RoleAdmin)
	if _, err := k.service.RegisterModelVersion(ctx, catalog.RegisterModelVersionInput{Model: "m", CreateModel: true, Version: new("2.0.0"),
		Tags: []registry.KeyValue{{Key: "team", Value: "t"}, {Key: registry.MLflowRunTag, Value: "run"}}, Artifacts: []catalog.ArtifactInput{{Name: "model", URI: "s3://b/m"}}}); err != nil {
		t.Fatal(err)
	}
	model := k.ok("GET", "registered_model?name=m", "").text("id")
	v := k.ok("GET", "model_version?name=2.0.0&parentResourceId="+model, "")
	if p := fmt.Sprint(v["customProperties"]); p != "map[team:map[metadataType:MetadataStringValue string_value:t]]" {
		t.Error(p)
	}
	if got := k.ok("GET", "model_versions/"+v.text("id")+"/artifacts", "").items("uri"); !slices.Equal(got, []string{"s3://b/m"}) {
		t.Error(got)
	}
	k.ok("PATCH", "model_versions/"+v.text("id"), `{"customProperties":{}}`)
	now, err := k.service.ModelVersion(ctx, "m", "2.0.0")
	if err != nil || len(now.Tags) != 1 || now.Tags[0].Key != registry.MLflowRunTag {
		t.Error(now.Tags, err)
	}
	for _, stage := range []registry.Stage{registry.Staging, registry.Production} {
		if _, err := k.service.TransitionModelVersion(ctx, catalog.TransitionModelVersionInput{ID: &now.ID, To: stage}); err != nil {
			t.Fatal(err)
		}
	}
	k.refused(400, "PRODUCTION", "PATCH", "model_versions/"+v.text("id"), `{"state":"ARCHIVED"}`)
}

// TestInferenceServicesAreDeployments moves a service from version to version: one deployment
// stands at a time, and none when the service is undeployed.
func TestInferenceServicesAreDeployments(t *testing.T) {
	k := newKit(t)
	model := k.models("m")[0]
	version := func(name string) string {
		return k.ok("POST", "model_versions", `{"name":"`+name+`","registeredModelId":"`+model+`"}`).text("id")
	}
	v1, v2 := version("v1"), version("v2")
	env := k.ok("POST", "serving_environments", `{"name":"prod"}`).text("id")
	service := k.ok("POST", "inference_services", `{"name":"s","registeredModelId":"`+model+`","servingEnvironmentId":"`+env+`","modelVersionId":"`+v1+`"}`).text("id")
	live := func() (out []string) {
		page, err := k.service.Deployments(k.as(registry.RoleAdmin), core.Paging{First: new(10)}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Edges {
			if e.Node.Live {
				out = append(out, e.Node.Version)
			}
		}
		return out
	}
	steps := []struct{ method, path, body, want string }{
		{"PATCH", "inference_services/" + service, `{"description":"same"}`, "0.1.0"},
		{"PATCH", "inference_services/" + service, `{"modelVersionId":"` + v2 + `"}`, "0.2.0"},
		{"POST", "inference_services/" + service + "/serves", `{"modelVersionId":"` + v1 + `","lastKnownState":"RUNNING"}`, "0.1.0"},
		{"POST", "inference_services/" + service + "/serves", `{"modelVersionId":"` + v2 + `","lastKnownState":"FAILED"}`, "0.1.0"},
		{"PATCH", "inference_services/" + service, `{"desiredState":"UNDEPLOYED"}`, ""},
		{"POST", "inference_services/" + service + "/serves", `{"modelVersionId":"` + v2 + `","lastKnownState":"RUNNING"}`, ""},
		{"PATCH", "inference_services/" + service, `{"desiredState":"DEPLOYED"}`, "0.2.0"},
	}
	for _, s := range steps {
		k.ok(s.method, s.path, s.body)
		if got := strings.Join(live(), " "); got != s.want {
			t.Errorf("after %s %s %s: %q, want %q", s.method, s.path, s.body, got, s.want)
		}
	}
}

// TestExternalIDsAreUnique finds by external ids, and frees the one that is given up.
func TestExternalIDsAreUnique(t *testing.T) {
	k := newKit(t)
	id := k.ok("POST", "registered_models", `{"name":"a","externalId":"x"}`).text("id")
	k.refused(409, "", "POST", "registered_models", `{"name":"b","externalId":"x"}`)
	k.refused(404, "", "GET", "registered_model?name=b", "")
	k.ok("PATCH", "registered_models/"+id, `{"externalId":"y"}`)
	b := k.ok("POST", "registered_models", `{"name":"b","externalId":"x"}`).text("id")
	for external, want := range map[string]string{"x": b, "y": id} {
		if got := k.ok("GET", "registered_model?externalId="+external, "").text("id"); got != want {
			t.Errorf("%s: %s, want %s", external, got, want)
		}
	}
}

// TestEveryArtifactHasOneID asks for an artifact by every number: those that answer are those that the list
// has, so what is kept beside an artifact is no second one.
func TestEveryArtifactHasOneID(t *testing.T) {
	k := newKit(t)
	k.fill()
	var got []string
	for i := range 100 {
		if status, _ := k.send(registry.RoleAdmin, "GET", fmt.Sprint(Prefix, "artifacts/", i), ""); status == http.StatusOK {
			got = append(got, fmt.Sprint(i))
			k.ok("PATCH", fmt.Sprint("artifacts/", i), `{"artifactType":"`+k.ok("GET", fmt.Sprint("artifacts/", i), "").text("artifactType")+`","description":"changed"}`)
		}
	}
	if want := k.ok("GET", "artifacts?orderBy=ID", "").items("id"); !slices.Equal(got, want) {
		t.Errorf("the artifacts %v answer, and the list has %v", got, want)
	}
}
