package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"pedigree/graph/sqlite"
	"pedigree/internal/bench/graphs"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// Built is a graph in a store, and what making it cost.
type Built struct {
	graphs.Loaded
	// At is what the machine's load was; NodeBytes and EdgeBytes are bytes on disk,
	// all that is no edge counted among the nodes.
	At                   string
	NodeBytes, EdgeBytes float64
}

// remember keeps what a graph cost beside it, for later runs.
func remember(file string, b Built) error {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file+".json", text, 0o644)
}

func recall(file string) (b Built, ok bool) {
	text, err := os.ReadFile(file + ".json")
	return b, err == nil && json.Unmarshal(text, &b) == nil
}

// buildSQLite returns the file with the graph of a size, making it where there is
// none yet. What it cost is written last: a graph without it is made anew.
func (c Config) buildSQLite(ctx context.Context, size int) (string, Built, error) {
	file := c.file("sqlite", size) + ".db"
	if b, ok := recall(file); ok && !c.Fresh {
		if _, err := os.Stat(file); err == nil {
			return file, b, nil
		}
	}
	for _, end := range []string{"", "-wal", "-shm", ".json"} {
		os.Remove(file + end)
	}
	c.say("loading %d nodes into SQLite", size)
	b := Built{At: loadAverage()}
	s, err := sqlite.Open(ctx, file)
	if err != nil {
		return "", b, err
	}
	b.Loaded, err = c.plan(size).Load(ctx, s, c.Batch, c.loading())
	if closing := s.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = b.weighSQLite(file)
	}
	if err == nil {
		err = remember(file, b)
	}
	return file, b, err
}

// loading tells how far a load is, every few seconds.
func (c Config) loading() func(graphs.Loaded) {
	last := time.Now()
	return func(l graphs.Loaded) {
		if time.Since(last) > 5*time.Second {
			last = time.Now()
			c.say("  %d nodes, %.0f/s; %d edges, %.0f/s", l.Nodes, float64(l.Nodes)/l.NodesTook.Seconds(), l.Edges, float64(l.Edges)/l.EdgesTook.Seconds())
		}
	}
}

// weighSQLite asks the engine how much its tables and indexes weigh.
func (b *Built) weighSQLite(file string) error {
	db, err := engine.OpenConn(file, engine.OpenReadOnly)
	if err != nil {
		return err
	}
	defer db.Close()
	st, _, err := db.PrepareTransient("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")
	if err != nil {
		return err
	}
	defer st.Finalize()
	var edges, all int64
	for {
		more, err := st.Step()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		all += st.ColumnInt64(1)
		if name := st.ColumnText(0); name == "edge" || strings.HasPrefix(name, "edge_in") {
			edges += st.ColumnInt64(1)
		}
	}
	b.EdgeBytes, b.NodeBytes = float64(edges)/float64(b.Edges), float64(all-edges)/float64(b.Nodes)
	return nil
}

// bareContender answers in this process by nothing but SQL.
func bareContender(file string, size int) *contender {
	return &contender{name: Bare, size: size, inside: true, open: func() (asker, error) { return openBare(file) }}
}

// bare is the closure as plain SQL on the raw driver: one prepared statement a
// level over a JSON list of numbers, ids only. It is what an answer costs at the
// very least: no past, no sight, no bounds, no documents, no server.
type bare struct {
	db               *engine.Conn
	root, level, ids *engine.Stmt
	// nodes holds what was reached, edges what was followed.
	nodes map[int64]bool
	edges map[[3]int64]bool
	found []registry.ID
}

func openBare(file string) (*bare, error) {
	db, err := engine.OpenConn(file, engine.OpenReadWrite)
	if err != nil {
		return nil, err
	}
	b := &bare{db: db, nodes: map[int64]bool{}, edges: map[[3]int64]bool{}}
	for _, s := range []struct {
		into **engine.Stmt
		text string
	}{{&b.root, "SELECT num FROM node WHERE id = ?"},
		{&b.level, "SELECT e.from_num, e.to_num, e.kind FROM json_each(?) f CROSS JOIN edge e ON e.from_num = f.value WHERE e.retracted_seq = 0"},
		{&b.ids, "SELECT n.id FROM json_each(?) f CROSS JOIN node n ON n.num = f.value"}} {
		if *s.into, _, err = db.PrepareTransient(s.text); err != nil {
			b.close()
			return nil, fmt.Errorf("the bare closure does not fit the store's tables any more: %w", err)
		}
	}
	return b, nil
}

func (b *bare) close() {
	for _, st := range []*engine.Stmt{b.root, b.level, b.ids} {
		if st != nil {
			st.Finalize()
		}
	}
	b.db.Close()
}

func (b *bare) ask(q graphs.Question) (int, int, error) {
	clear(b.nodes)
	clear(b.edges)
	b.found = b.found[:0]
	var level []int64
	b.root.BindText(1, string(q.Of))
	err := rows(b.root, func(st *engine.Stmt) {
		level = append(level, st.ColumnInt64(0))
		b.nodes[st.ColumnInt64(0)] = true
	})
	for err == nil && len(level) > 0 {
		b.level.BindText(1, numbers(level))
		level = nil
		err = rows(b.level, func(st *engine.Stmt) {
			to := st.ColumnInt64(1)
			b.edges[[3]int64{st.ColumnInt64(0), to, st.ColumnInt64(2)}] = true
			if !b.nodes[to] {
				b.nodes[to] = true
				level = append(level, to)
			}
		})
	}
	if err != nil {
		return 0, 0, err
	}
	all := make([]int64, 0, len(b.nodes))
	for n := range b.nodes {
		all = append(all, n)
	}
	b.ids.BindText(1, numbers(all))
	err = rows(b.ids, func(st *engine.Stmt) { b.found = append(b.found, registry.ID(st.ColumnText(0))) })
	return len(b.found), len(b.edges), err
}

func numbers(n []int64) string {
	text, _ := json.Marshal(n)
	return string(text)
}

func rows(st *engine.Stmt, row func(*engine.Stmt)) error {
	for {
		more, err := st.Step()
		if err != nil {
			st.Reset()
			return err
		}
		if !more {
			return st.Reset()
		}
		row(st)
	}
}
