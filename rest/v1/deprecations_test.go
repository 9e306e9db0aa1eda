package v1

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service"
)

// deprecated registers two versions and announces that the first one goes and the second one stays.
func (a *api) deprecated(guide string) {
	a.Helper()
	a.admin(201, "POST", "models/register", fraud)
	a.admin(201, "POST", "models/register", strings.Replace(fraud, "v1.0.0", "v2.0.0", 1))
	a.admin(201, "PUT", "models/fraud/v1.0.0/artifacts/a/b", "content")
	a.admin(201, "POST", "deprecations", `{"model":"fraud","versions":["v1.0.0"],"replacement":"v2.0.0","plan":"soon"}`)
	if guide != "" {
		a.admin(200, "POST", "deprecations/announce", `{"model":"fraud","versions":["v1.0.0"],"guide":"`+guide+`","sunset":"2026-08-01"}`)
	}
}

// idOf returns the id of an object.
func (a *api) idOf(target string) string {
	a.Helper()
	var out struct{ ID string }
	if err := json.Unmarshal([]byte(a.admin(200, "GET", target, "")), &out); err != nil || out.ID == "" {
		a.Fatal(target, err)
	}
	return out.ID
}

// told returns the headers of an answer that tell of a deprecation.
func (a *api) told(role, target string) []string {
	a.Helper()
	w := a.as(role, "GET", target, "")
	if w.Code != http.StatusOK {
		a.Errorf("%s: %d %s", target, w.Code, w.Body)
	}
	return append([]string{w.Header().Get("Deprecation"), w.Header().Get("Sunset")}, w.Header().Values("Link")...)
}

const guide = "https://wiki.example.com/fraud?to=2#steps"

// TestReadsOfADeprecatedVersionSaySo reads a version by its routes: planned, nothing is told;
// announced, each answer has the day, the sunset, the guide and the version to go to; withdrawn,
// nothing again. An answer about another version or about several has nothing.
func TestReadsOfADeprecatedVersionSaySo(t *testing.T) {
	a := newAPI(t)
	a.signLog()
	a.deprecated("")
	const one = "models/fraud/v1.0.0"
	a.admin(200, "PUT", "models/fraud/aliases/old", `{"version":"v1.0.0"}`)
	id := a.idOf(one)
	bundle, err := os.ReadFile("../../signing/testdata/key-prime256v1.sig")
	if err != nil {
		t.Fatal(err)
	}
	bundle = bytes.TrimSpace(bundle)
	a.admin(201, "PUT", one+"/signatures", `{"bundle":"`+base64.StdEncoding.EncodeToString(bundle)+`"}`)
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(bundle))
	reads := []string{one + "?fields=status", "models/fraud/old"}
	for _, rt := range a.handler.routes {
		if rt.method == http.MethodGet && rt.isAboutVersion() {
			target := strings.NewReplacer("{name}", "fraud", "{version}", "v1.0.0", "{id}", id, "{path...}", "a/b", "{digest}", digest, "transition-check", "transition-check?to_stage=staging", "/export", "/export?format=dot").Replace(rt.pattern)
			reads = append(reads, target)
		}
	}
	if len(reads) < 16 {
		t.Errorf("only %v are read", reads)
	}
	silent := func(targets ...string) {
		t.Helper()
		for _, target := range targets {
			if got := strings.Join(a.told(registry.RoleAdmin, target), ""); got != "" {
				t.Errorf("%s tells %s", target, got)
			}
		}
	}
	silent(reads...)
	a.now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	a.admin(200, "POST", "deprecations/announce", `{"model":"fraud","versions":["v1.0.0"],"guide":"`+guide+`","sunset":"2026-08-01"}`)
	latest := a.now
	for _, target := range reads {
		got := a.told(registry.RoleAdmin, target)
		at, _ := strconv.ParseInt(strings.TrimPrefix(got[0], "@"), 10, 64)
		if when := time.Unix(at, 0); when.Before(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)) || when.After(latest) || !strings.HasPrefix(got[0], "@") {
			t.Errorf("%s: Deprecation %q", target, got[0])
		}
		if got[1] != "Sat, 01 Aug 2026 00:00:00 GMT" || len(got) != 4 || got[2] != "<"+guide+`>; rel="deprecation"` {
			t.Errorf("%s: %q", target, got)
			continue
		}
		a.leadsTo(target, got[3])
	}
	silent("models/fraud/v2.0.0", "models/fraud", "models", "models/fraud/versions", "deprecations")
	w := a.as(registry.RoleAdmin, "GET", one, "")
	if w := a.as(registry.RoleAdmin, "GET", one, "", "If-None-Match", w.Header().Get("ETag")); w.Code != 304 || w.Header().Get("Sunset") == "" {
		t.Errorf("unchanged: %d %v", w.Code, w.Header())
	}
	if w := a.as(registry.RoleAdmin, "PATCH", one, `{"framework":"x"}`); w.Code != 200 || w.Header().Get("Sunset") != "" {
		t.Errorf("a write: %d %v", w.Code, w.Header())
	}
	a.admin(200, "POST", one+"/deprecation/withdraw", `{"reason":"we keep it"}`)
	silent(reads...)
}

