package access

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pedigree/connect/jsonlines"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/bulk"
)

// TestABatchHasItsOwnBodyLimit checks that the body limit is 1 MiB for recordFacts and
// recordCommits alone, and 256 KiB for everything else.
func TestABatchHasItsOwnBodyLimit(t *testing.T) {
	s := open(t, "")
	const mutation = "mutation($input: RecordFactsInput!) { recordFacts(input: $input) { created } }"
	body := func(query string, size int) string {
		batch := []any{}
		for i := range 20 {
			batch = append(batch, map[string]any{"datasetVersion": map[string]any{"dataset": fmt.Sprint("bulk", size, "-", i), "version": "1", "description": "x"}})
		}
		write := func() []byte {
			b, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"input": map[string]any{"facts": batch}}})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		for missing, i := size-len(write()), 0; missing > 0; i++ {
			n := min(missing, 60<<10)
			batch[i].(map[string]any)["datasetVersion"].(map[string]any)["description"] = "x" + strings.Repeat("y", n)
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

// TestAFactsExportHoldsOnlyVisibleRows checks that an export of facts contains nothing
// that is hidden from its caller, and for an administrator at least 100 canaries and
// ids.
func TestAFactsExportHoldsOnlyVisibleRows(t *testing.T) {
	s := open(t, "")
	want := readMatrix(t)
	for _, who := range []string{viewer, developer, dataScientist, scopedScientist, admin} {
		hidden, ids := s.seed.hiddenFrom(want, who)
		actor, err := s.service.Authenticate(t.Context(), s.seed.tokens[who])
		if err != nil {
			t.Fatal(err)
		}
		var all bytes.Buffer
		summary, err := s.service.ExportFacts(service.As(t.Context(), actor, "export"), func(f bulk.FactInput) error { return jsonlines.Encode(&all, f) })
		if err != nil {
			t.Fatalf("as %s: %v", who, err)
		}
		leaks := map[string]bool{}
		found := map[string]bool{}
		for _, token := range append(canaryPattern.FindAllString(all.String(), -1), idPattern.FindAllString(all.String(), -1)...) {
			found[token] = true
			if hidden[token] != "" || ids[token] {
				leaks[token+" "+hidden[token]] = true
			}
		}
		if len(leaks) > 0 {
			t.Errorf("as %s it leaks %v", who, leaks)
		}
		if who == admin && len(found) < 100 {
			t.Errorf("the export for an administrator has %d canaries and ids", len(found))
		}
		t.Logf("as %s: %d facts, %d bytes, %d canaries and ids, left out %v", who, summary.Facts, all.Len(), len(found), summary.LeftOut)
	}
	if _, err := s.service.ExportFacts(t.Context(), nil); registry.CodeOf(err) != registry.Unauthenticated {
		t.Error(err)
	}
}

// TestTheCostOfABatchCountsItsFacts checks that a field of each fact, of which there
// are up to 500, costs 500 times as much.
func TestTheCostOfABatchCountsItsFacts(t *testing.T) {
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
