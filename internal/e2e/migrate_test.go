package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/migrate"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/internal/bench/graphs"
	"pedigree/internal/neo4jtest"
	"pedigree/registry"
)

// changeHistory deletes, retracts and moves rows of a filled registry.
func changeHistory(t *testing.T, s *localRegistry) {
	t.Helper()
	do := func(query string, vars map[string]any) json.RawMessage {
		t.Helper()
		var a answer
		body := s.post(s.token(registry.RoleAdmin), query, vars)
		if err := json.Unmarshal(body, &a); err != nil || len(a.Errors) > 0 {
			t.Fatalf("%s: %s", query, body)
		}
		return a.Data
	}
	var v struct {
		ModelVersion struct {
			ID       string
			Upstream struct {
				Edges []struct {
					Relation string
					Node     struct{ ID string }
				}
			}
		}
	}
	if err := json.Unmarshal(do(`{modelVersion(model:"credit-approval",version:"1.0.1"){id upstream{edges{relation node{id}}}}}`, nil), &v); err != nil || len(v.ModelVersion.Upstream.Edges) == 0 {
		t.Fatalf("%v, %+v", err, v)
	}
	e := v.ModelVersion.Upstream.Edges[0]
	edge := map[string]any{"in": map[string]any{"from": v.ModelVersion.ID, "to": e.Node.ID, "kind": e.Relation}}
	for range 2 { // Retract, link again, and retract.
		do(`mutation($in:RetractLineageInput!){retractLineage(input:$in){__typename}}`, edge)
		do(`mutation($in:LinkLineageInput!){linkLineage(input:$in){__typename}}`, edge)
	}
	do(`mutation($in:RetractLineageInput!){retractLineage(input:$in){__typename}}`, edge)
	for _, version := range []string{"1.0.0", "1.0.1"} {
		do(`mutation($v:String!){setAlias(input:{model:"credit-approval",alias:"moving",version:$v}){alias{name}}}`, map[string]any{"v": version})
	}
	do(`mutation{registerModelVersion(input:{model:"credit-approval",version:"9.0.0"}){modelVersion{id}}}`, nil)
	do(`mutation{deleteModelVersion(input:{model:"credit-approval",version:"9.0.0",reason:"a slip 🦊"}){__typename}}`, nil)
	for range 2 { // A name that is used again.
		do(`mutation{registerModel(input:{name:"short-lived"}){model{id}}}`, nil)
		do(`mutation{deleteModel(input:{model:"short-lived"}){__typename}}`, nil)
	}
	shas := []string{strings.Repeat("a1", 20), strings.Repeat("b2", 20)}
	for _, sha := range shas {
		do(`mutation($sha:String!){recordCommits(input:{repository:{name:"moves"},commits:[{sha:$sha,message:"m",author:"a",authoredAt:"2026-01-01T00:00:00Z",committedAt:"2026-01-01T00:00:00Z"}]}){__typename}}`,
			map[string]any{"sha": sha})
		do(`mutation($sha:String!){recordTag(input:{repository:{name:"moves"},name:"v1",sha:$sha}){__typename}}`, map[string]any{"sha": sha})
	}
}

// TestAMovedRegistryAnswersTheSameBytes moves a registry to Neo4j and back.
func TestAMovedRegistryAnswersTheSameBytes(t *testing.T) {
	t.Parallel()
	lite, neo, back := openLite(t), openNeo(t), openLite(t)
	first := newLocalRegistry(t, lite)
	loadDemoData(t, first)
	changeHistory(t, first)
	roles := []string{registry.RoleAdmin, registry.RoleDataScientist, registry.RoleDeveloper, registry.RoleViewer}
	token := map[string]string{}
	for _, role := range roles {
		token[role] = first.token(role)
	}
	ids := lineageIDs(t, first)
	var proof *migrate.Comparison
	for _, move := range [][2]graph.Store{{lite, neo}, {neo, back}} {
		report, err := migrate.Run(t.Context(), move[0], move[1], nil)
		if err != nil || !report.Proof.Equal() || proof != nil && *report.Proof != *proof {
			t.Fatalf("%v, %+v", err, report)
		}
		proof = report.Proof
	}
	if proof.To.Revisions <= proof.To.Nodes || proof.To.Edges == 0 {
		t.Fatalf("the registry has no history to compare: %+v", proof.To)
	}
	asked := 0
	for _, moved := range []*localRegistry{newLocalRegistry(t, neo), newLocalRegistry(t, back)} {
		for _, role := range roles {
			ask := func(query string, vars map[string]any) {
				x, y := first.post(token[role], query, vars), moved.post(token[role], query, vars)
				if !bytes.Equal(x, y) || bytes.Contains(x, []byte(`"INTERNAL"`)) || bytes.Contains(x, []byte(`UNAUTHENTICATED`)) {
					t.Errorf("%s asks %s %v:\nbefore %.1500s\nafter  %.1500s", role, query, vars, x, y)
				}
				asked++
			}
			for _, q := range catalogQueries {
				ask(q, nil)
			}
			for i, id := range ids {
				for k, q := range lineageQueries {
					if k == i%len(lineageQueries) {
						ask(q, map[string]any{"id": id})
					}
				}
				if role == registry.RoleAdmin {
					ask(`query($id:ID!){lineage(of:$id,direction:BOTH,knownAt:"2026-11-23T12:00:00Z",asOf:"2026-11-01T00:00:00Z"){nodes{node{id name} depth} edges{id from to kind validFrom validTo}}}`, map[string]any{"id": id})
				}
			}
		}
	}
	t.Logf("PROOF SQLite → Neo4j → SQLite: %d log entries, %d nodes in %d revisions, %d edges, digest %s three times, %d equal answers",
		proof.To.Log, proof.To.Nodes, proof.To.Revisions, proof.To.Edges, proof.To.Digest, asked)
}

