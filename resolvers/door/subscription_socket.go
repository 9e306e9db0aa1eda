package door

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"pedigree/registry"
	"pedigree/service"
)

// socketProtocol is the subprotocol of GraphQL over WebSocket
// (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md).
const socketProtocol = "graphql-transport-ws"

// The reasons to close a WebSocket, as the protocol numbers them.
const (
	closeBadMessage   websocket.StatusCode = 4400
	closeUnauthorized websocket.StatusCode = 4401
	closeBadProtocol  websocket.StatusCode = 4406
	closeInitTimeout  websocket.StatusCode = 4408
	closeDuplicate    websocket.StatusCode = 4409
	closeInitTwice    websocket.StatusCode = 4429
)

// initTimeout is how long a client may take to begin.
const initTimeout = 10 * time.Second

// maxOperationID is the longest id of an operation in bytes.
const maxOperationID = 200

// socketMessage is a message of the protocol.
type socketMessage struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// socket is one WebSocket with its operations.
type socket struct {
	h       *httpHandler
	conn    *websocket.Conn
	headers http.Header
	ctx     context.Context
	mu      sync.Mutex
	begun   bool
	active  map[string]*context.CancelFunc
	running sync.WaitGroup
}

// serveSocket speaks GraphQL over a WebSocket. The caller was authenticated, and the origin checked,
// when the connection was asked for.
func (h *httpHandler) serveSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{socketProtocol}, InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return // Accept has answered.
	}
	defer conn.CloseNow()
	if conn.Subprotocol() != socketProtocol {
		conn.Close(closeBadProtocol, "Subprotocol not acceptable")
		return
	}
	conn.SetReadLimit(maxBody)
	ctx, end := context.WithCancel(r.Context())
	s := &socket{h: h, conn: conn, headers: r.Header, ctx: ctx, active: map[string]*context.CancelFunc{}}
	defer s.running.Wait()
	defer end()
	late := time.AfterFunc(initTimeout, func() {
		if !s.hasBegun() {
			conn.Close(closeInitTimeout, "Connection initialisation timeout")
		}
	})
	defer late.Stop()
	go s.keepAlive()
	for {
		kind, raw, err := conn.Read(ctx)
		if err != nil {
			return
		}
		var m socketMessage
		if kind != websocket.MessageText || json.Unmarshal(raw, &m) != nil {
			conn.Close(closeBadMessage, "Invalid message received")
			return
		}
		if code, reason := s.handle(m); code != 0 {
			conn.Close(code, reason)
			return
		}
	}
}

// keepAlive ends the connection when its peer is gone, the caller's credential does not hold any
// more, or the server shuts down.
func (s *socket) keepAlive() {
	tick := time.NewTicker(s.h.alive)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-closing(s.ctx):
			s.conn.Close(websocket.StatusGoingAway, "the server shuts down; connect again")
			return
		case <-tick.C:
		}
		if registry.CodeOf(service.Renew(s.ctx)) == registry.Unauthenticated {
			s.conn.Close(closeUnauthorized, "Unauthorized")
			return
		}
		ctx, cancel := context.WithTimeout(s.ctx, sendTimeout)
		err := s.conn.Ping(ctx)
		cancel()
		if err != nil {
			s.conn.CloseNow()
			return
		}
	}
}

func (s *socket) hasBegun() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

// handle answers one message. It returns the reason to close the connection, 0 for none.
func (s *socket) handle(m socketMessage) (websocket.StatusCode, string) {
	switch m.Type {
	case "connection_init":
		s.mu.Lock()
		twice := s.begun
		s.begun = true
		s.mu.Unlock()
		if twice {
			return closeInitTwice, "Too many initialisation requests"
		}
		s.send(socketMessage{Type: "connection_ack"})
	case "ping":
		s.send(socketMessage{Type: "pong"})
	case "pong":
	case "complete":
		s.mu.Lock()
		end := s.active[m.ID]
		delete(s.active, m.ID) // The id is free again.
		s.mu.Unlock()
		if end != nil {
			(*end)()
		}
	case "subscribe":
		return s.subscribe(m)
	default:
		return closeBadMessage, "Invalid message received"
	}
	return 0, ""
}

// subscribe begins an operation.
func (s *socket) subscribe(m socketMessage) (websocket.StatusCode, string) {
	if !s.hasBegun() {
		return closeUnauthorized, "Unauthorized"
	}
	if m.ID == "" || len(m.ID) > maxOperationID {
		return closeBadMessage, "Invalid message received"
	}
	ctx, end := context.WithCancel(s.ctx)
	s.mu.Lock()
	_, twice := s.active[m.ID]
	full := len(s.active) >= maxOperations
	if !twice && !full {
		s.active[m.ID] = &end
	}
	s.mu.Unlock()
	switch {
	case twice:
		end()
		return closeDuplicate, "Subscriber for " + m.ID[:min(len(m.ID), 80)] + " already exists"
	case full:
		end()
		s.fail(m.ID, gqlerror.List{refusedOperation(registry.ResourceExhausted, "a connection has 20 operations at once; end one, or open another connection")})
		return 0, ""
	}
	s.running.Go(func() {
		defer end()
		errs := s.run(ctx, m)
		ended := ctx.Err() != nil // The client ended it, or the connection ends.
		s.forget(m.ID, &end)      // Before the last message: who has read it may use the id again.
		switch {
		case ended:
		case isUnavailable(errs): // As at a shutdown. After an error a client would not connect again.
			s.conn.Close(websocket.StatusGoingAway, "the store is not available; connect again")
		case errs != nil:
			s.fail(m.ID, errs)
		default:
			s.send(socketMessage{ID: m.ID, Type: "complete"})
		}
	})
	return 0, ""
}

// isUnavailable reports whether an operation ended because the store is not there: it may go on over
// another connection.
func isUnavailable(errs gqlerror.List) bool {
	return slices.ContainsFunc(errs, func(e *gqlerror.Error) bool {
		return fmt.Sprint(e.Extensions["code"]) == string(registry.Unavailable) // A Code, or a string.
	})
}

// forget makes the id of an operation free again.
func (s *socket) forget(id string, end *context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.active[id] == end {
		delete(s.active, id)
	}
}

// run runs an operation and sends its responses, but not the message that ends it.
func (s *socket) run(ctx context.Context, m socketMessage) gqlerror.List {
	if err := charge(ctx, 1); err != nil {
		return gqlerror.List{err}
	}
	params, refused := paramsOf(m.Payload, s.headers)
	if refused != nil {
		return gqlerror.List{refusedOperation(refused.code, refused.message)}
	}
	o, errs := s.h.begin(ctx, params)
	if errs != nil {
		return errs
	}
	return o.run(func(resp *graphql.Response) error {
		return s.send(socketMessage{ID: m.ID, Type: "next", Payload: encode(resp)})
	})
}

// refusedOperation is the error of an operation that does not begin.
func refusedOperation(code registry.Code, message string) *gqlerror.Error {
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": code}}
}

// fail ends an operation with errors.
func (s *socket) fail(id string, errs gqlerror.List) {
	s.send(socketMessage{ID: id, Type: "error", Payload: appendJSON(nil, errs)})
}

// send sends a message. A client that does not take it in time is left.
func (s *socket) send(m socketMessage) error {
	ctx, cancel := context.WithTimeout(s.ctx, sendTimeout)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, appendJSON(nil, m))
}
