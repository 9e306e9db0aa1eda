package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/facts"
)

// TestARandomRegistryIsTheSameAfterExportAndLoad builds random registries with every kind of
// edge, retractions, tombstones, moved tags and moved aliases. What is stored before an
// export is stored after a load of it into an empty registry: nodes, edges, and the times
// of both; no line is refused, and a second export has the same bytes.
func TestARandomRegistryIsTheSameAfterExportAndLoad(t *testing.T) {
	t.Parallel()
	for engine, open := range emptyRegistries {
		t.Run(engine, func(t *testing.T) {
			const all = 1000
			n := rounds(all)
			if engine == "Neo4j" {
				n = max(n/20, 1)
			}
			edges, nodes := 0, 0
			for seed := range uint64(n) {
				source, target := open(t), open(t)
				buildRandomRegistry(source, rand.New(rand.NewPCG(seed, 12)), 150)
				want, out := source.stored(), source.export()
				if _, refused := target.loadLines(out); len(refused) > 0 {
					t.Fatalf("seed %d: refused: %+v", seed, refused[:min(3, len(refused))])
				}
				if got := target.stored(); got.text() != want.text() {
					t.Fatalf("seed %d: %s", seed, firstDifference(want.text(), got.text()))
				}
				if back := target.export(); back != out {
					t.Fatalf("seed %d: the second export: %s", seed, firstDifference(out, back))
				}
				nodes, edges = nodes+len(want.nodes), edges+len(want.edges)
				source.store.Close()
				target.store.Close()
			}
			t.Logf("PROOF %d random registries, %d nodes and %d edges, the same after export and load", n, nodes, edges)
		})
	}
}

// storedGraph is what a store holds of a registry, without what deletion and recording
// leave behind: who recorded it and when, and the order of recording.
type storedGraph struct{ nodes, edges []string }

func (g storedGraph) text() string {
	return strings.Join(append(slices.Clone(g.nodes), g.edges...), "\n")
}

// stored reads all nodes and edges that an export can carry. It reads aliases at several
// instants too.
func (s *localRegistry) stored() (out storedGraph) {
	s.t.Helper()
	ctx := s.t.Context()
	nodes := map[registry.ID]*graph.Node{}
	for _, kind := range append(registry.LineageKinds(), registry.KindModel, registry.KindDataset, registry.KindRepository, registry.KindCard, registry.KindArtifact, registry.KindAlias, registry.KindTransition) {
		q := graph.Query{Kinds: []registry.Kind{kind}, Order: registry.IndexName, Limit: 1000}
		page, err := s.store.Find(ctx, q)
		if err != nil || page.More {
			s.t.Fatal(err, page.More)
		}
		for _, n := range page.Nodes {
			nodes[n.ID] = n
		}
	}
	// What belongs to a deleted model or version is not exported.
	belongs := func(n *graph.Node) bool {
		var doc struct {
			VersionID registry.ID
			Of        registry.ID
		}
		if err := json.Unmarshal(n.Doc, &doc); err != nil {
			s.t.Fatal(err)
		}
		switch n.Kind {
		case registry.KindDeployment:
			return nodes[doc.VersionID] != nil
		case registry.KindFeature:
			return nodes[doc.Of] != nil
		case registry.KindModelVersion, registry.KindTransition, registry.KindAlias, registry.KindArtifact, registry.KindCard:
			return nodes[n.Parent] != nil
		}
		return true
	}
	maps.DeleteFunc(nodes, func(_ registry.ID, n *graph.Node) bool { return !belongs(n) })
	var ids []registry.ID
	for id, n := range nodes {
		// The times in which an alias pointed at a deleted version are not exported. An alias that
		// ended is compared by its history, which leaves those times out too.
		if n.Kind != registry.KindAlias || n.ValidTo.IsZero() {
			out.nodes = append(out.nodes, s.describe(n, nodes))
		}
		if n.Kind.Walked() {
			ids = append(ids, id)
		}
	}
	for part := range slices.Chunk(ids, 500) {
		hops, err := s.store.Neighbors(ctx, graph.NeighborQuery{IDs: part, Direction: graph.Upstream, LimitPerNode: 1000, Bare: true})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, h := range hops {
			for _, e := range h.Edges {
				if nodes[e.To] != nil {
					out.edges = append(out.edges, fmt.Sprint("edge ", e.From, e.Kind, e.To, e.ValidFrom, e.ValidTo))
				}
			}
		}
	}
	out.nodes = append(out.nodes, s.aliasHistory(nodes)...)
	slices.Sort(out.nodes)
	slices.Sort(out.edges)
	return out
}

