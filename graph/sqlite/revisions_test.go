package sqlite

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// written is a revision of a node as it was written.
type written struct {
	name, stage string
	seq         int64
	from, since time.Time
	deleted     bool
}

func microsecond(n int) time.Time { return time.UnixMicro(int64(n)).UTC() }

// writeHistory writes revisions of a node, some of them late, and deletes it in the end if
// erase is set. Half of the revisions stand at one time with another.
func writeHistory(t *testing.T, s *Store, id registry.ID, n int, erase bool) (out []written) {
	t.Helper()
	for i := range n {
		w := written{name: fmt.Sprint("n", i), stage: fmt.Sprint("s", i%3), from: microsecond(10 + rand.IntN(3)), since: microsecond(10 + rand.IntN(n))}
		w.deleted = erase && i == n-1
		err := s.Update(t.Context(), func(tx graph.Tx) error {
			node := &graph.Node{ID: id, Kind: registry.KindModelVersion, Name: w.name, ValidFrom: w.from, Since: w.since, Doc: []byte(`"` + w.name + `"`),
				Columns: map[registry.Index]any{registry.IndexStage: w.stage}}
			if err := tx.Append(t.Context(), &registry.LogEntry{}); err != nil {
				return err
			}
			if w.deleted {
				node.Doc = []byte(`"gone"`)
				err := tx.Delete(t.Context(), node)
				w.seq = node.RecordedSeq
				return err
			}
			err := tx.Put(t.Context(), node)
			if w.seq = node.RecordedSeq; i == 0 && err == nil {
				near := &graph.Node{ID: nearOf(id), Kind: registry.KindModelVersion, ValidFrom: microsecond(1), Doc: []byte("{}")}
				if err = tx.Put(t.Context(), near); err == nil {
					err = tx.Link(t.Context(), &graph.Edge{Kind: registry.EdgeDerivedFrom, From: near.ID, To: id})
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if w.deleted {
			w.name, w.stage, w.from = out[i-1].name, "", out[i-1].from
		}
		out = append(out, w)
	}
	return out
}

// nearOf is the id of a node that comes from another.
func nearOf(id registry.ID) registry.ID {
	return registry.NewID(registry.KindModelVersion, "near", string(id))
}

// revisionAt returns what an instant shows of a history, "" for nothing.
func revisionAt(all []written, at graph.Instant) string {
	best := -1
	for i, w := range all {
		if at.Known > 0 && w.seq > at.Known || !at.Valid.IsZero() && w.since.After(at.Valid) {
			continue
		}
		if best < 0 || at.Valid.IsZero() || !w.since.Before(all[best].since) {
			best = i
		}
	}
	if best < 0 || !at.Valid.IsZero() && all[best].from.After(at.Valid) {
		return ""
	}
	doc := `"` + all[best].name + `"`
	if all[len(all)-1].deleted {
		if doc = ""; all[best].deleted {
			doc = `"gone"`
		}
	}
	return fmt.Sprint(best+1, all[best].name, all[best].stage, all[best].deleted, all[best].seq, doc)
}

// checkHistory compares every instant of a node with its history.
func checkHistory(t *testing.T, s *Store, id registry.ID, all []written) {
	t.Helper()
	for known := int64(0); known <= all[len(all)-1].seq+1; known++ {
		for valid := range 12 + len(all) {
			at := graph.Instant{Known: known}
			if valid > 0 {
				at.Valid = microsecond(8 + valid)
			}
			nodes, err := s.Nodes(t.Context(), at, id)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if n := nodes[0]; n != nil {
				got = fmt.Sprint(n.Revision, n.Name, n.Text(registry.IndexStage), n.Deleted, n.RecordedSeq, string(n.Doc))
			}
			want := revisionAt(all, at)
			if got != want {
				t.Errorf("%+v: %q, want %q", at, got, want)
			}
			hops, err := s.Neighbors(t.Context(), graph.NeighborQuery{IDs: []registry.ID{nearOf(id)}, Direction: graph.Upstream, At: at, LimitPerNode: 5})
			if err != nil || len(hops) != 1 || (len(hops[0].Edges) == 1) != (want != "") {
				t.Errorf("%+v: %+v, %v, and the node is %q", at, hops, err, want)
			}
		}
	}
}

// TestEveryInstantShowsItsRevision reads nodes with random histories at every instant, also
// from a store of an earlier program, which kept the newest revision twice.
func TestEveryInstantShowsItsRevision(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	histories := map[registry.ID][]written{}
	for i, n := range []int{1, 2, 8, 8, 2, 8} {
		id := registry.NewID(registry.KindModelVersion, fmt.Sprint(i))
		histories[id] = writeHistory(t, s, id, n, i > 3)
		checkHistory(t, s, id, histories[id])
	}
	s.Close()
	c, err := openConn(path, engine.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{"UPDATE meta SET value = '6' WHERE key = 'schema'",
		`INSERT INTO revision(num, revision, since, recorded_seq, valid_from, valid_to, name, deleted, columns) SELECT num, revision, since, recorded_seq, valid_from, valid_to,
			name, deleted, CASE deleted WHEN 0 THEN '{"stage":"' || stage || '"}' ELSE '' END FROM node`} {
		if err := c.execOnce(change); err != nil {
			t.Fatal(err)
		}
	}
	c.close()
	if s, err = Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for id, all := range histories {
		checkHistory(t, s, id, all)
	}
	s.read(t.Context(), func(v *view) error {
		n, err := v.c.queryInt("SELECT count(*) FROM revision")
		if err != nil || n != 0+1+7+7+1+7 {
			t.Errorf("%d earlier revisions are kept, %v", n, err)
		}
		return nil
	})
}

// TestAPastReadDoesNotGrowWithTheRevisions reads nodes that have been changed ten and two thousand times, as they were
// early, in the middle and now: the engine takes as many steps. Without the bounds of the times it takes
// more for each revision.
func TestAPastReadDoesNotGrowWithTheRevisions(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "p.db"))
	s.memory.Off = true
	revise := func(id registry.ID, n int) {
		err := s.Update(t.Context(), func(tx graph.Tx) error {
			for i := range n {
				node := &graph.Node{ID: id, Kind: registry.KindModel, Name: fmt.Sprint("n", i), ValidFrom: microsecond(1000), Since: microsecond(1000 * (i + 1)), Doc: []byte("{}")}
				if err := tx.Put(t.Context(), node); err != nil {
					return err
				}
			}
			return tx.Append(t.Context(), &registry.LogEntry{})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const few, many = 10, 2000
	revise("few", few)
	revise("many", many)
	steps := func(id registry.ID, at int) (n int) {
		t.Helper()
		s.StepsSince(t.Context())
		nodes, err := s.Nodes(t.Context(), graph.Instant{Valid: microsecond(1000*at + 500)}, id)
		if n = s.StepsSince(t.Context()); err != nil || nodes[0] == nil || nodes[0].Name != fmt.Sprint("n", at-1) {
			t.Fatalf("%s at %d: %+v, %v", id, at, nodes[0], err)
		}
		return n
	}
	for name, at := range map[string][2]int{"early": {2, 2}, "in the middle": {few / 2, many / 2}, "now": {few, many}} {
		small, large := steps("few", at[0]), steps("many", at[1])
		t.Logf("%s: %d steps with %d revisions, %d with %d", name, small, few, large, many)
		if float64(large) > 1.3*float64(small) {
			t.Errorf("%s: %d steps with %d revisions, %d with %d", name, small, few, large, many)
		}
	}
	s.alter(t, "DROP INDEX revision_since")
	s.alter(t, "CREATE INDEX revision_since ON revision(num, revision, since)")
	if small, large := steps("few", 2), steps("many", 2); large < 10*small {
		t.Errorf("without the index: %d steps, then %d", small, large)
	}
}
