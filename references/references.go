// Package references opens files that lie elsewhere, to compare them with what their records say. Only
// schemes that the operator allows are opened, at public addresses, without redirects and without any
// credential: what is not public cannot be verified.
package references

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"pedigree/outbound"
	"pedigree/registry"
)

// Schemes lists the schemes that can be allowed.
func Schemes() []string { return []string{"https", "http", "s3", "gs"} }

// Config configures an Opener.
type Config struct {
	// Schemes are those that are opened.
	Schemes []string
	// AllowPrivate lets files lie at loopback and private addresses.
	AllowPrivate bool
	// Roots are the certificates that are trusted, nil for those of the system.
	Roots *x509.CertPool
}

// Opener opens files that lie elsewhere.
type Opener struct {
	schemes []string
	client  *http.Client
}

// connectTime is how long a connection, and the head of an answer, may take; idleTime how long a body
// may pause.
const (
	connectTime = 15 * time.Second
	idleTime    = 15 * time.Second
)

// New returns an Opener for some schemes.
func New(c Config) (*Opener, error) {
	for _, s := range c.Schemes {
		if !slices.Contains(Schemes(), s) {
			return nil, fmt.Errorf("%q is no scheme that can be opened; use some of %s", s, strings.Join(Schemes(), ", "))
		}
	}
	return &Opener{slices.Clone(c.Schemes), outbound.NewClient(outbound.Options{AllowPrivate: c.AllowPrivate, Timeout: connectTime, Roots: c.Roots})}, nil
}

// bucket is the form of the names of buckets, so that none is another host.
var bucket = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$`)

// addressOf returns the address of the bytes of a URI: the URI itself, parsed and written anew, or the
// public address of an object of a bucket.
func (o *Opener) addressOf(uri string) (string, error) {
	u, err := url.Parse(uri)
	if err != nil || strings.Contains(uri, `\`) || u.Opaque != "" || u.Host == "" {
		return "", registry.Errorf(registry.FailedPrecondition, "the URI of the artifact cannot be opened: it is no address of a file")
	}
	if !slices.Contains(o.schemes, u.Scheme) {
		return "", registry.Errorf(registry.FailedPrecondition, "this server opens no URI of the scheme %q; allowed are %s", registry.Shorten(u.Scheme, 20), strings.Join(o.schemes, ", "))
	}
	if u.User != nil || u.Fragment != "" {
		return "", registry.Errorf(registry.FailedPrecondition, "the URI of the artifact has a user, a password or a fragment, and is not opened")
	}
	if u.Scheme == "s3" || u.Scheme == "gs" {
		if !bucket.MatchString(u.Host) || u.RawQuery != "" || strings.Trim(u.Path, "/") == "" {
			return "", registry.Errorf(registry.FailedPrecondition, "the URI of the artifact is no object of a bucket")
		}
		host := map[string]string{"s3": "s3.amazonaws.com", "gs": "storage.googleapis.com"}[u.Scheme]
		u = &url.URL{Scheme: "https", Host: host, Path: "/" + u.Host + u.Path}
	}
	return u.String(), nil
}

// Open opens the file of a URI. FAILED_PRECONDITION for a URI that is not opened, and for an answer
// that is no file; UNAVAILABLE when there is no answer. The texts do not tell what answered.
func (o *Opener) Open(ctx context.Context, uri string) (io.ReadCloser, error) {
	address, err := o.addressOf(uri)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		cancel(nil)
		return nil, registry.Errorf(registry.FailedPrecondition, "the URI of the artifact cannot be opened")
	}
	r.Header.Set("User-Agent", "pedigree")
	r.Header.Set("Accept-Encoding", "identity")
	resp, err := o.client.Do(r)
	if err != nil {
		cancel(nil)
		if errors.Is(err, outbound.ErrRefused) {
			return nil, registry.Errorf(registry.FailedPrecondition, "the URI of the artifact leads to an address that this server does not speak to")
		}
		return nil, registry.Errorf(registry.Unavailable, "where the artifact lies nobody answers; try again")
	}
	if e := resp.Header.Get("Content-Encoding"); resp.StatusCode != http.StatusOK || e != "" && e != "identity" {
		resp.Body.Close()
		cancel(nil)
		return nil, registry.Errorf(registry.FailedPrecondition, "where the artifact lies the answer is no file (status %d)", resp.StatusCode)
	}
	return newBody(resp.Body, cancel), nil
}

// body is the body of an answer, which may not pause.
type body struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
	idle   *time.Timer
}

func newBody(b io.ReadCloser, cancel context.CancelCauseFunc) *body {
	return &body{b, cancel, time.AfterFunc(idleTime, func() { cancel(errPaused) })}
}

var errPaused = errors.New("the answer pauses")

// Read reads on, and fails with UNAVAILABLE where the answer breaks off.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.idle.Reset(idleTime)
	if err != nil && err != io.EOF {
		err = registry.Errorf(registry.Unavailable, "the artifact broke off where it lies; try again")
	}
	return n, err
}

// Close ends the reading.
func (b *body) Close() error {
	b.idle.Stop()
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
