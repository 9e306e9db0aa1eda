package service_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/facts"
	"pedigree/service/provenance"
)

// randomPipeline records a random pipeline of datasets, runs, features, versions in several
// stages and deployments, and returns all its lineage nodes.
func randomPipeline(k *kit, seed uint64) (ids []registry.ID) {
	k.Helper()
	r := rand.New(rand.NewPCG(seed, 21))
	model := fmt.Sprint("model", seed)
	k.model(model)
	data := []registry.ID{k.data("raw", nil), k.data("other", nil)}
	var features []registry.ID
	for i := range 6 {
		var in []registry.ID
		for _, d := range data {
			if r.IntN(3) == 0 {
				in = append(in, d)
			}
		}
		run := k.run(fmt.Sprint("run", i), in...)
		ids = append(ids, run)
		data = append(data, k.data(fmt.Sprint("data", i), &run))
		if i%2 == 0 {
			f := must[*facts.RecordFeaturePayload](k)(k.RecordFeature(k.admin, facts.RecordFeatureInput{Model: model, Name: fmt.Sprint("feature", i)})).Feature
			features = append(features, f.ID)
		}
	}
	for i := range 5 {
		run := k.run(fmt.Sprint("train", i), data[r.IntN(len(data))], data[r.IntN(len(data))])
		version := fmt.Sprintf("1.%d.0", i)
		v := must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.as("root", registry.RoleAdmin), catalog.RegisterModelVersionInput{Model: model, Version: &version,
			Run: &run, Features: features[:r.IntN(len(features)+1)]})).ModelVersion
		ids = append(ids, run, v.ID)
		switch i {
		case 1, 2: // 1.1.0 is DEPRECATED by 1.2.0
			k.move(model, version, registry.Staging, registry.Production)
		case 3:
			k.move(model, version, registry.Staging)
		}
		d := must[*facts.RecordDeploymentPayload](k)(k.RecordDeployment(k.as("root", registry.RoleAdmin), facts.RecordDeploymentInput{ID: &v.ID,
			Environment: []string{"prod", "test"}[i%2], Endpoint: fmt.Sprint("e", i)})).Deployment
		ids = append(ids, d.ID)
	}
	return append(append(ids, data...), features...)
}

var roles = []string{registry.RoleAdmin, registry.RoleDataScientist, registry.RoleDeveloper, registry.RoleViewer}

