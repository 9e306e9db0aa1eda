package v1

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// route is one line of the table: what it is asked by, what it takes, and the
// function that answers.
type route struct {
	method, pattern string
	// operation is the root field of registry.Operations that this is the twin of.
	operation string
	serve     func(context.Context, *call) error
	// query names the parameters that are taken.
	query []string
	// body is the most bytes of a body. 0: POST, PUT and PATCH take the default,
	// the others take no body.
	body int64
	// media is the type of the body, JSON if empty; several stand apart by a space.
	media string
	// time is how long it may take in all, 10 s if zero.
	time time.Duration
	// stream reads its body as it comes: not in one time limit, but with no more
	// than 15 s between two bytes.
	stream bool

	paramNames []string // of the {segments}, in order
}

// routes is the table of the door.
func routes() []route {
	return []route{
		{method: http.MethodGet, pattern: "viewer", operation: "viewer", serve: viewer},
		{method: http.MethodGet, pattern: "lineage/{id}/export", operation: "lineageExport", serve: exportLineage,
			query: []string{"format", "direction", "maxDepth", "history", "asOf", "knownAt"}},
		{method: http.MethodPost, pattern: "facts", operation: "recordFacts", serve: postFacts, body: maxBody, time: 30 * time.Minute, stream: true,
			media: "application/x-ndjson application/jsonl"},
	}
}

// fullPath is the path from the root of the server.
func (at *route) fullPath() string { return Prefix + at.pattern }

// setDefaults fills in what a line leaves out.
func (at *route) setDefaults() {
	hasBody := at.method == http.MethodPost || at.method == http.MethodPut || at.method == http.MethodPatch
	if at.body == 0 && hasBody {
		at.body = defaultBody
	}
	at.body = min(at.body, maxBody)
	if at.media == "" {
		at.media = "application/json"
	}
	if at.time == 0 {
		at.time = defaultTime
	}
	for _, s := range strings.Split(at.pattern, "/") {
		if name, ok := strings.CutPrefix(s, "{"); ok {
			at.paramNames = append(at.paramNames, strings.TrimSuffix(name, "}"))
		}
	}
}
