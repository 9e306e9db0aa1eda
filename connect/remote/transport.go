package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pedigree/registry"
)

// maxBody is the largest request that a server's GraphQL endpoint accepts, maxBatchBody the
// largest batch of facts, maxResponse the largest response that the client reads; all in bytes.
const (
	maxBody      = 256 << 10
	maxBatchBody = registry.MaxFactBytes
	maxResponse  = 64 << 20
)

// maxRetryAfter is the longest wait that the client accepts from the header Retry-After.
const maxRetryAfter = 5 * time.Second

// execute sends one operation and decodes its data, an object keyed by root field. While
// the server is UNAVAILABLE it retries a few times. That is safe: queries have no effect,
// and every mutation has an idempotency key.
func (c *Client) execute(ctx context.Context, op string, vars map[string]any, out any) error {
	limit := maxBody
	if op == opRecordFacts {
		limit = maxBatchBody
	}
	body, err := encodeBody(op, vars, limit)
	if err != nil {
		return err
	}
	for try := 0; ; try++ {
		retry, pause, err := c.attempt(ctx, body, out)
		if err == nil || ctx.Err() != nil || !retry || try == len(c.pauses) {
			return err
		}
		if err := c.sleep(ctx, max(pause, c.pauses[try])); err != nil {
			return err
		}
	}
}

// encodeBody encodes a request. It returns RESOURCE_EXHAUSTED when the request is larger
// than servers accept.
func encodeBody(op string, vars map[string]any, limit int) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]any{"query": op, "variables": vars}); err != nil {
		return nil, &registry.Error{Code: registry.InvalidArgument, Message: "a value cannot be written as JSON: " + err.Error(), Err: err}
	}
	if b.Len() > limit {
		return nil, registry.Errorf(registry.ResourceExhausted, "it takes %d bytes to tell, and a server takes %d at once", b.Len(), limit)
	}
	return b.Bytes(), nil
}

// attempt sends a request once. It reports whether a retry is allowed, and the wait that
// the server asks for.
func (c *Client) attempt(ctx context.Context, body []byte, out any) (retry bool, pause time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return false, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/graphql-response+json") // Its status tells a query that the server does not know.
	c.setHeaders(req)
	resp, err := c.http.Do(req)
	if err != nil {
		return true, 0, c.unreachable(ctx, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		return true, 0, c.unreachable(ctx, err)
	}
	if len(raw) > maxResponse {
		return false, 0, registry.Errorf(registry.ResourceExhausted, "the answer of %s is larger than %d bytes", c.Server(), maxResponse)
	}
	retry, err = c.decodeResponse(resp, raw, out)
	return retry, retryAfter(resp), err
}

// setHeaders sets the headers of every request.
func (c *Client) setHeaders(req *http.Request) {
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("User-Agent", "pedigree")
	req.Header.Set("X-Request-Id", c.requestID())
}

// unreachable returns the error for a request without an answer.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // The text of a url.Error repeats the URL.
	}
	return &registry.Error{Code: registry.Unavailable, Err: err, Message: "the server at " + c.Server() + " does not answer (" + err.Error() +
		"); check --server and that it runs, then repeat the command: what was recorded stands, and only what is missing is added"}
}

// retryAfter returns the wait of the header Retry-After, in whole seconds, or 0 when there
// is none.
func retryAfter(resp *http.Response) time.Duration {
	s, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || s < 0 {
		return 0
	}
	return min(time.Duration(s)*time.Second, maxRetryAfter)
}

// response is the body of a GraphQL response.
type response struct {
	Data   json.RawMessage `json:"data"`
	Errors []responseError `json:"errors"`
}

type responseError struct {
	Message    string         `json:"message"`
	Path       []any          `json:"path"`
	Extensions map[string]any `json:"extensions"`
}

// decodeResponse decodes a response into data or an error, and reports whether a retry is
// allowed.
func (c *Client) decodeResponse(resp *http.Response, raw []byte, out any) (retry bool, err error) {
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return false, c.redirected(resp)
	}
	var a response
	if json.Unmarshal(raw, &a) != nil || a.Data == nil && len(a.Errors) == 0 {
		return c.notGraphQL(resp)
	}
	for _, e := range a.Errors {
		if e.Extensions["coordinate"] != nil {
			continue // The caller may not see this field; it is null in the data.
		}
		if resp.StatusCode == http.StatusBadRequest && len(e.Path) == 0 {
			return false, registry.Errorf(registry.Unavailable, "the server at %s does not know what this command asks for; use the pedigree of its version (%s)", c.Server(), registry.Shorten(e.Message, 200))
		}
		err := e.toRegistryError()
		return registry.CodeOf(err) == registry.Unavailable, err
	}
	if err := json.Unmarshal(a.Data, out); err != nil {
		return false, &registry.Error{Code: registry.Internal, Message: "the answer of the server cannot be read; use the pedigree of its version", Err: err}
	}
	return false, nil
}

// toRegistryError converts an error of a response to the error that the service returned.
func (e *responseError) toRegistryError() error {
	out := &registry.Error{Code: registry.Internal, Message: e.Message}
	if len(e.Path) > 1 && e.Path[0] == "variable" {
		out.Message = strings.Trim(strings.ReplaceAll(fmt.Sprint(e.Path[1:]), " ", "."), "[]") + ": " + e.Message
	}
	for k, v := range e.Extensions {
		text, _ := v.(string)
		switch k {
		case "code":
			out.Code = registry.Code(text)
		case "field":
			out.Field = text
		default:
			out.Details = withDetail(out.Details, k, v)
		}
	}
	// A value of a wrong form is refused before the batch begins, by its path in the variables.
	if len(e.Path) > 3 && e.Path[0] == "variable" && e.Path[2] == "facts" && out.Details["fact"] == nil {
		out.Details = withDetail(out.Details, "fact", e.Path[3])
	}
	return out
}

func withDetail(details map[string]any, key string, value any) map[string]any {
	if details == nil {
		details = map[string]any{}
	}
	details[key] = value
	return details
}

// redirected returns the error for a redirect. The client does not follow it, because the
// token is only for the server that was named.
func (c *Client) redirected(resp *http.Response) error {
	where := "elsewhere"
	if to, err := resp.Location(); err == nil {
		where = "to " + to.Scheme + "://" + to.Host
	}
	return registry.Errorf(registry.Unavailable, "%s sends on %s, and the token is not sent along; if that is the server, give its URL with --server", c.Server(), where)
}

// notGraphQL returns the error for a response that is not GraphQL, from a proxy or another
// server. Its code is not one of a refused fact, so an import ends with it.
func (c *Client) notGraphQL(resp *http.Response) (retry bool, err error) {
	code, todo := registry.Unavailable, "check that --server is the URL of a pedigree server"
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		code, todo = registry.Unauthenticated, "something before the server wants another identity than PEDIGREE_TOKEN"
	case http.StatusRequestEntityTooLarge:
		code, todo = registry.ResourceExhausted, "something before the server takes less at once"
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		retry, todo = true, "try again soon"
	}
	return retry, registry.Errorf(code, "%s answers %s and no GraphQL; %s", c.Server(), resp.Status, todo)
}
