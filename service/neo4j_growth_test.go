package service_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/graph/neo4j"
	"pedigree/internal/neo4jtest"
	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/webhooks"
)

// grownNeo4j is a registry on Neo4j in which one model has n versions, one version n records
// and one model n aliases, beside n models and n runs. The store remembers nothing.
type grownNeo4j struct {
	*kit
	texts  []string
	params []map[string]any
}

func growNeo4j(t *testing.T, n int) *grownNeo4j {
	t.Helper()
	g := &grownNeo4j{}
	store, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()), neo4j.WithoutMemory(),
		neo4j.WithQueryHook(func(text string, params map[string]any) {
			g.texts, g.params = append(g.texts, text), append(g.params, params)
		}))
	if err != nil {
		t.Fatal(err)
	}
	g.kit = kitOn(t, store)
	var all []bulk.FactInput
	record := func(f bulk.FactInput) {
		if all = append(all, f); len(all) == 500 {
			must[*bulk.RecordFactsPayload](g.kit)(g.RecordFacts(g.admin, bulk.RecordFactsInput{Facts: all}))
			all = nil
		}
	}
	g.model("m")
	for i := range n {
		name := fmt.Sprintf("m%05d", i)
		record(bulk.FactInput{Model: &catalog.RegisterModelInput{Name: name, Owner: fmt.Sprint("owner", i%7)}})
		record(bulk.FactInput{ModelVersion: &catalog.RegisterModelVersionInput{Model: "m", Version: ptr(fmt.Sprintf("1.%d.0", i)), Owner: fmt.Sprint("owner", i%7)}})
		record(bulk.FactInput{Run: &facts.RecordRunInput{Producer: "p", RunID: name, Name: name}})
		if i < 900 {
			record(bulk.FactInput{Alias: &catalog.SetAliasInput{Model: "m", Alias: "a" + name, Version: "1.0.0"}})
		}
	}
	must[*bulk.RecordFactsPayload](g.kit)(g.RecordFacts(g.admin, bulk.RecordFactsInput{Facts: append(all, bulk.FactInput{Model: &catalog.RegisterModelInput{Name: "last"}})}))
	g.addUses(n)
	g.addWebhooks(n)
	for i := range min(n, 60) { // Back and forth.
		to := registry.Staging
		if i%2 == 1 {
			to = registry.Development
		}
		must[*catalog.TransitionModelVersionPayload](g.kit)(g.TransitionModelVersion(g.admin, catalog.TransitionModelVersionInput{Model: ptr("m"), Version: ptr("1.0.0"), To: to}))
	}
	return g
}

// addUses adds records of events: n writes and reads of one table, by turns.
func (g *grownNeo4j) addUses(n int) {
	g.Helper()
	table := registry.DatasetID("ns", "table")
	must[*facts.RecordDatasetVersionPayload](g.kit)(g.RecordDatasetVersion(g.admin, facts.RecordDatasetVersionInput{Dataset: "table", Namespace: "ns", Version: "1"}))
	use := func(kind string, minute int) *graph.Node {
		run, at := fmt.Sprintf("0190a1b2-0000-7000-8000-%012d", minute), g.now.Add(time.Duration(minute-n-20)*time.Minute)
		doc, err := registry.Canonical(map[string]any{"runId": run, "at": at, "version": "1"})
		if err != nil {
			g.Fatal(err)
		}
		return &graph.Node{ID: registry.NewID(registry.KindDatasetUse, kind, run), Kind: registry.KindDatasetUse, Parent: table,
			Name: fmt.Sprintf("%s/%020d/%s", kind, at.UnixMicro(), run), ValidFrom: at, Doc: doc}
	}
	err := g.store.Update(g.Context(), func(tx graph.Tx) error {
		var nodes []*graph.Node
		for i := range n {
			nodes = append(nodes, use("wrote", 2*i), use("read", 2*i+1))
		}
		if err := tx.Put(g.Context(), nodes...); err != nil {
			return err
		}
		return tx.Append(g.Context(), &registry.LogEntry{Actor: "tester", Action: registry.LogImported})
	})
	if err != nil {
		g.Fatal(err)
	}
}

// addWebhooks adds webhooks of others, at most 100, and the numbers of n deliveries and owners that are
// gone. The first webhook is WebhookID(1).
func (g *grownNeo4j) addWebhooks(n int) {
	g.Helper()
	for i := range min(n, 100) {
		subject := fmt.Sprint("hooked", i)
		must[*access.RoleAssignmentPayload](g.kit)(g.AssignRole(g.admin, access.AssignRoleInput{Subject: subject, Role: registry.RoleAdmin}))
		must[*webhooks.WebhookPayload](g.kit)(g.CreateWebhook(g.as(subject, registry.RoleAdmin), webhooks.CreateWebhookInput{Name: "w", Address: "https://example.com/", Events: []registry.WebhookEvent{registry.OnRecalls}}))
	}
	var counts []graph.Count
	for i := range n {
		counts = append(counts, graph.Count{CountKey: graph.CountKey{Object: registry.WebhookID(1_000_000 + i), Subject: "deliveries"}, Kind: "000", Last: g.now},
			graph.Count{CountKey: graph.CountKey{Object: registry.RecallID(i + 2), Subject: "owner/ada"}, Kind: "over", Last: g.now})
	}
	if err := graph.CountersOf(g.store).SetCounts(g.Context(), counts...); err != nil {
		g.Fatal(err)
	}
}

