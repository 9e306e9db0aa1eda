package history

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/registry"
)

// The queries whose answers are recorded. They have no cursors, because a cursor
// contains its instant.
const (
	nodeFields = `__typename ... on ModelVersion { id revision deleted name version number stage owner recordedAt updatedAt createdDate replacedBy }
		... on DatasetVersion { id revision name version description rows createdAt recordedAt columns { name type derivedFrom { datasetVersion column } } dataset { revision createdAt } }
		... on Run { id revision name status startedAt endedAt metrics { name value } } ... on Feature { id revision name column createdAt of }
		... on Commit { id revision sha message committedAt } ... on Tag { id revision name sha taggedAt movedAt }
		... on Deployment { id revision name live startedAt endedAt environment modelVersion { version stage } }`
	nodesQuery = `query($ids: [ID!]!, $asOf: DateTime, $knownAt: DateTime) { nodesAt(ids: $ids, asOf: $asOf, knownAt: $knownAt) { ` + nodeFields + ` } }`
	modelQuery = `query($name: String!, $asOf: DateTime, $knownAt: DateTime) { model(name: $name, asOf: $asOf, knownAt: $knownAt) { id revision description createdAt updatedAt
		latestVersion { version stage } productionVersion { version revision card { revision description status limitations } } versionsByStage(stage: STAGING) { version }
		aliases { name version setAt revision modelVersion { version stage } }
		staged: versions(first: 3, filter: {stages: [STAGING, DEPRECATED]}) { totalCount edges { node { version } } }
		versions(first: 12) { totalCount pageInfo { hasNextPage } edges { node { version stage revision model { revision } card { revision description } aliases { name } features { name }
			transitions(first: 9) { totalCount edges { node { from to at ordinal modelVersion { stage } } } }
			deployments(first: 9) { totalCount edges { node { name live endedAt } } }
			upstream(first: 9) { totalCount edges { relation node { id name } } } downstream(first: 9) { totalCount edges { relation node { id name } } } } } } } }`
	graphQueries = `query($a: ID!, $b: ID!, $asOf: DateTime, $knownAt: DateTime) {
		up: lineage(of: $a, asOf: $asOf, knownAt: $knownAt, first: 60) { ...g } down: lineage(of: $a, direction: DOWNSTREAM, asOf: $asOf, knownAt: $knownAt, first: 60) { ...g }
		both: lineage(of: $b, direction: BOTH, asOf: $asOf, knownAt: $knownAt, first: 60) { ...g }
		impact(of: [$a, $b], targets: [DEPLOYMENT, MODEL_VERSION], asOf: $asOf, knownAt: $knownAt) { totalCount asOf knownAt counts { environments { environment count } } edges { depth node { id name } path { id } } }
		provenance(of: $b, asOf: $asOf, knownAt: $knownAt) { asOf knownAt rawSources { id } runs { id } commits { id } people gaps { code node { id } } }
		paths(from: $a, to: $b, asOf: $asOf, knownAt: $knownAt) { asOf knownAt exhaustive paths { length nodes { id } } onAnyPath { edges { id validFrom } } } }
		fragment g on LineageGraph { root asOf knownAt historyCut nodes { depth layer treeParent upstreamDegree downstreamDegree node { id name ... on ModelVersion { stage revision } ... on Deployment { live } } }
			edges { id from to kind validFrom validTo } truncation { truncated reasons redacted } }`
	columnHistoryQuery = `query($of: ID!, $asOf: DateTime, $knownAt: DateTime) { columnLineage(of: $of, column: "a", direction: BOTH, asOf: $asOf, knownAt: $knownAt) { asOf knownAt
		columns { column depth node { id revision } from { datasetVersion column } } features { totalCount edges { node { id } } } versions { totalCount edges { node { id stage } } }
		models { edges { node { id revision } } } deployments { totalCount edges { node { id live } } } truncation { truncated } } }`
)

