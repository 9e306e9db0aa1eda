package source

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"pedigree/registry"
)

// The limits of a request.
const (
	attemptTimeout = 60 * time.Second
	attempts       = 4
	firstPause     = 500 * time.Millisecond
)

// Fetcher reads documents of a server.
type Fetcher struct {
	base  *url.URL
	token string
	http  *http.Client
	sleep func(context.Context, time.Duration) error
}

// NewFetcher returns a fetcher for a URL. The token goes to the host of the URL and nowhere else: a
// redirect is not followed. It sends no request.
func NewFetcher(from, token string) (*Fetcher, error) {
	u, err := url.Parse(strings.TrimSpace(from))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, registry.Errorf(registry.InvalidArgument, "a source on the network is an http or https URL")
	case u.User != nil:
		return nil, registry.Errorf(registry.InvalidArgument, "the URL of a source must not hold a name or password")
	}
	u.Fragment = ""
	client := &http.Client{Timeout: attemptTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Fetcher{base: u, token: token, http: client, sleep: pause}, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// URL returns a copy of the URL that the fetcher was made for.
func (f *Fetcher) URL() *url.URL {
	u := *f.base
	return &u
}

// Fetch reads the document at a URL of the fetcher's host, and reads it again with growing pauses
// when the server fails. Its name is the last part of the path, and holds no query.
func (f *Fetcher) Fetch(ctx context.Context, u *url.URL) (Document, error) {
	if u.Scheme != f.base.Scheme || u.Host != f.base.Host {
		return Document{}, registry.Errorf(registry.InvalidArgument, "another host than that of the source is not asked")
	}
	name := path.Base(u.Path)
	for attempt, wait := 1, firstPause; ; attempt, wait = attempt+1, 2*wait {
		body, again, err := f.once(ctx, u)
		if err == nil || !again || attempt == attempts {
			return Document{name, body}, err
		}
		if err := f.sleep(ctx, wait); err != nil {
			return Document{}, err
		}
	}
}

func (f *Fetcher) once(ctx context.Context, u *url.URL) (body []byte, again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, false, registry.Errorf(registry.InvalidArgument, "the URL of the source cannot be asked")
	}
	req.Header.Set("User-Agent", "pedigree")
	req.Header.Set("Accept", "application/json, application/ld+json, text/yaml, */*")
	if f.token != "" {
		req.Header.Set("Authorization", "Bearer "+f.token)
	}
	resp, err := f.http.Do(req)
	if err != nil {
		if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, false, ctx.Err()
		}
		return nil, true, &registry.Error{Code: registry.Unavailable, Message: "the server of the source did not answer", Err: err}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500, refusal(resp.StatusCode)
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, MaxDocument+1))
	switch {
	case err != nil:
		return nil, true, &registry.Error{Code: registry.Unavailable, Message: "the answer of the source broke off", Err: err}
	case len(body) > MaxDocument:
		return nil, false, registry.Errorf(registry.ResourceExhausted, "the answer of the source is longer than %d bytes", MaxDocument)
	}
	return body, false, nil
}

// refusal is the error of an answer that is not 200. It holds nothing of the answer.
func refusal(status int) error {
	switch {
	case status >= 300 && status < 400:
		return registry.Errorf(registry.FailedPrecondition, "the source answers with a redirect (%d), which is not followed; give the address that it leads to", status)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return registry.Errorf(registry.FailedPrecondition, "the source refuses the login (%d)", status)
	case status == http.StatusNotFound:
		return registry.Errorf(registry.NotFound, "the source has nothing at this address")
	}
	return registry.Errorf(registry.Unavailable, "the source answers %d", status)
}
