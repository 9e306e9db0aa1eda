package export

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"pedigree/registry"
)

// The URIs of the producer and the schemas of OpenLineage events.
const (
	olProducer = "urn:pedigree:export"
	olSpec     = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
	olFacets   = "https://openlineage.io/spec/facets/"
)

// event is one OpenLineage event and its sort key.
type event struct {
	at   time.Time
	id   registry.ID
	body object
}

// openLineage writes OpenLineage 2-0-2 events, earliest first, one per line: a RunEvent
// for each run with its inputs and outputs, a JobEvent for each deployment, and a
// DatasetEvent for each dataset that no run of the document wrote. Model versions and
// features are datasets in OpenLineage. A dataset has all its facets where it is written
// or has its own event; an input has only a few. OpenLineage has no commit history, so
// it is left out.
func openLineage(v *view) ([]byte, error) {
	o := newLineageEvents(v)
	var events []event
	for _, n := range v.nodes {
		if body := o.event(n); body != nil {
			at := o.eventTime(n)
			body["eventTime"], body["producer"] = formatTime(at), olProducer
			events = append(events, event{at, n.ID(), body})
		}
	}
	slices.SortFunc(events, func(a, b event) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
	var out bytes.Buffer
	w := json.NewEncoder(&out)
	for _, e := range events {
		if err := w.Encode(e.body); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// lineageEvents is a view with the outputs of each run and the writer of each output;
// when several runs wrote it, the first.
type lineageEvents struct {
	*view
	// single is true for the event of the root by itself.
	single  bool
	outputs map[registry.ID][]*Node
	writer  map[registry.ID]registry.ID
}

func newLineageEvents(v *view) *lineageEvents {
	o := &lineageEvents{view: v, outputs: map[registry.ID][]*Node{}, writer: map[registry.ID]registry.ID{}}
	for _, e := range v.edges {
		effect, cause := v.byID[e.From], v.byID[e.To]
		if effect != nil && cause != nil && e.Kind == registry.EdgeGeneratedBy {
			o.outputs[e.To] = append(o.outputs[e.To], effect)
			o.writer[e.From] = cmp.Or(o.writer[e.From], e.To)
		}
	}
	return o
}

// event encodes the event of a node; nil when other events describe the node.
func (o *lineageEvents) event(n *Node) object {
	switch n.Kind() {
	case registry.KindRun:
		return o.run(n)
	case registry.KindDeployment:
		return object{"schemaURL": olSpec + "#/$defs/JobEvent", "job": o.job(n), "inputs": o.inputs(o.causes(n.ID(), registry.EdgeDeploys))}
	case registry.KindCommit, registry.KindTag:
		if n.ID() != o.Root {
			return nil
		}
	}
	if o.writer[n.ID()] != "" && !o.single {
		return nil
	}
	facets := o.datasetFacets(n)
	o.addExport(facets)
	return object{"schemaURL": olSpec + "#/$defs/DatasetEvent", "dataset": object{"namespace": olNamespace(n), "name": olName(n), "facets": facets}}
}

// eventTime is when a run ended or a node began, else the instant of the document, else
// the Unix epoch.
func (o *lineageEvents) eventTime(n *Node) time.Time {
	at := time.Time{}
	switch x := n.Noun.(type) {
	case *registry.Run:
		at = firstTime(x.EndedAt, x.StartedAt, x.RecordedAt)
	case *registry.Deployment:
		at = firstTime(x.StartedAt, x.RecordedAt)
	default:
		at = startTime(n)
	}
	return firstTime(at, o.AsOf, time.Unix(0, 0)).UTC()
}

func (o *lineageEvents) run(n *Node) object {
	body := object{"schemaURL": olSpec + "#/$defs/RunEvent", "eventType": "OTHER", "job": o.job(n),
		"run":    object{"runId": olRunID(n), "facets": o.runFacets(n)},
		"inputs": o.inputs(o.causes(n.ID(), registry.EdgeUsed)), "outputs": o.outputsOf(n)}
	if r, ok := n.Noun.(*registry.Run); ok {
		switch r.Status {
		case registry.RunComplete:
			body["eventType"] = "COMPLETE"
		case registry.RunRunning:
			body["eventType"] = "RUNNING"
		case registry.RunFailed:
			body["eventType"] = "FAIL"
		case registry.RunAborted:
			body["eventType"] = "ABORT"
		}
	}
	return body
}

// olRunID is the run's own id when that is a UUID, as OpenLineage requires, else a UUID
// made from its id in this registry.
func olRunID(n *Node) string {
	if r, ok := n.Noun.(*registry.Run); ok && len(r.RunID) == 36 {
		if id, err := uuid.Parse(r.RunID); err == nil {
			return id.String()
		}
	}
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(provIDs+string(n.ID()))).String()
}

// job encodes the job of a run or deployment: the producing system and the name.
func (o *lineageEvents) job(n *Node) object {
	namespace := "pedigree://restricted"
	switch x := n.Noun.(type) {
	case *registry.Run:
		namespace = cmp.Or(x.Producer, "pedigree://runs")
	case *registry.Deployment:
		namespace = cmp.Or(x.Environment, "pedigree://deployments")
	}
	return object{"namespace": namespace, "name": shortName(title(n)), "facets": o.jobFacets(n)}
}

// inputs encodes the inputs of a run.
func (o *lineageEvents) inputs(nodes []*Node) []object {
	out := []object{}
	for _, n := range nodes {
		out = append(out, object{"namespace": olNamespace(n), "name": olName(n), "facets": o.referenceFacets(n)})
	}
	return out
}

// outputsOf encodes the outputs of a run, with their sizes.
func (o *lineageEvents) outputsOf(run *Node) []object {
	out := []object{}
	for _, n := range o.outputs[run.ID()] {
		if o.writer[n.ID()] != run.ID() {
			out = append(out, o.inputs([]*Node{n})...)
			continue
		}
		d := object{"namespace": olNamespace(n), "name": olName(n), "facets": o.datasetFacets(n)}
		if x, ok := n.Noun.(*registry.DatasetVersion); ok && (x.Rows != nil || x.SizeBytes != nil) {
			stats := standardFacet("1-0-2", "OutputStatisticsOutputDatasetFacet")
			if x.Rows != nil {
				stats["rowCount"] = *x.Rows
			}
			if x.SizeBytes != nil {
				stats["size"] = *x.SizeBytes
			}
			d["outputFacets"] = object{"outputStatistics": stats}
		}
		out = append(out, d)
	}
	return out
}

// olNamespace and olName are the namespace and name of a dataset in its source. Other
// nodes, which are datasets only in OpenLineage, have a namespace of this registry.
func olNamespace(n *Node) string {
	switch x := n.Noun.(type) {
	case *registry.DatasetVersion:
		return cmp.Or(x.Namespace, "pedigree://datasets")
	case *registry.ModelVersion:
		return "pedigree://models"
	case *registry.Feature:
		return "pedigree://features"
	case *registry.Commit, *registry.Tag:
		return "pedigree://code"
	}
	return "pedigree://restricted"
}

func olName(n *Node) string {
	name := ""
	switch x := n.Noun.(type) {
	case *registry.DatasetVersion:
		name = x.Name
	case *registry.ModelVersion:
		name = x.ModelName
	case *registry.Feature:
		name = strings.Trim(n.Of+"/"+x.Name, "/")
	default:
		return title(n)
	}
	return shortName(cmp.Or(name, string(n.ID())))
}

// shortName cuts a name that is made of several ones to what a name may be.
func shortName(name string) string { return registry.Shorten(name, 254) }
