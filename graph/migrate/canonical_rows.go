package migrate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// The rows of a digest have all stored values and no derived ones. Times are
// microseconds since 1970, or 0 when absent. Documents and details are the stored
// texts, or "" when absent.

func entryRow(e *registry.LogEntry) (string, map[string]any) {
	objects := e.Objects
	if objects == nil {
		objects = []registry.ID{}
	}
	return fmt.Sprintf("log entry %d", e.Seq), map[string]any{"seq": e.Seq, "at": e.At.UnixMicro(), "actor": e.Actor, "action": e.Action,
		"objects": objects, "model": e.Model, "reason": e.Reason, "approval": e.Approval, "requestId": e.RequestID, "detail": string(e.Detail),
		"leafHash": e.LeafHash}
}

func nodeRow(n *graph.Node) (string, map[string]any) {
	slots := append([]string{}, n.Slots...)
	slices.Sort(slots)
	return fmt.Sprintf("revision %d of node %d, %s", n.Revision, n.Number, n.ID), map[string]any{"number": n.Number, "revision": n.Revision,
		"id": n.ID, "kind": n.Kind, "parent": n.Parent, "name": n.Name, "slots": slots, "columns": n.Columns, "validFrom": micros(n.ValidFrom),
		"validTo": micros(n.ValidTo), "since": micros(n.Since), "recordedSeq": n.RecordedSeq, "deleted": n.Deleted, "doc": string(n.Doc)}
}

func edgeRow(e *graph.DumpedEdge) (string, map[string]any) {
	return fmt.Sprintf("edge %s from %s to %s, recorded by entry %d", e.Kind, e.From, e.To, e.RecordedSeq), map[string]any{"from": e.From, "to": e.To,
		"fromNumber": e.FromNumber, "toNumber": e.ToNumber, "kind": e.Kind, "validFrom": micros(e.ValidFrom), "validTo": micros(e.ValidTo),
		"recordedSeq": e.RecordedSeq, "retractedSeq": e.RetractedSeq, "by": e.By}
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// canonicalJSON returns the same JSON as registry.Canonical, for rows of plain values
// only and faster: keys are sorted, and nothing is escaped for HTML.
func canonicalJSON(row map[string]any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(row)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}
