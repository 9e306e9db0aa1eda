package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"pedigree/registry"
)

// commandsOf returns every command that does something, without those of cobra itself.
func commandsOf(cmd *cobra.Command) (out []*cobra.Command) {
	for _, c := range cmd.Commands() {
		if c.Runnable() && c.Name() != "help" {
			out = append(out, c)
		}
		out = append(out, commandsOf(c)...)
	}
	return out
}

// settingProbe is a value of a global setting that a command which uses it cannot use, and what
// the command then says.
type settingProbe struct{ value, want string }

// probeSettings runs commands with values of the global settings.
type probeSettings struct {
	t        *testing.T
	data     string // a folder with a registry
	sample   string // a git repository
	server   string // counts requests and refuses them
	requests atomic.Int64
	ready    string // the URL of a server that is ready
	token    registry.ID
}

func newProbeSettings(t *testing.T) *probeSettings {
	p := &probeSettings{t: t, data: t.TempDir(), sample: sample(t)}
	if code, _, stderr := run(t, "demo", "load", "--data", p.data); code != 0 {
		t.Fatal(stderr)
	}
	code, out, stderr := run(t, "token", "create", "--data", p.data, "--subject", "ann", "--role", "viewer")
	if code != 0 {
		t.Fatal(stderr)
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(out)))
	p.token = registry.TokenID(hex.EncodeToString(sum[:]))
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer probe-token" {
			p.requests.Add(1)
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	ready := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(func() { fake.Close(); ready.Close() })
	p.server, p.ready = fake.URL, ready.URL
	return p
}

// args returns arguments with which a command succeeds in the folder of the probe, or ends by
// itself in the case of serve.
func (p *probeSettings) args(name string) []string {
	file := func(text string) string {
		path := filepath.Join(p.t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			p.t.Fatal(err)
		}
		return path
	}
	request := string(registry.TransitionRequestID("mv_0", 1)) // There is no such request.
	more, ok := map[string][]string{
		"completion":       {"bash"},
		"audit checkpoint": {}, "audit export": {}, "audit verify": {}, "audit watch": {filepath.Join(p.t.TempDir(), "watched")},
		"demo load": {}, "doctor": {}, "export": {}, "import dvc": {p.sample}, "import git": {p.sample}, "lineage": {"credit-approval@1.0.0"}, "load": {file(`{"model":{"name":"m"}}`)},
		"migrate":     {"--from", "sqlite://" + filepath.Join(p.data, "pedigree.db"), "--to", "sqlite://" + filepath.Join(p.t.TempDir(), "to.db")},
		"access list": {}, "access assign": {"--subject", "ann", "--role", "viewer"}, "access revoke": {"--subject", "ann", "--role", "viewer"}, "policy list": {},
		"policy put": {"--role", "clerk", "catalog.read"}, "policy revert": {"0"}, "policy withdraw": {string(registry.HashID("rule", "p, role:viewer, lineage.read, do, all, allow"))},
		"policy check": {"../../policies/policy.csv"}, "policy explain": {"--role", "viewer", "Model.owner"}, "policy show": {}, "ready": {"--url", p.ready},
		"request list": {}, "request show": {request}, "request approve": {request}, "request reject": {request}, "request withdraw": {request},
		"review list": {}, "review plan": {"credit-approval", "--interval", "30"}, "review record": {"credit-approval", "--decision", "APPROVED"},
		"review due": {}, "deprecations": {}, "deprecations announce": {"credit-approval", "1.0.0", "--guide", "g", "--sunset", "2100-01-01"}, "deprecations cleanup": {"credit-approval", "1.0.0"},
		"deprecations migrated": {"credit-approval", "1.0.0"}, "deprecations plan": {"credit-approval", "99.0.0"}, "deprecations retire": {"credit-approval", "1.0.0"},
		"deprecations usage": {"credit-approval", "1.0.0"}, "deprecations withdraw": {"credit-approval", "99.0.0"},
		"webhook create": {"ci", "https://ci.example.com/hook", "--event", "transitions", "--subject", "admin"}, "webhook delete": {"99"}, "webhook list": {}, "webhook replay": {"99", "--after", "0"}, "webhook rotate": {"99"}, "webhook test": {"99"},
		"recall": {"credit-approval@1.0.0", "--reason", "r"}, "recall list": {}, "recall affected": {"99"}, "recall clear": {"99", "--reason", "r"}, "recall decide": {"99"}, "recall resolve": {"99", "dep_x", "--as", "accepted"},
		"check": {"credit-approval@1.0.0", "--to", "archived"}, "diff": {"credit-approval@1.0.0"}, "compliance": {"credit-approval@1.0.0", "-f", filepath.Join(p.t.TempDir(), "pack.zip")}, "compliance verify": {"none.zip"}, "gate list": {}, "gate put": {"owned", "--expression", "version.owner != ''"}, "gate withdraw": {"none"}, "gate apply": {"starter"}, "gate test": {"starter"},
		"import mlflow": {p.t.TempDir()}, "watch": {p.sample, "--once"}, "import modelcard": {filepath.Join("..", "..", "connect", "modelcard", "testdata", "model-index.md"), "--model", "credit-approval", "--version", "1.0.0"}, "import croissant": {filepath.Join("..", "..", "connect", "croissant", "testdata", "titanic.json")}, "import kubernetes": {filepath.Join("..", "..", "connect", "kubernetes", "testdata")}, "import kfp": {filepath.Join("..", "..", "connect", "kfp", "testdata", "sample")}, "serve": {"--listen", "256.0.0.1:0"}, "token create": {"--subject", "ann", "--role", "viewer"}, "token list": {},
		"token revoke": {string(p.token)},
		"model list":   {}, "model get": {"credit-approval"}, "model register": {"credit-approval"}, "model update": {"credit-approval", "--owner", "ann"}, "model delete": {"nothing", "--yes"},
		"version list": {"credit-approval"}, "version get": {"credit-approval"}, "version register": {"credit-approval", "--bump", "minor"}, "version transition": {"credit-approval@9.0.0", "--to", "staging"},
		"version delete": {"credit-approval@9.0.0", "--yes"}, "version alias list": {"credit-approval"}, "version alias set": {"credit-approval@1.0.0", "seen"}, "version alias delete": {"credit-approval", "seen"},
		"signature attach": {"credit-approval@9.0.0", filepath.Join("..", "..", "signing", "testdata", "key-prime256v1.sig")}, "signature list": {"credit-approval@1.0.0"}, "signature verify": {"credit-approval@1.0.0"},
		"signature get": {"credit-approval@1.0.0", "sha256:0"}, "signature detach": {"credit-approval@9.0.0", "sha256:0"},
		"artifacts list": {"credit-approval@1.0.0"}, "artifacts verify": {string(registry.ArtifactID("mv_0", "f"))}, "artifacts sweep": {}, "push": {"credit-approval@1.0.0", p.sample}, "pull": {"credit-approval@1.0.0", p.t.TempDir()},
		"deploy list": {}, "deploy record": {"credit-approval@1.0.0", "--environment", "test"}, "deploy end": {string(registry.DeploymentID("test", "", "mv_0", time.Time{}))}, "log": {},
	}[name]
	if !ok {
		p.t.Errorf("this test has no arguments for %q", name)
	}
	return append(strings.Fields(name), more...)
}

