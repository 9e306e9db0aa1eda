package graph

import (
	"sync/atomic"

	"pedigree/registry"
)

// Kept holds what readers of a node have made of its document, by the mask under which they saw
// it. A store that remembers a node gives it one, which all copies of the node share. Other
// nodes have nil, which keeps nothing. What is kept is never changed.
type Kept struct{ views atomic.Pointer[[]keptView] }

// keptView is a node as those with one mask see it.
type keptView struct {
	mask registry.Mask
	doc  []byte
	noun registry.Node
}

// maxKeptViews bounds how many masks a Kept tells apart: about one for each role.
const maxKeptViews = 8

// Doc returns the document without the fields that a mask hides, nil when it is not kept.
func (k *Kept) Doc(mask registry.Mask) []byte { return k.view(mask).doc }

// Noun returns the noun that a document was decoded into, nil when it is not kept. It is shared:
// the caller copies it.
func (k *Kept) Noun(mask registry.Mask) registry.Node { return k.view(mask).noun }

// KeepDoc keeps the document that Doc returns.
func (k *Kept) KeepDoc(mask registry.Mask, doc []byte) {
	k.keep(mask, func(v *keptView) { v.doc = doc })
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