// TestCountsAreWhatThePagesHold compares LineageCounts with counts of the nodes and edges of
// all pages, for each role, in every direction, unfiltered, filtered and truncated.
func TestCountsAreWhatThePagesHold(t *testing.T) {
	asked, hidden := 0, 0
	for seed := range uint64(2) {
		k := newKit(t)
		ids := randomPipeline(k, seed)
		r := rand.New(rand.NewPCG(seed, 22))
		for _, role := range roles {
			for _, id := range ids {
				in := provenance.LineageInput{Of: id, Direction: []lineage.Direction{lineage.Upstream, lineage.Downstream, lineage.Both}[r.IntN(3)], MaxDepth: ptr(r.IntN(6)),
					Fanout: ptr(1 + r.IntN(4)), First: ptr(1 + r.IntN(7))}
				switch r.IntN(4) {
				case 0:
					in.Where = &provenance.LineageFilter{Kinds: []registry.Kind{registry.KindRun, registry.KindModelVersion}}
				case 1:
					in.Where = &provenance.LineageFilter{Stages: []registry.Stage{registry.Production, registry.Deprecated}}
				case 2:
					in.Where = &provenance.LineageFilter{Environments: []string{"prod"}}
				}
				c, err := k.LineageCounts(k.as("a", role), in)
				want, missing := k.countPages(role, in)
				if missing != nil {
					k.wantCode(registry.CodeOf(missing), err)
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				have := provenance.LineageCounts{Nodes: c.Nodes, Edges: c.Edges, Redacted: c.Redacted, Truncation: c.Truncation}
				if fmt.Sprintf("%+v", have) != fmt.Sprintf("%+v", want.LineageCounts) {
					t.Errorf("seed %d, %s: %+v\npages hold %+v", seed, role, have, want.LineageCounts)
				}
				for _, n := range c.Counts {
					if want.by[*n] != 0 || want.by[provenance.LineageCount{Kind: n.Kind, Depth: n.Depth}] != n.Count {
						t.Errorf("seed %d, %s: %+v, pages hold %v", seed, role, n, want.by)
					}
				}
				if asked++; c.Redacted > 0 {
					hidden++
				}
			}
		}
	}
	if asked < 100 || hidden == 0 {
		t.Errorf("%d questions, %d with hidden nodes", asked, hidden)
	}
}

type pageTotals struct {
	provenance.LineageCounts
	by map[provenance.LineageCount]int
}

// countPages counts the nodes and edges of all pages of lineage.
func (k *kit) countPages(role string, in provenance.LineageInput) (pageTotals, error) {
	k.Helper()
	out := pageTotals{by: map[provenance.LineageCount]int{}}
	for {
		g, err := k.Lineage(k.as("a", role), in)
		if err != nil {
			return out, err
		}
		for _, n := range g.Nodes {
			out.Nodes++
			out.by[provenance.LineageCount{Kind: n.Kind, Depth: n.Depth}]++
		}
		out.Edges += len(g.Edges)
		out.Truncation, out.Redacted = g.Truncation, g.Truncation.Redacted
		if !g.PageInfo.HasNextPage {
			return out, nil
		}
		in.After = &g.PageInfo.EndCursor
	}
}

// expiringContext is a context whose deadline passes after *left calls of Err.
type expiringContext struct {
	context.Context
	left *int
}

func (l expiringContext) Err() error {
	if *l.left--; *l.left < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// TestADeadlineTruncatesAnswers lets the deadline pass at every step of every query.
func TestADeadlineTruncatesAnswers(t *testing.T) {
	k := newKit(t)
	ids := randomPipeline(k, 1)
	raw := ids[len(ids)-11] // the first of eight datasets and three features
	v := ids[7]
	if raw.Kind() != registry.KindDatasetVersion || v.Kind() != registry.KindModelVersion {
		t.Fatalf("%s and %s", raw, v)
	}
	served := ids[10] // 1.1.0
	cut := map[string]int{}
	for _, role := range []string{registry.RoleAdmin, registry.RoleDeveloper} {
		for left := range 60 {
			ask := func(what string, fn func(context.Context) (provenance.Truncation, error)) {
				t.Helper()
				n := left
				tr, err := fn(expiringContext{k.as("a", role), &n})
				if err != nil && !(registry.CodeOf(err) == registry.NotFound && role == registry.RoleDeveloper) {
					t.Errorf("%s as %s after %d steps: %v", what, role, left, err)
				}
				if slices.Contains(tr.Reasons, lineage.ReasonTime) {
					cut[what]++
				}
			}
			ask("lineage", func(ctx context.Context) (provenance.Truncation, error) {
				g, err := k.Lineage(ctx, provenance.LineageInput{Of: served, Direction: lineage.Both, Degrees: true})
				return truncation(g, err)
			})
			ask("lineageCounts", func(ctx context.Context) (tr provenance.Truncation, err error) {
				c, err := k.LineageCounts(ctx, provenance.LineageInput{Of: raw, Direction: lineage.Downstream})
				if err == nil {
					tr = c.Truncation
				}
				return tr, err
			})
			ask("provenance", func(ctx context.Context) (tr provenance.Truncation, err error) {
				p, err := k.Service.Provenance(ctx, served, k.now.Add(time.Minute), k.now.Add(time.Minute))
				if err == nil {
					tr = p.Truncation
				}
				return tr, err
			})
			ask("impact", func(ctx context.Context) (tr provenance.Truncation, err error) {
				c, err := k.Impact(ctx, provenance.ImpactInput{Of: []registry.ID{raw}, Live: true})
				if err != nil {
					return tr, err
				}
				counts, err := c.Counts(ctx)
				if err == nil && slices.Contains(counts.Truncation.Reasons, lineage.ReasonTime) {
					cut["counts"]++
				}
				return c.Truncation, err
			})
			ask("paths", func(ctx context.Context) (tr provenance.Truncation, err error) {
				p, err := k.Service.Paths(ctx, served, raw, nil, k.now.Add(time.Minute), k.now.Add(time.Minute))
				if err != nil {
					return tr, err
				}
				if slices.Contains(p.Truncation.Reasons, lineage.ReasonTime) && p.Exhaustive {
					t.Error("exhaustive, and time ran out")
				}
				return p.Truncation, nil
			})
			ask("diff", func(ctx context.Context) (tr provenance.Truncation, err error) {
				d, err := k.LineageDiff(ctx, provenance.LineageDiffInput{A: served, B: ids[13]})
				if err != nil {
					return tr, err
				}
				if d.Identical {
					t.Error("identical, and they are not")
				}
				return d.TruncationB, nil
			})
		}
	}
	for _, what := range []string{"lineage", "lineageCounts", "provenance", "impact", "counts", "paths", "diff"} {
		if cut[what] == 0 {
			t.Errorf("%s was never cut", what)
		}
	}
}

func truncation(g *provenance.LineageGraph, err error) (provenance.Truncation, error) {
	if err != nil {
		return provenance.Truncation{}, err
	}
	return g.Truncation, nil
}
