package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
)

// countingListener counts the writes of its connections.
type countingListener struct {
	net.Listener
	writes atomic.Int64
}

type countingConn struct {
	net.Conn
	writes *atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return countingConn{c, &l.writes}, err
}

func (c countingConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// pipeline requests paths one after another on one connection, and returns the number of
// writes of each response. The path sets the size and kind of the response.
func pipeline(t *testing.T, gather bool, paths ...string) (writes []int64) {
	t.Helper()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	counted := &countingListener{Listener: plain}
	srv := HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &responseRecorder{ResponseWriter: w, request: r}
		var n int
		fmt.Sscanf(r.URL.Query().Get("n"), "%d", &n)
		body := bytes.Repeat([]byte("x"), n)
		if r.URL.Path != "/stream" {
			w.Header().Set("Content-Length", strconv.Itoa(n))
		}
		if r.URL.Path == "/unmodified" {
			rec.WriteHeader(http.StatusNotModified)
		}
		rec.Write(body)
	}))
	srv.ConnContext = nil
	var l net.Listener = counted
	if gather {
		srv.ConnContext, l = withConnection, bufferedListener{counted}
	}
	go srv.Serve(l)
	defer srv.Close()
	c, err := net.Dial("tcp", plain.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for _, path := range paths {
		before := counted.writes.Load()
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		body, err := io.ReadAll(resp.Body)
		if want := resp.ContentLength; err != nil || resp.StatusCode == http.StatusOK && want >= 0 && int64(len(body)) != want {
			t.Fatalf("%s: %d bytes of %d: %v", path, len(body), want, err)
		}
		if n := bytes.Count(body, []byte("x")); n != len(body) {
			t.Fatalf("%s: other bytes than were sent", path)
		}
		writes = append(writes, counted.writes.Load()-before)
	}
	return writes
}

// TestAnAnswerIsSentInOneWrite checks that a response of known length takes one write,
// whatever was sent before on the connection, and two without buffering.
func TestAnAnswerIsSentInOneWrite(t *testing.T) {
	paths := []string{"/?n=10", "/?n=8000", "/?n=3900", "/unmodified?n=5000", "/?n=20", "/stream?n=9000", "/?n=8000", "/?n=65536", "/?n=200000", "/?n=30"}
	got := pipeline(t, true, paths...)
	for i, path := range paths {
		if one := path != "/stream?n=9000" && path != "/?n=200000"; one && got[i] != 1 {
			t.Errorf("%s took %d writes", path, got[i])
		}
	}
	if twin := pipeline(t, false, "/?n=8000"); twin[0] < 2 {
		t.Errorf("without buffering it took %d writes", twin[0])
	}
}
