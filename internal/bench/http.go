package bench

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// answerTime bounds one answer.
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
	resp, err := http.ReadResponse(l.r, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	l.in = l.in[:0]
	for {
		if len(l.in) == cap(l.in) {
			l.in = append(l.in, make([]byte, 16<<10)...)[:len(l.in)]
		}
		n, err := resp.Body.Read(l.in[len(l.in):cap(l.in)])
		l.in = l.in[:len(l.in)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %.500s", resp.Status, l.in)
	}
	return l.in, nil
}

func (l *line) close() { l.c.Close() }
