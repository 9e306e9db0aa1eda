package sqlite

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/graph/updatequeue"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

var _ graph.Counters = (*Store)(nil)

// addCounters adds the table of counters. The row without day and kind has the sum of all days, so
// that no read goes through all of them.
func addCounters(c *conn) error {
	return c.execOnce(`CREATE TABLE IF NOT EXISTS counter(object TEXT NOT NULL, subject TEXT NOT NULL, day TEXT NOT NULL, kind TEXT NOT NULL,
		n INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY(object, subject, day, kind)) WITHOUT ROWID`)
}

const (
	addCount = `INSERT INTO counter(object, subject, day, kind, n, last) VALUES(?, ?, ?, ?, ?, ?)
ON CONFLICT(object, subject, day, kind) DO UPDATE SET n = n + excluded.n, last = max(last, excluded.last)`
	setCount = `INSERT INTO counter(object, subject, day, kind, n, last) VALUES(?, ?, ?, ?, ?, ?)
ON CONFLICT(object, subject, day, kind) DO UPDATE SET n = excluded.n, last = excluded.last`
	dumpCounts = `SELECT object, subject, day, kind, n, last FROM counter WHERE (object, subject, day, kind) > (?, ?, ?, ?)
ORDER BY object, subject, day, kind LIMIT ?`
	countsOf = `SELECT day, kind, n, last FROM counter WHERE object = ?1 AND subject = ?2 AND day = ''
UNION ALL SELECT day, kind, n, last FROM counter WHERE object = ?1 AND subject = ?2 AND day >= ?3 AND day > '' ORDER BY day, kind`
)

// AddCounts implements graph.Counters. It is an update that appends no log entry.
func (s *Store) AddCounts(ctx context.Context, counts ...graph.Count) error {
	return s.writeCounts(ctx, addCount, false, counts)
}

// SetCounts implements graph.Counters.
func (s *Store) SetCounts(ctx context.Context, counts ...graph.Count) error {
	return s.writeCounts(ctx, setCount, true, counts)
}

func (s *Store) writeCounts(ctx context.Context, statement string, restores bool, counts []graph.Count) error {
	job := updatequeue.NewJob(ctx, func(t *tx) error {
		if err := t.checkUsable(ctx); err != nil {
			return err
		}
		for _, c := range counts {
			if err := t.c.exec(statement, string(c.Object), c.Subject, c.Day, c.Kind, c.N, c.Last.UnixMicro()); err != nil {
				return publicError(err)
			}
		}
		return nil
	})
	job.Restores = restores
	return s.jobs.Submit(job)
}

// Counts implements graph.Counters.
func (s *Store) Counts(ctx context.Context, since string, keys ...graph.CountKey) ([][]graph.Count, error) {
	out := make([][]graph.Count, len(keys))
	err := s.read(ctx, func(v *view) error {
		for i, k := range keys {
			err := v.c.query(countsOf, func(st *engine.Stmt) error {
				out[i] = append(out[i], graph.Count{CountKey: k, Day: st.ColumnText(0), Kind: st.ColumnText(1), N: st.ColumnInt64(2), Last: time.UnixMicro(st.ColumnInt64(3)).UTC()})
				return nil
			}, string(k.Object), k.Subject, since)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// DumpCounts implements graph.Counters.
func (s *Store) DumpCounts(ctx context.Context, after graph.Count, limit int) (out []graph.Count, err error) {
	err = s.read(ctx, func(v *view) error {
		return v.c.query(dumpCounts, func(st *engine.Stmt) error {
			out = append(out, graph.Count{CountKey: graph.CountKey{Object: registry.ID(st.ColumnText(0)), Subject: st.ColumnText(1)},
				Day: st.ColumnText(2), Kind: st.ColumnText(3), N: st.ColumnInt64(4), Last: time.UnixMicro(st.ColumnInt64(5)).UTC()})
			return nil
		}, string(after.Object), after.Subject, after.Day, after.Kind, limit)
	})
	return out, err
}