// value returns the probe of a setting for a command.
func (p *probeSettings) value(flag string) settingProbe {
	missing := filepath.Join(p.t.TempDir(), "missing")
	return map[string]settingProbe{
		"config":          {missing, "the configuration file cannot be read"},
		"data":            {filepath.Join(p.sample, "dvc.yaml"), "file"}, // A file, not a folder.
		"store":           {"mysql://x", `"mysql" is no store`},
		"store-namespace": {"other", "means nothing to a SQLite store"},
		"server":          {p.server, "UNAUTHENTICATED"},
		"policy":          {missing, "policy"},
		"log-format":      {"xml", "must be text or json"},
		"log-level":       {"loud", "must be debug, info, warn or error"},
	}[flag]
}

// TestEveryCommandDecidesEveryGlobalSetting runs every command with every global flag and
// variable. A command uses a flag or refuses it. It uses a variable, or refuses it when it
// names another registry, or does the same as without it.
func TestEveryCommandDecidesEveryGlobalSetting(t *testing.T) {
	p := newProbeSettings(t)
	t.Setenv("PEDIGREE_DATA", p.data)
	t.Setenv("PEDIGREE_TOKEN", "probe-token")
	t.Setenv("PEDIGREE_BOOTSTRAP_TOKEN", "probe-bootstrap-token-0123456789")
	decided := map[string]bool{}
	for _, cmd := range commandsOf(newRoot()) {
		name := commandName(cmd)
		if _, ok := settingUses[name]; !ok {
			t.Errorf("%q has no row in settingUses: decide which global settings it uses", name)
			continue
		}
		decided[name] = true
		t.Run(name, func(t *testing.T) {
			var ignored []string
			for _, flag := range globalFlags(newRoot()) {
				p.checkFlag(t, name, flag)
				if !p.checkVariable(t, name, flag) {
					ignored = append(ignored, flag)
				}
			}
			p.checkIgnored(t, name, ignored)
		})
	}
	for name := range settingUses {
		if !decided[name] {
			t.Errorf("settingUses has a row for %q, and there is no such command", name)
		}
	}
}

