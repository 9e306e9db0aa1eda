package door

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/feed"
)

// eventsType is the media type of server-sent events.
const eventsType = "text/event-stream"

// The times of connections that stay open.
const (
	// aliveInterval is how often a connection is shown to be alive, and its caller is authenticated
	// again.
	aliveInterval = 15 * time.Second
	// sendTimeout is how long a client may take to receive an event.
	sendTimeout = 10 * time.Second
)

// serveEvents answers with server-sent events, as the protocol graphql-sse has it in its mode of
// distinct connections: an event "next" for each response, and "complete" at the end. The id of an
// event is its sequence, where the client selects seq; a browser that connects again sends it as
// Last-Event-ID, and gets what came after.
func (h *httpHandler) serveEvents(w http.ResponseWriter, r *http.Request, params *graphql.RawParams) {
	ctx := r.Context()
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		seq, err := strconv.ParseInt(last, 10, 64)
		if err != nil {
			Refuse(w, http.StatusBadRequest, registry.InvalidArgument, "Last-Event-ID is not the id of an event of a subscription")
			return
		}
		ctx = feed.Resume(ctx, seq)
	}
	o, errs := h.begin(ctx, params)
	if errs != nil {
		send(w, responseType, statusOf(errs, responseType), &graphql.Response{Errors: errs})
		return
	}
	defer o.end()
	if r.Method == http.MethodGet && o.op.Operation.Operation == ast.Mutation {
		w.Header().Set("Allow", "POST")
		Refuse(w, http.StatusMethodNotAllowed, registry.InvalidArgument, "GET takes no mutations; send this operation by POST")
		return
	}
	s := &eventWriter{w: w, control: http.NewResponseController(w)}
	s.control.SetReadDeadline(time.Time{}) // That of the request's body.
	w.Header().Set("Content-Type", eventsType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // Proxies hold nothing back.
	if s.write(":\n\n") != nil {
		return
	}
	responses := make(chan []byte)
	ended := make(chan gqlerror.List, 1)
	go func() {
		defer close(responses)
		if errs := o.run(func(resp *graphql.Response) error {
			select {
			case responses <- encode(resp):
				return nil
			case <-o.ctx.Done():
				return o.ctx.Err()
			}
		}); errs != nil {
			ended <- errs
		}
	}()
	alive := time.NewTicker(h.alive)
	defer alive.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-closing(ctx):
			return // The client connects again.
		case <-alive.C:
			if registry.CodeOf(service.Renew(ctx)) == registry.Unauthenticated {
				return
			}
			err = s.write(": alive\n\n")
		case resp, more := <-responses:
			if !more {
				select {
				case errs := <-ended:
					if isUnavailable(errs) {
						return // The client connects again.
					}
					s.event("next", encode(&graphql.Response{Errors: errs}))
				default:
				}
				s.event("complete", nil)
				return
			}
			err = s.event("next", resp)
		}
		if err != nil {
			return
		}
	}
}

// eventWriter writes server-sent events.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (s *eventWriter) write(text string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}

// event writes one event. JSON has no line breaks.
func (s *eventWriter) event(name string, data []byte) error {
	id := ""
	if seq := sequenceOf(data); seq > 0 {
		id = fmt.Sprintf("id: %d\n", seq)
	}
	return s.write(fmt.Sprintf("%sevent: %s\ndata: %s\n\n", id, name, data))
}

// sequenceOf returns the field seq of the event in a response, 0 when the client did not select it.
func sequenceOf(response []byte) int64 {
	var r struct {
		Data map[string]struct {
			Seq int64 `json:"seq"`
		} `json:"data"`
	}
	if json.Unmarshal(response, &r) != nil {
		return 0
	}
	for _, event := range r.Data {
		return event.Seq
	}
	return 0
}
