package v1

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"pedigree/rest/wire"
)

// route is one line of the route table: the method and path, the limits, and the function
// that handles the request.
type route struct {
	// A pattern that begins with a slash is a path from the root of the server, any other one is
	// below Prefix. A parameter {name} is one segment; a last one {name...} is the rest of the path.
	method, pattern string
	// operation is the corresponding root field in registry.Operations.
	operation string
	// field is the field of a noun, as Noun.field, whose row of the matrix decides besides; "" for none.
	field string
	serve func(context.Context, *call) error
	// query lists the query parameters; those of filter are added to them.
	query []string
	// oldQuery are older names of query parameters, which are accepted and not documented.
	oldQuery []string
	// summary says what the route does, in words.
	summary string
	// in is the type of the body, or of the query parameters of a DELETE; nil when there is none.
	// Its struct fields without are not taken from there.
	in      reflect.Type
	without []string
	// bodyField is the field of in that the body holds, "" for all of it.
	bodyField string
	// required are the members that the body must have, and the query parameters that must be given.
	required []string
	// filter is the type of the query parameters, nil when there are none of a type.
	filter reflect.Type
	// out is the type of the answer; of a list, that of its items, and list is what it calls them.
	out  reflect.Type
	list string
	// shown are the members that an answer has when the parameter fields is not given; nil for all.
	shown []string
	// statuses are the statuses of success; 200 when it is empty.
	statuses []int
	// answerMedia is the media type of an answer that is not JSON.
	answerMedia string
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
	// file is true for a body that is a file: its limit is that of files, and it has any media type.
	file bool
	// download writes the answer while it is made. The reader may not pause for more than 15 s.
	download bool

	paramNames []string // names of the path parameters, in order
}

// routes returns the route table.
func routes() []route {
	return slices.Concat(baseRoutes(), modelRoutes(), versionRoutes(), artifactRoutes(), signatureRoutes(), requestRoutes(), gateRoutes(), recallRoutes(), deprecationRoutes(), recordRoutes(), keptFacetRoutes(), lineageRoutes(), complianceRoutes(), auditRoutes(), accessRoutes(), webhookRoutes(), searchRoutes())
}

// baseRoutes are the routes of files and of the caller.
func baseRoutes() []route {
	return []route{
		{method: http.MethodGet, pattern: "viewer", operation: "viewer", serve: viewer, summary: "Who you are here, and what you may do", out: reflect.TypeFor[viewerBody]()},
		{method: http.MethodGet, pattern: "lineage/{id}/export", operation: "lineageExport", serve: exportLineage, summary: "The lineage of a node as a file",
			query: []string{"format", "direction", "max_depth", "history", "as_of", "known_at"}, oldQuery: []string{"maxDepth", "asOf", "knownAt"}, answerMedia: "*/*"},
		{method: http.MethodGet, pattern: "facts", operation: "lineageExport", serve: getFacts, time: 30 * time.Minute, download: true,
			summary: "All facts that you see, as JSON Lines", answerMedia: ndjson},
		{method: http.MethodPost, pattern: "facts", operation: "recordFacts", serve: postFacts, body: maxBody, time: 30 * time.Minute, stream: true,
			media: ndjson + " application/jsonl", summary: "Records facts as JSON Lines", answerMedia: ndjson},
		{method: http.MethodGet, pattern: "/log/checkpoint", operation: "auditCheckpoint", serve: logCheckpoint, summary: "The signed checkpoint of the log as text", answerMedia: "text/plain"},
		{method: http.MethodGet, pattern: "/log/tile/{path...}", operation: "auditProof", serve: logTile, summary: "Hashes of the log's tree", answerMedia: "application/octet-stream"},
		{method: http.MethodGet, pattern: "log/export", operation: "auditLog", serve: exportLog, time: 30 * time.Minute, download: true,
			summary: "The whole log with a signed checkpoint, as JSON Lines", answerMedia: ndjson},
		{method: http.MethodGet, pattern: documentPath, operation: "viewer", serve: openAPI, summary: "This description of the API (OpenAPI 3.1)", answerMedia: "application/json"},
		{method: http.MethodGet, pattern: "docs", operation: "viewer", serve: docsPage, summary: "This description as a page", answerMedia: "text/html"},
	}
}

// ndjson is the media type of JSON Lines.
const ndjson = "application/x-ndjson"

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
	if rt.file {
		rt.body, rt.stream, rt.time, rt.media = defaultFile, true, fileTime, anyMedia
	} else {
		rt.body = min(rt.body, maxBody)
	}
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

// addParameters adds the query parameters that follow from the types of a route.
func (rt *route) addParameters(codec *wire.Codec) {
	typed := rt.filter
	if rt.in != nil && rt.method == http.MethodDelete {
		typed = rt.in
		rt.without = append(rt.without, "IdempotencyKey", "IfRevision", "ID")
		for param, field := range pathFields {
			if strings.Contains(rt.pattern, "{"+param+"}") {
				rt.without = append(rt.without, field)
			}
		}
	}
	if typed != nil {
		for _, m := range codec.Members(typed, rt.without) {
			rt.query = append(rt.query, m.Name)
		}
	}
	if rt.list != "" {
		rt.query = append(rt.query, "page_size", "page_token")
	}
	if rt.out != nil && rt.filter != nil {
		rt.query = append(rt.query, "fields")
	}
}
