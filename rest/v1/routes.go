package v1

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// route is one line of the route table: the method and path, the limits, and the function
// that handles the request.
type route struct {
	// A pattern that begins with a slash is a path from the root of the server, any other one is
	// below Prefix. A parameter {name} is one segment; a last one {name...} is the rest of the path.
	method, pattern string
	// operation is the corresponding root field in registry.Operations.
	operation string
	serve     func(context.Context, *call) error
	// query lists the query parameters.
	query []string
	// body is the size limit of the body in bytes. When it is 0, POST, PUT and PATCH have
	// the default limit and other methods take no body.
	body int64
	// media holds the media types of the body, separated by spaces; JSON when it is empty.
	media string
	// time is the time limit of the whole request; 10 s when it is zero.
	time time.Duration
	// stream reads the body as it arrives. Instead of the server's time limit, the body may
	// not pause for more than 15 s.
	stream bool
	// download writes the answer while it is made. The reader may not pause for more than 15 s.
	download bool

	paramNames []string // names of the path parameters, in order
}

// routes returns the route table.
func routes() []route {
	return []route{
		{method: http.MethodGet, pattern: "viewer", operation: "viewer", serve: viewer},
		{method: http.MethodGet, pattern: "lineage/{id}/export", operation: "lineageExport", serve: exportLineage,
			query: []string{"format", "direction", "maxDepth", "history", "asOf", "knownAt"}},
		{method: http.MethodGet, pattern: "facts", operation: "lineageExport", serve: getFacts, time: 30 * time.Minute, download: true},
		{method: http.MethodPost, pattern: "facts", operation: "recordFacts", serve: postFacts, body: maxBody, time: 30 * time.Minute, stream: true,
			media: "application/x-ndjson application/jsonl"},
		{method: http.MethodGet, pattern: "/log/checkpoint", operation: "auditCheckpoint", serve: logCheckpoint},
		{method: http.MethodGet, pattern: "/log/tile/{path...}", operation: "auditProof", serve: logTile},
		{method: http.MethodGet, pattern: "log/export", operation: "auditLog", serve: exportLog, time: 30 * time.Minute, download: true},
	}
}

// fullPath returns the path from the root of the server.
func (rt *route) fullPath() string {
	if strings.HasPrefix(rt.pattern, "/") {
		return rt.pattern
	}
	return Prefix + rt.pattern
}

// setDefaults sets the limits that a route leaves out, and derives the names of its path
// parameters.
func (rt *route) setDefaults() {
	hasBody := rt.method == http.MethodPost || rt.method == http.MethodPut || rt.method == http.MethodPatch
	if rt.body == 0 && hasBody {
		rt.body = defaultBody
	}
	rt.body = min(rt.body, maxBody)
	if rt.media == "" {
		rt.media = "application/json"
	}
	if rt.time == 0 {
		rt.time = defaultTime
	}
	for _, s := range strings.Split(rt.pattern, "/") {
		if name, ok := strings.CutPrefix(s, "{"); ok {
			rt.paramNames = append(rt.paramNames, strings.TrimSuffix(strings.TrimSuffix(name, "}"), "..."))
		}
	}
}