func (p *probeSettings) checkFlag(t *testing.T, name, flag string) {
	probe, before := p.value(flag), p.requests.Load()
	if probe.value == "" {
		t.Fatalf("this test has no value for --%s", flag)
	}
	code, _, stderr := run(t, append(p.args(name), "--"+flag, probe.value)...)
	if used := flag == "config" || slices.Contains(settingUses[name].flags, flag); !used {
		probe.want = "INVALID_ARGUMENT: " + flag + ": means nothing to " + name
	}
	if code == 0 || !strings.Contains(stderr, probe.want) {
		t.Errorf("--%s: exit %d, %s, want %q", flag, code, stderr, probe.want)
	}
	if asked := p.requests.Load() > before; asked != (flag == "server" && slices.Contains(settingUses[name].flags, "server")) {
		t.Errorf("--%s: the server was asked with the token: %v", flag, asked)
	}
}

// setVariable sets the variable of a flag to what no command can use, and returns a function that
// undoes it.
func (p *probeSettings) setVariable(flag string) (variable string, undo func()) {
	variable = "PEDIGREE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
	old, was := os.LookupEnv(variable)
	os.Setenv(variable, p.value(flag).value)
	return variable, func() {
		if os.Unsetenv(variable); was {
			os.Setenv(variable, old)
		}
	}
}

// checkVariable checks the variable of a flag that a command uses or refuses. It returns false
// when the command does neither.
func (p *probeSettings) checkVariable(t *testing.T, name, flag string) bool {
	use, want := settingUses[name], p.value(flag).want
	switch {
	case flag == "config" || slices.Contains(use.flags, flag):
	case flag == "server" && use.unlessFlags != nil && name != "ready": // The arguments of ready have --url.
		want = "PEDIGREE_SERVER or the configuration file names one: unset it"
	default:
		return false
	}
	variable, undo := p.setVariable(flag)
	defer undo()
	if code, _, stderr := run(t, p.args(name)...); code == 0 || !strings.Contains(stderr, want) {
		t.Errorf("%s: exit %d, %s, want %q", variable, code, stderr, want)
	}
	return true
}

// checkIgnored checks that a command does the same with the variables of flags that it ignores,
// all at once, as without them.
func (p *probeSettings) checkIgnored(t *testing.T, name string, flags []string) {
	without, _, _ := run(t, p.args(name)...)
	var variables []string
	for _, flag := range flags {
		variable, undo := p.setVariable(flag)
		defer undo()
		variables = append(variables, variable)
	}
	if code, _, stderr := run(t, p.args(name)...); code != without {
		t.Errorf("%v: exit %d, and %d without them: %s", variables, code, without, stderr)
	}
}

func TestReadyRefusesAServerOfTheEnvironmentWithoutURL(t *testing.T) {
	t.Setenv("PEDIGREE_SERVER", "http://127.0.0.1:1")
	if code, _, stderr := run(t, "ready"); code != 1 || !strings.Contains(stderr, "Name the server that is asked with --url") {
		t.Errorf("exit %d %s", code, stderr)
	}
}

// TestTheBootstrapTokenIsOnlyOfServe checks the variables that have no flag.
func TestTheBootstrapTokenIsOnlyOfServe(t *testing.T) {
	for name, use := range settingUses {
		if use.bootstrapToken != (name == "serve") || use.token != slices.Contains(use.flags, "server") {
			t.Errorf("%s: %+v", name, use)
		}
	}
}

func TestAServerAndItsPolicyContradict(t *testing.T) {
	for _, args := range [][]string{{"export", "--server", "http://127.0.0.1:1", "--policy", "x.csv"}, {"lineage", "m@1", "--server", "http://127.0.0.1:1", "--policy", "x.csv"}} {
		if code, _, stderr := run(t, args...); code != 1 || !strings.Contains(stderr, "INVALID_ARGUMENT: policy: a server has its own policy") {
			t.Errorf("%v: exit %d %s", args, code, stderr)
		}
	}
}

// TestReadingCommandsCreateNoStore runs each reading command where there is no store.
func TestReadingCommandsCreateNoStore(t *testing.T) {
	for _, args := range [][]string{{"export"}, {"lineage", "m@1"}, {"audit", "verify"}, {"audit", "export"}, {"audit", "checkpoint"}, {"model", "list"}, {"model", "get", "m"}, {"model", "update", "m", "--owner", "x"}, {"version", "list", "m"}, {"version", "get", "m"}, {"version", "register", "m", "1.0.0"},
		{"version", "alias", "list", "m"}, {"deploy", "list"}, {"log"}, {"policy", "show"}, {"policy", "explain", "--role", "viewer", "Model.owner"}, {"policy", "check", "../../policies/policy.csv"}} {
		dir := filepath.Join(t.TempDir(), "typo")
		t.Setenv("PEDIGREE_DATA", dir)
		code, stdout, stderr := run(t, args...)
		if opens := args[0] != "policy"; opens && (code != 1 || stdout != "" || !strings.Contains(stderr, "NOT_FOUND: there is no file ")) {
			t.Errorf("%v: exit %d %s%s", args, code, stdout, stderr)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%v made %s", args, dir)
		}
		if opens := args[0] != "policy"; opens {
			if code, _, stderr := run(t, append(args, "--store", "sqlite://"+filepath.Join(dir, "x.db"))...); code != 1 || !strings.Contains(stderr, "NOT_FOUND") {
				t.Errorf("%v: exit %d %s", args, code, stderr)
			}
		}
	}
}

