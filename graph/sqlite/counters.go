package sqlite

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/graph/updatequeue"

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
	countsOf = `SELECT day, kind, n, last FROM counter WHERE object = ?1 AND subject = ?2 AND day = ''
UNION ALL SELECT day, kind, n, last FROM counter WHERE object = ?1 AND subject = ?2 AND day >= ?3 AND day > '' ORDER BY day, kind`
)

// AddCounts implements graph.Counters. It is an update that appends no log entry.
func (s *Store) AddCounts(ctx context.Context, counts ...graph.Count) error {
	return s.jobs.Submit(updatequeue.NewJob(ctx, func(t *tx) error {
		if err := t.checkUsable(ctx); err != nil {
			return err
		}
		for _, c := range counts {
			if err := t.c.exec(addCount, string(c.Object), c.Subject, c.Day, c.Kind, c.N, c.Last.UnixMicro()); err != nil {
				return publicError(err)
			}
		}
		return nil
	}))
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