// leadsTo follows the link to the version to go to.
func (a *api) leadsTo(target, link string) {
	a.Helper()
	to, found := strings.CutSuffix(strings.TrimPrefix(link, "<"), `>; rel="successor-version"`)
	base, _ := url.Parse("http://x/proxied/api/v1/" + target)
	u, err := base.Parse(to)
	if err != nil || !found || !strings.HasPrefix(u.Path, "/proxied/api/v1/") {
		a.Errorf("%s: %s leads to %v: %v", target, link, u, err)
		return
	}
	if got := a.admin(200, "GET", strings.TrimPrefix(u.Path, "/proxied/api/v1/"), ""); !strings.Contains(got, `"version":"v2.0.0"`) {
		a.Errorf("%s: %s leads to %s", target, link, got)
	}
}

// TestWhoDoesNotSeeADeprecationIsNotTold reads a deprecated version as a viewer, who does not see
// the version to go to, with and without a rule that hides the deprecation.
func TestWhoDoesNotSeeADeprecationIsNotTold(t *testing.T) {
	rules, err := os.ReadFile("../../policies/policy.csv")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "policy.csv")
	if err := os.WriteFile(file, append(rules, "\np, role:viewer, ModelVersion.deprecation, read, served, deny\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	for policy, headers := range map[string]int{"": 2, file: 0} {
		a := newAPIUnder(t, policy)
		a.deprecated("see the wiki")
		a.admin(200, "POST", "models/fraud/v1.0.0/transition", `{"to_stage":"production","force":true,"reason":"still"}`)
		for _, target := range []string{"models/fraud/v1.0.0", "models/fraud/v1.0.0/lineage", "nodes/" + a.idOf("models/fraud/v1.0.0")} {
			got := a.told(registry.RoleViewer, target)
			if n := len(strings.Fields(strings.Join([]string{got[0], strings.ReplaceAll(got[1], " ", "-")}, " "))); n != headers || len(got) != 2 {
				t.Errorf("%s under %q: %q", target, filepath.Base(policy), got)
			}
			if got := a.told(registry.RoleAdmin, target); got[0] == "" || len(got) != 3 {
				t.Errorf("%s as an administrator: %q", target, got)
			}
		}
	}
}

