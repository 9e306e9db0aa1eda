package references

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"pedigree/registry"
)

// place is a server where files lie.
type place struct {
	*httptest.Server
	asked atomic.Int64
}

func newPlace(t *testing.T, serve http.HandlerFunc) *place {
	t.Helper()
	p := &place{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		serve(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func newOpener(t *testing.T, private bool, schemes ...string) *Opener {
	t.Helper()
	o, err := New(Config{Schemes: schemes, AllowPrivate: private})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func read(o *Opener, uri string) (string, error) {
	body, err := o.Open(context.Background(), uri)
	if err != nil {
		return "", err
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	return string(b), err
}

func TestAFileElsewhereIsRead(t *testing.T) {
	p := newPlace(t, func(w http.ResponseWriter, r *http.Request) {
		for _, h := range []string{"Authorization", "Cookie", "Referer"} {
			if r.Header.Get(h) != "" {
				t.Errorf("%s is sent", h)
			}
		}
		io.WriteString(w, "the bytes of "+r.URL.RequestURI())
	})
	if got, err := read(newOpener(t, true, "http"), p.URL+"/a%20b/%252e?x=1"); got != "the bytes of /a%20b/%252e?x=1" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestPrivateAddressesAreNotSpokenTo opens files at addresses of the operator's own networks (MLflow
// 2026-2393). None is asked; with the addresses allowed, the same one is.
func TestPrivateAddressesAreNotSpokenTo(t *testing.T) {
	p := newPlace(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "secret") })
	_, port, _ := strings.Cut(strings.TrimPrefix(p.URL, "http://"), ":")
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433", "169.254.169.254", "10.0.0.1", "192.168.0.1", "100.64.0.1",
		"[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"} {
		if got, err := read(newOpener(t, false, "http", "https"), "http://"+host+":"+port+"/"); err == nil || strings.Contains(err.Error(), port) {
			t.Errorf("%s: %q, %v", host, got, err)
		}
	}
	if n := p.asked.Load(); n != 0 {
		t.Errorf("a private address was asked %d times", n)
	}
	if got, err := read(newOpener(t, true, "http"), p.URL); got != "secret" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestRedirectsAreNotFollowed leads to another place.
func TestRedirectsAreNotFollowed(t *testing.T) {
	inner := newPlace(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "secret") })
	outer := newPlace(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inner.URL, http.StatusFound) })
	if got, err := read(newOpener(t, true, "http"), outer.URL); registry.CodeOf(err) != registry.FailedPrecondition {
		t.Errorf("%q, %v", got, err)
	}
	if inner.asked.Load() != 0 || outer.asked.Load() != 1 {
		t.Error("the redirect was followed")
	}
}

// TestOnlyAllowedSchemesAreOpened sends the URIs that other registries have opened (MLflow 2023-1177 and
// its kin).
func TestOnlyAllowedSchemesAreOpened(t *testing.T) {
	o := newOpener(t, true, "https", "s3")
	for _, uri := range []string{"", "/etc/passwd", "file:///etc/passwd", "file://localhost/etc/passwd", "http://example.com/f", "ftp://example.com/f", "gopher://127.0.0.1/", "HTTP://example.com",
		"https:example.com", "https:///f", `https:\\example.com\f`, `https://example.com\@127.0.0.1/`, "https://ann:secret@example.com/f", "https://example.com/f#x", "gs://bucket/f", "jar:https://example.com!/f",
		"s3://bucket", "s3://bucket/", "s3://bucket/f?x=1", "s3://b/f", "s3://Bucket/f", "s3://a@b/f", "s3://bucket:1/f", "://x", "https://[::1", "\x00"} {
		if address, err := o.addressOf(uri); registry.CodeOf(err) != registry.FailedPrecondition {
			t.Errorf("%q is opened as %q: %v", uri, address, err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Error(err)
		}
	}
	for uri, want := range map[string]string{"https://example.com/a/../b?c=d": "https://example.com/a/../b?c=d", "s3://bucket/a b/f": "https://s3.amazonaws.com/bucket/a%20b/f",
		"s3://169.254.169.254/latest": "https://s3.amazonaws.com/169.254.169.254/latest", "HTTPS://example.com/f": "https://example.com/f"} {
		if address, err := o.addressOf(uri); address != want || err != nil {
			t.Errorf("%q is opened as %q: %v", uri, address, err)
		}
	}
	if address, err := newOpener(t, false, "gs").addressOf("gs://bucket/f"); address != "https://storage.googleapis.com/bucket/f" || err != nil {
		t.Errorf("%q, %v", address, err)
	}
	if _, err := New(Config{Schemes: []string{"file"}}); err == nil {
		t.Error("the scheme file is allowed")
	}
}

// TestOnlyAFileIsAnAnswer answers what is no file, what is packed (Rekor 2023-30551), and half a file.
func TestOnlyAFileIsAnAnswer(t *testing.T) {
	p := newPlace(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
		case "/half":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half")
			return
		case "/none":
			w.WriteHeader(http.StatusNotFound)
		}
		io.WriteString(w, "an answer")
	})
	o := newOpener(t, true, "http")
	for path, want := range map[string]registry.Code{"/packed": registry.FailedPrecondition, "/none": registry.FailedPrecondition, "/half": registry.Unavailable} {
		if got, err := read(o, p.URL+path); registry.CodeOf(err) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	p.Close()
	if _, err := read(o, p.URL); registry.CodeOf(err) != registry.Unavailable || strings.Contains(err.Error(), "127.0.0.1") {
		t.Error(err)
	}
}
