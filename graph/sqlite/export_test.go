package sqlite

import (
	"context"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"pedigree/graph"
	"pedigree/graph/readmemory"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// CheckCarried makes the Store compare, after each commit, the nodes that it told the memory with what a
// read returns, and in an update what the memory has of a node with what is stored. It returns a function that tells how many were compared.
func (s *Store) CheckCarried(t testing.TB) (compared func() int) {
	var count atomic.Int64
	s.afterCommit = func(w readmemory.Writes) {
		for name, answer := range w.Known {
			told := answer.Value.(*graph.Node)
			var read []*graph.Node
			err := s.read(context.Background(), func(v *view) (err error) {
				read, err = v.nodes(context.Background(), graph.Instant{}, []registry.ID{told.ID})
				return err
			})
			if err != nil || read[0] == nil || read[0].RecordedSeq > told.RecordedSeq {
				continue // The test ends, or another Store has written it since.
			}
			want := *told
			want.Kept = nil
			if count.Add(1); !reflect.DeepEqual(*read[0], want) {
				t.Errorf("the commit told of %s\n%+v\na read returns\n%+v", name, want, *read[0])
			}
		}
	}
	s.checkLookup = func(tx *tx, id registry.ID, found *storedNode) {
		stored, err := tx.readStored(id)
		if err != nil {
			return
		}
		if found != nil {
			copied := *found
			copied.node, found = nil, &copied
		}
		if count.Add(1); !reflect.DeepEqual(found, stored) {
			t.Errorf("the memory has %s as\n%+v\nstored is\n%+v", id, found, stored)
		}
	}
	return func() int { return int(count.Load()) }
}

// errMeasured ends an update that only looks at its connection.
var errMeasured = errors.New("measured")

// eachConn passes the writer's connection and those of the readers to fn.
func (s *Store) eachConn(ctx context.Context, fn func(c *conn)) {
	s.Update(ctx, func(g graph.Tx) error {
		fn(g.(*tx).c)
		return errMeasured
	})
	for range cap(s.readers) {
		c := <-s.readers
		if c != nil {
			fn(c)
		}
		s.readers <- c
	}
}

// StepsSince returns how many steps the virtual machine of the engine has made since the
// last call. Each row that a statement visits takes some, whether or not the statement
// returns it.
func (s *Store) StepsSince(ctx context.Context) int {
	return s.countSince(ctx, lib.SQLITE_STMTSTATUS_VM_STEP)
}

// RunsSince returns how often statements were run since the last call.
func (s *Store) RunsSince(ctx context.Context) int {
	return s.countSince(ctx, lib.SQLITE_STMTSTATUS_RUN)
}

// countSince sums a counter of all prepared statements, and sets it to 0.
func (s *Store) countSince(ctx context.Context, counter int32) (sum int) {
	s.eachConn(ctx, func(c *conn) {
		// The library does not show the counters of its statements.
		tls := (*libc.TLS)(reflect.ValueOf(c.raw).Elem().FieldByName("tls").UnsafePointer())
		for _, st := range c.stmts {
			handle := uintptr(reflect.ValueOf(st).Elem().FieldByName("stmt").Uint())
			sum += int(lib.Xsqlite3_stmt_status(tls, handle, counter, 1))
		}
	})
	return sum
}

var indexOfStep = regexp.MustCompile(`USING (?:COVERING )?INDEX (\w+)`)

// UsedIndexes returns the indexes that the plans of all prepared statements use.
func (s *Store) UsedIndexes(t *testing.T) map[string]bool {
	used := map[string]bool{}
	s.eachConn(t.Context(), func(c *conn) {
		for text := range c.stmts {
			if slices.Contains([]string{"SELECT", "UPDATE", "DELETE"}, strings.Fields(text)[0]) {
				for _, step := range queryPlan(t, c, text) {
					if m := indexOfStep.FindStringSubmatch(step); m != nil {
						used[m[1]] = true
					}
				}
			}
		}
	})
	return used
}

// Indexes returns the indexes of the database that its tables do not need for their keys.
func (s *Store) Indexes(t *testing.T) (out []string) {
	s.read(t.Context(), func(v *view) error {
		return v.c.query("SELECT name FROM sqlite_master WHERE type = 'index' AND sql <> ''", func(st *engine.Stmt) error {
			out = append(out, st.ColumnText(0))
			return nil
		})
	})
	return out
}

// WithoutIndexNames lets the planner choose the index of a list, for the rest of the test.
func WithoutIndexNames(t *testing.T) {
	kept := listIndexes
	listIndexes = map[listIndex]bool{}
	t.Cleanup(func() { listIndexes = kept })
}

// UpdatesWaiting is how many updates wait for the writer.
func (s *Store) UpdatesWaiting() int { return s.jobs.Len() }

// EmptyLog moves all pages of the engine's log to the file, and lets the log grow from now on.
func (s *Store) EmptyLog(t *testing.T) {
	t.Helper()
	s.eachConn(t.Context(), func(c *conn) {
		if err := c.execOnce("PRAGMA wal_autocheckpoint=0"); err != nil {
			t.Fatal(err)
		}
	})
	s.alter(t, "PRAGMA wal_checkpoint(TRUNCATE)")
}

// alter runs a statement on a connection of its own, which stays open: the last to close would
// remove the log.
func (s *Store) alter(t *testing.T, sql string) {
	t.Helper()
	c, err := openConn(s.path, engine.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.close() })
	if err := c.execOnce(sql); err != nil {
		t.Fatal(err)
	}
}

// IndexAllChildren adds indexes of all children beside those of crowded ones.
func (s *Store) IndexAllChildren(t *testing.T) {
	for x := range indexedKinds {
		if x.kind = indexedKinds[x][0]; x.children {
			s.alter(t, strings.NewReplacer("CREATE INDEX ", "CREATE INDEX every_", " AND crowded=1", "").Replace(x.ddl(s.codes)))
		}
	}
}
