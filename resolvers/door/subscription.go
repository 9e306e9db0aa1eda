package door

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/feed"
)

// The limits of streams.
const (
	// maxStreams is the most connections of one subject that stay open.
	maxStreams = 5
	// maxOperations is the most operations at once on one WebSocket.
	maxOperations = 20
)

// Streams reports whether a request may be answered by a connection that stays open: a WebSocket, or
// server-sent events.
func Streams(r *http.Request) bool { return asksForSocket(r) || asksForEvents(r) }

// Streamed reports whether a response was such a connection, by its status and its headers.
func Streamed(status int, h http.Header) bool {
	return status == http.StatusSwitchingProtocols || h.Get("Content-Type") == eventsType
}

func asksForSocket(r *http.Request) bool { return r.Header.Get("Upgrade") != "" }

func asksForEvents(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), eventsType)
}

// wantsEvents reports whether a request is to be answered with server-sent events. Clients that take
// JSON too, as urql does, get events for subscriptions alone.
func (h *httpHandler) wantsEvents(r *http.Request, params *graphql.RawParams) bool {
	if !asksForEvents(r) {
		return false
	}
	if !strings.Contains(r.Header.Get("Accept"), "json") {
		return true
	}
	p, errs := h.documents.prepare(r.Context(), params.Query)
	if errs != nil {
		return false
	}
	op := p.doc.Operations.ForName(params.OperationName)
	return op != nil && op.Operation == ast.Subscription
}

type closingKey struct{}

// WithClosing returns a context whose connections that stay open end when the server begins to shut
// down, which is when closing is done.
func WithClosing(ctx, closing context.Context) context.Context {
	return context.WithValue(ctx, closingKey{}, closing)
}

// closing returns a channel that is closed when the server begins to shut down.
func closing(ctx context.Context) <-chan struct{} {
	if c, ok := ctx.Value(closingKey{}).(context.Context); ok {
		return c.Done()
	}
	return nil
}

// openStreams counts the open connections of subjects.
type openStreams struct {
	mu sync.Mutex
	of map[string]int
}

// take counts one more, unless there are too many.
func (o *openStreams) take(subject string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of[subject] >= maxStreams {
		return false
	}
	if o.of == nil {
		o.of = map[string]int{}
	}
	o.of[subject]++
	return true
}

func (o *openStreams) release(subject string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of[subject]--; o.of[subject] == 0 {
		delete(o.of, subject)
	}
}

// counted serves a connection that stays open, unless its caller has too many.
func (h *httpHandler) counted(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	subject := service.Subject(r.Context())
	if !h.streams.take(subject) {
		w.Header().Set("Retry-After", "10")
		Refuse(w, http.StatusTooManyRequests, registry.ResourceExhausted, "you have 5 open connections for subscriptions, and may have no more; one WebSocket carries 20 subscriptions")
		return
	}
	defer h.streams.release(subject)
	serve(w, r)
}

// operation is one operation on a connection that stays open.
type operation struct {
	h       *httpHandler
	ctx     context.Context
	op      *graphql.OperationContext
	failure *feed.Failure
	end     context.CancelFunc
}

// begin prepares an operation. Its context has an identity of its own, which its stream renews.
func (h *httpHandler) begin(ctx context.Context, params *graphql.RawParams) (*operation, gqlerror.List) {
	ctx, failure := feed.WithFailure(graphql.StartOperationTrace(service.Apart(ctx)))
	ctx, end := context.WithCancel(ctx)
	o := &operation{h: h, ctx: ctx, failure: failure, end: end}
	if err := service.Renew(ctx); err != nil {
		end()
		return o, h.exec.DispatchError(graphql.WithOperationContext(ctx, &graphql.OperationContext{}), gqlerror.List{gqlerror.Wrap(err)}).Errors
	}
	op, errs := h.operation(ctx, params)
	if o.op = op; errs != nil {
		end()
		return o, h.exec.DispatchError(graphql.WithOperationContext(ctx, op), errs).Errors
	}
	if !o.subscribes() {
		o.ctx, o.end = context.WithTimeout(h.service.WithLoaders(ctx), operationTimeout)
	}
	return o, nil
}

// subscribes reports whether the operation is a subscription, which has many responses.
func (o *operation) subscribes() bool { return o.op.Operation.Operation == ast.Subscription }

// run sends the responses of the operation, and returns the errors that it ended with. A response
// without data is one that ended it.
func (o *operation) run(send func(*graphql.Response) error) gqlerror.List {
	defer o.end()
	responses, ctx := o.h.exec.DispatchOperation(o.ctx, o.op)
	for {
		response := ctx
		if o.subscribes() {
			response = o.h.service.WithLoaders(ctx) // Each event is read anew.
		}
		resp := responses(response)
		if resp == nil {
			break
		}
		if len(resp.Data) == 0 && len(resp.Errors) > 0 {
			return resp.Errors
		}
		if err := send(resp); err != nil {
			return nil
		}
		if !o.subscribes() {
			return nil
		}
	}
	err := o.failure.Err()
	if !o.subscribes() {
		err = ctx.Err()
	}
	if err == nil {
		return nil
	}
	return o.h.exec.DispatchError(graphql.WithOperationContext(ctx, o.op), gqlerror.List{gqlerror.Wrap(err)}).Errors
}

// encode returns a response as JSON.
func encode(resp *graphql.Response) []byte {
	out := struct {
		Errors     gqlerror.List   `json:"errors,omitempty"`
		Data       json.RawMessage `json:"data"`
		Extensions map[string]any  `json:"extensions,omitempty"`
	}{resp.Errors, resp.Data, resp.Extensions}
	return appendJSON(nil, out)
}
