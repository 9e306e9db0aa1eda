package access

import (
	"fmt"
	"strings"

	"pedigree/registry"
)

// restRequest is one request to the REST API. The target follows /api/v1/, unless it begins
// with a slash.
type restRequest struct {
	target, media, body string
	// whole says that only who sees all that there is may ask. cached says that the caller may
	// keep the answer. proof says that the answer has hashes of the log, which any reader of the
	// log may have, also of entries that it does not see.
	whole, cached, proof bool
	// reads is true for a request with a body that writes nothing.
	reads bool
}

// restRequests returns requests for each route of the REST API, by method and path.
// The roles that are allowed to ask are answered with a status of success. A route without a
// request fails TestRESTMatrix.
func (seed *seedData) restRequests() map[string][]restRequest {
	out := map[string][]restRequest{
		"GET /api/v1/viewer": {{target: "viewer"}},
		"GET /api/v1/lineage/{id}/export": {{target: "lineage/" + string(seed.id["a2"]) + "/export?format=cyclonedx"},
			{target: "lineage/" + string(seed.id["raw"]) + "/export?format=dot&direction=both&maxDepth=3&asOf=1988-01-01T00:00:00Z"},
			{target: "lineage/" + string(seed.id["raw"]) + "/export?format=tree&max_depth=3&as_of=1988-01-01T00:00:00Z"}},
		"GET /api/v1/facts": {{target: "facts"}},
		"POST /api/v1/facts": {{target: "facts", media: "application/x-ndjson", body: `{"datasetVersion":{"dataset":"new","version":"1"}}`},
			{target: "facts", media: "application/jsonl", body: "not a fact\n", reads: true}},
		"GET /log/checkpoint":     {{target: "/log/checkpoint", cached: true}},
		"GET /log/tile/{path...}": {{target: "/log/tile/0/000.p/5", cached: true}},
		"GET /api/v1/log/export":  {{target: "log/export", whole: true}},
		"GET /openapi.json":       {{target: "/openapi.json"}},
		"GET /api/v1/docs":        {{target: "docs"}},
	}
	for key, targets := range seed.restReadTargets() {
		for _, t := range targets {
			out["GET /api/v1/"+key] = append(out["GET /api/v1/"+key], restRequest{target: t, proof: strings.HasPrefix(t, "audit/proofs") || strings.HasPrefix(t, "audit/consistency") || strings.Contains(t, "/compliance")})
		}
	}
	for key, q := range seed.restWrites() {
		method, path, _ := strings.Cut(key, " ")
		out[method+" /api/v1/"+path] = []restRequest{q}
	}
	return out
}

