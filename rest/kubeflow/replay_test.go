package kubeflow

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pedigree/registry"
)

// exchange is a request to Kubeflow's own server, and its answer.
type exchange struct {
	Mark   string
	Method string `json:"m"`
	Path   string `json:"p"`
	Body   string `json:"b"`
	Status int    `json:"s"`
	Answer string `json:"r"`
}

// difference is one between this registry's answer and that of Kubeflow's server: of the exchanges
// from one line on to another, of what the walk below names.
type difference struct {
	lines  []int
	what   string
	reason string
}

// replayDifferences are all differences there are. One that is not listed fails the test, and so
// does one that is listed and is not there.
var replayDifferences = []difference{
	{[]int{59, 80}, "owner", "a model without an owner belongs to who registered it"},
	{[]int{61}, "status", "Kubeflow takes a version of a model that is not there; here it is 404"},
}

// replay sends the recorded requests and compares the answers.
type replay struct {
	*kit
	// ids are the recorded ids by what they are ids of, and this registry's; tokens those of pages.
	ids    map[string]string
	tokens map[string]string
	found  map[string]bool
	line   int
}

func (r *replay) differs(what, format string, args ...any) {
	for i, d := range replayDifferences {
		if slices.Contains(d.lines, r.line) && d.what == what {
			r.found[fmt.Sprint(i, r.line)] = true
			return
		}
	}
	r.Errorf("line %d, %s: %s", r.line, what, fmt.Sprintf(format, args...))
}

// spaceOf says which sequence of ids the id of an object is from.
func spaceOf(o map[string]any) string {
	switch {
	case o["artifactType"] != nil:
		return "artifact"
	case o["lastKnownState"] != nil:
		return "serve"
	}
	return "context"
}

// idFields are the fields that have ids of contexts.
var idFields = []string{"registeredModelId", "modelVersionId", "servingEnvironmentId"}

func (r *replay) id(space, theirs, ours string) {
	key := space + "/" + theirs
	if known, ok := r.ids[key]; !ok {
		r.ids[key] = ours
	} else if known != ours {
		r.differs("id", "%s is %s, and was %s", key, ours, known)
	}
}

func (r *replay) compare(theirs, ours map[string]any) {
	names := map[string]bool{}
	for name := range theirs {
		names[name] = true
	}
	for name := range ours {
		names[name] = true
	}
	for name := range names {
		a, b := theirs[name], ours[name]
		at, _ := a.(string)
		bt, _ := b.(string)
		switch {
		case name == "id":
			r.id(spaceOf(theirs), at, bt)
		case slices.Contains(idFields, name):
			r.id("context", at, bt)
		case strings.HasSuffix(name, "SinceEpoch"):
			if len(at) != 13 || len(bt) != 13 {
				r.differs(name, "%q, and %q", at, bt)
			}
		case name == "nextPageToken":
			if (at == "") != (bt == "") {
				r.differs(name, "%q, and %q", at, bt)
			}
			r.tokens[at] = bt
		case name == "items":
			x, y := a.([]any), b.([]any)
			if len(x) != len(y) {
				r.differs(name, "%d, and %d: %v", len(x), len(y), y)
				continue
			}
			for i := range x {
				r.compare(x[i].(map[string]any), y[i].(map[string]any))
			}
		default:
			if !reflect.DeepEqual(a, b) {
				r.differs(name, "%v, and %v", a, b)
			}
		}
	}
}

var idInPath = regexp.MustCompile(`/(registered_models|model_versions|model_artifacts|inference_services|serving_environments)/(\d+)`)

// ours returns a recorded request with this registry's ids.
func (r *replay) ours(e exchange) (path, body string) {
	path = idInPath.ReplaceAllStringFunc(e.Path, func(s string) string {
		m := idInPath.FindStringSubmatch(s)
		space := "context"
		if m[1] == "model_artifacts" {
			space = "artifact"
		}
		if id := r.ids[space+"/"+m[2]]; id != "" {
			return "/" + m[1] + "/" + id
		}
		return s
	})
	u, err := url.Parse(path)
	if err != nil {
		r.Fatal(err)
	}
	q := u.Query()
	if id := r.ids["context/"+q.Get("parentResourceId")]; id != "" {
		q.Set("parentResourceId", id)
	}
	if token := r.tokens[q.Get("nextPageToken")]; token != "" {
		q.Set("nextPageToken", token)
	}
	u.RawQuery = q.Encode()
	body = e.Body
	for _, field := range idFields {
		body = regexp.MustCompile(`"`+field+`": "(\d+)"`).ReplaceAllStringFunc(body, func(s string) string {
			for theirs, ours := range r.ids {
				if space, id, _ := strings.Cut(theirs, "/"); space == "context" && strings.HasSuffix(s, `"`+id+`"`) {
					return fmt.Sprintf(`"%s": "%s"`, field, ours)
				}
			}
			return s
		})
	}
	return u.String(), body
}

// TestRecordedExchanges sends the recorded requests to this registry: the answers are those of
// Kubeflow's own server, but for ids, times and the listed differences.
func TestRecordedExchanges(t *testing.T) { replayOn(t, newKit(t)) }

// TestRecordedExchangesOnNeo4j does so on Neo4j.
func TestRecordedExchangesOnNeo4j(t *testing.T) { replayOn(t, kitOnNeo4j(t)) }

func replayOn(t *testing.T, k *kit) {
	f, err := os.Open("testdata/traffic.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := &replay{kit: k, ids: map[string]string{}, tokens: map[string]string{}, found: map[string]bool{}}
	sent := 0
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for r.line = 0; lines.Scan(); r.line++ {
		var e exchange
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		if e.Method == "" {
			continue
		}
		sent++
		path, body := r.ours(e)
		status, answer := k.send(registry.RoleAdmin, e.Method, path, body)
		if status != e.Status {
			r.differs("status", "%d, want %d: %s %s %s: %s", status, e.Status, e.Method, path, body, answer)
			continue
		}
		if e.Answer == "" || answer == "" {
			if e.Answer != answer {
				r.differs("body", "%q, want %q", answer, e.Answer)
			}
			continue
		}
		if !strings.HasSuffix(answer, "\n") {
			r.differs("line end", "%q", answer)
		}
		var theirs, ours map[string]any
		if json.Unmarshal([]byte(e.Answer), &theirs) != nil || json.Unmarshal([]byte(answer), &ours) != nil {
			t.Fatal(e.Answer, answer)
		}
		for theirID, ourID := range r.ids { // Messages name ids.
			_, id, _ := strings.Cut(theirID, "/")
			if m, ok := theirs["message"].(string); ok {
				theirs["message"] = strings.ReplaceAll(m, "parentResourceId="+id+",", "parentResourceId="+ourID+",")
			}
		}
		r.compare(theirs, ours)
	}
	for i, d := range replayDifferences {
		for _, line := range d.lines {
			if !r.found[fmt.Sprint(i, line)] {
				t.Errorf("line %d does not differ in %s (%s): leave it out of the list", line, d.what, d.reason)
			}
		}
	}
	t.Logf("PROOF %d exchanges of %d lines replayed, %d listed differences", sent, r.line, len(replayDifferences))
}
