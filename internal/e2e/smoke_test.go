package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pedigree/internal/oidctest"
)

// TestTheDemoReachesRawDataAndAllCommits does what a new user does first: it starts a
// server with the demo and asks for the lineage of a production deployment.
func TestTheDemoReachesRawDataAndAllCommits(t *testing.T) {
	t.Parallel()
	for name, flags := range stores {
		t.Run(name, func(t *testing.T) {
			p := start(t, append(flags(t), "--demo")...)
			var found struct {
				ModelVersion struct {
					Deployments struct {
						Edges []struct {
							Node struct{ ID, Environment string }
						}
					}
				}
			}
			p.must(`{modelVersion(model:"credit-approval",version:"1.0.0"){deployments{edges{node{id environment}}}}}`, nil, &found)
			var got struct {
				Lineage struct {
					Nodes []struct {
						Node struct{ Kind, Name string }
					}
					Truncation struct{ Truncated bool }
				}
			}
			p.must(`query($of:ID!){lineage(of:$of){nodes{node{kind name}} truncation{truncated}}}`,
				map[string]any{"of": found.ModelVersion.Deployments.Edges[0].Node.ID}, &got)
			commits, raw := 0, false
			for _, n := range got.Lineage.Nodes {
				if n.Node.Kind == "COMMIT" {
					commits++
				}
				raw = raw || n.Node.Name == "applications/raw"
			}
			if !raw || commits != 3 || got.Lineage.Truncation.Truncated {
				t.Errorf("raw %v, commits %d, truncated %v; want true, 3, false", raw, commits, got.Lineage.Truncation.Truncated)
			}
			t.Logf("PROOF %s: the production deployment of credit-approval 1.0.0 reaches the raw dataset and %d commits, truncated: %v; exec to /readyz (demo loaded): %v",
				name, commits, got.Lineage.Truncation.Truncated, p.startup.Round(time.Millisecond))
		})
	}
}

func TestTheServerStopsCleanlyOnSIGTERM(t *testing.T) {
	t.Parallel()
	p := start(t, stores["SQLite"](t)...)
	if err := p.stop(); err != nil {
		t.Fatalf("exit: %v\n%s", err, p.log)
	}
	if _, err := http.Get(p.url + "/healthz"); err == nil {
		t.Error("the server still answers after it stopped")
	}
}

func TestTheCommandWorksNextToARunningServer(t *testing.T) {
	t.Parallel()
	flags := stores["SQLite"](t)
	p := start(t, flags...)
	out := command(t, append([]string{"demo", "load"}, flags...)...)
	if !strings.Contains(out, "loaded the credit-approval story") {
		t.Fatalf("demo load said: %s", out)
	}
	p.must(`{model(name:"credit-approval"){productionVersion{version}}}`, nil, nil)
	tree := command(t, append([]string{"lineage", "credit-approval@1.0.0"}, flags...)...)
	for _, want := range []string{"credit-approval 1.0.0 [DEPRECATED]", "applications/raw", "tune(train)", "tag v1.0.0"} {
		if !strings.Contains(tree, want) {
			t.Errorf("the tree lacks %q:\n%s", want, tree)
		}
	}
	token := command(t, append([]string{"token", "create", "--subject", "ada", "--role", "viewer"}, flags...)...)
	lines := strings.Split(strings.TrimSpace(token), "\n")
	if !strings.HasPrefix(lines[len(lines)-1], "pdg_") {
		t.Errorf("the last line is not a token: %q", lines[len(lines)-1])
	}
}

// TestThePagesOnARealServer runs the browser tests: Chromium opens the dashboard and
// GraphiQL of a server with the demo graph.
func TestThePagesOnARealServer(t *testing.T) {
	t.Parallel()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("Chromium is missing; run: apt-get install -y chromium")
	}
	web := filepath.Join("..", "..", "web")
	if _, err := os.Stat(filepath.Join(web, "node_modules", "playwright-core")); err != nil {
		t.Fatal("the pages' tools are missing; run: make web")
	}
	p := start(t, append(stores["SQLite"](t), "--demo")...)
	cmd := exec.Command("node", "--test", "test/browser.test.mjs")
	cmd.Dir = web
	cmd.Env = append(os.Environ(), "PEDIGREE_URL="+p.url, "PEDIGREE_TOKEN="+adminToken, "PEDIGREE_CHROMIUM="+chromium)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "# fail 0") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestTheLoginInABrowser runs Chromium through the code flow of an identity provider, below a base
// path, and tries the session's cookie from another origin.
func TestTheLoginInABrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("Chromium is missing; run: apt-get install -y chromium")
	}
	web := filepath.Join("..", "..", "web")
	issuer := oidctest.New(t, time.Now)
	t.Setenv("PEDIGREE_OIDC_CLIENT_SECRET", oidctest.ClientSecret)
	p := start(t, append(stores["SQLite"](t), "--demo", "--base-path", "/ml", "--oidc-issuer", issuer.URL, "--oidc-audience", "api", "--oidc-client-id", oidctest.ClientID,
		"--oidc-role-claim", "groups", "--oidc-roles", "ml-engineers=data_scientist")...)
	cmd := exec.Command("node", "--test", "test/login.mjs")
	cmd.Dir = web
	cmd.Env = append(os.Environ(), "PEDIGREE_URL="+p.url, "PEDIGREE_CHROMIUM="+chromium)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "# fail 0") || !strings.Contains(string(out), "# pass 2") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestNoSecretIsEverLogged runs a server with debug logs, and a command with the
// password of a Neo4j that is down. The logs and the output must not contain the right
// token, a wrong token or the password.
func TestNoSecretIsEverLogged(t *testing.T) {
	t.Parallel()
	secrets := []string{adminToken, "pdg_a_wrong_token_9876543210", "hunter2-password"}
	p := start(t, append(stores["SQLite"](t), "--log-level", "debug", "--log-format", "json")...)
	for _, token := range secrets {
		req, err := http.NewRequest(http.MethodPost, p.url+"/graphql", strings.NewReader(`{"query":"{viewer{subject}}"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(binary, "lineage", "x@latest", "--store", "neo4j://neo4j:hunter2-password@127.0.0.1:1/neo4j").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "UNAVAILABLE") {
		t.Errorf("a Neo4j that is down: %v, %s", err, out)
	}
	written := p.log.String() + string(out)
	for _, s := range secrets {
		if strings.Contains(written, s) {
			t.Errorf("%q was written:\n%s", s, written)
		}
	}
	if !strings.Contains(p.log.String(), `"request":"`) {
		t.Errorf("the log has no request ids: %s", p.log)
	}
}
