package remote

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pedigree/connect/jsonlines"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/core"
)

// RecordFacts records a batch of facts. It returns RESOURCE_EXHAUSTED when they do not fit into
// one request; the caller then records fewer at once. One fact alone always fits if a line may be
// as long.
func (c *Client) RecordFacts(ctx context.Context, in bulk.RecordFactsInput) (*bulk.RecordFactsPayload, error) {
	out, err := mutate[bulk.RecordFactsPayload](ctx, c, opRecordFacts, "recordFacts", in)
	if registry.CodeOf(err) == registry.ResourceExhausted && len(in.Facts) == 1 {
		return c.postFact(ctx, in.Facts[0])
	}
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// postFact records one fact as a line, which may be longer than a GraphQL request. The payload
// lacks the id.
func (c *Client) postFact(ctx context.Context, f bulk.FactInput) (*bulk.RecordFactsPayload, error) {
	var line bytes.Buffer
	if err := jsonlines.Encode(&line, f); err != nil {
		return nil, err
	}
	resp, err := c.rest(ctx, http.MethodPost, factsPath, line.Bytes())
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	d := json.NewDecoder(io.LimitReader(resp.Body, maxResponse))
	for {
		var answer struct {
			jsonlines.Refusal
			jsonlines.Summary
			Accepted *int64 `json:"accepted"`
		}
		if err := d.Decode(&answer); err != nil {
			return nil, c.unreachable(ctx, err)
		}
		if answer.Code != "" {
			return nil, &registry.Error{Code: answer.Code, Message: answer.Message, Field: answer.Field, Details: map[string]any{"fact": 0}}
		}
		if answer.Accepted != nil {
			fact := registry.FactKind("")
			if checked, err := f.Check(); err == nil {
				fact = checked.Kind()
			}
			recorded := &core.RecordedFact{Kind: fact, Created: answer.Created > 0, Merged: answer.Merged > 0}
			return &bulk.RecordFactsPayload{Facts: []*core.RecordedFact{recorded},
				Created: int(answer.Created), Merged: int(answer.Merged), Unchanged: int(answer.Unchanged)}, nil
		}
	}
}

// ExportFacts passes everything that the token's subject sees to emit, as the service does.
func (c *Client) ExportFacts(ctx context.Context, emit func(bulk.FactInput) error) (*bulk.ExportedFacts, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.rest(ctx, http.MethodGet, factsPath, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	stalled := time.AfterFunc(attemptTimeout, cancel)
	defer stalled.Stop()
	out := &bulk.ExportedFacts{LeftOut: map[registry.Kind]int64{}}
	lines := bufio.NewReaderSize(resp.Body, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		stalled.Reset(attemptTimeout)
		if err == io.EOF && len(line) == 0 {
			return out, readTrailers(resp.Trailer, out)
		}
		if err != nil {
			return out, c.unreachable(ctx, errors.New("the export broke off"))
		}
		f, err := jsonlines.Decode(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			return out, &registry.Error{Code: registry.Internal, Message: "a fact of the server cannot be read; use the pedigree of its version", Err: err}
		}
		out.Facts++
		if err := emit(f); err != nil {
			return out, err
		}
	}
}

// readTrailers reads what the server counted. A proxy may have dropped the trailers.
func readTrailers(trailers http.Header, out *bulk.ExportedFacts) error {
	if n := trailers.Get("Pedigree-Facts"); n != "" && n != strconv.FormatInt(out.Facts, 10) {
		return registry.Errorf(registry.Unavailable, "the server sent %s facts and %d came; export again", n, out.Facts)
	}
	for part := range strings.SplitSeq(trailers.Get("Pedigree-Left-Out"), ", ") {
		kind, count, _ := strings.Cut(part, "=")
		if n, err := strconv.ParseInt(count, 10, 64); err == nil {
			out.LeftOut[registry.Kind(kind)] = n
		}
	}
	return nil
}

// factsPath is the path of facts in the server's REST API.
const factsPath = "/api/v1/facts"

// rest sends a request to the server's REST API and returns its answer, the body of which is
// JSON Lines. While the server is UNAVAILABLE it retries a few times.
func (c *Client) rest(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	for try := 0; ; try++ {
		resp, pause, err := c.restAttempt(ctx, method, path, body)
		if err == nil || ctx.Err() != nil || registry.CodeOf(err) != registry.Unavailable || try == len(c.pauses) {
			return resp, err
		}
		if err := c.sleep(ctx, max(pause, c.pauses[try])); err != nil {
			return nil, err
		}
	}
}

func (c *Client) restAttempt(ctx context.Context, method, path string, body []byte) (*http.Response, time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.Server()+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", linesType)
	}
	c.setHeaders(req)
	resp, err := c.streams.Do(req)
	if err != nil {
		return nil, 0, c.unreachable(ctx, err)
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode == http.StatusOK && media == linesType {
		return resp, 0, nil
	}
	defer resp.Body.Close()
	return nil, retryAfter(resp), c.restError(resp, media)
}

// linesType is the media type of JSON Lines.
const linesType = "application/x-ndjson"

// noSuchPath begins what a server says of a path that it does not know. What is not found at a path that
// it knows, it names.
const noSuchPath = "there is no such path"

// restError returns the error of a problem (RFC 9457), or of an answer that is not the REST API's.
func (c *Client) restError(resp *http.Response, media string) error {
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return c.redirected(resp)
	}
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	var problem struct {
		Code          registry.Code
		Detail, Field string
	}
	if media != "application/problem+json" || json.Unmarshal(raw, &problem) != nil || problem.Code == "" {
		_, err := c.notGraphQL(resp)
		return err
	}
	unknownPath := resp.StatusCode == http.StatusNotFound && strings.HasPrefix(problem.Detail, noSuchPath)
	if unknownPath || resp.StatusCode == http.StatusMethodNotAllowed {
		return registry.Errorf(registry.Unavailable, "the server at %s does not know what this command asks for; use the pedigree of its version", c.Server())
	}
	return &registry.Error{Code: problem.Code, Message: problem.Detail, Field: problem.Field}
}