// restReadTargets returns the targets of GET requests for objects and lists.
func (seed *seedData) restReadTargets() map[string][]string {
	id := func(label string) string { return string(seed.id[label]) }
	alpha := "models/" + seed.name["alpha"]
	a2 := alpha + "/v" + seed.name["a2"]
	a1 := alpha + "/v" + seed.name["a1"]
	raw := "datasets/" + seed.name["raw-set"]
	inNamespace := "?namespace=" + seed.name["raw-set/namespace"]
	out := map[string][]string{
		"models":                   {"models", "models?page_size=1", "models?stage=production&fields=name,owner,tags,reviewers,used", "models?order_by=created_at&direction=desc"},
		"models/{name}":            {alpha, alpha + "?as_of=1988-01-01"},
		"models/{name}/{version}":  {a2, a1, alpha + "/latest", a2 + "?fields=model_id,status,created_date,creator,metrics,features"},
		"reviews-due":              {"reviews-due?at=2030-01-01"},
		"transition-requests":      {"transition-requests", "transition-requests?status=pending&scope=waiting_for_me"},
		"transition-requests/{id}": {"transition-requests/" + id("open")},
		"models/{name}/{version}/transition-check": {a2 + "/transition-check?to_stage=canary"},
		"transition-guards":                        {"transition-guards"},
		"gates":                                    {"gates"},
		"gates/{gate}":                             {"gates/" + seed.name["alpha gate"], "gates/" + seed.name["alpha gate"] + "?as_of=1988-01-01"},
		"webhooks":                                 {"webhooks", "webhooks?subject=user-admin"},
		"webhooks/{id}":                            {"webhooks/{own webhook}"},
		"webhooks/{id}/deliveries":                 {"webhooks/{own webhook}/deliveries"},
		"webhooks/{id}/dead-letters":               {"webhooks/{own webhook}/dead-letters"},
		"notification-settings":                    {"notification-settings"},
		"recalls":                                  {"recalls", "recalls?open=true&severity=high", "recalls?node=" + id("deployed-a2")},
		"recalls/{id}":                             {"recalls/" + id("recall")},
		"recalls/{id}/affected":                    {"recalls/" + id("recall") + "/affected", "recalls/" + id("recall") + "/affected?live=false"},
		"recalls/{id}/affected/all":                {"recalls/" + id("recall") + "/affected/all", "recalls/" + id("recall") + "/affected/all?live=false"},
		"datasets":                                 {"datasets"},
		"datasets/{dataset}":                       {raw + inNamespace},
		"datasets/{dataset}/versions":              {raw + "/versions" + inNamespace},
		"datasets/{dataset}/versions/{state}":      {raw + "/versions/" + seed.name["raw"] + inNamespace},
		"runs":                                     {"runs"}, "runs/{id}": {"runs/" + id("train-a2")},
		"runs/{id}/facets": {"runs/" + id("etl-event") + "/facets"}, "datasets/{dataset}/facets": {raw + "/facets" + inNamespace},
		"datasets/{dataset}/versions/{state}/facets": {raw + "/versions/" + seed.name["raw"] + "/facets" + inNamespace},
		"commits": {"commits"}, "commits/{sha}": {"commits/" + seed.commitSHA["c2"]},
		"tags/{id}":         {"tags/" + id("t1")},
		"repositories/{id}": {"repositories/" + id("repo")}, "repositories/{id}/commits": {"repositories/" + id("repo") + "/commits"}, "repositories/{id}/tags": {"repositories/" + id("repo") + "/tags"},
		"features": {"features"}, "features/{id}": {"features/" + id("column-feature")},
		"deployments": {"deployments"}, "deployments/{id}": {"deployments/" + id("deployed-a2")},
		"lineage/{id}":                    {"lineage/" + id("raw") + "?direction=both", "lineage/" + id("a2") + "?direction=both&page_size=5"},
		"impact/{id}":                     {"impact/" + id("raw") + "?live=false&targets=dataset_version,run,feature,model_version,deployment"},
		"provenance/{id}":                 {"provenance/" + id("a1")},
		"models/{name}/{version}/lineage": {a2 + "/lineage?direction=both&max_depth=4"}, "models/{name}/{version}/impact": {a2 + "/impact"}, "models/{name}/{version}/provenance": {a2 + "/provenance"},
		"models/{name}/{version}/compliance": {a2 + "/compliance", a2 + "/compliance?as_of=1987-08-01T00:02:38Z"},
		"lineage-diff":                       {"lineage-diff?a=" + id("a1") + "&b=" + id("a2"), "lineage-diff?a=" + id("train-a1") + "&b=" + id("etl") + "&max_depth=1", "lineage-diff?a=" + id("deployed-a1") + "&b=" + id("deployed-a2")},
		"column-lineage/{id}":                {"column-lineage/" + id("raw") + "?column=" + seed.name["raw/column"], "column-lineage/" + id("clean") + "?direction=both&column=" + seed.name["clean/column"]},
		"policy":                             {"policy"},
		"policy/explain":                     {"policy/explain?role=viewer&field=Model.name&on=" + id("alpha"), "policy/explain?role=viewer&action=transition&to=production", "policy/explain?role=auditor&field=Model.name"},
		"paths":                              {"paths?from=" + id("deployed-a2") + "&to=" + id("raw") + "&k=20"},
		"audit":                              {"audit", "audit?page_size=1"}, "audit/checkpoint": {"audit/checkpoint"}, "audit/proofs/{seq}": {"audit/proofs/3"}, "audit/consistency": {"audit/consistency?from=3"},
		"search":            {"search?text=cnry&page_size=50", "search?text=cnry&kinds=model,model_card,tag"},
		"nodes/{id}":        {"nodes/" + id("a2"), "nodes/" + id("a1 deprecation")},
		"deprecations":      {"deprecations", "deprecations?step=announced", "deprecations?sunset_by=1990-01-01", "deprecations?page_size=1&model=" + seed.name["alpha"]},
		"deprecations/{id}": {"deprecations/" + id("a1 deprecation")}, "deprecations/{id}/consumers": {"deprecations/" + id("a1 deprecation") + "/consumers"},
		"models/{name}/{version}/deprecation": {a1 + "/deprecation"}, "models/{name}/{version}/deprecation/consumers": {a1 + "/deprecation/consumers"},
		"tokens": {"tokens"}, "subjects": {"subjects"}, "roles": {"roles"},
	}
	out["models/{name}/{version}/artifacts/{path...}"] = []string{a2 + "/artifacts/" + seed.name["a2/file"]}
	out["artifacts/{id}/content"] = []string{"artifacts/" + id("a2/file") + "/content"}
	out["models/{name}/{version}/signatures/{digest}"] = []string{a2 + "/signatures/" + seed.name["a2/signature"]}
	for _, part := range []string{"versions", "aliases", "reviews"} {
		out["models/{name}/"+part] = []string{alpha + "/" + part}
	}
	for _, part := range []string{"card", "artifacts", "signatures", "aliases", "features", "transitions", "transition-requests", "deployments"} {
		out["models/{name}/{version}/"+part] = []string{a2 + "/" + part}
	}
	return out
}

