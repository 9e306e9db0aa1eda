package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"pedigree/openlineage"
	"pedigree/registry"
	"pedigree/service/bulk"
)

// factsFacet is the facet of events that another registry sent: what it knows of a node, as facts. The
// other facets of such an event are for readers that do not know this one.
type factsFacet struct {
	Producer  string           `json:"_producer"`
	SchemaURL string           `json:"_schemaURL"`
	Facts     []bulk.FactInput `json:"facts"`
}

// recordFacts records the facts of an event, in one transaction. The caller needs permission for each
// of them.
func (r *EventRecorder) recordFacts(ctx context.Context, raw json.RawMessage) (bool, error) {
	var facet factsFacet
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&facet); err != nil {
		return false, registry.Invalid(openlineage.FactsFacet, "%s", registry.Shorten(reason(err), 200))
	}
	recorded, err := r.facts.RecordFacts(ctx, bulk.RecordFactsInput{Facts: facet.Facts})
	if err != nil {
		return false, err
	}
	return recorded.Created+recorded.Merged > 0, nil
}

// reason says what is wrong with a facet, without the names of types.
func reason(err error) string {
	var typed *json.UnmarshalTypeError
	var known *registry.Error
	switch {
	case errors.As(err, &typed):
		return typed.Field + " must not be a JSON " + typed.Value
	case errors.As(err, &known):
		return known.Message
	}
	return "is no list of facts; docs/facts.md says what a fact is: " + err.Error()
}
