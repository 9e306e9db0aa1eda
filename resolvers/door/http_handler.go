package door

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"pedigree/registry"
	"pedigree/service"
)

// httpHandler implements GraphQL over HTTP. It reads a request once and writes the response
// once; gqlgen's own transports do both twice.
type httpHandler struct {
	exec      *executor.Executor
	documents *documents
	service   *service.Service
	streams   openStreams
	alive     time.Duration
}

// ServeHTTP runs one operation.
func (h *httpHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if asksForSocket(r) {
		h.counted(w, r, h.serveSocket)
		return
	}
	params, refused := readParams(w, r)
	if refused != nil {
		Refuse(w, refused.status, refused.code, refused.message)
		return
	}
	if h.wantsEvents(r, params) {
		h.counted(w, r, func(w http.ResponseWriter, r *http.Request) { h.serveEvents(w, r, params) })
		return
	}
	ctx, cancel := context.WithTimeout(h.service.WithLoaders(r.Context()), operationTimeout)
	defer cancel()
	ctx = graphql.StartOperationTrace(ctx)
	kind := contentType(r.Header.Get("Accept"))
	op, errs := h.operation(ctx, params)
	if seconds := retryAfter(errs); seconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		send(w, kind, http.StatusTooManyRequests, h.exec.DispatchError(graphql.WithOperationContext(ctx, op), errs))
		return
	}
	if errs != nil {
		send(w, kind, statusOf(errs, kind), h.exec.DispatchError(graphql.WithOperationContext(ctx, op), errs))
		return
	}
	if r.Method == http.MethodGet && op.Operation.Operation != ast.Query {
		w.Header().Set("Allow", "POST")
		Refuse(w, http.StatusMethodNotAllowed, registry.InvalidArgument, "GET takes queries alone; send this operation by POST")
		return
	}
	if op.Operation.Operation == ast.Subscription {
		Refuse(w, http.StatusNotAcceptable, registry.InvalidArgument, "a subscription needs a WebSocket ("+socketProtocol+"), or the header Accept: "+eventsType)
		return
	}
	responses, ctx := h.exec.DispatchOperation(ctx, op)
	resp := responses(ctx)
	if resp == nil { // The context ended before the operation ran.
		resp = h.exec.DispatchError(graphql.WithOperationContext(ctx, op), gqlerror.List{gqlerror.Wrap(ctx.Err())})
	}
	send(w, kind, http.StatusOK, resp)
}

// The media types of a response (GraphQL over HTTP).
const (
	jsonType     = "application/json"
	responseType = "application/graphql-response+json"
)

// contentType returns the media type that the client accepts. The default is
// application/json, which every client reads.
func contentType(accept string) string {
	for part := range strings.SplitSeq(accept, ",") {
		t, _, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil {
			continue
		}
		switch t {
		case responseType:
			return responseType
		case jsonType, "application/*", "*/*":
			return jsonType
		}
	}
	return jsonType
}

// statusOf returns the HTTP status of an operation that was refused before it ran. With
// application/json it is 200 for every well-formed request, because such a response can also
// come from a server in between; its errors tell.
func statusOf(errs gqlerror.List, contentType string) int {
	if contentType == responseType && errcode.GetErrorKind(errs) == errcode.KindProtocol {
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// send writes a response. The data is JSON already and is not encoded again. An operation that
// did not run has no data, not even null. Responses are never cached, because they depend on the
// caller.
func send(w http.ResponseWriter, kind string, status int, resp *graphql.Response) {
	pooled := bufferPool.Get().(*[]byte)
	defer releaseBuffer(pooled)
	b := append(slices.Grow(*pooled, len(resp.Data)+64), '{')
	if len(resp.Errors) > 0 {
		b = append(appendJSON(append(b, `"errors":`...), resp.Errors), ',')
	}
	switch {
	case len(resp.Data) > 0:
		b = append(append(b, `"data":`...), resp.Data...)
	case len(resp.Errors) > 0:
		b = b[:len(b)-1] // The comma.
	default:
		b = append(b, `"data":null`...)
	}
	if len(resp.Extensions) > 0 {
		b = appendJSON(append(b, `,"extensions":`...), resp.Extensions)
	}
	b = append(b, '}')
	*pooled = b
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	w.Write(b)
}

// appendJSON appends a value as JSON. The values consist of texts and numbers, so encoding
// cannot fail.
func appendJSON(b []byte, v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("door: " + err.Error())
	}
	return append(b, raw...)
}
