package events

import (
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/openlineage"
	"pedigree/registry"
	"pedigree/service/core"
)

// nameRecord is the document of a KindDatasetName node: the name that stands for a dataset with
// several names, and the other names that this one was told to be the same as.
type nameRecord struct {
	Canonical openlineage.Name   `json:"canonical"`
	Links     []openlineage.Name `json:"links"`
	// Members are all names of the dataset, on the name that stands for it.
	Members []openlineage.Name `json:"members,omitempty"`
}

// maxNames is the most names of one dataset.
const maxNames = 100

func nameID(n openlineage.Name) registry.ID {
	return registry.NewID(registry.KindDatasetName, n.Namespace, n.Name)
}

// canonical returns the name that stands for a dataset; a name without others stands for itself.
func (r *recording) canonical(n openlineage.Name) (openlineage.Name, error) {
	if c, ok := r.names[n]; ok {
		return c, nil
	}
	rec := nameRecord{Canonical: n}
	if err := r.load(nameID(n), &rec); err != nil {
		return n, err
	}
	r.names[n] = rec.Canonical
	return rec.Canonical, nil
}

// members returns all names of the dataset that a name stands for.
func (r *recording) members(best openlineage.Name) ([]openlineage.Name, error) {
	var rec nameRecord
	if err := r.load(nameID(best), &rec); err != nil || len(rec.Members) == 0 {
		return []openlineage.Name{best}, err
	}
	return rec.Members, nil
}

// joinNames records that names are of one dataset. All names that are the same by any chain of
// links get one that stands for them; the runs that used another one are written anew.
func (r *recording) joinNames(name openlineage.Name, links []openlineage.Name) error {
	if len(links) == 0 {
		return nil
	}
	known, stored := map[openlineage.Name]*nameRecord{}, map[openlineage.Name]nameRecord{}
	queue := append([]openlineage.Name{name}, links...)
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		if known[n] != nil {
			continue
		}
		if len(known) >= maxNames {
			return registry.Errorf(registry.ResourceExhausted, "the dataset %s has more than %d names", registry.Shorten(name.Name, 100), maxNames)
		}
		rec := &nameRecord{Canonical: n}
		if err := r.load(nameID(n), rec); err != nil {
			return err
		}
		known[n], stored[n] = rec, nameRecord{rec.Canonical, slices.Clone(rec.Links), rec.Members}
		queue = append(queue, rec.Links...)
	}
	best := name
	for n := range known {
		if n.Better(best) {
			best = n
		}
	}
	for _, other := range links {
		known[name].link(other)
		known[other].link(name)
	}
	members := sortedNames(known)
	for _, n := range members {
		rec, before := known[n], stored[n]
		if rec.Canonical, rec.Members = best, nil; n == best {
			rec.Members = members
		}
		if r.names[n] = best; before.Canonical == best && slices.Equal(before.Links, rec.Links) && slices.Equal(before.Members, rec.Members) {
			continue
		}
		if err := r.store(nameID(n), "", nodeName(n), rec); err != nil {
			return err
		}
		if before.Canonical == best {
			continue
		}
		r.moved = append(r.moved, before.Canonical)
		if err := r.noteUsersOf(datasetID(before.Canonical)); err != nil {
			return err
		}
	}
	return nil
}

// noteUsersOf notes the runs that read or wrote any version of a dataset, to write them anew.
func (r *recording) noteUsersOf(dataset registry.ID) error {
	versions, err := r.tx.ChildrenUnfiltered(r.ctx, registry.KindDatasetVersion, registry.IndexName, dataset)
	if err != nil {
		return err
	}
	for _, v := range versions {
		for _, direction := range []graph.Direction{graph.Upstream, graph.Downstream} {
			q := graph.NeighborQuery{IDs: []registry.ID{v.ID}, Direction: direction, Edges: []registry.EdgeKind{registry.EdgeUsed, registry.EdgeGeneratedBy}, LimitPerNode: 1000}
			for more := true; more; {
				hops, err := r.tx.Neighbors(r.ctx, q)
				if err != nil {
					return err
				}
				for _, n := range hops[0].Nodes {
					q.After = n.Number
					run, err := core.DecodeWhole(n, &registry.Run{})
					if err != nil {
						return err
					}
					if run.Producer == openlineage.Producer {
						r.later[run.RunID] = true
					}
				}
				more = hops[0].More
			}
		}
	}
	return nil
}

// link adds a link to another name, in order.
func (n *nameRecord) link(to openlineage.Name) {
	if i, known := slices.BinarySearchFunc(n.Links, to, compareNames); !known {
		n.Links = slices.Insert(n.Links, i, to)
	}
}

func compareNames(a, b openlineage.Name) int { return strings.Compare(a.Key(), b.Key()) }

func sortedNames(m map[openlineage.Name]*nameRecord) (out []openlineage.Name) {
	for n := range m {
		out = append(out, n)
	}
	slices.SortFunc(out, compareNames)
	return out
}
