package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pedigree/registry"
)

// TestTheStoryOfARecall recalls the raw data of the demo, which has another recall already: the live deployment is affected, a promotion
// is refused, one person cannot clear it and two can. All of it prints the same through a server as
// over its store.
func TestTheStoryOfARecall(t *testing.T) {
	url, data := startServer(t)
	do := func(want int, saying string, args ...string) string {
		t.Helper()
		code, out, stderr := run(t, args...)
		if code != want || !strings.Contains(out+stderr, saying) {
			t.Fatalf("%v: exit %d, want %d and %q in\n%s%s", args, code, want, saying, out, stderr)
		}
		return out
	}
	there := func(want int, saying string, args ...string) string {
		t.Helper()
		return do(want, saying, append(args, "--server", url)...)
	}
	alike := func(saying string, args ...string) string {
		t.Helper()
		through := there(0, saying, args...)
		if here := do(0, saying, append(args, "--data", data)...); here != through {
			t.Errorf("%v: through the server\n%s\nover the store\n%s", args, through, here)
		}
		return through
	}
	there(0, "", "demo", "load")
	raw, production := rawDataOfProduction(t, url)
	there(exitFailed, "NOT_FOUND", "recall", "affected", "99")
	there(exitFailed, `"awful" is no severity`, "recall", string(raw), "--reason", "wrong prices", "--severity", "awful")
	there(0, "number: 2", "recall", string(raw), "--reason", "wrong prices", "--severity", "high", "--link", "https://wiki.example.com/prices")
	alike("2       OPEN   HIGH      1      admin", "recall", "list", "--open")
	alike("wrong prices", "recall", "list", "--node", "credit-approval@"+production, "--severity", "high")
	table := alike("DATASET_VERSION ", "recall", "affected", "2")
	if !strings.Contains(table, "DEPLOYMENT ") || !strings.Contains(table, "  open  ") {
		t.Errorf("affected are\n%s", table)
	}
	var affected []struct {
		ID   string
		Path []string
	}
	if err := json.Unmarshal([]byte(alike("", "recall", "affected", "2", "-o", "json")), &affected); err != nil || len(affected) == 0 || len(affected[0].Path) < 3 {
		t.Fatalf("%v %+v", err, affected)
	}
	there(0, "", "version", "transition", "credit-approval@"+production, "--to", "canary", "--reason", "off with it")
	there(exitFailed, "recall 2", "version", "transition", "credit-approval@"+production, "--to", "production", "--reason", "back")
	there(exitFailed, "reason", "recall", "resolve", "2", affected[0].ID, "--as", "accepted")
	there(0, "handling: ACCEPTED", "recall", "resolve", "2", affected[0].ID, "--as", "accepted", "--reason", "the column is not used")
	alike("  accepted  ", "recall", "affected", "2")
	there(0, "", "recall", "clear", "2", "--reason", "the prices were right")
	there(exitFailed, "two people", "recall", "decide", "2")
	do(0, "state: CLEARED", "recall", "decide", "2", "--comment", "checked", "--data", data)
	there(0, "PRODUCTION", "version", "transition", "credit-approval@"+production, "--to", "production", "--reason", "back")
	if out := alike("", "recall", "list", "--open"); strings.Contains(out, "wrong prices") {
		t.Errorf("open recalls are\n%s", out)
	}
}

// rawDataOfProduction returns the raw data that the version of the demo in PRODUCTION came from, and that
// version.
func rawDataOfProduction(t *testing.T, url string) (raw registry.ID, version string) {
	t.Helper()
	var model struct {
		Data struct {
			Model struct {
				ProductionVersion struct {
					ID      registry.ID
					Version string
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(graphQL(t, url, `{ model(name: "credit-approval") { productionVersion { id version } } }`)), &model); err != nil {
		t.Fatal(err)
	}
	v := model.Data.Model.ProductionVersion
	var lineage struct {
		Data struct {
			Lineage struct {
				Nodes []struct {
					Depth int
					Node  struct {
						ID   registry.ID
						Kind registry.Kind
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(graphQL(t, url, fmt.Sprintf(`{ lineage(of: %q) { nodes { depth node { id kind } } } }`, v.ID))), &lineage); err != nil {
		t.Fatal(err)
	}
	deepest := 0
	for _, n := range lineage.Data.Lineage.Nodes {
		if n.Node.Kind == registry.KindDatasetVersion && n.Depth > deepest {
			deepest, raw = n.Depth, n.Node.ID
		}
	}
	if raw == "" {
		t.Fatalf("%s came from no data", v.ID)
	}
	return raw, v.Version
}
