package registrytest

import (
	"fmt"
	"reflect"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/core"
)

// CheckSharedNouns makes the tests of a package panic when a reader has changed what the readers of a
// remembered node share. Call it in an init function.
func CheckSharedNouns() {
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
