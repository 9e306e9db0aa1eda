package service_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestALateWriterTakesTheReadsUnderOtherNames tells of a table that is read by the path of its folder, and of
// the run that wrote it before, in both orders. The record of the table itself says of no read.
func TestALateWriterTakesTheReadsUnderOtherNames(t *testing.T) {
	const table, folder = `{"namespace":"postgres://db:5432","name":"clean"}`, `{"namespace":"s3://lake","name":"clean"}`
	told := func(at int, rest string) []byte {
		return fmt.Appendf(nil, `{"eventTime":%q,"producer":"p",%s}`, time.Date(2020, 1, 1, 0, 0, at, 0, time.UTC).Format(time.RFC3339), rest)
	}
	run := func(at, n int, inputs, outputs string) []byte {
		return told(at, fmt.Sprintf(`"eventType":"COMPLETE","run":{"runId":"0190a1b2-0000-7000-8000-%012d"},"job":{"namespace":"n","name":"job"},"inputs":[%s],"outputs":[%s]`, n, inputs, outputs))
	}
	names := [][]byte{told(0, `"dataset":`+table), told(1, `"dataset":{"namespace":"s3://lake","name":"clean","facets":{"symlinks":{"_producer":"p","_schemaURL":"s","identifiers":[{"namespace":"postgres://db:5432","name":"clean","type":"TABLE"}]}}}`)}
	writes, reads := run(5, 1, "", table), run(10, 2, folder, "")
	var graphs []string
	for _, events := range [][][]byte{{writes, reads}, {reads, writes}} {
		k := newEventKit(t)
		k.send(slices.Concat(names, events)...)
		graphs = append(graphs, k.wholeGraph())
	}
	if diff := cmp.Diff(graphs[0], graphs[1]); diff != "" {
		t.Errorf("the late writer (+): %s", diff)
	}
}
