package sqlite

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

func (v *view) log(ctx context.Context, q graph.LogQuery) ([]registry.LogEntry, error) {
	if q.Limit < 1 {
		return nil, registry.Invalid("limit", "must be 1 or more")
	}
	if q.Object != "" && len(q.Objects) > 0 {
		return nil, registry.Invalid("objects", "must not be given beside object")
	}
	if !q.KnownAt.IsZero() {
		last, err := v.lastEntryAt(q.KnownAt)
		if err != nil || last == 0 {
			return nil, err
		}
		if q.Before == 0 || last < q.Before {
			q.Before = last + 1
		}
	}
	if !q.Since.IsZero() {
		last, err := v.lastEntryAt(q.Since.Add(-graph.TimeUnit))
		if err != nil {
			return nil, err
		}
		q.After = max(q.After, last)
	}
	var parts []logPart
	objects := q.Objects
	if q.Objects = nil; len(objects) == 0 {
		objects = []registry.ID{q.Object}
	}
	for _, q.Object = range objects {
		clusters, err := v.clustersOf(q.Object)
		if err != nil {
			return nil, err
		}
		parts = append(parts, logParts(q, clusters)...)
	}
	var out []registry.LogEntry
	for _, p := range parts {
		var err error
		if out, err = v.appendEntries(ctx, out, p); err != nil {
			return nil, err
		}
	}
	if len(parts) > 1 {
		slices.SortFunc(out, func(a, b registry.LogEntry) int {
			if q.Desc {
				return cmp.Compare(b.Seq, a.Seq)
			}
			return cmp.Compare(a.Seq, b.Seq)
		})
		// An entry may be about several of the objects.
		out = slices.CompactFunc(out, func(a, b registry.LogEntry) bool { return a.Seq == b.Seq })
		out = out[:min(len(out), q.Limit)]
	}
	return out, nil
}

// logPart is a part of a query that one statement reads: of at most one action, and of the
// entries that are in one cluster.
type logPart struct {
	graph.LogQuery
	cluster int64
}

func logParts(q graph.LogQuery, clusters []int64) (out []logPart) {
	actions := [][]registry.LogAction{nil}
	if len(q.Actions) > 0 {
		actions = nil
	}
	for i := range q.Actions {
		if !slices.Contains(q.Actions[:i], q.Actions[i]) {
			actions = append(actions, q.Actions[i:i+1])
		}
	}
	for _, c := range clusters {
		for _, q.Actions = range actions {
			out = append(out, logPart{q, c})
		}
	}
	return out
}

// lastEntryAt returns the sequence of the last entry at or before a time, 0 when there is
// none. Times never fall from one entry to the next, so that a few entries tell.
func (v *view) lastEntryAt(at time.Time) (int64, error) {
	head, err := v.head()
	if err != nil {
		return 0, err
	}
	low, high := int64(0), head // The entry of low is early enough, those after high are not.
	for next := head; low < high; next = low + (high-low+1)/2 {
		micros, err := v.c.queryInt("SELECT at FROM log WHERE seq = ?", next)
		if err != nil {
			return 0, err
		}
		if micros <= at.UnixMicro() {
			low = next
		} else {
			high = next - 1
		}
	}
	return low, nil
}

// appendEntries appends the entries of a part of a query.
func (v *view) appendEntries(ctx context.Context, out []registry.LogEntry, q logPart) ([]registry.LogEntry, error) {
	source, from, err := v.logSource(q)
	if err != nil {
		return nil, err
	}
	sql, args := logSQL(q, source, from)
	err = v.c.query(sql, func(st *engine.Stmt) error {
		if len(out)%1024 == 1023 && ctx.Err() != nil {
			return contextError(ctx)
		}
		e := registry.LogEntry{Seq: st.ColumnInt64(0), At: time.UnixMicro(st.ColumnInt64(1)).UTC(), Actor: st.ColumnText(2), Action: registry.LogAction(st.ColumnText(3)),
			Model: registry.ID(st.ColumnText(5)), Reason: st.ColumnText(6), Approval: st.ColumnText(7), RequestID: st.ColumnText(8), LeafHash: st.ColumnText(10), TreeHashes: st.ColumnText(11)}
		if d := st.ColumnText(9); d != "" {
			e.Detail = registry.JSON(d)
		}
		out = append(out, e)
		return json.Unmarshal([]byte(st.ColumnText(4)), &out[len(out)-1].Objects)
	}, args...)
	return out, err
}

