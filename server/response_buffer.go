package server

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// maxBuffered is the largest answer that is gathered.
const maxBuffered = 64 << 10

// bufferedConn is a connection that can send an answer in one piece. net/http writes the
// header with as much of the answer as fits into its buffer of 4 KiB, and then the
// rest: two system calls here, and two packets to wake the client for.
type bufferedConn struct {
	net.Conn
	// limit is how many bytes are gathered before they are sent; 0: none are.
	limit  int
	buffer *[]byte
}

var bufferPool = sync.Pool{New: func() any { b := make([]byte, 0, 8<<10); return &b }}

// startBuffering holds back what is written until it is n bytes. An answer is more than its
// body: what is behind the first n bytes is written by itself, or follows at once.
func (c *bufferedConn) startBuffering(n int) {
	if c.limit == 0 && n <= maxBuffered {
		c.limit, c.buffer = n, bufferPool.Get().(*[]byte)
	}
}

// Write is net.Conn's. One goroutine writes at a time: net/http's, which runs the
// handler.
func (c *bufferedConn) Write(b []byte) (int, error) {
	if c.limit == 0 {
		return c.Conn.Write(b)
	}
	*c.buffer = append(*c.buffer, b...)
	if len(*c.buffer) < c.limit {
		return len(b), nil
	}
	_, err := c.Conn.Write(*c.buffer)
	c.reset()
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// flush sends what is held and gathers no more.
func (c *bufferedConn) flush() {
	if c.limit == 0 {
		return
	}
	if len(*c.buffer) > 0 {
		c.Conn.Write(*c.buffer) // An error shows at the next Write.
	}
	c.reset()
}

func (c *bufferedConn) reset() {
	*c.buffer = (*c.buffer)[:0]
	bufferPool.Put(c.buffer)
	c.limit, c.buffer = 0, nil
}

// bufferedListener makes connections that gather.
type bufferedListener struct{ net.Listener }

// Listen returns a listener for a server of HTTP, whose answers leave in one piece.
func Listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	return bufferedListener{l}, nil
}

// Accept is net.Listener's.
func (l bufferedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &bufferedConn{Conn: c}, nil
}

type connKey struct{}

// withConnection lets handlers reach the connection, where it is one that gathers.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	if g, ok := c.(*bufferedConn); ok {
		return context.WithValue(ctx, connKey{}, g)
	}
	return ctx
}

// writeBuffered writes an answer that is written whole in one piece, where the connection
// can; others as they come.
func writeBuffered(r *http.Request, w http.ResponseWriter, body []byte) (int, error) {
	g, ok := r.Context().Value(connKey{}).(*bufferedConn)
	if !ok || r.Method == http.MethodHead || w.Header().Get("Content-Length") != strconv.Itoa(len(body)) {
		return w.Write(body)
	}
	g.startBuffering(len(body))
	n, err := w.Write(body)
	if err != nil { // A status that has no body, for one: what comes next is not this.
		g.flush()
	}
	return n, err
}
