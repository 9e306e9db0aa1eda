package neo4j

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/registry"
)

var _ graph.Counters = (*Store)(nil)

// counterStep adds the counters, which no relationship leads to and whose writes leave the head as
// it is.
var counterStep = []string{
	"CREATE CONSTRAINT counter_key IF NOT EXISTS FOR (c:Counter) REQUIRE c.key IS UNIQUE",
	"CREATE INDEX counter_of IF NOT EXISTS FOR (c:Counter) ON (c.of, c.day)",
	"CALL db.awaitIndexes(300)",
}

const (
	// addCounts locks each counter before it reads it: a read without a lock would lose what
	// another server adds meanwhile.
	addCounts = `UNWIND $rows AS row MERGE (c:Counter {key: row.key})
ON CREATE SET c.ns = $ns, c.of = row.of, c.day = row.day, c.kind = row.kind, c.n = 0, c.last = 0
SET c.locked = true
WITH c, row SET c.n = c.n + row.n, c.last = CASE WHEN row.last > c.last THEN row.last ELSE c.last END`
	// setCounts replaces what is there.
	setCounts = `UNWIND $rows AS row MERGE (c:Counter {key: row.key})
SET c.ns = $ns, c.of = row.of, c.day = row.day, c.kind = row.kind, c.n = row.n, c.last = row.last`
	// dumpCounts seeks by the index of of, and leaves out what comes first there.
	dumpCounts = `MATCH (c:Counter) USING INDEX SEEK c:Counter(of, day) WHERE c.of >= $of AND c.of < $end
AND (c.of > $of OR c.day > $day OR c.day = $day AND c.kind > $kind)
RETURN c.of AS of, c.day AS day, c.kind AS kind, c.n AS n, c.last AS last ORDER BY of, day, kind LIMIT $limit`
	readCounts = `UNWIND range(0, size($keys) - 1) AS i WITH i, $keys[i] AS of
MATCH (c:Counter) USING INDEX SEEK c:Counter(of, day) WHERE c.of = of AND c.day >= $since
RETURN i, c.day AS day, c.kind AS kind, c.n AS n, c.last AS last`
)

// allDays stands for no day: it comes after every day, so that one range has it and the newest
// days.
const allDays = "~"

// countKey is the key of what is counted together. An object has no space.
func (v *view) countKey(k graph.CountKey) string { return v.key(string(k.Object) + " " + k.Subject) }

// AddCounts implements graph.Counters. The rows are sorted, so that two servers lock the same
// counters in the same order.
func (s *Store) AddCounts(ctx context.Context, counts ...graph.Count) error {
	return s.writeCounts(ctx, addCounts, counts)
}

// SetCounts implements graph.Counters.
func (s *Store) SetCounts(ctx context.Context, counts ...graph.Count) error {
	return s.writeCounts(ctx, setCounts, counts)
}

func (s *Store) writeCounts(ctx context.Context, statement string, counts []graph.Count) error {
	if s.closed.Load() {
		return errClosed()
	}
	session := s.session(ctx, driver.AccessModeWrite)
	defer session.Close(context.WithoutCancel(ctx))
	_, err := session.ExecuteWrite(ctx, func(tx driver.ManagedTransaction) (any, error) {
		v := &view{s: s, tx: tx}
		rows := make([]row, len(counts))
		for i, c := range counts {
			of, day := v.countKey(c.CountKey), cmp.Or(c.Day, allDays)
			rows[i] = row{"key": day + " " + c.Kind + " " + of, "of": of, "day": day, "kind": c.Kind, "n": c.N, "last": c.Last.UnixMicro()}
		}
		slices.SortFunc(rows, func(a, b row) int { return strings.Compare(text(a, "key"), text(b, "key")) })
		_, err := v.query(ctx, statement, map[string]any{"ns": s.ns, "rows": rows})
		return nil, v.outcome(err)
	})
	return storeError(err)
}

// Counts implements graph.Counters.
func (s *Store) Counts(ctx context.Context, since string, keys ...graph.CountKey) ([][]graph.Count, error) {
	out := make([][]graph.Count, len(keys))
	err := s.read(ctx, func(v *view) error {
		clear(out)
		of := make([]string, len(keys))
		for i, k := range keys {
			of[i] = v.countKey(k)
		}
		rows, err := v.query(ctx, readCounts, map[string]any{"keys": of, "since": since})
		for _, r := range rows {
			i := number(r, "i")
			c := graph.Count{CountKey: keys[i], Day: text(r, "day"), Kind: text(r, "kind"), N: number(r, "n"), Last: time.UnixMicro(number(r, "last")).UTC()}
			if c.Day == allDays {
				c.Day = ""
			}
			out[i] = append(out[i], c)
		}
		for _, counts := range out {
			slices.SortFunc(counts, func(a, b graph.Count) int {
				return cmp.Or(strings.Compare(a.Day, b.Day), strings.Compare(a.Kind, b.Kind))
			})
		}
		return err
	})
	return out, err
}

// DumpCounts implements graph.Counters.
func (s *Store) DumpCounts(ctx context.Context, after graph.Count, limit int) (out []graph.Count, err error) {
	err = s.read(ctx, func(v *view) error {
		out = nil
		first := v.key("")
		of, day := first, ""
		if after.Object != "" {
			of, day = v.countKey(after.CountKey), cmp.Or(after.Day, allDays)
		}
		// The prefix ends with a bar; what comes after it in its place comes after all of the prefix.
		end := first[:len(first)-1] + "}"
		rows, err := v.query(ctx, dumpCounts, map[string]any{"of": of, "end": end, "day": day, "kind": after.Kind, "limit": limit})
		for _, r := range rows {
			object, subject, _ := strings.Cut(strings.TrimPrefix(text(r, "of"), first), " ")
			c := graph.Count{CountKey: graph.CountKey{Object: registry.ID(object), Subject: subject}, Day: text(r, "day"), Kind: text(r, "kind"), N: number(r, "n"), Last: time.UnixMicro(number(r, "last")).UTC()}
			if c.Day == allDays {
				c.Day = ""
			}
			out = append(out, c)
		}
		return err
	})
	return out, err
}
