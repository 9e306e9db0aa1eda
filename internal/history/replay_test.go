package history

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pedigree/graph/graphtest"
	"pedigree/registry"
)

// Everything that is kept of an instant. No cursors: they name their instant.
const (
	nodeFields = `__typename ... on ModelVersion { id revision deleted name version number stage owner recordedAt updatedAt createdDate replacedBy }
		... on DatasetVersion { id revision name version description rows createdAt recordedAt columns { name type derivedFrom { datasetVersion column } } dataset { revision createdAt } }
		... on Run { id revision name status startedAt endedAt metrics { name value } } ... on Feature { id revision name column createdAt of }
		... on Commit { id revision sha message committedAt } ... on Tag { id revision name sha taggedAt movedAt }
		... on Deployment { id revision name live startedAt endedAt environment modelVersion { version stage } }`
	history = `query($ids: [ID!]!, $asOf: DateTime, $knownAt: DateTime) { nodes(ids: $ids, asOf: $asOf, knownAt: $knownAt) { ` + nodeFields + ` } }`
	model   = `query($name: String!, $asOf: DateTime, $knownAt: DateTime) { model(name: $name, asOf: $asOf, knownAt: $knownAt) { id revision description createdAt updatedAt
		latestVersion { version stage } productionVersion { version revision card { revision description status limitations } } versionsByStage(stage: STAGING) { version }
		aliases { name version setAt revision modelVersion { version stage } }
		staged: versions(first: 3, filter: {stages: [STAGING, DEPRECATED]}) { totalCount edges { node { version } } }
		versions(first: 12) { totalCount pageInfo { hasNextPage } edges { node { version stage revision model { revision } card { revision description } aliases { name } features { name }
			transitions(first: 9) { totalCount edges { node { from to at ordinal modelVersion { stage } } } }
			deployments(first: 9) { totalCount edges { node { name live endedAt } } }
			upstream(first: 9) { totalCount edges { relation node { id name } } } downstream(first: 9) { totalCount edges { relation node { id name } } } } } } } }`
	graphs = `query($a: ID!, $b: ID!, $asOf: DateTime, $knownAt: DateTime) {
		up: lineage(of: $a, asOf: $asOf, knownAt: $knownAt, first: 60) { ...g } down: lineage(of: $a, direction: DOWNSTREAM, asOf: $asOf, knownAt: $knownAt, first: 60) { ...g }
		both: lineage(of: $b, direction: BOTH, asOf: $asOf, knownAt: $knownAt, first: 60) { ...g }
		impact(of: [$a, $b], targets: [DEPLOYMENT, MODEL_VERSION], asOf: $asOf, knownAt: $knownAt) { totalCount asOf knownAt counts { environments { environment count } } edges { depth node { id name } path { id } } }
		provenance(of: $b, asOf: $asOf, knownAt: $knownAt) { asOf knownAt rawSources { id } runs { id } commits { id } people gaps { code node { id } } }
		paths(from: $a, to: $b, asOf: $asOf, knownAt: $knownAt) { asOf knownAt exhaustive paths { length nodes { id } } onAnyPath { edges { id validFrom } } } }
		fragment g on LineageGraph { root asOf knownAt historyCut nodes { depth layer treeParent upstreamDegree downstreamDegree node { id name ... on ModelVersion { stage revision } ... on Deployment { live } } }
			edges { id from to kind validFrom validTo } truncation { truncated reasons redacted } }`
	columns = `query($of: ID!, $asOf: DateTime, $knownAt: DateTime) { columnLineage(of: $of, column: "a", direction: BOTH, asOf: $asOf, knownAt: $knownAt) { asOf knownAt
		columns { column depth node { id revision } from { datasetVersion column } } features { totalCount edges { node { id } } } versions { totalCount edges { node { id stage } } }
		models { edges { node { id revision } } } deployments { totalCount edges { node { id live } } } truncation { truncated } } }`
)

// kept is a question, and its answer at an instant.
type kept struct {
	at     time.Time
	after  string
	query  string
	vars   map[string]any
	answer string
}

// keep asks about now and keeps the answers.
func (l *life) keep(after string) (out []kept) {
	add := func(query string, vars map[string]any) {
		out = append(out, kept{l.k.now, after, query, vars, l.k.ask(registry.RoleAdmin, query, vars)})
	}
	for _, m := range models {
		add(model, map[string]any{"name": m})
	}
	if len(l.ids) > 0 {
		ids := l.ids[max(0, len(l.ids)-100):]
		add(history, map[string]any{"ids": append([]registry.ID(nil), ids...)})
		add(graphs, map[string]any{"a": pick(l, l.ids), "b": pick(l, l.ids)})
	}
	if len(l.data) > 0 {
		add(columns, map[string]any{"of": pick(l, l.data)})
	}
	return out
}

// TestEveryPastIsAnsweredAsItWas lets a registry live, keeps what it answers after
// every event, and asks all of it again at the end as of that event's time, valid
// and known: byte for byte the same, on both stores, and the same on both.
func TestEveryPastIsAnsweredAsItWas(t *testing.T) {
	const events = 80
	done, first := map[string]int{}, map[string]string{}
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			asked, changed, refused := 0, 0, 0
			for seed := range uint64((graphtest.Rounds() + 2) / 3) {
				k := newSite(t, store.open)
				l := newLife(k, seed)
				var all []kept
				for i := range events {
					k.tick(time.Duration(1+l.IntN(7200)) * time.Second)
					all = append(all, l.keep(l.event())...)
					if name := fmt.Sprint(seed, " ", i); first[name] == "" {
						first[name] = all[len(all)-1].answer
					} else if first[name] != all[len(all)-1].answer {
						t.Errorf("seed %d, event %d: the stores differ:\n%s\n%s", seed, i, first[name], all[len(all)-1].answer)
					}
				}
				k.tick(240 * time.Hour)
				for i, q := range all {
					if strings.Contains(q.answer, `"errors"`) {
						t.Fatalf("seed %d: %s\n%s", seed, q.query, q.answer)
					}
					q.vars["asOf"], q.vars["knownAt"] = q.at, q.at
					asked++
					if got := k.ask(registry.RoleAdmin, q.query, q.vars); got != q.answer {
						t.Fatalf("seed %d, after %s at %s: %.200s\nwas  %s\nnow  %s", seed, q.after, q.at.Format(time.RFC3339), q.query, q.answer, got)
					}
					q.vars["asOf"], q.vars["knownAt"] = nil, nil
					if (q.query == model || q.query == history) && i%7 == 0 && k.ask(registry.RoleAdmin, q.query, q.vars) != q.answer {
						changed++
					}
				}
				for kind, n := range l.done {
					done[kind] += n
				}
				refused += l.refused
			}
			t.Logf("%d answers of the past are byte for byte what they were; events %v, %d refused by a rule", asked, done, refused)
			if asked < 4*events || changed < asked/20 || len(done) < 15 {
				t.Errorf("%d asked, of a part %d have another answer today, events %v: too little happened", asked, changed, done)
			}
		})
	}
}