// logKey is one way to find entries: the FROM clause, the column of the sequence, and the
// condition.
type logKey struct {
	from, seq string
	cond      condition
	// check is the condition when another key drives the statement.
	check condition
}

// condition is a condition in SQL and its arguments.
type condition struct {
	sql  string
	args []any
}

// byKey is the way to find the entries that have a key in a cluster. check is the condition
// without the key, which they meet too.
func byKey(cluster, key int64, check condition) logKey {
	return logKey{"log_key o CROSS JOIN log l ON l.seq = o.seq", "o.seq", condition{"o.cluster = ? AND o.object = ? AND " + check.sql, append([]any{cluster, key}, check.args...)}, check}
}

// byColumn is the way to find the entries that have a value in a column, which has an index.
func byColumn(column, value string) logKey {
	c := condition{"l." + column + " = ?", []any{value}}
	return logKey{"log l INDEXED BY log_" + column, "l.seq", c, c}
}

// logKeys lists the keys of a query. The index of each has the entries in order.
func logKeys(q logPart) (out []logKey) {
	if len(q.Seqs) > 0 {
		c := condition{"l.seq IN (SELECT value FROM json_each(?))", []any{jsonArray(q.Seqs)}}
		out = append(out, logKey{"log l", "l.seq", c, c})
	}
	if q.Object != "" {
		id := string(q.Object)
		key := byKey(q.cluster, objectKey(q.Object), condition{"EXISTS (SELECT 1 FROM json_each(l.objects) j WHERE j.value = ?)", []any{id}})
		key.check = condition{"EXISTS (SELECT 1 FROM log_key x WHERE x.cluster = ? AND x.object = ? AND x.seq = l.seq) AND " + key.check.sql, []any{q.cluster, objectKey(q.Object), id}}
		out = append(out, key)
	}
	if len(q.Models) == 1 {
		out = append(out, byKey(clusterOf(q.Models[0]), modelKey(q.Models[0]), condition{"l.model = ?", []any{string(q.Models[0])}}))
	}
	if q.Actor != "" {
		out = append(out, byColumn("actor", q.Actor))
	}
	if len(q.Actions) == 1 {
		out = append(out, byColumn("action", string(q.Actions[0])))
	}
	return out
}

// logSource chooses the key that drives the statement, and its place in logKeys: one that has
// few entries, else the first. Without a key the log is read in its order.
func (v *view) logSource(q logPart) (logKey, int, error) {
	keys := logKeys(q)
	if len(keys) == 0 {
		return logKey{from: "log l", seq: "l.seq"}, -1, nil
	}
	if len(keys) == 1 || len(q.Seqs) > 0 {
		return keys[0], 0, nil
	}
	for _, limit := range []int{veryNarrow, narrowMatches} {
		for i, k := range keys {
			if few, err := v.matchesFew(k.from, k.cond.sql, k.cond.args, limit); few || err != nil {
				return k, i, err
			}
		}
	}
	return keys[0], 0, nil
}

func logSQL(q logPart, source logKey, from int) (string, []any) {
	var where []string
	var args []any
	add := func(cond string, v ...any) {
		where = append(where, cond)
		args = append(args, v...)
	}
	for i, k := range logKeys(q) {
		if i == from {
			add(k.cond.sql, k.cond.args...)
		} else {
			add(k.check.sql, k.check.args...)
		}
	}
	if q.After > 0 {
		add(source.seq+" > ?", q.After)
	}
	if q.Before > 0 {
		add(source.seq+" < ?", q.Before)
	}
	if q.WithModel {
		where = append(where, "l.model <> ''")
	}
	if len(q.Models) > 1 {
		add("l.model <> '' AND l.model IN (SELECT value FROM json_each(?))", jsonArray(q.Models))
	}
	sql := "SELECT l.seq, l.at, l.actor, l.action, l.objects, l.model, l.reason, l.approval, l.request_id, l.detail, l.leaf_hash, l.tree FROM " + source.from
	if len(where) > 0 {
		sql += " WHERE " + strings.Join(where, " AND ")
	}
	sql += " ORDER BY " + source.seq
	if q.Desc {
		sql += " DESC"
	}
	return sql + " LIMIT ?+0", append(args, q.Limit)
}
