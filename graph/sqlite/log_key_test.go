package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// checkLog compares what a reader finds by object, model, actor and action, alone and
// together, with what comparing each entry of the whole log gives.
func checkLog(ctx context.Context, t *testing.T, r graph.Reader, objects, models []registry.ID) {
	t.Helper()
	whole, err := r.Log(ctx, graph.LogQuery{Limit: 10000})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1 << 4 {
		for _, object := range objects {
			q := graph.LogQuery{Limit: 5, Desc: rand.IntN(2) == 0, Object: object}
			if i&1 > 0 {
				q.Object = ""
			}
			if i&2 > 0 {
				q.Models = models[:1]
			}
			if i&4 > 0 {
				q.Actor = "ada"
			}
			if i&8 > 0 {
				q.Actions = []registry.LogAction{"b", "a"}
			}
			var want []int64
			for _, e := range whole {
				if (q.Object == "" || slices.Contains(e.Objects, q.Object)) && (q.Models == nil || e.Model == q.Models[0]) && (q.Actor == "" || e.Actor == q.Actor) &&
					(q.Actions == nil || slices.Contains(q.Actions, e.Action)) {
					want = append(want, e.Seq)
				}
			}
			if q.Desc {
				slices.Reverse(want)
			}
			found, err := r.Log(ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for _, e := range found {
				got = append(got, e.Seq)
			}
			if want = want[:min(len(want), q.Limit)]; !slices.Equal(got, want) {
				t.Errorf("%+v: %v, want %v", q, got, want)
			}
		}
	}
}

// TestEntriesAreFoundByTheirKeys writes entries about nodes in containers, before and after
// the nodes are there, and about what is no node. It also opens a store of before.
func TestEntriesAreFoundByTheirKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	models := []registry.ID{registry.NewID(registry.KindModel, "1"), registry.NewID(registry.KindModel, "2")}
	var nodes []*graph.Node
	objects := []registry.ID{"no node"}
	for _, m := range models {
		v, c := registry.NewID(registry.KindModelVersion, string(m)), registry.NewID(registry.KindCard, string(m))
		nodes = append(nodes, &graph.Node{ID: c, Kind: registry.KindCard, Parent: v}, &graph.Node{ID: v, Kind: registry.KindModelVersion, Parent: m}, &graph.Node{ID: m, Kind: registry.KindModel})
		objects = append(objects, m, v, c)
	}
	for i := range 60 {
		err := s.Update(t.Context(), func(tx graph.Tx) error {
			for range 1 + rand.IntN(3) {
				e := &registry.LogEntry{Actor: []string{"ada", "bob"}[rand.IntN(2)], Action: registry.LogAction(fmt.Sprintf("%c", 'a'+rand.IntN(3))), Model: append(models, "")[rand.IntN(3)]}
				for range rand.IntN(3) {
					e.Objects = append(e.Objects, objects[rand.IntN(len(objects))])
				}
				if err := tx.Append(t.Context(), e); err != nil {
					return err
				}
			}
			if i%6 == 3 && len(nodes) > 0 {
				n := nodes[0]
				nodes = nodes[1:]
				if err := tx.Put(t.Context(), n); err != nil {
					return err
				}
			}
			if i%10 == 9 {
				checkLog(t.Context(), t, tx, objects, models)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	checkLog(t.Context(), t, s, objects, models)
	s.Close()
	c, err := openConn(path, engine.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{"UPDATE meta SET value = '7' WHERE key = 'schema'", "DROP TABLE log_key",
		"CREATE TABLE log_object(object TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(object, seq)) WITHOUT ROWID", "CREATE INDEX log_model ON log(model, seq) WHERE model <> ''",
		"INSERT OR IGNORE INTO log_object SELECT j.value, l.seq FROM log l CROSS JOIN json_each(l.objects) j"} {
		if err := c.execOnce(change); err != nil {
			t.Fatal(err)
		}
	}
	c.close()
	for range 2 {
		if s, err = Open(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		checkLog(t.Context(), t, s, objects, models)
		s.Close()
	}
}
