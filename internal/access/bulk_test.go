package access

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestABatchHasItsOwnBodyLimit: 1 MiB for recordFacts and recordCommits alone,
// 256 KiB for everything else, however it is dressed.
func TestABatchHasItsOwnBodyLimit(t *testing.T) {
	s := open(t, "")
	const mutation = "mutation($input: RecordFactsInput!) { recordFacts(input: $input) { created } }"
	body := func(query string, size int) string {
		facts := []any{}
		for i := range 20 {
			facts = append(facts, map[string]any{"datasetVersion": map[string]any{"dataset": fmt.Sprint("bulk", size, "-", i), "version": "1", "description": "x"}})
		}
		write := func() []byte {
			b, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"input": map[string]any{"facts": facts}}})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		for missing, i := size-len(write()), 0; missing > 0; i++ {
			n := min(missing, 60<<10)
			facts[i].(map[string]any)["datasetVersion"].(map[string]any)["description"] = "x" + strings.Repeat("y", n)
			missing -= n
		}
		return string(write())
	}
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"1 MiB of facts":                    {body(mutation, 1<<20), 200},
		"1 MiB and a byte":                  {body(mutation, 1<<20+1), 413},
		"a query in so large a body":        {body("query { viewer { subject } }", 256<<10+1), 413},
		"a small mutation beside it":        {body("mutation($input: RecordFactsInput!) { recordFacts(input: $input) { created } deleteModel(input: {model: \"x\"}) { deletedId } }", 256<<10+1), 413},
		"another mutation":                  {body("mutation { deleteModel(input: {model: \"x\"}) { deletedId } }", 256<<10+1), 413},
		"two operations":                    {body(mutation+" query Q { viewer { subject } }", 256<<10+1), 413},
		"a name of it, by an alias":         {body("mutation { recordFacts: deleteModel(input: {model: \"x\"}) { deletedId } }", 256<<10+1), 413},
		"the same under the common limit":   {body("query { viewer { subject } }", 200<<10), 200},
		"what the parser does not take":     {body("mutation {", 256<<10+1), 413},
		"a query text that fills it itself": {body("mutation { recordFacts }"+strings.Repeat(" ", 256<<10), 300<<10), 413},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.send(s.request(admin, c.body))
			if a.status != c.status {
				t.Errorf("%d bytes: status %d: %.200s", len(c.body), a.status, a.raw)
			}
			if c.status == http.StatusOK && strings.HasPrefix(name, "1 MiB") && a.code() != "" {
				t.Errorf("%.300s", a.raw)
			}
		})
	}
}

// TestAnAnswerToABatchIsCostedByItsFacts: what is asked of each of up to 500
// facts counts 500 times.
func TestAnAnswerToABatchIsCostedByItsFacts(t *testing.T) {
	s := open(t, "")
	ask := func(times int) string {
		var fields []string
		for i := range times {
			fields = append(fields, fmt.Sprintf("a%d: facts { index kind id created merged }", i))
		}
		return s.query(admin, `mutation { recordFacts(input: {facts: [{datasetVersion: {dataset: "cost", version: "1"}}]}) { `+strings.Join(fields, " ")+` } }`).code()
	}
	if code := ask(3); code != "" {
		t.Error(code)
	}
	if code := ask(12); code != "RESOURCE_EXHAUSTED" {
		t.Errorf("%q", code)
	}
}