// webhookCases are what is done with one webhook.
func webhookCases() map[string]func(context.Context, *grownNeo4j) error {
	id := registry.WebhookID(1)
	return map[string]func(context.Context, *grownNeo4j) error{
		"webhooks of a subject": func(ctx context.Context, g *grownNeo4j) error {
			all, err := g.Webhooks(ctx, "hooked0")
			if err == nil && len(all) != 1 {
				err = fmt.Errorf("%d webhooks", len(all))
			}
			return err
		},
		"deliveries and dead letters of a webhook": func(ctx context.Context, g *grownNeo4j) error {
			hook, err := g.Webhook(ctx, id)
			if err == nil {
				_, err = g.DeliveriesOf(ctx, hook)
			}
			if err == nil {
				_, err = g.DeadLettersOf(ctx, hook)
			}
			return err
		},
		"test of a webhook": func(ctx context.Context, g *grownNeo4j) error {
			_, err := g.TestWebhook(ctx, webhooks.TestWebhookInput{ID: id})
			return err
		},
		"replay of a webhook": func(ctx context.Context, g *grownNeo4j) error {
			_, err := g.ReplayWebhook(ctx, webhooks.ReplayWebhookInput{ID: id, After: ptr(int64(0))})
			return err
		},
		"owners who were told of a recall": func(ctx context.Context, g *grownNeo4j) error {
			if _, _, err := g.OwnersTold(ctx); err != nil {
				return err
			}
			_, err := g.OwnerNotices(ctx, registry.RecallID(3), []string{"ada", "bob"})
			return err
		},
	}
}

// tableEvent is an event of a new run about the table.
func (g *grownNeo4j) tableEvent(kind, side string) []byte {
	return fmt.Appendf(nil, `{"eventTime":%q,"eventType":%q,"producer":"p","run":{"runId":"0190a1b2-0000-7000-9000-%012d"},"job":{"namespace":"n","name":"job"},%q:[{"namespace":"ns","name":"table"}]}`,
		g.now.Add(-25*time.Minute).Format(time.RFC3339), kind, len(side), side)
}

var totalHits = regexp.MustCompile(`Total database accesses: (\d+)`)

// hits runs a use case and returns the database accesses of the statements that it sent to
// read, as the server counts them.
func (g *grownNeo4j) hits(run func(ctx context.Context, g *grownNeo4j) error) (hits int) {
	g.Helper()
	g.texts, g.params = nil, nil
	if err := run(g.WithLoaders(g.admin), g); err != nil {
		g.Fatal(err)
	}
	texts, params := g.texts, g.params
	d, err := driver.NewDriverWithContext(neo4jtest.URL(g.T), driver.NoAuth())
	if err != nil {
		g.Fatal(err)
	}
	defer d.Close(g.Context())
	session := d.NewSession(g.Context(), driver.SessionConfig{AccessMode: driver.AccessModeRead})
	defer session.Close(g.Context())
	for i, text := range texts {
		if strings.Contains(text, " SET ") || strings.Contains(text, "CREATE ") || strings.Contains(text, " DELETE ") {
			continue // What is written does not depend on what is there.
		}
		result, err := session.Run(g.Context(), "PROFILE "+text, params[i])
		if err != nil {
			g.Fatal(text, err)
		}
		summary, err := result.Consume(g.Context())
		if err != nil {
			g.Fatal(text, err)
		}
		drawing, _ := summary.Profile().Arguments()["string-representation"].(string)
		total := totalHits.FindStringSubmatch(drawing)
		if total == nil {
			g.Fatalf("no total in the profile of %s: %s", text, drawing)
		}
		n, _ := strconv.Atoi(total[1])
		hits += n
	}
	return hits
}

