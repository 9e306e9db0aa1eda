package server

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// maxBuffered is the largest response that is buffered, in bytes.
const maxBuffered = 64 << 10

// bufferedConn is a connection that can send a response in one write. net/http sends the
// header with as much of the body as fits into its buffer of 4 KiB, and then the rest. That
// takes two system calls and two packets.
type bufferedConn struct {
	net.Conn
	// limit is the number of bytes that are buffered before they are sent; 0 when the
	// connection does not buffer.
	limit  int
	buffer *[]byte
}

var bufferPool = sync.Pool{New: func() any { b := make([]byte, 0, 8<<10); return &b }}

// startBuffering buffers writes until they are n bytes, and then sends them. n is the size
// of the body. With its header the response is larger, so it always reaches n bytes; the
// rest is written directly.
func (c *bufferedConn) startBuffering(n int) {
	if c.limit == 0 && n <= maxBuffered {
		c.limit, c.buffer = n, bufferPool.Get().(*[]byte)
	}
}

// Write implements net.Conn. Only one goroutine writes at a time: the one of net/http that
// runs the handler.
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

// flush sends the buffered bytes and stops buffering.
func (c *bufferedConn) flush() {
	if c.limit == 0 {
		return
	}
	if len(*c.buffer) > 0 {
		c.Conn.Write(*c.buffer) // The next Write returns the error.
	}
	c.reset()
}

func (c *bufferedConn) reset() {
	*c.buffer = (*c.buffer)[:0]
	bufferPool.Put(c.buffer)
	c.limit, c.buffer = 0, nil
}

// bufferedListener accepts connections that can buffer responses.
type bufferedListener struct{ net.Listener }

// Listen returns a listener whose connections can send a response in one write.
func Listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	return bufferedListener{l}, nil
}

// Accept implements net.Listener.
func (l bufferedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &bufferedConn{Conn: c}, nil
}

type connKey struct{}

// withConnection adds the connection to the context of its requests.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	if g, ok := c.(*bufferedConn); ok {
		return context.WithValue(ctx, connKey{}, g)
	}
	return ctx
}

// writeBuffered writes a response body. When the body is complete and the connection can
// buffer, it is sent in one write with the header.
func writeBuffered(r *http.Request, w http.ResponseWriter, body []byte) (int, error) {
	g, ok := r.Context().Value(connKey{}).(*bufferedConn)
	if !ok || r.Method == http.MethodHead || w.Header().Get("Content-Length") != strconv.Itoa(len(body)) {
		return w.Write(body)
	}
	g.startBuffering(len(body))
	n, err := w.Write(body)
	if err != nil { // For example a status without a body. The next response must not join this buffer.
		g.flush()
	}
	return n, err
}
