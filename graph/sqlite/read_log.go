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
	if !q.KnownAt.IsZero() {
		last, err := v.lastEntryAt(q.KnownAt)
		if err != nil || last == 0 {
			return nil, err
		}
		if q.Before == 0 || last < q.Before {
			q.Before = last + 1
		}
	}
	var out []registry.LogEntry
	actions := q.Actions
	for i := range max(1, len(actions)) {
		if len(actions) > 0 {
			if q.Actions = actions[i : i+1]; slices.Contains(actions[:i], actions[i]) {
				continue
			}
		}
		var err error
		if out, err = v.appendEntries(ctx, out, q); err != nil {
			return nil, err
		}
	}
	if len(actions) > 1 {
		slices.SortFunc(out, func(a, b registry.LogEntry) int {
			if q.Desc {
				return cmp.Compare(b.Seq, a.Seq)
			}
			return cmp.Compare(a.Seq, b.Seq)
		})
		out = out[:min(len(out), q.Limit)]
	}
	return out, nil
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

// appendEntries appends the entries of a query with at most one action.
func (v *view) appendEntries(ctx context.Context, out []registry.LogEntry, q graph.LogQuery) ([]registry.LogEntry, error) {
	from, err := v.logSource(q)
	if err != nil {
		return nil, err
	}
	sql, args := logSQL(q, from)
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
// condition with its argument.
type logKey struct {
	from, seq, cond string
	arg             any
}

// logKeys lists the keys of a query. The index of each has the entries in order.
func logKeys(q graph.LogQuery) (out []logKey) {
	if len(q.Seqs) > 0 {
		out = append(out, logKey{"log l", "l.seq", "l.seq IN (SELECT value FROM json_each(?))", jsonArray(q.Seqs)})
	}
	if q.Object != "" {
		out = append(out, logKey{"log_object o CROSS JOIN log l ON l.seq = o.seq", "o.seq", "o.object = ?", string(q.Object)})
	}
	if len(q.Models) == 1 {
		out = append(out, logKey{"log l INDEXED BY log_model", "l.seq", "l.model <> '' AND l.model = ?", string(q.Models[0])})
	}
	if q.Actor != "" {
		out = append(out, logKey{"log l INDEXED BY log_actor", "l.seq", "l.actor = ?", q.Actor})
	}
	if len(q.Actions) == 1 {
		out = append(out, logKey{"log l INDEXED BY log_action", "l.seq", "l.action = ?", string(q.Actions[0])})
	}
	return out
}

// logSource chooses the key that drives the statement: one that has few entries, else the
// first. Without a key the log is read in its order.
func (v *view) logSource(q graph.LogQuery) (logKey, error) {
	keys := logKeys(q)
	if len(keys) == 0 {
		return logKey{from: "log l", seq: "l.seq"}, nil
	}
	if len(keys) == 1 || len(q.Seqs) > 0 {
		return keys[0], nil
	}
	for _, limit := range []int{veryNarrow, narrowMatches} {
		for _, k := range keys {
			if few, err := v.matchesFew(k.from, k.cond, []any{k.arg}, limit); few || err != nil {
				return k, err
			}
		}
	}
	return keys[0], nil
}

func logSQL(q graph.LogQuery, from logKey) (string, []any) {
	var where []string
	var args []any
	add := func(cond string, v any) {
		where = append(where, cond)
		args = append(args, v)
	}
	keys := logKeys(q)
	if len(keys) > 0 {
		add(from.cond, from.arg)
	}
	for _, k := range keys {
		if k.cond == from.cond {
			continue
		}
		if k.cond == "o.object = ?" {
			k.cond = "EXISTS (SELECT 1 FROM log_object x WHERE x.object = ? AND x.seq = l.seq)"
		}
		add(k.cond, k.arg)
	}
	if q.After > 0 {
		add(from.seq+" > ?", q.After)
	}
	if q.Before > 0 {
		add(from.seq+" < ?", q.Before)
	}
	if q.WithModel {
		where = append(where, "l.model <> ''")
	}
	if len(q.Models) > 1 {
		add("l.model <> '' AND l.model IN (SELECT value FROM json_each(?))", jsonArray(q.Models))
	}
	sql := "SELECT l.seq, l.at, l.actor, l.action, l.objects, l.model, l.reason, l.approval, l.request_id, l.detail, l.leaf_hash, l.tree FROM " + from.from
	if len(where) > 0 {
		sql += " WHERE " + strings.Join(where, " AND ")
	}
	sql += " ORDER BY " + from.seq
	if q.Desc {
		sql += " DESC"
	}
	return sql + " LIMIT ?+0", append(args, q.Limit)
}
