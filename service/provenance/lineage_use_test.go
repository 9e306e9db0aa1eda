package provenance

import (
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

func TestWalksThatMayBeUses(t *testing.T) {
	for name, c := range map[string]struct {
		root *graph.Node
		want bool
	}{
		"a version that goes out of use": {&graph.Node{Kind: registry.KindModelVersion, Doc: []byte(`{"deprecation":{"step":"ANNOUNCED"},"name":"x"}`)}, true},
		"another version":                {&graph.Node{Kind: registry.KindModelVersion, Doc: []byte(`{"description":"of \"deprecation\"","name":"x"}`)}, false},
		"a version that is not read":     {&graph.Node{Kind: registry.KindModelVersion}, true},
		"a run":                          {&graph.Node{Kind: registry.KindRun, Doc: []byte(`{"deprecation":{}}`)}, false},
	} {
		if got := mayGoOutOfUse(c.root); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
