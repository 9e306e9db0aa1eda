package migrate

import (
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

// TestRowsAreCanonicalJSON compares canonicalJSON with registry.Canonical.
func TestRowsAreCanonicalJSON(t *testing.T) {
	_, a := entryRow(&registry.LogEntry{Seq: 1 << 60, Reason: "<&>\u2028 \U0001F98A", Detail: registry.JSON(`{"b":1e400,"a":"\u0000"}`)})
	_, b := nodeRow(&graph.Node{Number: 1, Slots: []string{"b", "a"}, Columns: map[registry.Index]any{registry.IndexStage: "<x>", registry.IndexNumber: int64(1<<53 + 1)}, Doc: []byte(`{"<":">"}`)})
	_, c := edgeRow(&graph.DumpedEdge{FromNumber: 2})
	for _, row := range []map[string]any{a, b, c} {
		got, err := canonicalJSON(row)
		want, err2 := registry.Canonical(row)
		if err != nil || err2 != nil || string(got) != string(want) || len(got) < 50 {
			t.Errorf("%v %v\n got %s\nwant %s", err, err2, got, want)
		}
	}
}
