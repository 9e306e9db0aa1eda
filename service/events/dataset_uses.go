package events

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/openlineage"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// useKind is how a run used a dataset. The records of one kind are found by its name, in the
// order of their times.
type useKind string

const (
	// wroteUse is a write, at the time when the run was complete.
	wroteUse useKind = "wrote"
	// readUse is a read without a version, at the time when the run began: it is of the version
	// that was written last before.
	readUse useKind = "read"
	// namedUse is a read that named its version.
	namedUse useKind = "named"
	// goneUse is a record that does not hold any more.
	goneUse useKind = "gone"
)

// useKey is a use of a dataset by a run, as the run remembers it.
type useKey struct {
	Dataset registry.ID `json:"dataset"`
	Kind    useKind     `json:"kind"`
	At      time.Time   `json:"at"`
	// Version is what tells the written version apart.
	Version string `json:"version,omitempty"`
}

// useRecord is the document of a KindDatasetUse node. Its parent is the dataset.
type useRecord struct {
	RunID   string    `json:"runId"`
	At      time.Time `json:"at"`
	Version string    `json:"version,omitempty"`
}

// useName is the name of the record of a use: names of one kind sort by time, then by run.
func useName(kind useKind, at time.Time, runID string) string {
	return fmt.Sprintf("%s/%020d/%s", kind, at.UnixMicro(), runID)
}

func (u useKey) id(runID string) registry.ID {
	side := "in"
	if u.Kind == wroteUse {
		side = "out"
	}
	return registry.NewID(registry.KindDatasetUse, string(u.Dataset), side, runID)
}

// usesOf selects records of one kind of use of a dataset.
func usesOf(dataset registry.ID, kind useKind) graph.Query {
	return graph.Query{Kinds: []registry.Kind{registry.KindDatasetUse}, Parents: []registry.ID{dataset}, Order: registry.IndexName,
		Where: []graph.Predicate{{Column: registry.IndexName, Op: graph.Prefix, Values: []any{string(kind) + "/"}}}}
}

// writtenBefore returns what tells the version of a dataset apart that another run wrote last at
// or before a time, "" when there is none.
func (r *recording) writtenBefore(dataset openlineage.Name, at time.Time, runID string) (string, error) {
	q := usesOf(datasetID(dataset), wroteUse)
	q.Desc, q.Limit, q.After = true, 2, &graph.Key{Value: useName(wroteUse, at.Add(time.Microsecond), ""), ID: ""}
	page, err := r.tx.FindUnfiltered(r.ctx, q)
	if err != nil {
		return "", err
	}
	for _, n := range page.Nodes {
		var u useRecord
		if err := core.DecodeDoc(n, &u); err != nil {
			return "", err
		}
		if u.RunID != runID {
			return u.Version, nil
		}
	}
	return "", nil
}

// setUses writes the uses of a run, and takes back those that do not hold any more. The reads
// that a write has come between are written anew.
func (r *recording) setUses(rec *runRecord, wanted []useKey) error {
	slices.SortFunc(wanted, func(a, b useKey) int { return strings.Compare(string(a.id("")), string(b.id(""))) })
	wanted = slices.CompactFunc(wanted, func(a, b useKey) bool { return a.id("") == b.id("") })
	for _, old := range rec.Uses {
		if !slices.ContainsFunc(wanted, func(u useKey) bool { return u.id("") == old.id("") }) {
			if err := r.storeUse(rec.RunID, useKey{old.Dataset, old.Kind, old.At, old.Version}, goneUse); err != nil {
				return err
			}
			if err := r.moveReads(old.Dataset, old, old); err != nil {
				return err
			}
		}
	}
	for _, u := range wanted {
		i := slices.IndexFunc(rec.Uses, func(o useKey) bool { return o.id("") == u.id("") })
		before := u
		if i >= 0 {
			if before = rec.Uses[i]; before == u {
				continue
			}
		}
		if err := r.storeUse(rec.RunID, u, u.Kind); err != nil {
			return err
		}
		if err := r.moveReads(u.Dataset, before, u); err != nil {
			return err
		}
	}
	rec.Uses = wanted
	return nil
}

// storeUse writes the record of a use.
func (r *recording) storeUse(runID string, u useKey, kind useKind) error {
	return r.store(u.id(runID), u.Dataset, useName(kind, u.At, runID), useRecord{RunID: runID, At: u.At, Version: u.Version})
}

// moveReads notes the runs to write anew because a write of a dataset came, went or moved: the
// reads without a version from the earlier of its two times on, up to the next write.
func (r *recording) moveReads(dataset registry.ID, before, now useKey) error {
	if now.Kind != wroteUse {
		return nil
	}
	from, to := before.At, now.At
	if to.Before(from) {
		from, to = to, from
	}
	next := usesOf(dataset, wroteUse)
	next.Limit, next.After = 1, &graph.Key{Value: useName(wroteUse, to.Add(time.Microsecond), ""), ID: ""}
	page, err := r.tx.FindUnfiltered(r.ctx, next)
	if err != nil {
		return err
	}
	reads := usesOf(dataset, readUse)
	reads.Limit, reads.After = 1000, &graph.Key{Value: useName(readUse, from, ""), ID: ""}
	if len(page.Nodes) > 0 {
		var u useRecord
		if err := core.DecodeDoc(page.Nodes[0], &u); err != nil {
			return err
		}
		reads.Where = append(reads.Where, graph.Predicate{Column: registry.IndexName, Op: graph.Less, Values: []any{useName(readUse, u.At, "")}})
	}
	return r.noteLater(reads)
}

// noteLater notes the runs of all records of a query.
func (r *recording) noteLater(q graph.Query) error {
	for {
		page, err := r.tx.FindUnfiltered(r.ctx, q)
		if err != nil {
			return err
		}
		for _, n := range page.Nodes {
			var u useRecord
			if err := core.DecodeDoc(n, &u); err != nil {
				return err
			}
			r.later[u.RunID] = true
		}
		if !page.More {
			return nil
		}
		q.After = policies.KeyOf(page.Nodes[len(page.Nodes)-1], q.Order)
	}
}
