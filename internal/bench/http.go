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

// readBackTimeout bounds one answer.
const answerTime = 60 * time.Second

// line is one kept-alive connection on which a client posts bodies, one after
// another. It writes the request's bytes itself and shares no pool, so that the
// client takes as little as it can of the machine that it measures.
type line struct {
	c    net.Conn
	r    *bufio.Reader
	head string
	out  []byte
	in   []byte
}

// dial connects to a URL; headers are sent with every request.
func dial(to string, headers ...string) (*line, error) {
	u, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	c, err := net.DialTimeout("tcp", u.Host, 5*time.Second)
	if err != nil {
		return nil, err
	}
	head := "POST " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
	for _, h := range headers {
		head += h + "\r\n"
	}
	return &line{c: c, r: bufio.NewReaderSize(c, 16<<10), head: head}, nil
}

// post returns the body of a 200 answer; it is overwritten by the next.
func (l *line) post(body []byte) ([]byte, error) {
	l.c.SetDeadline(time.Now().Add(answerTime))
	l.out = append(l.out[:0], l.head...)
	l.out = append(l.out, "Content-Length: "...)
	l.out = strconv.AppendInt(l.out, int64(len(body)), 10)
	l.out = append(append(l.out, "\r\n\r\n"...), body...)
	if _, err := l.c.Write(l.out); err != nil {
		return nil, err
	}
	status, length, err := l.header()
	if err != nil {
		return nil, err
	}
	if length >= 0 {
		l.in = slices.Grow(l.in[:0], length)[:length]
		_, err = io.ReadFull(l.r, l.in)
	} else if l.in, err = io.ReadAll(httputil.NewChunkedReader(l.r)); err == nil {
		_, err = l.r.ReadSlice('\n') // Behind the last chunk.
	}
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("status %d: %.500s", status, l.in)
	}
	return l.in, nil
}

// header reads the head of an answer; its length is -1 where it comes in chunks. All
// contenders tell it. http.ReadResponse makes a map of all that is in it, which takes
// of the machine that is measured.
func (l *line) header() (status, length int, err error) {
	text, err := l.r.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if len(text) < 12 || !bytes.HasPrefix(text, []byte("HTTP/1.1 ")) {
		return 0, 0, fmt.Errorf("no answer of HTTP: %.100s", text)
	}
	if status, err = strconv.Atoi(string(text[9:12])); err != nil {
		return 0, 0, err
	}
	length = -1
	for {
		if text, err = l.r.ReadSlice('\n'); err != nil {
			return 0, 0, err
		}
		if text = bytes.TrimSpace(text); len(text) == 0 {
			return status, length, nil
		}
		if named := len("Content-Length:"); len(text) > named && bytes.EqualFold(text[:named], []byte("Content-Length:")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(text[named:]))); err != nil {
				return 0, 0, err
			}
		}
	}
}

func (l *line) close() { l.c.Close() }