// restWrites returns a request for each route that changes something. They are those of
// mutationInputs.
func (seed *seedData) restWrites() map[string]restRequest {
	id := func(label string) string { return string(seed.id[label]) }
	alpha := "models/" + seed.name["alpha"]
	a1, a2, a3 := alpha+"/v"+seed.name["a1"], alpha+"/v"+seed.name["a2"], alpha+"/v"+seed.name["a3"]
	send := func(target, body string) restRequest {
		return restRequest{target: target, media: "application/json", body: body}
	}
	withdrawn := string(registry.TransitionRequestID(seed.id["a6"], 1))
	return map[string]restRequest{
		"POST models":                                        send("models", `{"name":"gamma","description":"new","owner":"ada"}`),
		"PATCH models/{name}":                                send(alpha, `{"description":"changed","tags":null}`),
		"DELETE models/{name}":                               {target: "models/" + seed.name["beta"] + "?reason=no+use"},
		"POST models/register":                               send("models/register", `{"name":"`+seed.name["alpha"]+`","version":"v9.0.0","algorithm":"new","metrics":{"accuracy":0.5}}`),
		"PATCH models/{name}/{version}":                      send(a2, `{"algorithm":"changed"}`),
		"DELETE models/{name}/{version}":                     {target: a3},
		"POST models/{name}/rename":                          send(alpha+"/rename", `{"name":"renamed","reason":"clearer"}`),
		"PATCH models/{name}/{version}/metadata":             send(a3+"/metadata", `{"set_tags":[{"key":"new","value":"tag"}],"remove_tags":["none"]}`),
		"POST deprecations":                                  send("deprecations", `{"model":"`+seed.name["alpha"]+`","versions":["v`+seed.name["a2"]+`"],"plan":"soon"}`),
		"POST deprecations/announce":                         send("deprecations/announce", `{"model":"`+seed.name["alpha"]+`","versions":["v`+seed.name["a3"]+`"],"guide":"g","sunset":"1990-01-01"}`),
		"POST models/{name}/{version}/deprecation/withdraw":  send(a3+"/deprecation/withdraw", `{"reason":"we keep it"}`),
		"POST models/{name}/{version}/deprecation/migrated":  send(a1+"/deprecation/migrated", `{"comment":"done"}`),
		"POST models/{name}/{version}/retire":                send(a3+"/retire", `{"reason":"no use"}`),
		"POST models/{name}/{version}/cleanup":               send(a3+"/cleanup", ""),
		"POST models/{name}/{version}/transition":            send(a3+"/transition", `{"to_stage":"Staging","reason":"try it"}`),
		"PATCH models/{name}/{version}/card":                 send(a2+"/card", `{"limitations":["changed"]}`),
		"PUT models/{name}/aliases/{alias}":                  send(alpha+"/aliases/candidate", `{"version":"v`+seed.name["a3"]+`"}`),
		"DELETE models/{name}/aliases/{alias}":               {target: alpha + "/aliases/" + seed.name["visible-alias"]},
		"POST models/{name}/reviews":                         send(alpha+"/reviews", `{"decision":"approved"}`),
		"PUT models/{name}/review-plan":                      send(alpha+"/review-plan", `{"interval_days":30}`),
		"POST models/{name}/{version}/deployments":           send(a2+"/deployments", `{"environment":"new"}`),
		"POST deployments/{id}/end":                          send("deployments/"+id("deployed-a2")+"/end", ""),
		"PUT models/{name}/{version}/artifacts/{path...}":    {target: a3 + "/artifacts/new/model.bin", media: "application/octet-stream", body: "new bytes"},
		"DELETE models/{name}/{version}/artifacts/{path...}": {target: a3 + "/artifacts/" + seed.name["a3/file"]},
		"DELETE models/{name}/{version}/signatures/{digest}": {target: a3 + "/signatures/" + seed.name["a3/signature"]},
		"POST artifacts/{id}/verify":                         send("artifacts/"+id("a2/artifact0")+"/verify", ""),
		"PUT models/{name}/{version}/signatures":             send(a3+"/signatures", `{"bundle":"`+newSignedBundle+`"}`),
		"POST datasets":                                      send("datasets", `{"dataset":"new","version":"1"}`),
		"POST runs":                                          send("runs", `{"producer":"p","run_id":"1","name":"r","inputs":["`+id("raw")+`"]}`),
		"POST commits":                                       send("commits", `{"repository":{"name":"new"},"commits":[{"sha":"`+strings.Repeat("ab", 20)+`"}]}`),
		"POST tags":                                          send("tags", `{"repository":{"name":"new"},"name":"v9","sha":"`+seed.commitSHA["c2"]+`"}`),
		"POST features":                                      send("features", `{"model":"`+seed.name["alpha"]+`","name":"new"}`),
		"POST lineage/links":                                 send("lineage/links", `{"from":"`+id("train-a1")+`","to":"`+id("clean")+`","kind":"used"}`),
		"DELETE lineage/links":                               {target: fmt.Sprintf("lineage/links?from=%s&to=%s&kind=used", id("train-a1"), id("raw2"))},
		"POST transition-requests/{id}/approve":              send("transition-requests/"+id("hidden request")+"/approve", `{"comment":"yes"}`),
		"POST transition-requests/{id}/reject":               send("transition-requests/"+id("hidden request")+"/reject", `{"comment":"no"}`),
		"POST transition-requests/{id}/withdraw":             send("transition-requests/"+withdrawn+"/withdraw", ""),
		"PUT transition-guards":                              send("transition-guards", `{"profile":"guarded"}`),
		"DELETE transition-guards":                           {target: "transition-guards?model=" + seed.name["alpha"]},
		"PUT gates/{gate}":                                   send("gates/new", `{"expression":"version.owner != ''","stages":["archived"]}`),
		"DELETE gates/{gate}":                                {target: "gates/" + seed.name["alpha gate"]},
		"POST gates/test":                                    {target: "gates/test", media: "application/json", body: `{"name":"tried","expression":"version.owner != ''","stages":["archived"]}`, reads: true},
		"POST webhooks":                                      send("webhooks", `{"name":"w","address":"https://example.com/hook","events":["recalls"]}`),
		"PATCH webhooks/{id}":                                send("webhooks/{own webhook}", `{"paused":true}`),
		"DELETE webhooks/{id}":                               {target: "webhooks/{own webhook}"},
		"POST webhooks/{id}/rotate-secret":                   send("webhooks/{own webhook}/rotate-secret", `{"overlap":60}`),
		"POST webhooks/{id}/test":                            send("webhooks/{own webhook}/test", `{}`),
		"POST webhooks/{id}/replay":                          send("webhooks/{own webhook}/replay", `{"after":0}`),
		"PUT notification-settings":                          send("notification-settings", `{"events":["recalls"],"address":"ada@example.com"}`),
		"POST recalls":                                       send("recalls", `{"nodes":["`+id("raw")+`"],"reason":"wrong","severity":"low"}`),
		"POST recalls/{id}/clear":                            send("recalls/"+id("recall")+"/clear", `{"reason":"over"}`),
		"POST recalls/{id}/decide":                           send("recalls/"+id("asked recall")+"/decide", `{"comment":"yes"}`),
		"POST recalls/{recall}/resolve":                      send("recalls/"+id("recall")+"/resolve", `{"deployment":"`+id("deployed-a2")+`","handling":"accepted","reason":"known"}`),
		"POST tokens":                                        send("tokens", `{"name":"new"}`),
		"DELETE tokens/{id}":                                 {target: "tokens/{own token}"},
		"POST subjects/{subject}/roles":                      send("subjects/eve/roles", `{"role":"viewer","scope":"model:x"}`),
		"DELETE subjects/{subject}/roles":                    {target: "subjects/user-viewer/roles?role=viewer&reason=left"},
	}
}