// neo4jUseCases are what a registry does all day. Each runs once on each store.
func neo4jUseCases() map[string]func(context.Context, *grownNeo4j) error {
	first := core.Paging{First: ptr(10)}
	cases := map[string]func(context.Context, *grownNeo4j) error{
		"model and its latest version": func(ctx context.Context, g *grownNeo4j) error {
			m, err := g.Model(ctx, "m")
			if err == nil {
				_, err = g.LatestVersion(ctx, m)
			}
			return err
		},
		"version": func(ctx context.Context, g *grownNeo4j) error {
			v, err := g.ModelVersion(ctx, "m", "1.3.0")
			if err == nil {
				_, err = g.AliasesOfVersion(ctx, v)
			}
			return err
		},
		"version by alias": func(ctx context.Context, g *grownNeo4j) error {
			_, err := g.ModelVersion(ctx, "m", "am00003")
			return err
		},
		"register with bump": func(ctx context.Context, g *grownNeo4j) error {
			_, err := g.RegisterModelVersion(ctx, catalog.RegisterModelVersionInput{Model: "m", Bump: ptr(registry.BumpMinor)})
			return err
		},
		"set alias": func(ctx context.Context, g *grownNeo4j) error {
			_, err := g.SetAlias(ctx, catalog.SetAliasInput{Model: "m", Alias: "blue", Version: "1.2.0"})
			return err
		},
		"transition": func(ctx context.Context, g *grownNeo4j) error {
			_, err := g.TransitionModelVersion(ctx, catalog.TransitionModelVersionInput{Model: ptr("m"), Version: ptr("1.0.0"), To: registry.Staging})
			return err
		},
		"update card": func(ctx context.Context, g *grownNeo4j) error {
			_, err := g.UpdateModelCard(ctx, catalog.UpdateModelCardInput{Model: ptr("m"), Version: ptr("1.1.0"), Card: &catalog.ModelCardInput{}, Clear: []string{"description"}})
			return err
		},
		"an event of a read": func(ctx context.Context, g *grownNeo4j) error {
			_, err := g.RecordLineageEvent(ctx, g.tableEvent("START", "inputs"))
			return err
		},
		"an event of a write": func(ctx context.Context, g *grownNeo4j) error {
			_, err := g.RecordLineageEvent(ctx, g.tableEvent("COMPLETE", "outputs"))
			return err
		},
		"models": func(ctx context.Context, g *grownNeo4j) error {
			_, err := g.Models(ctx, first, nil, nil)
			return err
		},
		"models of no owner": func(ctx context.Context, g *grownNeo4j) error {
			_, err := g.Models(ctx, first, &catalog.ModelFilter{Owner: "nobody"}, nil)
			return err
		},
	}
	maps.Copy(cases, webhookCases())
	for _, kind := range []registry.Kind{registry.KindModel, registry.KindRun} {
		cases[fmt.Sprint(kind, " by name, from the middle down")] = func(ctx context.Context, g *grownNeo4j) error {
			_, err := g.store.Find(ctx, graph.Query{Kinds: []registry.Kind{kind}, Order: registry.IndexName, Desc: true, Limit: 3, After: &graph.Key{Value: "m00005"}})
			return err
		}
	}
	for _, l := range registry.Lists() {
		for _, order := range l.Orders {
			cases[fmt.Sprint(l.Kind, " by ", order, ", children ", l.Children)] = readList(l, order, registry.NoIndex)
		}
		for _, f := range l.Filters {
			for _, order := range f.Orders {
				cases[fmt.Sprint(l.Kind, " of no ", f.By, " by ", order, ", children ", l.Children)] = readList(l, order, f.By)
			}
		}
	}
	return cases
}

// readList reads the last ten nodes of a list, of the model's children where it has a parent.
// With a filter nothing matches.
func readList(l registry.List, order, filter registry.Index) func(context.Context, *grownNeo4j) error {
	return func(ctx context.Context, g *grownNeo4j) error {
		q := graph.Query{Kinds: []registry.Kind{l.Kind}, Order: order, Desc: true, Limit: 10}
		if l.Children {
			q.Parents = []registry.ID{registry.ModelID("m", 1)}
		}
		if filter != registry.NoIndex {
			q.Where = []graph.Predicate{{Column: filter, Op: graph.In, Values: []any{"none"}}}
			if filter == registry.IndexEnded {
				q.Where[0].Values = []any{int64(5)}
			}
		}
		_, err := g.store.Find(ctx, q)
		return err
	}
}

// TestNoUseCaseGrowsOnNeo4j compares what the statements of gets, lists and mutations visit in a
// small registry and in a large one: as much, within 1.6.
func TestNoUseCaseGrowsOnNeo4j(t *testing.T) {
	few, many := 10, 1000
	if rounds, err := strconv.Atoi(os.Getenv("PEDIGREE_ROUNDS")); err == nil && rounds >= 40 {
		many = 10000
	}
	small, large := growNeo4j(t, few), growNeo4j(t, many)
	if m := must[*registry.Model](large.kit)(large.Model(large.admin, "m")); m.ID != registry.ModelID("m", 1) {
		t.Fatalf("the model is %s", m.ID)
	}
	for name, run := range neo4jUseCases() {
		a, b := small.hits(run), large.hits(run)
		t.Logf("%-60s %6d %6d", name, a, b)
		if float64(b) > 1.6*float64(a)+20 {
			t.Errorf("%s visits %d with %d others, %d with %d", name, a, few, b, many)
		}
	}
	// The negative control: the versions of the model, whatever their order, are as many as it has.
	everything := func(ctx context.Context, g *grownNeo4j) error {
		_, err := g.ExportFacts(ctx, func(bulk.FactInput) error { return nil })
		return err
	}
	if a, b := small.hits(everything), large.hits(everything); float64(b) < 10*float64(a) {
		t.Errorf("a read of everything visits %d and %d", a, b)
	}
}
