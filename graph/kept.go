package graph

import (
	"sync/atomic"

	"pedigree/registry"
)

// Kept holds what readers have made of a node, by the mask under which they see it. A store that
// remembers a node gives it one, and shares the node with all who read it: nobody changes a
// node that has a Kept. Other nodes have nil, which keeps nothing.
type Kept struct {
	views atomic.Pointer[[]keptView]
	// Sum is for tests that look whether anybody has changed the node; 0 for none.
	Sum atomic.Uint64
}

// keptView is a node as those with one mask see it.
type keptView struct {
	mask registry.Mask
	node *Node
	noun registry.Node
}

// maxKeptViews bounds how many masks a Kept tells apart: about one for each role.
const maxKeptViews = 8

// Node returns the node with a mask and without what that hides, nil when it is not kept. It is
// shared.
func (k *Kept) Node(mask registry.Mask) *Node { return k.view(mask).node }

// Noun returns the noun that the document was decoded into, nil when it is not kept. It is shared.
func (k *Kept) Noun(mask registry.Mask) registry.Node { return k.view(mask).noun }

// KeepNode keeps the node that Node returns for its mask.
func (k *Kept) KeepNode(n *Node) {
	k.keep(n.Mask, func(v *keptView) { v.node = n })
}

// KeepNoun keeps the noun that Noun returns.
func (k *Kept) KeepNoun(mask registry.Mask, noun registry.Node) {
	k.keep(mask, func(v *keptView) { v.noun = noun })
}

func (k *Kept) view(mask registry.Mask) keptView {
	if k != nil {
		if all := k.views.Load(); all != nil {
			for _, v := range *all {
				if v.mask == mask {
					return v
				}
			}
		}
	}
	return keptView{}
}

// keep changes the view of a mask. Of two that keep at the same time, one may be lost.
func (k *Kept) keep(mask registry.Mask, change func(*keptView)) {
	if k == nil {
		return
	}
	old := k.views.Load()
	var all []keptView
	if old != nil {
		all = append(all, *old...)
	}
	for i := range all {
		if all[i].mask == mask {
			change(&all[i])
			k.views.CompareAndSwap(old, &all)
			return
		}
	}
	if len(all) == maxKeptViews {
		return
	}
	v := keptView{mask: mask}
	change(&v)
	all = append(all, v)
	k.views.CompareAndSwap(old, &all)
}