// describe returns a node as text, without the fields that recording sets.
func (s *localRegistry) describe(n *graph.Node, nodes map[registry.ID]*graph.Node) string {
	var doc map[string]any
	if err := json.Unmarshal(n.Doc, &doc); err != nil {
		s.t.Fatal(err)
	}
	for _, f := range []string{"recordedAt", "updatedAt", "creator", "setBy", "by", "actor", "lastNumber", "used", "roleEvidence"} {
		delete(doc, f)
	}
	if by, _ := doc["replacedBy"].(string); nodes[registry.ID(by)] == nil {
		delete(doc, "replacedBy")
	}
	b, _ := json.Marshal(sortLists(doc))
	return fmt.Sprint(n.Kind, " ", n.ID, n.Parent, n.Name, " ", n.ValidFrom, n.ValidTo, string(b))
}

// aliasHistory reads what each alias pointed at, hour by hour.
func (s *localRegistry) aliasHistory(nodes map[registry.ID]*graph.Node) (out []string) {
	var ids []registry.ID
	for id, n := range nodes {
		if n.Kind == registry.KindAlias {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for hour := range 14 {
		at := propertyStart.Add(time.Duration(hour)*time.Hour + time.Minute)
		found, err := s.store.Nodes(s.t.Context(), graph.Instant{Valid: at}, ids...)
		if err != nil {
			s.t.Fatal(err)
		}
		for i, n := range found {
			if n == nil || n.Erased() || n.Deleted {
				continue
			}
			var a registry.Alias
			if err := json.Unmarshal(n.Doc, &a); err != nil {
				s.t.Fatal(err)
			}
			if nodes[a.VersionID] != nil {
				live := n.ValidTo.IsZero() || n.ValidTo.After(at)
				out = append(out, fmt.Sprint("hour ", hour, " ", ids[i], a.Version, a.SetAt, live))
			}
		}
	}
	return out
}

var propertyStart = time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)

// registryBuilder writes a random registry. It remembers the ids that exist.
type registryBuilder struct {
	s     *localRegistry
	r     *rand.Rand
	ids   map[registry.Kind][]registry.ID
	shas  []string
	tally map[string]int
}

func buildRandomRegistry(s *localRegistry, r *rand.Rand, n int) *registryBuilder {
	b := &registryBuilder{s: s, r: r, ids: map[registry.Kind][]registry.ID{}, tally: map[string]int{}}
	for range n {
		b.step()
	}
	return b
}

func (b *registryBuilder) hour() time.Time {
	if b.r.IntN(8) == 0 {
		return time.Time{}
	}
	return propertyStart.Add(time.Duration(b.r.IntN(12)) * time.Hour)
}

func (b *registryBuilder) name(of string, n int) string { return fmt.Sprint(of, b.r.IntN(n)) }

// pick returns the id of a node of one of the kinds, "" when there is none.
func (b *registryBuilder) pick(kinds ...registry.Kind) registry.ID {
	all := b.ids[kinds[b.r.IntN(len(kinds))]]
	if len(all) == 0 {
		return ""
	}
	return all[b.r.IntN(len(all))]
}

func (b *registryBuilder) some(most int, kinds ...registry.Kind) (out []registry.ID) {
	for range b.r.IntN(most + 1) {
		if id := b.pick(kinds...); id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func (b *registryBuilder) optional(kind registry.Kind) *registry.ID {
	if id := b.pick(kind); id != "" && b.r.IntN(2) == 0 {
		return &id
	}
	return nil
}

func (b *registryBuilder) tags() (out []registry.KeyValue) {
	for _, k := range []string{"a", "b"} {
		if b.r.IntN(4) == 0 {
			out = append(out, registry.KeyValue{Key: k, Value: b.name("", 3)})
		}
	}
	return out
}

func (b *registryBuilder) columns() (out []registry.Column) {
	if b.r.IntN(3) == 0 {
		return nil
	}
	for _, name := range []string{"k", "l", "m"} {
		c := registry.Column{Name: name, Type: b.name("t", 2)}
		for _, id := range b.some(1, registry.KindDatasetVersion) {
			c.DerivedFrom = append(c.DerivedFrom, registry.ColumnSource{DatasetVersion: id, Column: b.columnName()})
		}
		out = append(out, c)
	}
	return out
}

func (b *registryBuilder) columnName() string { return []string{"k", "l", "m"}[b.r.IntN(3)] }

func (b *registryBuilder) model() string { return b.name("m", 3) }

func (b *registryBuilder) version() string { return b.name("1.", 4) + ".0" }

// step writes one thing. Refusals are part of the game.
func (b *registryBuilder) step() {
	var err error
	ctx, svc := b.s.admin(), b.s.service
	model, version := b.model(), b.version()
	what := b.r.IntN(24)
	switch what {
	case 0, 1, 2, 3:
		in := facts.RecordDatasetVersionInput{Dataset: b.name("d", 5), Version: b.name("", 3), Description: b.name("x", 2), Columns: b.columns(), Tags: b.tags(), CreatedAt: b.hour(),
			DerivedFrom: b.some(2, registry.KindDatasetVersion), GeneratedBy: b.optional(registry.KindRun)}
		switch b.r.IntN(4) {
		case 0:
			in.Version, in.Digest = "", "md5:0123456"+b.name("", 5)
		case 1:
			in.Version = ""
		}
		if b.r.IntN(3) == 0 {
			in.Owner, in.Role = b.name("o", 2), registry.DataRoles()[b.r.IntN(4)]
		}
		var p *facts.RecordDatasetVersionPayload
		if p, err = svc.RecordDatasetVersion(ctx, in); err == nil {
			b.add(registry.KindDatasetVersion, p.DatasetVersion.ID)
		}
	case 4, 5, 6:
		in := facts.RecordRunInput{Producer: "p", RunID: b.name("r", 8), Name: b.name("n", 2), RunKind: registry.RunKinds()[b.r.IntN(5)], Status: registry.RunStatuses()[b.r.IntN(4)],
			Tags: b.tags(), StartedAt: b.hour(), Inputs: b.some(4, registry.KindDatasetVersion, registry.KindFeature, registry.KindModelVersion), Outputs: b.some(2, registry.KindDatasetVersion)}
		if b.r.IntN(3) == 0 {
			in.EndedAt = propertyStart.Add(time.Duration(b.r.IntN(13)) * time.Hour)
		}
		if len(b.shas) > 0 {
			in.Commits = []string{b.shas[b.r.IntN(len(b.shas))]}
		}
		var p *facts.RecordRunPayload
		if p, err = svc.RecordRun(ctx, in); err == nil {
			b.add(registry.KindRun, p.Run.ID)
		}
	case 7, 8:
		err = b.commit()
	case 9:
		if len(b.shas) > 0 {
			in := facts.RecordTagInput{Repository: b.repository(), Name: b.name("t", 3), SHA: b.shas[b.r.IntN(len(b.shas))], TaggedAt: b.hour(), Message: b.name("", 2), Annotated: b.r.IntN(2) == 0}
			if b.r.IntN(3) == 0 {
				in.MovedAt = propertyStart.Add(time.Duration(b.r.IntN(13)) * time.Hour)
			}
			var p *facts.RecordTagPayload
			if p, err = svc.RecordTag(ctx, in); err == nil {
				b.add(registry.KindTag, p.Tag.ID)
			}
		}
	case 10:
		_, err = svc.RegisterModel(ctx, catalog.RegisterModelInput{Name: model, Owner: "o", Description: b.name("x", 2), Tags: b.tags(), CreatedAt: b.hour()})
	case 11, 12, 13:
		in := catalog.RegisterModelVersionInput{Model: model, Version: &version, CreatedDate: b.hour(), Tags: b.tags(), Run: b.optional(registry.KindRun), ReleasedFrom: b.optional(registry.KindTag),
			DerivedFrom: b.some(3, registry.KindDatasetVersion, registry.KindModelVersion), Features: b.some(2, registry.KindFeature)}
		if b.r.IntN(3) == 0 {
			in.Card = &catalog.ModelCardInput{Description: &version, Limitations: []string{b.name("l", 3)}}
			in.Artifacts = []catalog.ArtifactInput{{Name: b.name("f", 2), URI: "s3://b/1"}}
		}
		var p *catalog.RegisterModelVersionPayload
		if p, err = svc.RegisterModelVersion(ctx, in); err == nil {
			b.add(registry.KindModelVersion, p.ModelVersion.ID)
		}
	case 14, 15:
		in := facts.RecordFeatureInput{Name: b.name("f", 3), CreatedAt: b.hour(), Type: b.name("t", 2)}
		if dv := b.pick(registry.KindDatasetVersion); dv != "" && b.r.IntN(3) > 0 {
			in.DefinedOn, in.Column = &dv, b.columnName()
		} else {
			in.Model = model
		}
		var p *facts.RecordFeaturePayload
		if p, err = svc.RecordFeature(ctx, in); err == nil {
			b.add(registry.KindFeature, p.Feature.ID)
		}
	case 16:
		at := propertyStart.Add(time.Duration(b.r.IntN(12)) * time.Hour)
		_, err = svc.TransitionModelVersion(ctx, catalog.TransitionModelVersionInput{Model: &model, Version: &version, To: registry.Stages()[b.r.IntN(6)], At: at, Force: true, Reason: "r"})
	case 17:
		in := catalog.SetAliasInput{Model: model, Alias: b.name("a", 2), Version: version, At: propertyStart.Add(time.Duration(b.r.IntN(12)) * time.Hour)}
		_, err = svc.RecordFacts(ctx, bulk.RecordFactsInput{Facts: []bulk.FactInput{{Alias: &in}}})
	case 18:
		var p *facts.RecordDeploymentPayload
		if p, err = svc.RecordDeployment(ctx, facts.RecordDeploymentInput{Model: &model, Version: &version, Environment: b.name("e", 2), StartedAt: b.hour(), Owner: "o"}); err == nil {
			b.add(registry.KindDeployment, p.Deployment.ID)
			if b.r.IntN(2) == 0 {
				_, err = svc.EndDeployment(ctx, facts.EndDeploymentInput{ID: p.Deployment.ID, EndedAt: p.Deployment.StartedAt.Add(time.Hour)})
			}
		}
	case 19, 20:
		err = b.link()
	case 21, 22:
		err = b.retract()
	case 23:
		switch b.r.IntN(6) {
		case 0:
			_, err = svc.DeleteModel(ctx, catalog.DeleteModelInput{Model: &model})
		case 1, 2:
			_, err = svc.DeleteModelVersion(ctx, catalog.DeleteModelVersionInput{Model: &model, Version: &version})
		case 3:
			_, err = svc.DeleteAlias(ctx, catalog.DeleteAliasInput{Model: model, Alias: b.name("a", 2)})
		case 4:
			_, err = svc.UpdateModel(ctx, catalog.UpdateModelInput{Model: &model, Description: &version})
		default:
			_, err = svc.UpdateModelCard(ctx, catalog.UpdateModelCardInput{Model: &model, Version: &version, Card: &catalog.ModelCardInput{Limitations: []string{"late"}}})
		}
	}
	if registry.CodeOf(err) == registry.Internal {
		b.s.t.Fatalf("step %d: %v", what, err)
	}
	if err == nil {
		b.tally[fmt.Sprint(what)]++
	}
}

func (b *registryBuilder) add(kind registry.Kind, id registry.ID) {
	if !slices.Contains(b.ids[kind], id) {
		b.ids[kind] = append(b.ids[kind], id)
	}
}

func (b *registryBuilder) repository() facts.RepositoryInput {
	return facts.RepositoryInput{Name: b.name("repo", 2)}
}

// commit records a commit. Parents are drawn from commits with a lower number, recorded or
// not, as a sha cannot be that of its own descendant.
func (b *registryBuilder) commit() error {
	const most = 12
	sha := func(n int) string { return strings.Repeat(fmt.Sprintf("%02x", n), 20) }
	n := b.r.IntN(most)
	in := facts.CommitInput{SHA: sha(n), CommittedAt: b.hour(), Message: []string{"", "fix: x", "feat: y\n\nModel-Role: z"}[n%3]}
	if n > 0 && !slices.Contains(b.shas, in.SHA) {
		in.Parents = []string{sha(b.r.IntN(n))}
	}
	if b.r.IntN(4) == 0 {
		in.Role = "given"
	}
	_, err := b.s.service.RecordCommits(b.s.admin(), facts.RecordCommitsInput{Repository: b.repository(), Commits: []facts.CommitInput{in}})
	if err == nil {
		b.add(registry.KindCommit, registry.CommitID(in.SHA))
		if !slices.Contains(b.shas, in.SHA) {
			b.shas = append(b.shas, in.SHA)
		}
	}
	return err
}

// link records an edge of any kind, at the time of its effect or at another one.
func (b *registryBuilder) link() error {
	kind := registry.EdgeKinds()[b.r.IntN(len(registry.EdgeKinds()))]
	from, to := registry.EdgeEnds(kind)
	in := facts.LinkLineageInput{From: b.pick(from...), To: b.pick(to...), Kind: kind}
	if b.r.IntN(2) == 0 {
		in.ValidFrom = b.hour()
	}
	if in.From == "" || in.To == "" {
		return nil
	}
	_, err := b.s.service.LinkLineage(b.s.admin(), in)
	return err
}

// retract withdraws an edge of a random node.
func (b *registryBuilder) retract() error {
	id := b.pick(registry.LineageKinds()...)
	if id == "" {
		return nil
	}
	hops, err := b.s.store.Neighbors(b.s.t.Context(), graph.NeighborQuery{IDs: []registry.ID{id}, Direction: graph.Upstream, LimitPerNode: 100, Bare: true})
	if err != nil || len(hops[0].Edges) == 0 {
		return err
	}
	e := hops[0].Edges[b.r.IntN(len(hops[0].Edges))]
	_, err = b.s.service.RetractLineage(b.s.admin(), facts.RetractLineageInput{From: e.From, To: e.To, Kind: e.Kind})
	return err
}
