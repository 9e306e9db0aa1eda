package v1

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"pedigree/connect/jsonlines"
	"pedigree/registry"
)

// maxRefused is the most refused lines in one answer. The load ends when there are more.
const maxRefused = 1000

// factsSummary is the last line of an answer to facts.
type factsSummary struct {
	jsonlines.Summary
	// Stopped is the reason why the rest was not read, or "" when everything was read.
	Stopped string `json:"stopped,omitempty"`
}

// postFacts handles POST facts. The body is JSON Lines. The answer has a line for each
// refused line and a last line with the summary. When the load fails part way, the answer
// is a problem that says how far it came; everything up to there is recorded.
func postFacts(ctx context.Context, c *call) error {
	if err := c.service.MayRecordFacts(ctx); err != nil {
		return err
	}
	var body bytes.Buffer
	lines := json.NewEncoder(&body)
	lines.SetEscapeHTML(false)
	sum, err := jsonlines.Load(ctx, c.body, c.service, jsonlines.Options{MaxRefused: maxRefused, Refused: func(r jsonlines.Refusal, _ []byte) error { return lines.Encode(r) }})
	last := factsSummary{Summary: sum}
	switch {
	case errors.Is(err, jsonlines.ErrTooManyRefused):
		last.Stopped = fmt.Sprintf("more than %d lines were refused; the rest was not read", maxRefused)
	case err != nil:
		return withSummary(err, sum)
	}
	if err := lines.Encode(last); err != nil {
		return err
	}
	return c.write(http.StatusOK, "application/x-ndjson", body.Bytes())
}

// withSummary adds the counts of a load to the details of a registry error.
func withSummary(err error, sum jsonlines.Summary) error {
	var known *registry.Error
	if !errors.As(err, &known) {
		return err
	}
	out := *known
	out.Details = map[string]any{"accepted": sum.Accepted, "created": sum.Created, "merged": sum.Merged, "unchanged": sum.Unchanged,
		"refused": sum.Refused, "lastLine": sum.LastLine}
	maps.Copy(out.Details, known.Details)
	return &out
}