func openLite(t *testing.T) graph.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openNeo(t *testing.T) graph.Store {
	t.Helper()
	s, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAKilledMigrationResumes kills migrations with SIGKILL at random moments and
// runs them again until one ends: from SQLite to Neo4j, and from there to SQLite.
func TestAKilledMigrationResumes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from := "sqlite://" + filepath.Join(dir, "from.db")
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "from.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = graphs.Plan{Size: 10_000, Seed: 7}.Load(t.Context(), s, 2000, func(graphs.LoadStats) {})
	if closing := s.Close(); err != nil || closing != nil {
		t.Fatal(err, closing)
	}
	namespace := fmt.Sprintf("e2e%d", rand.Int64())
	digest := ""
	for _, direction := range []struct {
		name       string
		args, open []string
	}{
		{"SQLite to Neo4j", []string{"--from", from, "--to", neo4jtest.URL(t), "--to-namespace", namespace}, []string{"--store", neo4jtest.URL(t), "--store-namespace", namespace}},
		{"Neo4j to SQLite", []string{"--from", neo4jtest.URL(t), "--from-namespace", namespace, "--to", "sqlite://" + filepath.Join(dir, "to.db")},
			[]string{"--store", "sqlite://" + filepath.Join(dir, "to.db")}},
	} {
		kills, halfFilled := 0, 0
		for range rounds(20) {
			if !killedMigration(t, 1+rand.IntN(5), direction.args...) {
				break // It ended first.
			}
			kills++
			out, err := exec.Command(binary, append([]string{"lineage", "run_00000000000000000000000000"}, direction.open...)...).CombinedOutput()
			if err == nil {
				t.Fatalf("a half-filled store was opened: %s", out)
			}
			if strings.Contains(string(out), "was not finished: run pedigree migrate again") {
				halfFilled++
			}
		}
		out := command(t, append([]string{"migrate"}, direction.args...)...)
		if !strings.Contains(out, "\nequal\n") {
			t.Errorf("%s: %s", direction.name, out)
		}
		if kills == 0 || halfFilled == 0 {
			t.Errorf("%s: %d kills, %d of them left a half-filled store: the test proves nothing", direction.name, kills, halfFilled)
		}
		got := digestIn(t, out)
		if digest != "" && got != digest {
			t.Errorf("%s: digest %s, before %s", direction.name, got, digest)
		}
		digest = got
		if verified := command(t, append([]string{"migrate", "--verify"}, direction.args...)...); digestIn(t, verified) != digest {
			t.Errorf("verified: %s", verified)
		}
		t.Logf("PROOF %s: killed with -9 %d times, %d times half filled; in the end equal, digest %s", direction.name, kills, halfFilled, digest)
	}
}

// killedMigration runs a migration and kills it shortly after that many lines of
// progress. It returns false when the migration ended first.
func killedMigration(t *testing.T, lines int, args ...string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append([]string{"migrate"}, args...)...)
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	progress := bufio.NewScanner(out)
	for range lines {
		progress.Scan()
	}
	time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
	cmd.Process.Kill()
	io.Copy(io.Discard, out)
	return cmd.Wait() != nil
}

// digestIn returns the digest of both stores in the output of a migration.
func digestIn(t *testing.T, out string) string {
	t.Helper()
	var found []string
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "SHA-256 of ") {
			found = append(found, strings.TrimSpace(line[strings.LastIndex(line, " "):]))
		}
	}
	if len(found) != 2 || found[0] != found[1] || len(found[0]) != 64 {
		t.Fatalf("no two equal digests in %s", out)
	}
	return found[0]
}
