package sqlite

import (
	"context"
	"encoding/json"
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
	sql, args := logSQL(q)
	var out []registry.LogEntry
	err := v.c.query(sql, func(st *engine.Stmt) error {
		if len(out)%1024 == 1023 && ctx.Err() != nil {
			return contextError(ctx)
		}
		e := registry.LogEntry{Seq: st.ColumnInt64(0), At: time.UnixMicro(st.ColumnInt64(1)).UTC(), Actor: st.ColumnText(2), Action: registry.LogAction(st.ColumnText(3)),
			Model: registry.ID(st.ColumnText(5)), Reason: st.ColumnText(6), Approval: st.ColumnText(7), RequestID: st.ColumnText(8), LeafHash: st.ColumnText(10)}
		if d := st.ColumnText(9); d != "" {
			e.Detail = registry.JSON(d)
		}
		out = append(out, e)
		return json.Unmarshal([]byte(st.ColumnText(4)), &out[len(out)-1].Objects)
	}, args...)
	return out, err
}

func logSQL(q graph.LogQuery) (string, []any) {
	var where []string
	var args []any
	add := func(cond string, v any) {
		where = append(where, cond)
		args = append(args, v)
	}
	from := "log l"
	if q.Object != "" {
		from = "log_object o CROSS JOIN log l ON l.seq = o.seq"
		add("o.object = ?", string(q.Object))
	}
	seq := "l.seq"
	if q.Object != "" {
		seq = "o.seq"
	}
	if q.After > 0 {
		add(seq+" > ?", q.After)
	}
	if q.Before > 0 {
		add(seq+" < ?", q.Before)
	}
	if q.Actor != "" {
		add("l.actor = ?", q.Actor)
	}
	if len(q.Actions) > 0 {
		add("l.action IN (SELECT value FROM json_each(?))", jsonArray(q.Actions))
	}
	if q.WithModel {
		where = append(where, "l.model <> ''")
	}
	if len(q.Models) == 1 {
		add("l.model <> '' AND l.model = ?", string(q.Models[0]))
	} else if len(q.Models) > 1 {
		add("l.model <> '' AND l.model IN (SELECT value FROM json_each(?))", jsonArray(q.Models))
	}
	if !q.KnownAt.IsZero() {
		add("l.at <= ?", q.KnownAt.UnixMicro())
	}
	sql := "SELECT l.seq, l.at, l.actor, l.action, l.objects, l.model, l.reason, l.approval, l.request_id, l.detail, l.leaf_hash FROM " + from
	if len(where) > 0 {
		sql += " WHERE " + strings.Join(where, " AND ")
	}
	sql += " ORDER BY " + seq
	if q.Desc {
		sql += " DESC"
	}
	return sql + " LIMIT ?+0", append(args, q.Limit)
}