// TestExportAndLoadSpeakToAServer checks that the export of a server is that of its store, and
// that a load records on the server and nowhere else.
func TestExportAndLoadSpeakToAServer(t *testing.T) {
	url, data := startServer(t)
	local, dir := t.TempDir(), t.TempDir()
	t.Setenv("PEDIGREE_DATA", local)
	source := t.TempDir()
	if code, _, stderr := run(t, "import", "dvc", sample(t), "--repo", "churn", "--data", source); code != 0 {
		t.Fatal(stderr)
	}
	if code, _, stderr := run(t, "demo", "load", "--data", source); code != 0 {
		t.Fatal(stderr)
	}
	file, refused := filepath.Join(dir, "facts.jsonl"), filepath.Join(dir, "refused.jsonl")
	_, want, count := run(t, "export", "--data", source)
	lines := want + `{"model":{"name":"a/b"}}` + "\n" + `{"transition":{"model":"credit-approval","version":"1.0.0","to":"NOWHERE","at":"2026-01-01T00:00:00Z"}}` + "\n" +
		`{"ref":"x","datasetVersion":{"dataset":"x","version":"1"}}` + "\n" + `{"run":{"producer":"p","runId":"1","name":"n","inputs":["@x"]}}` + "\n"
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := run(t, "load", file, "--server", url, "--refused", refused)
	if code != 3 || !strings.Contains(out, "; 2 refused") || strings.Count(stderr, "INVALID_ARGUMENT") != 2 {
		t.Fatalf("exit %d: %s%s", code, out, stderr)
	}
	if left, err := os.ReadFile(refused); err != nil || strings.Count(string(left), "\n") != 2 || !strings.Contains(string(left), "NOWHERE") {
		t.Errorf("%s %v", left, err)
	}
	t.Setenv("PEDIGREE_SERVER", url)
	code, again, stderr := run(t, "load", file, "--refused", refused)
	if code != 3 || !strings.Contains(again, " 0 new, ") {
		t.Errorf("exit %d: %s%s", code, again, stderr)
	}
	code, got, told := run(t, "export")
	_, stored, _ := run(t, "export", "--data", data)
	if code != 0 || got != stored || !strings.HasPrefix(got, want[:200]) || !strings.Contains(got, `"runId":"1"`) || strings.Count(told, "facts") != 1 || count == "" {
		t.Errorf("exit %d %s: %d bytes, %d are stored", code, told, len(got), len(stored))
	}
	if files, _ := os.ReadDir(local); len(files) > 0 {
		t.Errorf("the local folder has %v", files)
	}
	t.Setenv("PEDIGREE_TOKEN", "pdg_some_wrong_token")
	for _, args := range [][]string{{"export"}, {"load", file}} {
		if code, out, stderr := run(t, args...); code != 1 || strings.Contains(out, "{") || !strings.Contains(stderr, "UNAUTHENTICATED: the token is not valid") {
			t.Errorf("%v: exit %d %s%s", args, code, out, stderr)
		}
	}
}

// TestAPipeIsLoaded loads a file that cannot be read twice.
func TestAPipeIsLoaded(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		w.WriteString(strings.Repeat(`{"model":{"name":"m"}}`+"\n", 700))
		w.Close()
	}()
	data := t.TempDir()
	path := "/dev/fd/" + strconv.Itoa(int(r.Fd()))
	if _, err := os.Stat(path); err != nil {
		t.Fatal("this test reads a pipe by its path and needs /dev/fd: ", err)
	}
	if code, out, stderr := run(t, "load", path, "--data", data); code != 0 || !strings.Contains(out, "700 lines recorded: 1 new") {
		t.Errorf("exit %d: %s%s", code, out, stderr)
	}
	if left, _ := filepath.Glob(filepath.Join(data, "loads", "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	var out, stderr strings.Builder
	if code := Main(context.Background(), []string{"load", "-", "--data", data}, strings.NewReader(`{"model":{"name":"n"}}`), &out, &stderr); code != 0 || !strings.Contains(out.String(), "1 new") {
		t.Errorf("exit %d: %s%s", code, out.String(), stderr.String())
	}
}
