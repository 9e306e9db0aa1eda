package provenance

import (
	"testing"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
)

// TestAnExportFitsOneAnswer checks sizes at the bounds and just above them.
func TestAnExportFitsOneAnswer(t *testing.T) {
	items := func(n, size int) (out []*lineage.Item) {
		for range n {
			out = append(out, &lineage.Item{Node: &graph.Node{Doc: make([]byte, size)}})
		}
		return out
	}
	for name, c := range map[string]struct {
		g    *lineage.Graph
		code registry.Code
	}{
		"all edges":            {&lineage.Graph{Edges: make([]graph.Edge, maxExportEdges)}, ""},
		"an edge too many":     {&lineage.Graph{Edges: make([]graph.Edge, maxExportEdges+1)}, registry.ResourceExhausted},
		"all bytes":            {&lineage.Graph{Items: items(16, maxExportBytes/16)}, ""},
		"a few bytes too many": {&lineage.Graph{Items: items(16, maxExportBytes/16+1)}, registry.ResourceExhausted},
	} {
		if err := checkExportSize(c.g); registry.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}
