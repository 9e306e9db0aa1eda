package policies

import (
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

// TestARememberedNodeIsSharedAndNeverChanged: readers with two masks read one node. Each gets what its mask
// shows, the same each time, and the node itself stays whole. A node that no store shares is
// marked in place.
func TestARememberedNodeIsSharedAndNeverChanged(t *testing.T) {
	noun := registry.NounOf(registry.KindModel)
	all := registry.Mask(1)<<uint(len(noun.Fields)) - 1
	some := all &^ (1 << registry.Bit("Model", "owner"))
	node := func() *graph.Node {
		return &graph.Node{ID: "m", Kind: registry.KindModel, Name: "m", Columns: map[registry.Index]any{registry.IndexOwner: "ada"}, Doc: []byte(`{"name":"m","owner":"ada"}`)}
	}
	n := node()
	n.Kept = &graph.Kept{}
	for range 2 {
		whole, part := redact(n, all), redact(n, some)
		if whole.Mask != all || whole.Text(registry.IndexOwner) != "ada" || string(whole.Doc) != string(n.Doc) {
			t.Errorf("with all fields: %+v", whole)
		}
		if part.Mask != some || part.Text(registry.IndexOwner) != "" || string(part.Doc) != `{"name":"m"}` {
			t.Errorf("without the owner: %+v", part)
		}
		if n.Mask != 0 || n.Text(registry.IndexOwner) != "ada" || redact(n, all) != whole || redact(n, some) != part {
			t.Error("the node has changed, or is not shared")
		}
		if stub := redact(n, 0); !stub.Hidden || stub.Doc != nil || stub.Name != "" {
			t.Errorf("hidden: %+v", stub)
		}
	}
	own := node()
	if redact(own, all) != own || own.Mask != all {
		t.Error("a node of one reader was copied")
	}
}
