package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOpenLineageClient sends events with OpenLineage's own Python client: the samples, and a run
// whose start is packed by gzip. The lineage is there at once.
func TestOpenLineageClient(t *testing.T) {
	t.Parallel()
	python := pythonWith(t, "openlineage", filepath.Join("testdata", "openlineage", "requirements.txt"))
	for name, flags := range stores {
		t.Run(name, func(t *testing.T) {
			p := start(t, flags(t)...)
			samples, err := filepath.Abs(filepath.Join("..", "..", "testdata", "openlineage"))
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(python, filepath.Join("testdata", "openlineage", "send.py"), samples)
			cmd.Env = append(os.Environ(), "OPENLINEAGE_URL="+p.url, "OPENLINEAGE_API_KEY="+adminToken)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if out, err := cmd.Output(); err != nil {
				t.Fatalf("%v\n%s\n%s", err, out, stderr.Bytes())
			}
			var data json.RawMessage
			p.must(`{ run(producer: "openlineage", runId: "0190a1b2-0000-7000-8000-0000000000aa") { name status startedAt endedAt
				upstream { edges { node { name ... on DatasetVersion { namespace } } } } downstream { edges { node { name ... on DatasetVersion { namespace columns { name type } } } } } } }`, nil, &data)
			got := string(data)
			for _, want := range []string{`"status":"COMPLETE"`, `"startedAt":"2026-11-24T10:00:00Z"`, `"endedAt":"2026-11-24T10:05:00Z"`,
				`"name":"ml.public.churn_clean","namespace":"postgres://db.example.org:5432"`, `"name":"aaaaaaaaaaaa"`,
				`"name":"scores","namespace":"s3://lake","columns":[{"name":"score","type":"double"}]`} {
				if !strings.Contains(got, want) {
					t.Errorf("no %s in %s", want, got)
				}
			}
		})
	}
}
