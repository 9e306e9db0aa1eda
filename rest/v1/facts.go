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

// maxRefused is how many refused lines one answer tells of; the load ends there.
const maxRefused = 1000

// factsSummary is the last line of an answer to facts.
type factsSummary struct {
	jsonlines.Summary
	// Stopped says why the rest was not read, "" when all was.
	Stopped string `json:"stopped,omitempty"`
}

// postFacts answers POST facts: JSON Lines in, and out a line for each line that was
// refused and one that sums up. What breaks off in the middle is told as a problem
// that says how far it came; that much is recorded.
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

// withSummary adds to an error of the registry how far a load came.
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
