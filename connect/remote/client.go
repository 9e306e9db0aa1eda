// Package remote is a client of a running server. It has the methods of the service that
// the commands call, and sends them as GraphQL over HTTP. It may do what the subject of its
// token may do, and the server logs that subject.
//
// Errors are registry.Errors with the code, message, field and details of the server's
// answer, and UNAVAILABLE when there is no answer.
package remote

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"pedigree/registry"
)

// Client calls the registry of a server. It is safe for concurrent use.
type Client struct {
	endpoint string
	token    string
	purpose  string
	http     *http.Client
	streams  *http.Client // without a time limit for the whole answer
	pauses   []time.Duration
	sleep    func(ctx context.Context, d time.Duration) error
}

// Option configures a Client.
type Option func(*Client)

// Purpose sets the start of the id of every request, such as import-git. The server's log
// shows it with each write.
func Purpose(name string) Option { return func(c *Client) { c.purpose = name } }

// Sleep replaces the function that waits before a retry.
func Sleep(sleep func(ctx context.Context, d time.Duration) error) Option {
	return func(c *Client) { c.sleep = sleep }
}

// attemptTimeout is the time limit of one request. The server's limit for an operation is
// 10 s.
const attemptTimeout = 30 * time.Second

// New returns a client of the server at a URL such as https://pedigree.example.com, which
// may include a path before /graphql. It returns INVALID_ARGUMENT for an invalid URL and
// UNAUTHENTICATED for a missing or malformed token. It does not send a request.
func New(server, token string, options ...Option) (*Client, error) {
	endpoint, err := endpointOf(server)
	if err != nil {
		return nil, err
	}
	if token == "" {
		return nil, registry.Errorf(registry.Unauthenticated, "a server wants a token: put it into PEDIGREE_TOKEN; an administrator makes one with: pedigree token create --subject NAME --role ROLE")
	}
	if strings.Trim(token, tokenRunes) != "" {
		return nil, registry.Errorf(registry.Unauthenticated, "PEDIGREE_TOKEN holds characters that no token has, such as spaces or line ends; copy it again")
	}
	c := &Client{endpoint: endpoint, token: token, purpose: "pedigree", sleep: sleep,
		pauses: []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second}}
	stay := func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // Never send the token to another server.
	}
	c.http, c.streams = &http.Client{Timeout: attemptTimeout, CheckRedirect: stay}, &http.Client{CheckRedirect: stay}
	for _, o := range options {
		o(c)
	}
	c.purpose = purposeRunes.ReplaceAllString(c.purpose, "-")
	return c, nil
}

// tokenRunes are the characters of a token: those of b64token in RFC 6750, and others that
// tokens chosen by hand may contain.
const tokenRunes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=!#$%&'*^`|:;?@"

// purposeRunes matches the characters that a request id may not contain.
var purposeRunes = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// endpointOf checks a server's URL and returns the URL of its GraphQL endpoint.
func endpointOf(server string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(server))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return "", registry.Invalid("server", "is no URL of a server; write it as https://pedigree.example.com or http://127.0.0.1:8080")
	case u.User != nil:
		return "", registry.Invalid("server", "must not hold a name or password; put the token into PEDIGREE_TOKEN")
	case u.RawQuery != "" || u.Fragment != "":
		return "", registry.Invalid("server", "must not have a query or a fragment; write it as https://pedigree.example.com")
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/graphql"), "/")
	return u.String() + "/graphql", nil
}

// Server returns the server's URL, for messages.
func (c *Client) Server() string { return strings.TrimSuffix(c.endpoint, "/graphql") }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// randomHex returns n random bytes in hexadecimal.
func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// requestID returns a new request id. Servers accept 8 to 64 characters.
func (c *Client) requestID() string {
	return c.purpose[:min(len(c.purpose), 40)] + "-" + randomHex(8)
}
