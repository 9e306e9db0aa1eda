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
	return e.each(ctx, registry.KindModel, nil, []string{"name"}, func(m *graph.Node) error {
		q := graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Parents: []registry.ID{m.ID}, Order: registry.IndexNumber}
		if err := e.pages(ctx, q, func(nodes []*graph.Node) error { return e.versionPage(ctx, nodes) }); err != nil {
			return err
		}
		if err := e.transitions(ctx, m.ID); err != nil {
			return err
		}
		return e.aliases(ctx, m)
	})
}

func (e *factExport) versionPage(ctx context.Context, nodes []*graph.Node) error {
	edges, err := e.edgesOf(ctx, nodes)
	if err != nil {
		return err
	}
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
	for i, n := range nodes {
		if !e.seesKey(n, []string{"modelName", "version", "label"}) {
			continue
		}
		v, err := core.DecodeWhole(n, &registry.ModelVersion{})
		if err != nil {
			return err
		}
		t := edges[n.ID]
		out := &catalog.RegisterModelVersionInput{Model: v.ModelName, Version: &v.Version, Label: v.Label, Description: v.Description, Owner: v.Owner, Tags: v.Tags,
			CreatedDate: v.CreatedDate, DerivedFrom: t.inline[registry.EdgeDerivedFrom], Features: t.inline[registry.EdgeUsesFeature], Artifacts: artifacts[n.ID]}
		if run := t.inline[registry.EdgeGeneratedBy]; len(run) > 0 {
			out.Run = &run[0]
		}
		if tag := t.inline[registry.EdgeReleasedFrom]; len(tag) > 0 {
			out.ReleasedFrom = &tag[0]
		}
		if card := cards[cardIDs[i]]; card != nil {
			if out.Card, err = cardInput(v, card); err != nil {
				return err
			}
		}
		if err := e.write(FactInput{ModelVersion: out}); err != nil {
			return err
		}
	}
	return nil
}

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
	type record struct {
		id     registry.ID
		number int64
	}
	var records []record // All are held in memory, to sort them over all versions of the model.
	err := e.pages(ctx, graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Parents: []registry.ID{model}, Bare: true}, func(versions []*graph.Node) error {
		var ids []registry.ID
		for _, v := range versions {
			ids = append(ids, v.ID)
		}
		return e.pages(ctx, graph.Query{Kinds: []registry.Kind{registry.KindTransition}, Parents: ids, Bare: true}, func(nodes []*graph.Node) error {
			for _, n := range nodes {
				records = append(records, record{n.ID, n.Number})
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	slices.SortFunc(records, func(a, b record) int { return cmp.Compare(a.number, b.number) })
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
		if n == nil || !e.seesKey(n, []string{"to", "at", "forced", "reason", "replacedBy"}) || versions[n.Parent] == nil || t.ReplacedBy != "" && versions[t.ReplacedBy] != nil {
			continue
		}
		v, err := core.DecodeWhole(versions[n.Parent], &registry.ModelVersion{})
		if err != nil {
			return err
		}
		if err := e.write(FactInput{Transition: &catalog.TransitionModelVersionInput{Model: &v.ModelName, Version: &v.Version, To: t.To, At: t.At, Force: t.Forced, Reason: t.Reason}}); err != nil {
			return err
		}
	}
	return nil
}

func (e *factExport) aliases(ctx context.Context, m *graph.Node) error {
	q := graph.Query{Kinds: []registry.Kind{registry.KindAlias}, Parents: []registry.ID{m.ID}, Order: registry.IndexName}
	return e.pages(ctx, q, func(nodes []*graph.Node) error {
		for _, n := range nodes {
			if !n.ValidTo.IsZero() || !e.seesKey(n, []string{"name", "version", "setAt"}) {
				continue
			}
			a, err := core.DecodeWhole(n, &registry.Alias{})
			if err != nil {
				return err
			}
			if err := e.write(FactInput{Alias: &catalog.SetAliasInput{Model: m.Name, Alias: a.Name, Version: a.Version, At: a.SetAt}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// deployments exports each deployment, followed by its end.
func (e *factExport) deployments(ctx context.Context) error {
	return e.pages(ctx, graph.Query{Kinds: []registry.Kind{registry.KindDeployment}, Order: registry.IndexValidFrom}, func(nodes []*graph.Node) error {
		found := make([]*registry.Deployment, len(nodes))
		var ids []registry.ID
		for i, n := range nodes {
			var err error
			if found[i], err = core.DecodeWhole(n, &registry.Deployment{}); err != nil {
				return err
			}
			ids = append(ids, found[i].VersionID)
		}
		versions, err := e.existing(ctx, ids)
		if err != nil {
			return err
		}
		for i, n := range nodes {
			d := found[i]
			if !e.seesKey(n, []string{"environment", "endpoint", "versionId", "modelName", "version"}) {
				continue
			}
			if versions[d.VersionID] == nil {
				e.out.LeftOut[n.Kind]++
				continue
			}
			if err := e.write(FactInput{Deployment: &facts.RecordDeploymentInput{Model: &d.ModelName, Version: &d.Version, Environment: d.Environment, Endpoint: d.Endpoint,
				TrafficPercent: d.TrafficPercent, Owner: d.Owner, Description: d.Description, StartedAt: d.StartedAt}}); err != nil {
				return err
			}
			if d.EndedAt.IsZero() {
				continue
			}
			if err := e.write(FactInput{EndDeployment: &facts.EndDeploymentInput{ID: n.ID, EndedAt: d.EndedAt}}); err != nil {
				return err
			}
		}
		return nil
	})
}
