package openlineage

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"

	"pedigree/registry"
)

// maxBatch is the most events of one batch.
const maxBatch = 1000

// postEvent records one event: 201 with an empty body, also when it was known already.
func (d *Handler) postEvent(w http.ResponseWriter, r *http.Request) error {
	raw, err := readBody(w, r)
	if err != nil {
		return err
	}
	if _, err := d.service.RecordLineageEvent(r.Context(), raw); err != nil {
		return err
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
	return nil
}

// The answer to a batch, as OpenLineage's API (spec/OpenLineage.yml) has it.
type (
	batchAnswer struct {
		Status  string         `json:"status"`
		Summary batchSummary   `json:"summary"`
		Failed  []failedInList `json:"failed_events"`
	}
	batchSummary struct {
		Received     int `json:"received"`
		Successful   int `json:"successful"`
		Failed       int `json:"failed"`
		Retriable    int `json:"retriable"`
		NonRetriable int `json:"non_retriable"`
	}
	failedInList struct {
		Index     int    `json:"index"`
		Reason    string `json:"reason"`
		Retriable bool   `json:"retriable"`
	}
)

// postBatch records events in their order, each by itself: one that is refused does not keep
// the others from being recorded.
func (d *Handler) postBatch(w http.ResponseWriter, r *http.Request) error {
	raw, err := readBody(w, r)
	if err != nil {
		return err
	}
	var events []json.RawMessage
	if err := json.Unmarshal(raw, &events); err != nil || !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		return registry.Errorf(registry.InvalidArgument, "the body must be a JSON array of events")
	}
	if len(events) > maxBatch {
		return registry.Errorf(registry.InvalidArgument, "the batch has %d events; send at most %d at once", len(events), maxBatch)
	}
	out := batchAnswer{Status: "success", Summary: batchSummary{Received: len(events)}, Failed: []failedInList{}}
	for i, e := range events {
		_, err := d.service.RecordLineageEvent(r.Context(), e)
		if err == nil {
			out.Summary.Successful++
			continue
		}
		var known *registry.Error
		if errors.As(err, &known) && (known.Code == registry.Unauthenticated || known.Code == registry.Forbidden) {
			return err // It is so for every event, or for the kinds of facts in it.
		}
		f := d.failureOf(r, err)
		retriable := f.status >= 500
		out.Status = "partial_success"
		out.Summary.Failed++
		if retriable {
			out.Summary.Retriable++
		} else {
			out.Summary.NonRetriable++
		}
		out.Failed = append(out.Failed, failedInList{i, f.Message, retriable})
	}
	d.answer(w, r, http.StatusOK, out)
	return nil
}
