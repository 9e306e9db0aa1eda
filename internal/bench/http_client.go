package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// responseTimeout bounds one request and its response.
const responseTimeout = 60 * time.Second

// httpConn is a keep-alive connection that sends one request after another. It
// writes the request bytes itself and uses no connection pool, so that the client
// takes little CPU time from the machine that it measures.
type httpConn struct {
	conn    net.Conn
	reader  *bufio.Reader
	uri     string // where post sends
	headers string
	sendBuf []byte
	recvBuf []byte
}

// dial connects to a URL. Every request carries the given header lines.
func dial(to string, headers ...string) (*httpConn, error) {
	u, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialTimeout("tcp", u.Host, 5*time.Second)
	if err != nil {
		return nil, err
	}
	head := " HTTP/1.1\r\nHost: " + u.Host + "\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
	for _, h := range headers {
		head += h + "\r\n"
	}
	return &httpConn{conn: conn, reader: bufio.NewReaderSize(conn, 16<<10), uri: u.RequestURI(), headers: head}, nil
}

// post sends a body to the URL of the connection, as send does.
func (c *httpConn) post(body []byte) ([]byte, error) { return c.send(http.MethodPost, c.uri, body) }

// send returns the body of a response with status 200 or 201. The next call overwrites it.
func (c *httpConn) send(method, uri string, body []byte) ([]byte, error) {
	c.conn.SetDeadline(time.Now().Add(responseTimeout))
	c.sendBuf = append(append(append(append(c.sendBuf[:0], method...), ' '), uri...), c.headers...)
	c.sendBuf = append(c.sendBuf, "Content-Length: "...)
	c.sendBuf = strconv.AppendInt(c.sendBuf, int64(len(body)), 10)
	c.sendBuf = append(append(c.sendBuf, "\r\n\r\n"...), body...)
	if _, err := c.conn.Write(c.sendBuf); err != nil {
		return nil, err
	}
	status, length, err := c.readHead()
	if err != nil {
		return nil, err
	}
	if length >= 0 {
		c.recvBuf = slices.Grow(c.recvBuf[:0], length)[:length]
		_, err = io.ReadFull(c.reader, c.recvBuf)
	} else if c.recvBuf, err = io.ReadAll(httputil.NewChunkedReader(c.reader)); err == nil {
		_, err = c.reader.ReadSlice('\n') // The empty line after the last chunk.
	}
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK && status != http.StatusCreated {
		return nil, fmt.Errorf("status %d: %.500s", status, c.recvBuf)
	}
	return c.recvBuf, nil
}

// readHead reads the status line and headers of a response. The length is -1
// when there is no Content-Length: the body is chunked. http.ReadResponse would
// build a map of all headers, which costs CPU time on the measured machine.
func (c *httpConn) readHead() (status, length int, err error) {
	text, err := c.reader.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if len(text) < 12 || !bytes.HasPrefix(text, []byte("HTTP/1.1 ")) {
		return 0, 0, fmt.Errorf("not an HTTP/1.1 response: %.100s", text)
	}
	if status, err = strconv.Atoi(string(text[9:12])); err != nil {
		return 0, 0, err
	}
	length = -1
	for {
		if text, err = c.reader.ReadSlice('\n'); err != nil {
			return 0, 0, err
		}
		if text = bytes.TrimSpace(text); len(text) == 0 {
			return status, length, nil
		}
		if n := len("Content-Length:"); len(text) > n && bytes.EqualFold(text[:n], []byte("Content-Length:")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(text[n:]))); err != nil {
				return 0, 0, err
			}
		}
	}
}

func (c *httpConn) close() { c.conn.Close() }
