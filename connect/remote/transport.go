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

// maxBody is the largest request that a server's GraphQL door takes, maxAnswer the
// largest answer that is read.
const (
	maxBody     = 256 << 10
	maxResponse = 64 << 20
)

// maxRetryAfter bounds how long a server may ask to be left alone (Retry-After).
const maxRetryAfter = 5 * time.Second

// execute sends one operation and decodes its data, which is keyed by root field.
// While the server is UNAVAILABLE it asks again, a few times: every query may be
// repeated, and every mutation carries an idempotency key.
func (c *Client) execute(ctx context.Context, op string, vars map[string]any, out any) error {
	body, err := encodeBody(op, vars)
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

// encodeBody writes a request. RESOURCE_EXHAUSTED for one that no server takes.
func encodeBody(op string, vars map[string]any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]any{"query": op, "variables": vars}); err != nil {
		return nil, &registry.Error{Code: registry.InvalidArgument, Message: "a value cannot be written as JSON: " + err.Error(), Err: err}
	}
	if b.Len() > maxBody {
		return nil, registry.Errorf(registry.ResourceExhausted, "it takes %d bytes to tell, and a server takes %d at once", b.Len(), maxBody)
	}
	return b.Bytes(), nil
}

// attempt sends a request once. It reports whether the server may be asked again,
// and after which pause.
func (c *Client) attempt(ctx context.Context, body []byte, out any) (retry bool, pause time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return false, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("User-Agent", "pedigree")
	req.Header.Set("X-Request-Id", c.requestID())
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

// unreachable says that no answer came.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // Its text repeats the URL.
	}
	return &registry.Error{Code: registry.Unavailable, Err: err, Message: "the server at " + c.Server() + " does not answer (" + err.Error() +
		"); check --server and that it runs, then repeat the command: what was recorded stands, and only what is missing is added"}
}

// retryAfter reads how many seconds the server wants to be left alone.
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

// decodeResponse turns a response into data or an error, and reports whether the same may
// be asked again.
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
			continue // A field that this caller may not see; it is null in the data.
		}
		if resp.StatusCode == http.StatusUnprocessableEntity && len(e.Path) == 0 {
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

// toRegistryError turns an error of an answer back into what the service said.
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
			if out.Details == nil {
				out.Details = map[string]any{}
			}
			out.Details[k] = v
		}
	}
	return out
}

// redirected refuses a redirect: the token is for the server that was named.
func (c *Client) redirected(resp *http.Response) error {
	where := "elsewhere"
	if to, err := resp.Location(); err == nil {
		where = "to " + to.Scheme + "://" + to.Host
	}
	return registry.Errorf(registry.Unavailable, "%s sends on %s, and the token is not sent along; if that is the server, give its URL with --server", c.Server(), where)
}

// notGraphQL explains an answer that is not GraphQL, of a proxy or another server. It
// is no refusal of a fact, so that an import ends with it.
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