func TestOnlyAWebAddressIsALink(t *testing.T) {
	for text, want := range map[string]bool{guide: true, "http://wiki/x": true, "see https://wiki": false, "https://wiki/a b": false, "https://wiki/?a>;rel=x": false,
		"https://wiki/\r\nX: y": false, "javascript:alert(1)": false, "//wiki/x": false, "https:///x": false, "https://wiki/ü": false, `https://wiki/"`: false, "": false} {
		if isLink(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

// TestTheWayOutOfUse goes through the steps of a deprecation, with a consumer that answers and a
// retirement before the sunset that is refused.
func TestTheWayOutOfUse(t *testing.T) {
	a := newAPI(t)
	a.deprecated(guide)
	const one = "models/fraud/v1.0.0"
	a.admin(422, "POST", "deprecations", `{"model":"fraud","versions":["v1.0.0"]}`)
	if got := a.admin(200, "GET", one+"/deprecation?fields=step,version,plan,sunset,replacement_id", ""); got !=
		`{"step":"announced","version":"v1.0.0","plan":"soon","sunset":"2026-08-01T00:00:00Z","replacement_id":"`+a.idOf("models/fraud/v2.0.0")+`"}`+"\n" {
		t.Error(got)
	}
	a.admin(200, "POST", one+"/deprecation/migrated", `{"consumer":"billing","comment":"done"}`)
	if got := a.admin(200, "GET", one+"/deprecation/consumers?fields=subject,migrated,comment", ""); got != `{"consumers":[{"subject":"billing","migrated":true,"comment":"done"}]}`+"\n" {
		t.Error(got)
	}
	if got := a.admin(200, "GET", "deprecations/"+a.idOf(one+"/deprecation")+"/consumers?fields=subject", ""); got != `{"consumers":[{"subject":"billing"}]}`+"\n" {
		t.Error(got)
	}
	for target, n := range map[string]int{"deprecations": 1, "deprecations?step=Announced": 1, "deprecations?step=planned": 0, "deprecations?sunset_by=2026-07-31": 0, "deprecations?sunset_by=2026-08-01": 1,
		"deprecations?model=fraud": 1, "deprecations?model=other": 0} {
		if got := a.admin(200, "GET", target, ""); strings.Count(got, `"step":`) != n {
			t.Errorf("%s: %s", target, got)
		}
	}
	a.admin(404, "GET", "models/fraud/v2.0.0/deprecation", "")
	a.admin(404, "GET", "models/fraud/v2.0.0/deprecation/consumers", "")
	a.admin(422, "POST", one+"/retire", `{"reason":"no use"}`)
	a.now = time.Date(2026, 8, 2, 0, 0, 0, 0, time.UTC)
	if got := a.admin(200, "POST", one+"/retire", `{"reason":"no use","retention_days":0}`); !strings.Contains(got, `"status":"archived"`) || !strings.Contains(got, `"step":"retired"`) {
		t.Error(got)
	}
	if got := a.admin(200, "POST", one+"/cleanup", ""); !strings.Contains(got, `"step":"cleaned_up"`) || !strings.Contains(got, `"log":"`) {
		t.Error(got)
	}
}

// TestAModelIsRenamedAndAVersionHasTagsOfItsOwn changes what PATCH of a model and of a version do not.
func TestAModelIsRenamedAndAVersionHasTagsOfItsOwn(t *testing.T) {
	a := newAPI(t)
	a.admin(201, "POST", "models/register", fraud)
	a.admin(400, "PATCH", "models/fraud", `{"name":"scam"}`)
	a.admin(412, "POST", "models/fraud/rename", `{"name":"scam"}`, "If-Match", `"9-x"`)
	a.admin(200, "POST", "models/fraud/rename", `{"name":"scam","reason":"clearer"}`)
	a.admin(404, "GET", "models/fraud", "")
	a.admin(200, "PATCH", "models/scam/v1.0.0/metadata", `{"description":"scores","owner":"ada","set_tags":[{"key":"a","value":"b"},{"key":"c","value":"d"}]}`)
	a.admin(200, "PATCH", "models/scam/v1.0.0/metadata", `{"owner":null,"remove_tags":["a"]}`)
	if got := a.admin(200, "GET", "models/scam/v1.0.0?fields=description,owner,tags,algorithm", ""); got != `{"description":"scores","tags":[{"key":"c","value":"d"}],"algorithm":"xgboost"}`+"\n" {
		t.Error(got)
	}
}

// readsOfVersions returns how many reads of the store a list of so many deprecated versions takes.
func readsOfVersions(t *testing.T, n int, options ...service.Option) int64 {
	t.Helper()
	a := newAPI(t, options...)
	versions := make([]string, n)
	for i := range n {
		versions[i] = fmt.Sprintf(`"v1.%d.0"`, i)
		a.admin(201, "POST", "models/register", strings.Replace(fraud, `"v1.0.0"`, versions[i], 1))
	}
	a.admin(201, "POST", "models/register", strings.Replace(fraud, "v1.0.0", "v2.0.0", 1))
	all := strings.Join(versions, ",")
	a.admin(201, "POST", "deprecations", `{"model":"fraud","versions":[`+all+`],"replacement":"v2.0.0"}`)
	a.admin(200, "POST", "deprecations/announce", `{"model":"fraud","versions":[`+all+`],"guide":"g","sunset":"2026-08-01"}`)
	before := a.store.reads.Load()
	if got := a.admin(200, "GET", "models/fraud/versions", ""); strings.Count(got, `"replacement_id"`) != n {
		t.Errorf("%d versions: %s", n, got)
	}
	return a.store.reads.Load() - before
}

// TestDeprecationsOfAListAreReadTogether checks that what is told of the deprecations of a page is
// read for all of them together, the versions to go to as well.
func TestDeprecationsOfAListAreReadTogether(t *testing.T) {
	two, twelve := readsOfVersions(t, 2), readsOfVersions(t, 12)
	if two != twelve {
		t.Errorf("%d reads for 2 versions, %d for 12", two, twelve)
	}
	if each := readsOfVersions(t, 12, service.Unbatched()); each <= twelve {
		t.Errorf("without batches it takes %d reads: nothing was batched", each)
	}
}

// TestWhoAsksWhoUsesAVersionDoesNotUseIt asks for the consumers in both ways and looks at who is one.
func TestWhoAsksWhoUsesAVersionDoesNotUseIt(t *testing.T) {
	a := newAPI(t)
	a.deprecated(guide)
	const one = "models/fraud/v1.0.0"
	id := a.firstDeprecation()
	consumers := func() string {
		t.Helper()
		if err := a.handler.service.FlushUsage(t.Context()); err != nil {
			t.Fatal(err)
		}
		return a.admin(200, "GET", "deprecations/"+id+"/consumers?fields=subject", "")
	}
	for range 2 {
		if got := consumers(); got != `{"consumers":[]}`+"\n" {
			t.Errorf("who asks by the id of the deprecation is counted: %s", got)
		}
	}
	a.admin(200, "GET", one+"/deprecation/consumers", "")
	if got := consumers(); got != `{"consumers":[{"subject":"admin"}]}`+"\n" {
		t.Errorf("who reads the version is not counted: %s", got)
	}
}

// firstDeprecation returns the id of the first deprecation of all.
func (a *api) firstDeprecation() string {
	a.Helper()
	var out struct{ Deprecations []struct{ ID string } }
	if err := json.Unmarshal([]byte(a.admin(200, "GET", "deprecations?fields=id", "")), &out); err != nil || len(out.Deprecations) == 0 {
		a.Fatal(err)
	}
	return out.Deprecations[0].ID
}
