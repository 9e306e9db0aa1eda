package bulk

import (
	"cmp"
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// versions exports, for each model, its versions, then their transitions in the order in which
// they were recorded, then its aliases.
func (e *factExport) versions(ctx context.Context) error {
	return e.pages(ctx, childrenByAge(registry.KindModel), func(models []*graph.Node) error {
		for _, m := range models {
			if e.models[m.ID] == "" {
				continue
			}
			q := graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Parents: []registry.ID{m.ID}, Order: registry.IndexNumber}
			if err := e.pages(ctx, q, func(nodes []*graph.Node) error { return e.versionPage(ctx, nodes) }); err != nil {
				return err
			}
			if err := e.transitions(ctx, m.ID); err != nil {
				return err
			}
			if err := e.aliases(ctx, m); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *factExport) versionPage(ctx context.Context, nodes []*graph.Node) error {
	ids := make([]registry.ID, len(nodes))
	cardIDs := make([]registry.ID, len(nodes))
	for i, n := range nodes {
		ids[i], cardIDs[i] = n.ID, registry.CardID(n.ID)
	}
	cards, err := e.existing(ctx, slices.Clone(cardIDs))
	if err != nil {
		return err
	}
	artifacts, err := e.artifacts(ctx, ids)
	if err != nil {
		return err
	}
	return e.pageFacts(ctx, nodes, func(n *graph.Node, x *nodeFact) error {
		v, err := core.DecodeWhole(n, &registry.ModelVersion{})
		if err != nil {
			return err
		}
		out, about := x.fact.ModelVersion, len(n.Doc)+len(artifacts[n.ID])*maxArtifactBytes
		out.Label, out.Description, out.Owner, out.Tags, out.CreatedDate, out.Artifacts, out.Number = v.Label, v.Description, v.Owner, v.Tags, v.CreatedDate, artifacts[n.ID], v.Number
		if card := cards[registry.CardID(n.ID)]; card != nil {
			about += len(card.Doc)
			if out.Card, err = cardInput(v, card); err != nil {
				return err
			}
		}
		return e.writeParts(n, x.fact, about)
	})
}

// maxArtifactBytes is roughly the longest file of a version in a fact.
const maxArtifactBytes = 8 << 10

// cardInput converts a stored card to an input, nil when the card has no fields of its own.
func cardInput(v *registry.ModelVersion, n *graph.Node) (*catalog.ModelCardInput, error) {
	c, err := core.DecodeWhole(n, &registry.ModelCard{})
	if err != nil {
		return nil, err
	}
	in := &catalog.ModelCardInput{ModelDetails: c.ModelDetails, Training: c.Training, Performance: c.Performance, Features: c.Features,
		DataPreprocessing: c.DataPreprocessing, Limitations: c.Limitations, EthicalConsiderations: c.EthicalConsiderations}
	if c.Description != "" {
		in.Description = &c.Description
	}
	if !c.CreatedDate.Equal(v.CreatedDate) {
		in.CreatedDate = c.CreatedDate
	}
	if len(in.Apply(&registry.ModelCard{})) == 0 {
		return nil, nil
	}
	return in, nil
}

// artifacts reads the files of versions, by version and name.
func (e *factExport) artifacts(ctx context.Context, versions []registry.ID) (map[registry.ID][]catalog.ArtifactInput, error) {
	out := map[registry.ID][]catalog.ArtifactInput{}
	err := e.pages(ctx, graph.Query{Kinds: []registry.Kind{registry.KindArtifact}, Parents: versions, Order: registry.IndexName}, func(nodes []*graph.Node) error {
		for _, n := range nodes {
			a, err := core.DecodeWhole(n, &registry.Artifact{})
			if err != nil {
				return err
			}
			out[n.Parent] = append(out[n.Parent], catalog.ArtifactInput{Name: a.Name, URI: a.URI, Digest: a.Digest, SizeBytes: a.SizeBytes, Format: a.Format,
				StorageKey: a.StorageKey, ServiceAccountName: a.ServiceAccountName})
		}
		return nil
	})
	return out, err
}

// transitions exports the transitions of a model's versions. A demotion that a promotion
// caused is not exported: recording the promotion repeats it.
func (e *factExport) transitions(ctx context.Context, model registry.ID) error {
	var records []transitionRef // All are held in memory, to sort them over all versions of the model.
	err := e.pages(ctx, graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Parents: []registry.ID{model}, Bare: true}, func(versions []*graph.Node) error {
		var ids []registry.ID
		for _, v := range versions {
			ids = append(ids, v.ID)
		}
		found, err := e.transitionRefs(ctx, ids...)
		records = append(records, found...)
		return err
	})
	return core.FirstError(err, e.writeTransitions(ctx, records))
}

// versionTransitions exports the transitions of one version.
func (e *factExport) versionTransitions(ctx context.Context, version registry.ID) error {
	records, err := e.transitionRefs(ctx, version)
	return core.FirstError(err, e.writeTransitions(ctx, records))
}

// transitionRef is a transition with its place among all that was recorded.
type transitionRef struct {
	id     registry.ID
	number int64
}

func (e *factExport) transitionRefs(ctx context.Context, versions ...registry.ID) (out []transitionRef, err error) {
	err = e.pages(ctx, graph.Query{Kinds: []registry.Kind{registry.KindTransition}, Parents: versions, Bare: true}, func(nodes []*graph.Node) error {
		for _, n := range nodes {
			out = append(out, transitionRef{n.ID, n.Number})
		}
		return nil
	})
	return out, err
}

// writeTransitions writes transitions in the order in which they were recorded.
func (e *factExport) writeTransitions(ctx context.Context, records []transitionRef) error {
	slices.SortFunc(records, func(a, b transitionRef) int { return cmp.Compare(a.number, b.number) })
	for part := range slices.Chunk(records, exportPage) {
		ids := make([]registry.ID, len(part))
		for i, r := range part {
			ids[i] = r.id
		}
		if err := e.transitionPage(ctx, ids); err != nil {
			return err
		}
	}
	return nil
}

func (e *factExport) transitionPage(ctx context.Context, ids []registry.ID) error {
	nodes, err := e.existing(ctx, slices.Clone(ids))
	if err != nil {
		return err
	}
	records := map[registry.ID]*registry.Transition{}
	var others []registry.ID
	for id, n := range nodes {
		if records[id], err = core.DecodeWhole(n, &registry.Transition{}); err != nil {
			return err
		}
		others = append(others, n.Parent)
		if by := records[id].ReplacedBy; by != "" {
			others = append(others, by)
		}
	}
	versions, err := e.existing(ctx, others)
	if err != nil {
		return err
	}
	for _, id := range ids {
		n, t := nodes[id], records[id]
		if n != nil && !seesKey(n) {
			e.omit(n)
		}
		if n == nil || !seesKey(n) || versions[n.Parent] == nil || t.ReplacedBy != "" && versions[t.ReplacedBy] != nil {
			continue
		}
		v, err := core.DecodeWhole(versions[n.Parent], &registry.ModelVersion{})
		if err != nil {
			return err
		}
		if err := e.write(FactInput{Transition: &catalog.TransitionModelVersionInput{Model: new(e.models[v.Parent]), Version: &v.Version, To: t.To, At: t.At, Force: t.Forced, Reason: t.Reason}}); err != nil {
			return err
		}
	}
	return nil
}

// deployments exports each deployment, followed by its end.
func (e *factExport) deployments(ctx context.Context) error {
	return e.pages(ctx, childrenByAge(registry.KindDeployment), func(nodes []*graph.Node) error { return e.deploymentPage(ctx, nodes) })
}

func (e *factExport) deploymentPage(ctx context.Context, nodes []*graph.Node) error {
	found := map[registry.ID]*registry.Deployment{}
	var ids []registry.ID
	for _, n := range nodes {
		d, err := core.DecodeWhole(n, &registry.Deployment{})
		if err != nil {
			return err
		}
		found[n.ID] = d
		ids = append(ids, d.VersionID)
	}
	versions, err := e.existing(ctx, ids)
	if err != nil {
		return err
	}
	return e.pageFacts(ctx, nodes, func(n *graph.Node, x *nodeFact) error {
		d := found[n.ID]
		if versions[d.VersionID] == nil {
			e.omit(n)
			return nil
		}
		out := x.fact.Deployment
		out.Model = new(e.models[versions[d.VersionID].Parent]) // Its name of today.
		out.TrafficPercent, out.Owner, out.Description, out.StartedAt = d.TrafficPercent, d.Owner, d.Description, d.StartedAt
		if err := e.write(x.fact); err != nil || d.EndedAt.IsZero() {
			return err
		}
		return e.write(FactInput{EndDeployment: &facts.EndDeploymentInput{ID: n.ID, EndedAt: d.EndedAt}})
	})
}
