package compliance

import (
	"context"
	"maps"
	"slices"
	"time"

	"pedigree/compliance"
	"pedigree/lineage"
	"pedigree/lineage/export"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/provenance"
)

// The bounds of what is read for a pack: items of one list, and how many nodes of the lineage the log
// is asked about.
const (
	maxItems       = 1000
	maxProvenNodes = 200
)

// reading collects the facts of one pack.
type reading struct {
	*Reporter
	version *registry.ModelVersion
	model   *registry.Model
	facts   compliance.Facts
	sources compliance.Sources
	// hidden are what the caller may not see; a set.
	hidden map[string]bool
	// past is the state that is read: none for the present. size is how many entries the log had then,
	// nil for the present.
	past []core.PointInTime
	size *int64
}

// read reads the facts of a version, of now or as they were known at a time.
func (r *Reporter) read(ctx context.Context, model, version string, asOf time.Time) (*reading, error) {
	scope, err := r.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	x := &reading{Reporter: r, hidden: map[string]bool{}, facts: compliance.Facts{Format: compliance.Format, LogSeqs: map[registry.ID]int64{}, Cut: []string{}}}
	x.facts.MadeFor = compliance.Reader{Subject: scope.Actor().Subject, Roles: append([]string{}, scope.Roles()...)}
	slices.Sort(x.facts.MadeFor.Roles)
	x.facts.MadeFor.Roles = slices.Compact(x.facts.MadeFor.Roles)
	began, err := scope.NewestHead(ctx)
	if err != nil {
		return nil, err
	}
	if !asOf.IsZero() {
		at, err := r.core.ResolveInstant(ctx, scope, asOf, asOf)
		if err != nil {
			return nil, err
		}
		x.goBack(asOf, at.Known)
		began.Seq, began.At = at.Known, x.asOf() // The time of the entry is for who may read it.
	}
	x.facts.ReadFrom = began.Seq
	if x.sources.Seal, x.sources.Log, x.sources.PublicKey, err = r.Auditor.Sealer(ctx); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return x.subject(ctx, model, version) },
		x.card, x.lineage, x.transitions, x.requests, x.reviews, x.recalls, x.use, x.log,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	ended := began
	if asOf.IsZero() {
		if ended, err = scope.NewestHead(ctx); err != nil {
			return nil, err
		}
	}
	x.facts.ReadAt = ended.At.UTC()
	if x.sources.Checkpoint == "" {
		x.facts.LogSize = ended.Seq
	}
	x.facts.Hidden = slices.Sorted(maps.Keys(x.hidden))
	if x.facts.Hidden == nil {
		x.facts.Hidden = []string{}
	}
	return x, nil
}

// goBack makes the facts those of a time, when the log had so many entries.
func (x *reading) goBack(asOf time.Time, entries int64) {
	x.past, x.size, x.facts.AsOf = []core.PointInTime{{AsOf: asOf, KnownAt: asOf}}, &entries, core.StoredTime(asOf, asOf).UTC()
	x.facts.NotAsOf = []string{"madeFor, hidden: what the reader may see is decided by the policy of the time when the pack was made",
		"checkpoint: it was signed when the pack was made, for the log as it was then"}
}

// asOf returns the time that is read, zero for the present.
func (x *reading) asOf() time.Time { return x.facts.AsOf }

// sees notes which fields of a noun the caller may not see.
func (x *reading) sees(n registry.Node, noun string) {
	for _, f := range registry.NounNamed(noun).Fields {
		if !n.NodeMeta().Mask.Has(registry.Bit(noun, f.Name)) {
			x.hidden[f.Coordinate()] = true
		}
	}
}

// shows reports whether the caller sees a field of a noun.
func shows(n registry.Node, noun, field string) bool {
	return n.NodeMeta().Mask.Has(registry.Bit(noun, field))
}

// forbidden notes that a part is hidden when that is what an error says. It returns other errors.
func (x *reading) forbidden(part string, err error) error {
	if registry.CodeOf(err) == registry.Forbidden {
		x.hidden[part] = true
		return nil
	}
	return err
}

