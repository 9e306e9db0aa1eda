package openlineage

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"pedigree/registry"
	"pedigree/service/events"
)

// The lineage of a job or a dataset, as Marquez answers it. truncation is this registry's own; clients
// of Marquez pass over it.
type (
	lineageAnswer struct {
		Graph      []graphNode `json:"graph"`
		Truncation truncation  `json:"truncation"`
	}
	graphNode struct {
		ID       string      `json:"id"`
		Type     string      `json:"type"`
		Data     any         `json:"data"`
		InEdges  []graphEdge `json:"inEdges"`
		OutEdges []graphEdge `json:"outEdges"`
	}
	graphEdge struct {
		Origin      string `json:"origin"`
		Destination string `json:"destination"`
	}
	truncation struct {
		Truncated bool     `json:"truncated"`
		Reasons   []string `json:"reasons"`
		Redacted  int      `json:"redacted"`
	}
	nameOf struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	}
	jobData struct {
		ID            nameOf     `json:"id"`
		Type          string     `json:"type"`
		Name          string     `json:"name"`
		SimpleName    string     `json:"simpleName"`
		ParentJobName *string    `json:"parentJobName"`
		ParentJobUUID *string    `json:"parentJobUuid"`
		CreatedAt     *time.Time `json:"createdAt"`
		UpdatedAt     *time.Time `json:"updatedAt"`
		Namespace     string     `json:"namespace"`
		Inputs        []nameOf   `json:"inputs"`
		Outputs       []nameOf   `json:"outputs"`
		Location      *string    `json:"location"`
		Description   *string    `json:"description"`
		LatestRun     runData    `json:"latestRun"`
	}
	runData struct {
		ID               string            `json:"id"`
		CreatedAt        *time.Time        `json:"createdAt"`
		UpdatedAt        *time.Time        `json:"updatedAt"`
		NominalStartTime *string           `json:"nominalStartTime"`
		NominalEndTime   *string           `json:"nominalEndTime"`
		State            string            `json:"state"`
		StartedAt        *time.Time        `json:"startedAt"`
		EndedAt          *time.Time        `json:"endedAt"`
		DurationMs       *int64            `json:"durationMs"`
		Args             map[string]string `json:"args"`
		Facets           struct{}          `json:"facets"`
	}
	datasetData struct {
		ID                 nameOf      `json:"id"`
		Type               string      `json:"type"`
		Name               string      `json:"name"`
		PhysicalName       string      `json:"physicalName"`
		CreatedAt          *time.Time  `json:"createdAt"`
		UpdatedAt          *time.Time  `json:"updatedAt"`
		Namespace          string      `json:"namespace"`
		SourceName         string      `json:"sourceName"`
		Fields             []fieldData `json:"fields"`
		Tags               []string    `json:"tags"`
		LastModifiedAt     *time.Time  `json:"lastModifiedAt"`
		Description        *string     `json:"description"`
		LastLifecycleState *string     `json:"lastLifecycleState"`
		Facets             struct{}    `json:"facets"`
	}
	fieldData struct {
		Name        string   `json:"name"`
		Type        *string  `json:"type"`
		Tags        []string `json:"tags"`
		Description *string  `json:"description"`
	}
)

// getLineage answers the graph around a job or a dataset.
func (d *Handler) getLineage(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	var depth *int
	if text := query.Get("depth"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return registry.Invalid("depth", "must be a whole number")
		}
		depth = &n
	}
	g, err := d.service.JobLineage(r.Context(), query.Get("nodeId"), depth)
	if err != nil {
		return err
	}
	d.answer(w, r, http.StatusOK, encodeLineage(g))
	return nil
}

// encodeLineage encodes a graph, with its nodes and edges in the order of their ids.
func encodeLineage(g *events.JobLineage) lineageAnswer {
	out := lineageAnswer{Graph: []graphNode{}, Truncation: truncation{Truncated: len(g.Reasons) > 0, Reasons: []string{}, Redacted: g.Redacted}}
	for _, reason := range g.Reasons {
		out.Truncation.Reasons = append(out.Truncation.Reasons, string(reason))
	}
	in, from := map[string][]graphEdge{}, map[string][]graphEdge{}
	link := func(origin, destination string) {
		e := graphEdge{origin, destination}
		from[origin], in[destination] = append(from[origin], e), append(in[destination], e)
	}
	for _, j := range g.Jobs {
		for _, n := range j.Inputs {
			link(events.DatasetNodeID(n), events.JobNodeID(j.Name))
		}
		for _, n := range j.Outputs {
			link(events.JobNodeID(j.Name), events.DatasetNodeID(n))
		}
	}
	for _, j := range g.Jobs {
		out.Graph = append(out.Graph, graphNode{ID: events.JobNodeID(j.Name), Type: "JOB", Data: encodeJob(j)})
	}
	for _, x := range g.Datasets {
		out.Graph = append(out.Graph, graphNode{ID: events.DatasetNodeID(x.Name), Type: "DATASET", Data: encodeDataset(x)})
	}
	slices.SortFunc(out.Graph, func(a, b graphNode) int { return cmp.Compare(a.ID, b.ID) })
	for i := range out.Graph {
		n := &out.Graph[i]
		n.InEdges, n.OutEdges = sortedEdges(in[n.ID]), sortedEdges(from[n.ID])
	}
	return out
}

