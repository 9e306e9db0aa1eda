// Package remote speaks to a running server as the commands speak to the service
// over an open store: the same methods, asked by GraphQL over HTTP. What it may do
// is what its token's subject may do, and the server's log names that subject.
//
// Errors are registry.Errors with the code, the sentence, the field and the
// details of the server's answer; UNAVAILABLE when there is no answer.
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

// Client is a registry behind a server. It is safe for concurrent use.
type Client struct {
	endpoint string
	token    string
	purpose  string
	http     *http.Client
	pauses   []time.Duration
	sleep    func(ctx context.Context, d time.Duration) error
}

// Option changes how a Client is built.
type Option func(*Client)

// Purpose starts the id of every request, such as import-git, by which the
// server's log tells what a write was part of.
func Purpose(name string) Option { return func(c *Client) { c.purpose = name } }

// Sleep replaces how the client waits before it asks again.
func Sleep(sleep func(ctx context.Context, d time.Duration) error) Option {
	return func(c *Client) { c.sleep = sleep }
}

// attemptTimeout is how long one request may take; the server gives an operation 10 s.
const attemptTimeout = 30 * time.Second

// New returns a client of the server at a URL such as https://pedigree.example.com,
// a path before /graphql included. INVALID_ARGUMENT for a URL that is none,
// UNAUTHENTICATED without a token. It asks nothing yet.
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
	c.http = &http.Client{Timeout: attemptTimeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // The token goes nowhere but where it was meant to.
	}}
	for _, o := range options {
		o(c)
	}
	c.purpose = purposeRunes.ReplaceAllString(c.purpose, "-")
	return c, nil
}

// tokenRunes are the characters of RFC 6750's b64token, and those of tokens that
// were chosen by hand.
const tokenRunes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=!#$%&'*^`|:;?@"

// purposeRunes are what a request id may not hold.
var purposeRunes = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// endpointOf checks a server's URL and returns its GraphQL door.
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

// Server is the server's URL, for messages.
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

// randomHex is n random bytes in hex.
func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// requestID makes the id of one request: 8 to 64 characters, as servers take it.
func (c *Client) requestID() string {
	return c.purpose[:min(len(c.purpose), 40)] + "-" + randomHex(8)
}
