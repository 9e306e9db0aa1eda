package export

import (
	"time"

	"pedigree/registry"
)

// The types of run events.
const (
	RunStarts   = "START"
	RunGoesOn   = "RUNNING"
	RunToldMore = "OTHER"
)

// FactsFacet is the facet of this registry with the facts of an event. What an event says to other
// readers by the facets of OpenLineage, it says to a registry by these.
const FactsFacet = "pedigree_facts"

// factsSchema is the address of the schema of FactsFacet.
const factsSchema = "https://pedigree.example/openlineage-facets.schema.json#/$defs/FactsFacet"

// Event is one OpenLineage event, about one node.
type Event struct {
	// Of is the node; events of one node are told in order.
	Of   registry.ID
	at   time.Time
	body object
	// facets are those of the run, the job or the dataset that the event is about.
	facets object
}

// EventOf returns the event of the root of a document, which also has the causes of the root and what
// it wrote.
func EventOf(d *Document) *Event {
	o := newLineageEvents(newView(d))
	o.single = true
	n := o.byID[d.Root]
	e := &Event{Of: d.Root, body: o.event(n)}
	e.SetTime(o.eventTime(n))
	for _, holder := range []string{"run", "job", "dataset"} {
		if about, ok := e.body[holder].(object); ok && e.facets == nil {
			e.facets = about["facets"].(object)
		}
	}
	return e
}

// EventOfModel returns the event of a model, whose versions have events of their own.
func EventOfModel(id registry.ID, m *registry.Model) *Event {
	facets := object{}
	kind := standardFacet("1-0-1", "DatasetTypeDatasetFacet")
	kind["datasetType"] = "MODEL"
	facets["datasetType"] = kind
	addOwner(facets, "OwnershipDatasetFacet", m.Owner)
	if m.Description != "" {
		f := standardFacet("1-1-0", "DocumentationDatasetFacet")
		f["description"] = m.Description
		facets["documentation"] = f
	}
	e := &Event{Of: id, facets: facets, body: object{"schemaURL": olSpec + "#/$defs/DatasetEvent",
		"dataset": object{"namespace": "pedigree://models", "name": shortName(m.Name), "facets": facets}}}
	e.SetTime(firstTime(m.CreatedAt, time.Unix(0, 0)))
	return e
}

// SetTime sets when the event was.
func (e *Event) SetTime(at time.Time) {
	e.at = at.UTC()
	e.body["eventTime"], e.body["producer"] = formatTime(e.at), olProducer
}

// Time is when the event was.
func (e *Event) Time() time.Time { return e.at }

// SetType sets the type of a run event.
func (e *Event) SetType(kind string) { e.body["eventType"] = kind }

// SetFacts sets the facts that the event tells a registry.
func (e *Event) SetFacts(facts any) {
	e.facets[FactsFacet] = object{"_producer": olProducer, "_schemaURL": factsSchema, "facts": facts}
}

// Copy returns an event that may be changed without changing this one.
func (e *Event) Copy() *Event {
	out := *e
	out.body, out.facets = object{}, object{}
	for k, v := range e.body {
		out.body[k] = v
	}
	for k, v := range e.facets {
		out.facets[k] = v
	}
	for _, holder := range []string{"dataset", "job", "run"} { // The last one is what the event is about.
		about, ok := e.body[holder].(object)
		if !ok || holder == "job" && e.body["run"] != nil {
			continue
		}
		with := object{}
		for k, v := range about {
			with[k] = v
		}
		with["facets"], out.body[holder] = out.facets, with
	}
	return &out
}

// Line returns the event as JSON in one line, without a line end.
func (e *Event) Line() ([]byte, error) {
	line, err := marshalCompact(e.body)
	return []byte(line), err
}
