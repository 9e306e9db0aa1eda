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
	core.CheckSharedNoun = func(n *graph.Node, shared registry.Node) {
		fresh := n.Kind.NewNoun(n.Name)
		if err := core.DecodeDoc(n, fresh); err != nil {
			panic(err)
		}
		*fresh.NodeMeta() = *shared.NodeMeta()
		if !reflect.DeepEqual(fresh, shared) {
			panic(fmt.Sprintf("a reader of %s changed what its readers share:\n%#v\ninstead of\n%#v", n.ID, shared, fresh))
		}
	}
}
