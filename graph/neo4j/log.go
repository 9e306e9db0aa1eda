package neo4j

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

func seqKey(seq int64) string { return strconv.FormatInt(seq, 10) }

func entryProperties(e *registry.LogEntry) row {
	objects := make([]string, len(e.Objects))
	for i, o := range e.Objects {
		objects[i] = string(o)
	}
	return row{"seq": e.Seq, "at": e.At.UnixMicro(), "actor": e.Actor, "action": string(e.Action), "objects": objects,
		"model": string(e.Model), "reason": e.Reason, "approval": e.Approval, "request_id": e.RequestID,
		"detail": string(e.Detail), "leaf_hash": e.LeafHash, "tree": e.TreeHashes}
}

func entryOf(p map[string]any) registry.LogEntry {
	e := registry.LogEntry{Seq: number(p, "seq"), At: time.UnixMicro(number(p, "at")).UTC(), Actor: text(p, "actor"),
		Action: registry.LogAction(text(p, "action")), Model: registry.ID(text(p, "model")), Reason: text(p, "reason"),
		Approval: text(p, "approval"), RequestID: text(p, "request_id"), LeafHash: text(p, "leaf_hash"), TreeHashes: text(p, "tree")}
	objects, _ := p["objects"].([]any)
	e.Objects = make([]registry.ID, 0, len(objects)) // Not nil: an answer says [], as on SQLite.
	for _, o := range objects {
		e.Objects = append(e.Objects, registry.ID(o.(string)))
	}
	if d := text(p, "detail"); d != "" {
		e.Detail = registry.JSON(d)
	}
	return e
}

// lastEntryBefore reads the sequence of the last entry before a time. Times never fall from
// one entry to the next.
const lastEntryBefore = "MATCH (l:Log) USING INDEX SEEK l:Log(ns, at) WHERE l.ns = $ns AND l.at < $at RETURN l.seq AS seq ORDER BY l.at DESC, l.seq DESC LIMIT 1"

// Log returns entries of the audit feed by sequence.
func (s *Store) Log(ctx context.Context, q graph.LogQuery) (entries []registry.LogEntry, err error) {
	err = s.read(ctx, func(v *view) error {
		entries, err = v.Log(ctx, q)
		return err
	})
	return entries, err
}

// Log returns entries as of the Update so far.
func (v *view) Log(ctx context.Context, q graph.LogQuery) ([]registry.LogEntry, error) {
	if q.Limit < 1 {
		return nil, registry.Invalid("limit", "must be 1 or more")
	}
	if q.Object != "" && len(q.Objects) > 0 {
		return nil, registry.Invalid("objects", "must not be given beside object")
	}
	if !q.KnownAt.IsZero() && !v.holdsLock {
		// Entries of a commit that is still becoming visible do not count yet.
		head, err := v.visibleHead(ctx)
		if err != nil {
			return nil, err
		}
		if q.Before == 0 || q.Before > head+1 {
			q.Before = head + 1
		}
	}
	if !q.Since.IsZero() {
		last, err := v.query(ctx, lastEntryBefore, map[string]any{"ns": v.s.ns, "at": q.Since.UnixMicro()})
		if err != nil {
			return nil, err
		}
		if len(last) > 0 {
			q.After = max(q.After, number(last[0], "seq"))
		}
	}
	text, params := v.logText(q)
	rows, err := v.query(ctx, text, params)
	if err != nil {
		return nil, err
	}
	entries := make([]registry.LogEntry, len(rows))
	for i, r := range rows {
		entries[i] = entryOf(r["entry"].(map[string]any))
	}
	return entries, nil
}

// logText picks the most selective index: by objects, by object, by actor, by a single model, else
// by sequence.
func (v *view) logText(q graph.LogQuery) (string, map[string]any) {
	before := q.Before
	if before == 0 {
		before = math.MaxInt64
	}
	params := map[string]any{"ns": v.s.ns, "after": q.After, "before": before, "limit": int64(q.Limit)}
	var b strings.Builder
	and := func(cond string, name string, value any) {
		b.WriteString(" AND " + cond)
		params[name] = value
	}
	switch {
	case len(q.Seqs) > 0:
		b.WriteString("UNWIND $keys AS key MATCH (l:Log {key: key}) USING INDEX SEEK l:Log(key) WHERE l.seq > $after AND l.seq < $before")
		keys := make([]string, 0, len(q.Seqs))
		for _, seq := range q.Seqs {
			if k := v.key(seqKey(seq)); !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
		params["keys"] = keys
		if q.Object != "" {
			and("$object IN l.objects", "object", string(q.Object))
		}
		if len(q.Objects) > 0 {
			and("any(object IN l.objects WHERE object IN $objects)", "objects", stringsOf(q.Objects))
		}
		if q.Actor != "" {
			and("l.actor = $actor", "actor", q.Actor)
		}
	case len(q.Objects) > 0:
		// An entry may be about several of the objects.
		b.WriteString("UNWIND $objects AS object MATCH (t:Touch) USING INDEX SEEK t:Touch(object_key, seq) WHERE t.object_key = object AND t.seq > $after AND t.seq < $before MATCH (l:Log {key: t.log_key}) WITH DISTINCT l WHERE true")
		keys := make([]string, len(q.Objects))
		for i, id := range q.Objects {
			keys[i] = v.key(string(id))
		}
		params["objects"] = keys
	case q.Object != "":
		b.WriteString("MATCH (t:Touch) USING INDEX SEEK t:Touch(object_key, seq) WHERE t.object_key = $object AND t.seq > $after AND t.seq < $before MATCH (l:Log {key: t.log_key}) WHERE true")
		params["object"] = v.key(string(q.Object))
	case q.Actor != "":
		b.WriteString("MATCH (l:Log) USING INDEX SEEK l:Log(actor_key, seq) WHERE l.actor_key = $actor_key AND l.seq > $after AND l.seq < $before")
		params["actor_key"] = v.key(q.Actor)
	case len(q.Models) == 1:
		b.WriteString("MATCH (l:Log) USING INDEX SEEK l:Log(model_key, seq) WHERE l.model_key = $model_key AND l.seq > $after AND l.seq < $before")
		params["model_key"] = v.key(string(q.Models[0]))
	default:
		b.WriteString("MATCH (l:Log) USING INDEX SEEK l:Log(ns, seq) WHERE l.ns = $ns AND l.seq > $after AND l.seq < $before")
	}
	if (q.Object != "" || len(q.Objects) > 0) && q.Actor != "" && len(q.Seqs) == 0 {
		and("l.actor = $actor", "actor", q.Actor)
	}
	if len(q.Actions) > 0 {
		and("l.action IN $actions", "actions", stringsOf(q.Actions))
	}
	if q.WithModel {
		b.WriteString(" AND l.model <> ''")
	}
	if len(q.Models) > 0 {
		and("l.model IN $models", "models", stringsOf(q.Models))
	}
	if !q.KnownAt.IsZero() {
		and("l.at <= $known_at", "known_at", q.KnownAt.UnixMicro())
	}
	order := " ASC"
	if q.Desc {
		order = " DESC"
	}
	b.WriteString(" RETURN l {.*} AS entry ORDER BY l.seq" + order + " LIMIT $limit")
	return b.String(), params
}

func stringsOf[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = string(x)
	}
	return out
}
