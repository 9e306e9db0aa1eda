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

// Built holds the cost of loading a graph into a store.
type Built struct {
	graphs.LoadStats
	// LoadAverage is the load of the machine before loading.
	LoadAverage string `json:"At"`
	// NodeBytes and EdgeBytes are bytes on disk per node and per edge. Everything
	// that does not belong to an edge counts for the nodes.
	NodeBytes, EdgeBytes float64
}

// writeBuilt writes the costs to a JSON file beside the graph, for later runs.
func writeBuilt(file string, b Built) error {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file+".json", text, 0o644)
}

// readBuilt reads what writeBuilt wrote; ok is false when there is nothing to read.
func readBuilt(file string) (b Built, ok bool) {
	text, err := os.ReadFile(file + ".json")
	return b, err == nil && json.Unmarshal(text, &b) == nil
}

// buildSQLite returns the file with the graph of a size, and loads the graph when
// the file does not exist yet. It writes the costs last: a graph without them is
// incomplete and is loaded again.
func (c Config) buildSQLite(ctx context.Context, size int) (string, Built, error) {
	file := c.path("sqlite", size) + ".db"
	if b, ok := readBuilt(file); ok && !c.Rebuild {
		if _, err := os.Stat(file); err == nil {
			return file, b, nil
		}
	}
	removeStore(file)
	os.Remove(file + ".json")
	c.logf("loading %d nodes into SQLite", size)
	b := Built{LoadAverage: loadAverage()}
	s, err := sqlite.Open(ctx, file)
	if err != nil {
		return "", b, err
	}
	b.LoadStats, err = c.plan(size).Load(ctx, s, c.BatchSize, c.logProgress())
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = b.measureDiskSQLite(file)
	}
	if err == nil {
		err = writeBuilt(file, b)
	}
	return file, b, err
}

// removeStore removes an SQLite store.
func removeStore(file string) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(file + suffix)
	}
}

// logProgress returns a callback that logs the progress of a load every 5 seconds.
func (c Config) logProgress() func(graphs.LoadStats) {
	last := time.Now()
	return func(l graphs.LoadStats) {
		if time.Since(last) > 5*time.Second {
			last = time.Now()
			c.logf("  %d nodes, %.0f/s; %d edges, %.0f/s", l.Nodes, float64(l.Nodes)/l.NodesTook.Seconds(), l.Edges, float64(l.Edges)/l.EdgesTook.Seconds())
		}
	}
}

// measureDiskSQLite reads the sizes of tables and indexes from SQLite's dbstat.
func (b *Built) measureDiskSQLite(file string) error {
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

// bareSQLContender runs the closure in SQL in this process.
func bareSQLContender(file string, size int) *contender {
	return &contender{name: BareSQL, size: size, inProcess: true, open: func() (querier, error) { return openSQLClosure(file) }}
}

// sqlClosure reads the upstream closure with plain SQL on the driver: one prepared
// statement per level over a JSON list of node numbers. It returns ids only. It is
// the lower bound of the cost: no history, access checks, limits, documents or
// server.
type sqlClosure struct {
	db               *engine.Conn
	root, level, ids *engine.Stmt
	nodes            map[int64]bool    // visited nodes
	edges            map[[3]int64]bool // followed edges: from, to, kind
	found            []registry.ID
}

func openSQLClosure(file string) (*sqlClosure, error) {
	db, err := engine.OpenConn(file, engine.OpenReadWrite)
	if err != nil {
		return nil, err
	}
	b := &sqlClosure{db: db, nodes: map[int64]bool{}, edges: map[[3]int64]bool{}}
	for _, s := range []struct {
		stmt **engine.Stmt
		text string
	}{{&b.root, "SELECT num FROM node WHERE id = ?"},
		{&b.level, "SELECT e.from_num, e.to_num, e.kind FROM json_each(?) f CROSS JOIN edge e ON e.from_num = f.value WHERE e.retracted_seq = 0"},
		{&b.ids, "SELECT n.id FROM json_each(?) f CROSS JOIN node n ON n.num = f.value"}} {
		if *s.stmt, _, err = db.PrepareTransient(s.text); err != nil {
			b.close()
			return nil, fmt.Errorf("the SQL of the bare closure does not match the store's tables: %w", err)
		}
	}
	return b, nil
}

func (b *sqlClosure) close() {
	for _, st := range []*engine.Stmt{b.root, b.level, b.ids} {
		if st != nil {
			st.Finalize()
		}
	}
	b.db.Close()
}

func (b *sqlClosure) query(q graphs.Question) (int, int, error) {
	clear(b.nodes)
	clear(b.edges)
	b.found = b.found[:0]
	var level []int64
	b.root.BindText(1, string(q.Of))
	err := forEachRow(b.root, func(st *engine.Stmt) {
		level = append(level, st.ColumnInt64(0))
		b.nodes[st.ColumnInt64(0)] = true
	})
	for err == nil && len(level) > 0 {
		b.level.BindText(1, numbers(level))
		level = nil
		err = forEachRow(b.level, func(st *engine.Stmt) {
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
	err = forEachRow(b.ids, func(st *engine.Stmt) { b.found = append(b.found, registry.ID(st.ColumnText(0))) })
	return len(b.found), len(b.edges), err
}

func numbers(n []int64) string {
	text, _ := json.Marshal(n)
	return string(text)
}

func forEachRow(st *engine.Stmt, row func(*engine.Stmt)) error {
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
