package v1

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"

	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/core"
	"pedigree/service/governance"
	"pedigree/service/provenance"
)

// affectedQuery are the parameters of what a recall concerns.
type affectedQuery struct {
	Live      *bool
	PageSize  *int
	PageToken *string
}

// affectedBody is a page of the deployments that a recall concerns, nearest first.
type affectedBody struct {
	Affected      []affectedDeployment
	Truncation    provenance.Truncation
	NextPageToken string
}

// affectedDeployment is a deployment that a recall concerns, a shortest way to it, and how it was
// dealt with.
type affectedDeployment struct {
	Node        registry.ProvenanceNode
	Depth       int
	Path        []registry.ProvenanceNode
	Environment *string
	Owner       *string
	Stage       *registry.Stage
	Resolution  *registry.RecallResolution
}

// recallRoutes are the routes of recalls.
func recallRoutes() []route {
	return []route{
		list("recalls", "recalls", "recalls", "The recalls that you see, newest first", func(ctx context.Context, c *call, p core.Paging, q *governance.RecallFilter) (page[registry.Recall], error) {
			return nodes[registry.Recall](c.service.Recalls(ctx, p, q))
		}),
		read("recalls/{id}", "recall", "One recall", object[registry.Recall]).under("Recall.id"),
		read("recalls/{id}/affected", "recallAffected", "The deployments that a recall concerns: the live ones, unless asked otherwise", affectedOf),
		{method: http.MethodGet, pattern: "recalls/{id}/affected/all", operation: "recallAffected", serve: streamAffected, time: 30 * time.Minute, download: true, query: []string{"live"},
			summary: "All deployments that a recall concerns, as JSON Lines", answerMedia: ndjson},
		write(http.MethodPost, "recalls", "recall", "Says that objects are bad: all that descends from them shows it, and is not promoted", (*service.Service).Recall,
			requires("nodes", "reason", "severity"), statuses(http.StatusCreated)),
		write(http.MethodPost, "recalls/{id}/clear", "clearRecall", "Asks for a recall to be cleared; it stands until a second person agrees", (*service.Service).ClearRecall, requires("reason")),
		write(http.MethodPost, "recalls/{id}/decide", "decideRecallClearing", "Clears a recall as the second person, or denies the request", (*service.Service).DecideRecallClearing),
		write(http.MethodPost, "recalls/{recall}/resolve", "resolveRecallDeployment", "Says how a deployment that a recall concerns was dealt with", (*service.Service).ResolveRecallDeployment,
			requires("deployment", "handling")),
	}
}

func affectedOf(ctx context.Context, c *call, q *affectedQuery) (*affectedBody, error) {
	found, err := c.service.AffectedBy(ctx, registry.ID(c.path["id"]), q.Live, core.Paging{First: q.PageSize, After: q.PageToken})
	if err != nil {
		return nil, err
	}
	out := &affectedBody{Affected: []affectedDeployment{}, Truncation: found.Truncation}
	for _, e := range found.Edges {
		out.Affected = append(out.Affected, affectedLine(e))
	}
	if found.PageInfo.HasNextPage {
		out.NextPageToken = found.PageInfo.EndCursor
	}
	return out, nil
}

func affectedLine(e *provenance.AffectedEdge) affectedDeployment {
	return affectedDeployment{e.Node, e.Depth, e.Path, e.Environment, e.Owner, e.Stage, e.Resolution}
}

// truncatedTrailer is the trailer of a list that says why something may be missing.
const truncatedTrailer = "Pedigree-Truncated"

// streamAffected answers all deployments that a recall concerns, one a line. They are written as they
// are found. An answer that breaks off is not ended properly, and has no trailer.
func streamAffected(ctx context.Context, c *call) error {
	var live *bool
	if text := c.query.Get("live"); text != "" {
		live = new(bool)
		if err := c.codec.DecodeText(text, "live", reflect.ValueOf(live).Elem()); err != nil {
			return err
		}
	}
	c.w.Header().Set("Trailer", truncatedTrailer)
	out := &downloadWriter{c: c, media: ndjson, name: c.path["id"] + ".jsonl"}
	var lines bytes.Buffer
	missing, err := c.service.EachAffected(ctx, registry.ID(c.path["id"]), live, func(all []*provenance.AffectedEdge) error {
		lines.Reset()
		for _, e := range all {
			line, err := c.codec.Encode(context.WithValue(ctx, unmarked{}, true), affectedLine(e), nil)
			if err != nil {
				return err
			}
			lines.Write(line.Body) // It ends with a line feed.
		}
		_, err := out.Write(lines.Bytes())
		return err
	})
	if err == nil {
		_, err = out.Write(nil) // The header is sent when there was none to list, too.
	}
	if errors.Is(err, errHeadOnly) {
		return nil
	}
	if err == nil && missing.Truncated {
		c.w.Header().Set(truncatedTrailer, joinReasons(missing.Reasons))
	}
	return err
}

func joinReasons(all []lineage.Reason) string {
	texts := make([]string, len(all))
	for i, r := range all {
		texts[i] = strings.ToLower(string(r))
	}
	return strings.Join(texts, ", ")
}
