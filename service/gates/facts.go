package gates

import (
	"context"
	"slices"
	"time"

	"pedigree/governance/gate"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// moment is when a transition is, and what of the registry is read for it: the zero Instant is now.
type moment struct {
	now time.Time
	at  graph.Instant
}

// present reports whether the transition is now.
func (m moment) present() bool { return m.at == graph.Instant{} }

// gatherer reads the facts of one transition.
type gatherer struct {
	tx    *policies.Tx
	q     Question
	m     moment
	facts gate.Facts
}

// gather reads the facts of a transition that some condition speaks of.
func gather(ctx context.Context, tx *policies.Tx, q Question, m moment, uses func(...string) bool) (gate.Facts, error) {
	g := &gatherer{tx, q, m, gate.Facts{"version": versionObject("Version", q.Version), "to": string(q.To), "now": m.now}}
	if q.Approvals != nil {
		g.facts["approvals"] = int64(*q.Approvals)
	}
	steps := []struct {
		read      func(context.Context) error
		variables []string
	}{
		{g.cardAndModel, []string{"card", "model"}},
		{g.incumbent, []string{"hasIncumbent", "incumbent"}},
		{g.upstream, []string{"sources", "datasets", "runs", "commits", "gitTags", "features", "ancestors", "gaps"}},
		{g.artifacts, []string{"artifacts"}},
		{g.signature, []string{"signature"}},
		{g.review, []string{"review"}},
	}
	for _, s := range steps {
		if !uses(s.variables...) {
			continue
		}
		if err := s.read(ctx); err != nil {
			return nil, err
		}
	}
	return g.facts, nil
}

// nodes reads nodes at the moment, also those hidden from the caller.
func (g *gatherer) nodes(ctx context.Context, ids ...registry.ID) ([]*graph.Node, error) {
	return g.tx.ReaderUnfiltered().Nodes(ctx, g.m.at, ids...)
}

// decoded returns the noun of a node; nil for a node that is not there or was deleted or erased.
func decoded[N registry.Node](n *graph.Node, into N) (N, bool, error) {
	if n == nil || n.Deleted || n.Erased() {
		var none N
		return none, false, nil
	}
	out, err := core.DecodeWhole(n, into)
	return out, err == nil, err
}

func (g *gatherer) cardAndModel(ctx context.Context) error {
	v := g.q.Version
	nodes, err := g.nodes(ctx, registry.CardID(v.ID), v.Parent)
	if err != nil {
		return err
	}
	if g.facts["card"], err = cardObject(nodes[0]); err != nil {
		return err
	}
	m, ok, err := decoded(nodes[1], &registry.Model{})
	if err != nil || !ok {
		return err
	}
	o := &gate.Object{Type: "Model", ID: m.ID, Name: m.Name, Fields: map[string]any{"name": m.Name, "description": m.Description, "owner": m.Owner, "tags": tagsOf(m.Tags)}}
	setTimes(o, "created", m.CreatedAt, "nextReview", m.NextReview)
	g.facts["model"] = o
	return nil
}

// incumbent reads the version of the model that is in PRODUCTION, if it is another one.
func (g *gatherer) incumbent(ctx context.Context) error {
	n, known, err := g.incumbentNode(ctx)
	if err != nil || !known {
		return err
	}
	g.facts["hasIncumbent"] = n != nil
	if n == nil {
		g.facts["incumbent"] = &gate.Object{Type: "Incumbent"}
		return nil
	}
	v, err := core.DecodeWhole(n, &registry.ModelVersion{})
	if err != nil {
		return err
	}
	cards, err := g.nodes(ctx, registry.CardID(v.ID))
	if err != nil {
		return err
	}
	o := versionObject("Incumbent", v)
	if o.Fields["card"], err = cardObject(cards[0]); err != nil {
		return err
	}
	g.facts["incumbent"] = o
	return nil
}

// maxPastVersions is how many versions of a model are looked through for the one that was in
// PRODUCTION; of a model with more, the incumbent of the past is not known.
const maxPastVersions = 5000

// incumbentNode returns the version that is in PRODUCTION at the moment, nil when there is none; known
// is false when that cannot be told.
func (g *gatherer) incumbentNode(ctx context.Context) (n *graph.Node, known bool, err error) {
	v := g.q.Version
	if g.m.present() {
		n, err := g.tx.SlotHolder(ctx, registry.ProductionSlot(v.Parent))
		if err != nil || n == nil || n.ID == v.ID {
			return nil, true, err
		}
		return n, true, nil
	}
	all, err := g.tx.ChildrenUnfiltered(ctx, registry.KindModelVersion, registry.IndexName, v.Parent)
	if err != nil {
		return nil, false, err
	}
	var ids []registry.ID
	for _, n := range all[:min(len(all), maxPastVersions)] {
		if n.ID != v.ID {
			ids = append(ids, n.ID)
		}
	}
	for part := range slices.Chunk(ids, 500) {
		nodes, err := g.nodes(ctx, part...)
		if err != nil {
			return nil, false, err
		}
		for _, n := range nodes {
			if n != nil && !n.Deleted && n.Text(registry.IndexStage) == string(registry.Production) {
				return n, true, nil
			}
		}
	}
	return nil, len(all) <= maxPastVersions, nil
}

// maxArtifacts is how many artifacts a condition sees.
const maxArtifacts = 1000

func (g *gatherer) artifacts(ctx context.Context) error {
	page, err := g.tx.FindUnfiltered(ctx, graph.Query{Kinds: []registry.Kind{registry.KindArtifact}, Parents: []registry.ID{g.q.Version.ID}, Order: registry.IndexName, Limit: maxArtifacts})
	if err != nil {
		return err
	}
	set := &gate.Set{Truncated: page.More}
	for _, n := range page.Nodes {
		a, ok, err := decoded(n, &registry.Artifact{})
		if err != nil {
			return err
		}
		if !ok || !g.m.present() && a.RecordedAt.After(g.m.at.Valid) {
			continue
		}
		o := &gate.Object{Type: "Artifact", ID: a.ID, Name: a.Name, Fields: map[string]any{"id": string(a.ID), "name": a.Name, "digest": a.Digest, "format": a.Format, "stored": a.Stored}}
		setNumber(o, "sizeBytes", a.SizeBytes)
		set.Items = append(set.Items, o)
	}
	g.facts["artifacts"] = set
	return nil
}

// signature asks who signed. Of the past it is not known: whom the server trusted then is not stored.
func (g *gatherer) signature(ctx context.Context) error {
	o := &gate.Object{Type: "Signature"}
	g.facts["signature"] = o
	if !g.m.present() || g.q.Signed == nil {
		return nil
	}
	verified, by, err := g.q.Signed(ctx, g.tx, g.q.Version)
	if err != nil {
		return err
	}
	o.Fields = map[string]any{"verified": verified, "by": by}
	return nil
}

// review reads the last review of the model up to the moment.
func (g *gatherer) review(ctx context.Context) error {
	o := &gate.Object{Type: "Review", Fields: map[string]any{"exists": false}}
	g.facts["review"] = o
	q := graph.Query{Kinds: []registry.Kind{registry.KindReview}, Parents: []registry.ID{g.q.Version.Parent}, Order: registry.IndexName, Desc: true, Limit: 1}
	if !g.m.present() {
		q.Limit = 1000
	}
	page, err := g.tx.FindUnfiltered(ctx, q)
	if err != nil {
		return err
	}
	for _, n := range page.Nodes {
		r, ok, err := decoded(n, &registry.Review{})
		if err != nil {
			return err
		}
		if !ok || !g.m.present() && r.At.After(g.m.at.Valid) {
			continue
		}
		o.ID, o.Fields = r.ID, map[string]any{"exists": true, "decision": string(r.Decision), "by": r.By, "at": r.At}
		return nil
	}
	return nil
}