// subject reads the version and its model.
func (x *reading) subject(ctx context.Context, model, version string) error {
	v, err := x.Catalog.ModelVersion(ctx, model, version, x.past...)
	if err != nil {
		return err
	}
	if v == nil {
		return registry.Errorf(registry.NotFound, "there is no such version of a model of this name")
	}
	x.version = v
	x.sees(v, "ModelVersion")
	x.facts.Version = compliance.Version{ID: v.ID, Revision: v.Revision, Model: v.ModelName, Version: v.Version, Label: v.Label, Description: v.Description, Stage: v.Stage,
		Owner: v.Owner, Creator: v.Creator, CreatedDate: v.CreatedDate, RecordedAt: v.RecordedAt, Tags: v.Tags}
	if shows(v, "ModelVersion", "recallState") {
		state, err := x.Governance.RecallStateOf(ctx, v)
		if err != nil {
			return err
		}
		x.facts.Version.RecallState = *state
	}
	if !shows(v, "ModelVersion", "model") {
		return nil
	}
	if x.model, err = x.Catalog.ModelOf(ctx, v); err != nil || x.model == nil {
		return err
	}
	m := x.model
	x.sees(m, "Model")
	x.facts.Model = compliance.Model{ID: m.ID, Name: m.Name, Description: m.Description, Owner: m.Owner, Tags: m.Tags, ReviewEveryDays: m.ReviewIntervalDays, NextReview: m.NextReview}
	return nil
}

// card reads the card.
func (x *reading) card(ctx context.Context) error {
	if !shows(x.version, "ModelVersion", "card") {
		return nil
	}
	card, err := x.Catalog.CardOf(ctx, x.version)
	if err != nil || card == nil {
		return err
	}
	x.sees(card, "ModelCard")
	x.facts.Card = card
	if shows(card, "ModelCard", "completeness") {
		x.facts.Missing = card.Completeness().Missing
	}
	return nil
}

// lineage reads what the version came from, in all its forms.
func (x *reading) lineage(ctx context.Context) error {
	x.facts.People, x.facts.Gaps, x.facts.Lineage = []string{}, []compliance.Gap{}, compliance.Lineage{Nodes: []compliance.Node{}, Edges: []compliance.Edge{}}
	depth := 50
	d, err := x.Explorer.ExportDocument(ctx, provenance.ExportInput{Of: x.version.ID, Direction: lineage.Upstream, MaxDepth: &depth, AsOf: x.asOf(), KnownAt: x.asOf()})
	if err != nil {
		return x.forbidden("lineage", err)
	}
	for name, format := range map[string]export.Format{compliance.ProvFile: export.ProvJSON, compliance.CycloneDXFile: export.CycloneDX} {
		f, err := export.Encode(d, format)
		if err != nil {
			return err
		}
		x.sources.Exports = append(x.sources.Exports, compliance.File{Name: name, Body: f.Body})
	}
	spdx, err := export.SPDX(d)
	if err != nil {
		return err
	}
	x.sources.Exports = append(x.sources.Exports, compliance.File{Name: compliance.SPDXFile, Body: spdx})
	l := &x.facts.Lineage
	l.Redacted, l.HistoryCut = d.Redacted, d.HistoryCut
	for _, reason := range d.Reasons {
		l.Reasons = append(l.Reasons, string(reason))
	}
	p, err := x.Explorer.Provenance(ctx, x.version.ID, x.asOf(), x.asOf())
	if err != nil {
		return err
	}
	x.facts.People = p.People
	sources := map[registry.ID]bool{}
	for _, s := range p.RawSources {
		sources[s.NodeMeta().ID] = true
	}
	for _, g := range p.Gaps {
		x.facts.Gaps = append(x.facts.Gaps, compliance.Gap{Code: string(g.Code), Node: g.Node.NodeMeta().ID, Field: g.Field, Message: g.Message})
	}
	for i := range d.Nodes {
		l.Nodes = append(l.Nodes, describe(&d.Nodes[i], sources))
	}
	for _, e := range d.Edges {
		l.Edges = append(l.Edges, compliance.Edge{From: e.From, To: e.To, Kind: e.Kind})
	}
	sortLineage(l)
	return nil
}

// describe describes a node of the lineage.
func describe(n *export.Node, sources map[registry.ID]bool) compliance.Node {
	about := export.Describe(n)
	out := compliance.Node{ID: n.ID(), Kind: n.Kind(), Title: about.Title, Depth: n.Depth, Restricted: n.Restricted(), Deleted: n.Noun.NodeMeta().Deleted,
		Source: sources[n.ID()], Fields: about.Fields, Tags: about.Tags}
	if run, ok := n.Noun.(*registry.Run); ok {
		out.Parameters, out.Metrics = run.Parameters, run.Metrics
	}
	return out
}
