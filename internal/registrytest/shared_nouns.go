package registrytest

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"reflect"

	"pedigree/graph"
	"pedigree/graph/readmemory"
	"pedigree/registry"
	"pedigree/service/core"
)

// CheckSharedNouns makes the tests of a package panic when somebody has changed a remembered node, or the noun that
// the readers of one share. Call it in an init function.
func CheckSharedNouns() {
	seed := maphash.MakeSeed()
	readmemory.CheckNode = func(n *graph.Node) {
		alone := *n
		alone.Kept = nil
		text, err := json.Marshal(&alone)
		if err != nil {
			panic(err)
		}
		sum := maphash.Bytes(seed, text) | 1 // 0 stands for none.
		if first := n.Kept.Sum.Swap(sum); first != 0 && first != sum {
			panic(fmt.Sprintf("a remembered node was changed, and is now %s", text))
		}
	}
	core.CheckSharedNoun = func(c *core.Core, n *graph.Node, shared registry.Node) {
		alone := *n
		alone.Kept = nil
		fresh, err := c.Decode(&alone, registry.Instant{})
		if err != nil {
			panic(err)
		}
		if !reflect.DeepEqual(fresh, shared) {
			panic(fmt.Sprintf("a reader of %s changed what its readers share:\n%#v\ninstead of\n%#v", n.ID, shared, fresh))
		}
	}
}