func sortedEdges(edges []graphEdge) []graphEdge {
	slices.SortFunc(edges, func(a, b graphEdge) int {
		return cmp.Or(cmp.Compare(a.Origin, b.Origin), cmp.Compare(a.Destination, b.Destination))
	})
	return append([]graphEdge{}, edges...)
}

func encodeJob(j *events.LineageJob) jobData {
	out := jobData{ID: nameOf(j.Name), Type: batchOrStream(j.Streams, "BATCH"), Name: j.Name.Name, SimpleName: j.Name.Name, ParentJobName: optional(j.Parent),
		CreatedAt: timeOf(j.Latest.StartedAt), UpdatedAt: timeOf(latest(j.Latest.StartedAt, j.Latest.EndedAt)), Namespace: j.Namespace,
		Inputs: []nameOf{}, Outputs: []nameOf{}, Description: optional(j.Latest.Description), LatestRun: encodeRun(j)}
	for _, n := range j.Inputs {
		out.Inputs = append(out.Inputs, nameOf(n))
	}
	for _, n := range j.Outputs {
		out.Outputs = append(out.Outputs, nameOf(n))
	}
	if before, last, nested := cutLast(j.Name.Name, "."); nested && before == j.Parent {
		out.SimpleName = last
	}
	return out
}

// cutLast cuts a text around the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	at := strings.LastIndex(s, separator)
	if at < 0 {
		return "", s, false
	}
	return s[:at], s[at+len(separator):], true
}

// runStates are the states of runs as Marquez names them.
var runStates = map[registry.RunStatus]string{registry.RunRunning: "RUNNING", registry.RunComplete: "COMPLETED", registry.RunFailed: "FAILED",
	registry.RunAborted: "ABORTED", registry.RunUnknown: "OTHER"}

func encodeRun(j *events.LineageJob) runData {
	r := j.Latest
	out := runData{ID: cmp.Or(r.RunID, string(r.ID)), CreatedAt: timeOf(r.StartedAt), UpdatedAt: timeOf(latest(r.StartedAt, r.EndedAt)), State: cmp.Or(runStates[r.Status], "OTHER"),
		StartedAt: timeOf(r.StartedAt), EndedAt: timeOf(r.EndedAt), Args: map[string]string{}}
	begins, ends, _ := strings.Cut(j.NominalTime, "/")
	out.NominalStartTime, out.NominalEndTime = optional(begins), optional(ends)
	if !r.StartedAt.IsZero() && !r.EndedAt.IsZero() {
		ms := r.EndedAt.Sub(r.StartedAt).Milliseconds()
		out.DurationMs = &ms
	}
	var parameters map[string]json.RawMessage
	if json.Unmarshal(r.Parameters, &parameters) == nil { // Parameters that are no object have no names.
		for name, value := range parameters {
			var text string
			if json.Unmarshal(value, &text) != nil {
				text = string(value)
			}
			out.Args[name] = text
		}
	}
	return out
}

func encodeDataset(x *events.LineageDataset) datasetData {
	out := datasetData{ID: nameOf(x.Name), Type: batchOrStream(x.Streams, "DB_TABLE"), Name: x.Name.Name, PhysicalName: x.Name.Name, CreatedAt: timeOf(x.CreatedAt), UpdatedAt: timeOf(x.CreatedAt),
		Namespace: x.Namespace, SourceName: cmp.Or(x.Source, x.Namespace), Fields: []fieldData{}, Tags: []string{}, Description: optional(x.Description), LastLifecycleState: optional(x.Lifecycle)}
	for _, t := range x.Tags {
		out.Tags = append(out.Tags, t.Key)
	}
	if v := x.Newest; v != nil {
		out.UpdatedAt, out.LastModifiedAt = timeOf(latest(x.CreatedAt, v.CreatedAt)), timeOf(v.CreatedAt)
		for _, c := range v.Columns {
			out.Fields = append(out.Fields, fieldData{Name: c.Name, Type: optional(c.Type), Tags: []string{}, Description: optional(c.Description)})
		}
	}
	return out
}

func batchOrStream(streams bool, otherwise string) string {
	if streams {
		return "STREAM"
	}
	return otherwise
}

// optional returns a text as JSON has it: null for none.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// timeOf returns a time as JSON has it: null for none.
func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