// recordedAnswer is a query and its answer at an instant, after an event.
type recordedAnswer struct {
	at     time.Time
	after  string
	query  string
	vars   map[string]any
	answer string
}

// present returns the time of the present: that of the clock, or of the newest log entry, which is a microsecond later
// for each further entry of one instant.
func (sim *simulation) present() time.Time {
	newest, err := sim.r.store.Log(sim.r.Context(), graph.LogQuery{Desc: true, Limit: 1})
	if err != nil {
		sim.r.Fatal(err)
	}
	if len(newest) > 0 && newest[0].At.After(sim.r.now) {
		return newest[0].At
	}
	return sim.r.now
}

// recordAnswers sends the queries about the current state and returns the answers.
func (sim *simulation) recordAnswers(after string) (out []recordedAnswer) {
	at := sim.present()
	add := func(query string, vars map[string]any) {
		out = append(out, recordedAnswer{at, after, query, vars, sim.r.ask(registry.RoleAdmin, query, vars)})
	}
	for _, m := range models {
		add(modelQuery, map[string]any{"name": m})
	}
	if len(sim.ids) > 0 {
		ids := sim.ids[max(0, len(sim.ids)-100):]
		add(nodesQuery, map[string]any{"ids": append([]registry.ID(nil), ids...)})
		add(graphQueries, map[string]any{"a": pick(sim, sim.ids), "b": pick(sim, sim.ids)})
	}
	if len(sim.data) > 0 {
		add(columnHistoryQuery, map[string]any{"of": pick(sim, sim.data)})
	}
	return out
}

// TestPastAnswersAreReproduced simulates a registry and records its answers after every
// event. At the end it sends all queries again with the time of that event as asOf and
// knownAt. The answers are byte for byte the same, on each store and on both.
func TestPastAnswersAreReproduced(t *testing.T) {
	const events = 80
	succeeded, first := map[string]int{}, map[string]string{}
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			asked, changed, refused := 0, 0, 0
			for seed := range uint64((graphtest.Rounds() + 2) / 3) {
				r := newSite(t, store.open)
				sim := newSimulation(r, seed)
				var recorded []recordedAnswer
				for i := range events {
					r.advance(time.Duration(1+sim.IntN(7200)) * time.Second)
					recorded = append(recorded, sim.recordAnswers(sim.randomEvent())...)
					if name := fmt.Sprint(seed, " ", i); first[name] == "" {
						first[name] = recorded[len(recorded)-1].answer
					} else if first[name] != recorded[len(recorded)-1].answer {
						t.Errorf("seed %d, event %d: the stores differ:\n%s\n%s", seed, i, first[name], recorded[len(recorded)-1].answer)
					}
				}
				r.advance(240 * time.Hour)
				for i, q := range recorded {
					if strings.Contains(q.answer, `"errors"`) {
						t.Fatalf("seed %d: %s\n%s", seed, q.query, q.answer)
					}
					q.vars["asOf"], q.vars["knownAt"] = q.at, q.at
					asked++
					if got := r.ask(registry.RoleAdmin, q.query, q.vars); got != q.answer {
						t.Fatalf("seed %d, after %s at %s: %.200s\nwas  %s\nnow  %s", seed, q.after, q.at.Format(time.RFC3339), q.query, q.answer, got)
					}
					q.vars["asOf"], q.vars["knownAt"] = nil, nil
					if (q.query == modelQuery || q.query == nodesQuery) && i%7 == 0 && r.ask(registry.RoleAdmin, q.query, q.vars) != q.answer {
						changed++
					}
				}
				for kind, n := range sim.succeeded {
					succeeded[kind] += n
				}
				refused += sim.refused
			}
			t.Logf("%d answers of the past are byte for byte what they were; events %v, %d refused by a rule", asked, succeeded, refused)
			if asked < 4*events || changed < asked/20 || len(succeeded) < 15 {
				t.Errorf("%d queries, %d of a part of them have another answer today, events %v: too few events", asked, changed, succeeded)
			}
		})
	}
}
