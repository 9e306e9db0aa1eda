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

func (u useKey) write(w *registry.DocumentWriter) {
	w.Begin()
	w.Key("at")
	w.Time(u.At)
	w.Key("dataset")
	w.Text(string(u.Dataset))
	w.Key("kind")
	w.Text(string(u.Kind))
	if u.Version != "" {
		w.Key("version")
		w.Text(u.Version)
	}
	w.End()
}

// useRecord is the document of a KindDatasetUse node. Its parent is the dataset.
type useRecord struct {
	RunID   string    `json:"runId"`
	At      time.Time `json:"at"`
	Version string    `json:"version,omitempty"`
}

// document returns the record as it is stored.
func (u useRecord) document() ([]byte, error) {
	var w registry.DocumentWriter
	w.Begin()
	w.Key("at")
	w.Time(u.At)
	w.Key("runId")
	w.Text(u.RunID)
	if u.Version != "" {
		w.Key("version")
		w.Text(u.Version)
	}
	w.End()
	return w.Bytes()
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

// usesFrom selects the records of the uses of a dataset that come after a name, in the order of
// names or against it. There is no filter by kind: a range of names is read, as the index has it.
func usesFrom(dataset registry.ID, after string, desc bool, limit int) graph.Query {
	return graph.Query{Kinds: []registry.Kind{registry.KindDatasetUse}, Parents: []registry.ID{dataset}, Order: registry.IndexName, Desc: desc, Limit: limit,
		After: &graph.Key{Value: after}}
}

// writtenBefore returns what tells the version of a dataset apart that another run wrote last at
// or before a time, "" when there is none.
func (r *recording) writtenBefore(dataset openlineage.Name, at time.Time, runID string) (string, error) {
	page, err := r.tx.FindUnfiltered(r.ctx, usesFrom(datasetID(dataset), useName(wroteUse, at.Add(time.Microsecond), ""), true, 2))
	if err != nil {
		return "", err
	}
	for _, n := range page.Nodes {
		u, err := decodeUse(n)
		if err != nil || !isUse(n, wroteUse) {
			return "", err
		}
		if u.RunID != runID {
			return u.Version, nil
		}
	}
	return "", nil
}

// isUse reports whether a record is of a kind of use.
func isUse(n *graph.Node, kind useKind) bool { return strings.HasPrefix(n.Name, string(kind)+"/") }

func decodeUse(n *graph.Node) (u useRecord, err error) { return u, core.DecodeDoc(n, &u) }

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
		// It reads nothing of this run, so the record can wait for the others that are written.
		if err := r.moveReads(u.Dataset, before, u); err != nil {
			return err
		}
		if err := r.storeUse(rec.RunID, u, u.Kind); err != nil {
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
	if never, err := r.neverRead(dataset); err != nil || never {
		return err
	}
	from, to := before.At, now.At
	if to.Before(from) {
		from, to = to, from
	}
	first := useName(readUse, from, "")
	page, err := r.tx.FindUnfiltered(r.ctx, usesFrom(dataset, first, false, 1))
	if err != nil || len(page.Nodes) == 0 || !isUse(page.Nodes[0], readUse) {
		return err // Mostly there is no later read.
	}
	page, err = r.tx.FindUnfiltered(r.ctx, usesFrom(dataset, useName(wroteUse, to.Add(time.Microsecond), ""), false, 1))
	if err != nil {
		return err
	}
	end := useName(readUse, farTime, "")
	if len(page.Nodes) > 0 && isUse(page.Nodes[0], wroteUse) {
		u, err := decodeUse(page.Nodes[0])
		if err != nil {
			return err
		}
		end = useName(readUse, u.At, "")
	}
	return r.noteLater(dataset, first, end)
}

// neverRead reports whether it is known without a search that no run read a dataset without a version:
// its record says so, and it has no other names under which it was read.
func (r *recording) neverRead(dataset registry.ID) (bool, error) {
	s := r.unchanged[stateID(dataset)]
	if s == nil || !s.Read.IsZero() {
		return false, nil
	}
	names, err := r.node(nameID(s.Name))
	return err == nil && names == nil, err
}

// farTime is later than every time that an event may have.
var farTime = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// noteLater notes the runs of all records of a dataset with names after from and before to.
func (r *recording) noteLater(dataset registry.ID, from, to string) error {
	q := usesFrom(dataset, from, false, 5)
	for {
		page, err := r.tx.FindUnfiltered(r.ctx, q)
		if err != nil {
			return err
		}
		for _, n := range page.Nodes {
			if n.Name >= to {
				return nil
			}
			u, err := decodeUse(n)
			if err != nil {
				return err
			}
			r.later[u.RunID] = true
		}
		if !page.More {
			return nil
		}
		q.Limit = min(4*q.Limit, 1000)
		q.After = policies.KeyOf(page.Nodes[len(page.Nodes)-1], q.Order)
	}
}
