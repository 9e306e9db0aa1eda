package server

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// mostGathered is the largest answer that is gathered.
const mostGathered = 64 << 10

// gathering is a connection that can send an answer in one piece. net/http writes the
// header with as much of the answer as fits into its buffer of 4 KiB, and then the
// rest: two system calls here, and two packets to wake the client for.
type gathering struct {
	net.Conn
	// until is how many bytes are gathered before they are sent; 0: none are.
	until int
	held  *[]byte
}

var pieces = sync.Pool{New: func() any { b := make([]byte, 0, 8<<10); return &b }}

// gather holds back what is written until it is n bytes. An answer is more than its
// body: what is behind the first n bytes is written by itself, or follows at once.
func (c *gathering) gather(n int) {
	if c.until == 0 && n <= mostGathered {
		c.until, c.held = n, pieces.Get().(*[]byte)
	}
}

// Write is net.Conn's. One goroutine writes at a time: net/http's, which runs the
// handler.
func (c *gathering) Write(b []byte) (int, error) {
	if c.until == 0 {
		return c.Conn.Write(b)
	}
	*c.held = append(*c.held, b...)
	if len(*c.held) < c.until {
		return len(b), nil
	}
	_, err := c.Conn.Write(*c.held)
	c.free()
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// letGo sends what is held and gathers no more.
func (c *gathering) letGo() {
	if c.until == 0 {
		return
	}
	if len(*c.held) > 0 {
		c.Conn.Write(*c.held) // An error shows at the next Write.
	}
	c.free()
}

func (c *gathering) free() {
	*c.held = (*c.held)[:0]
	pieces.Put(c.held)
	c.until, c.held = 0, nil
}

// listener makes connections that gather.
type listener struct{ net.Listener }

// Listen returns a listener for a server of HTTP, whose answers leave in one piece.
func Listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	return listener{l}, nil
}

// Accept is net.Listener's.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &gathering{Conn: c}, nil
}

type gatheringKey struct{}

// withConnection lets handlers reach the connection, where it is one that gathers.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	if g, ok := c.(*gathering); ok {
		return context.WithValue(ctx, gatheringKey{}, g)
	}
	return ctx
}

// gathered writes an answer that is written whole in one piece, where the connection
// can; others as they come.
func gathered(r *http.Request, w http.ResponseWriter, body []byte) (int, error) {
	g, ok := r.Context().Value(gatheringKey{}).(*gathering)
	if !ok || r.Method == http.MethodHead || w.Header().Get("Content-Length") != strconv.Itoa(len(body)) {
		return w.Write(body)
	}
	g.gather(len(body))
	n, err := w.Write(body)
	if err != nil { // A status that has no body, for one: what comes next is not this.
		g.letGo()
	}
	return n, err
}
