package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"
)

// Options configure a client.
type Options struct {
	// AllowPrivate lets it speak to loopback and private addresses.
	AllowPrivate bool
	// Timeout is how long a connection, and the head of an answer, may take.
	Timeout time.Duration
	// Roots are the certificates that are trusted, nil for those of the system.
	Roots *x509.CertPool
}

// maxHeader is how much of the head of an answer is read.
const maxHeader = 64 << 10

// NewClient returns a client for foreign addresses: no proxy, no redirects, no cookies, and no address
// that is not public.
func NewClient(o Options) *http.Client {
	dialer := &net.Dialer{Timeout: o.Timeout}
	if !o.AllowPrivate {
		dialer.Control = checkConnection
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: o.Timeout, ResponseHeaderTimeout: o.Timeout,
			TLSClientConfig: &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, DisableCompression: true,
			MaxResponseHeaderBytes: maxHeader, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute}}
}
