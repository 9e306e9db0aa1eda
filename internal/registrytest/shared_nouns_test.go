package registrytest

import (
	"testing"

	"pedigree/graph"
	"pedigree/graph/readmemory"
	"pedigree/registry"
	"pedigree/service/core"
)

// TestAChangeOfASharedNounIsFound: the check passes what nobody changed, and panics at the next read of what
// somebody did.
func TestAChangeOfASharedNounIsFound(t *testing.T) {
	CheckSharedNouns()
	t.Cleanup(func() { core.CheckSharedNoun, readmemory.CheckNode = nil, nil })
	n := &graph.Node{ID: "m", Kind: registry.KindModel, Name: "m", Doc: []byte(`{"name":"m","tags":[{"key":"k","value":"v"}]}`), Kept: &graph.Kept{}}
	decode := func() *registry.Model {
		m, err := core.NounAs[*registry.Model]((&core.Core{}).Decode(n, registry.Instant{}))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := decode()
	if m != decode() || m.Name != "m" || len(m.Tags) != 1 {
		t.Fatalf("%+v", m)
	}
	m.Tags[0].Value = "changed in place"
	defer func() {
		if recover() == nil {
			t.Error("nothing was found")
		}
	}()
	decode()
}

// TestAChangeOfARememberedNodeIsFound: so does the check of the nodes themselves, when the memory gives one out again.
func TestAChangeOfARememberedNodeIsFound(t *testing.T) {
	CheckSharedNouns()
	t.Cleanup(func() { core.CheckSharedNoun, readmemory.CheckNode = nil, nil })
	var m readmemory.Memory
	generation := m.Lock(readmemory.State{Seq: 1})
	n := &graph.Node{ID: "m", Kind: registry.KindModel, Slots: make([]string, 0, 4)}
	name := readmemory.NodeName("m")
	m.Remember(name, generation, readmemory.NodeAnswer(name, n))
	if m.UnderLock(generation, name) == nil {
		t.Fatal("the memory does not have the node")
	}
	n.Slots = append(n.Slots, "taken")
	defer func() {
		if recover() == nil {
			t.Error("nothing was found")
		}
	}()
	m.UnderLock(generation, name)
}
