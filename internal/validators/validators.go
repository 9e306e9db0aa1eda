// Package validators gives tests the parsers that the users of an export have: the
// prov package and the CycloneDX library from PyPI, Graphviz and Mermaid from npm.
// They are installed once, pinned, into the user's cache; a test that cannot have
// them fails and says what to install.
package validators

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

//go:embed parsers
var parsers embed.FS

// install is what to do on a machine where something is missing.
const install = "the exports are read back by real parsers; install Python and Node: apt-get install -y python3 python3-venv nodejs npm"

// Case is a document to read: Kind is prov, cyclonedx, dot or mermaid.
type Case struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Result is what a parser says of a document.
type Result struct {
	OK    bool   `json:"ok"`
	Error string `json:"error"`
	// Elements and Relations are those of PROV; Same tells that writing and reading
	// again gave the same.
	Elements  map[string]Element `json:"elements"`
	Relations []Relation         `json:"relations"`
	Same      bool               `json:"same"`
	// Nodes and Edges are those of a diagram, with the lines that are drawn; Title is
	// what Graphviz writes below the whole.
	Nodes map[string][]string `json:"nodes"`
	Edges []Edge              `json:"edges"`
	Title string              `json:"title"`
}

// Element is an entity, activity or agent.
type Element struct {
	Kind  string   `json:"kind"`
	Label string   `json:"label"`
	Types []string `json:"types"`
}

// Relation is a relation of PROV by the name of its class.
type Relation struct {
	Kind  string   `json:"kind"`
	From  string   `json:"from"`
	To    string   `json:"to"`
	Types []string `json:"types"`
}

// Edge is an edge of a diagram.
type Edge struct{ From, To, Text string }

var installed = sync.OnceValues(func() (string, error) { return dir(context.Background()) })

// Read reads documents with the parsers of their kinds, in the order given.
func Read(t testing.TB, cases ...Case) []Result {
	t.Helper()
	at, err := installed()
	if err != nil {
		t.Fatal(err)
	}
	// The programs lie beside what they import, for that is where Node looks.
	programs, err := os.MkdirTemp(at, "run-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(programs)
	if err := copyTo(programs); err != nil {
		t.Fatal(err)
	}
	out := make([]Result, len(cases))
	for _, tool := range []struct {
		command []string
		kinds   map[string]bool
	}{
		{[]string{filepath.Join(at, "venv", "bin", "python"), filepath.Join(programs, "check.py")}, map[string]bool{"prov": true, "cyclonedx": true}},
		{[]string{"node", filepath.Join(programs, "check.mjs")}, map[string]bool{"dot": true, "mermaid": true}},
	} {
		var part []Case
		var where []int
		for i, c := range cases {
			if tool.kinds[c.Kind] {
				part, where = append(part, c), append(where, i)
			}
		}
		if len(part) == 0 {
			continue
		}
		results, err := run(tool.command, part)
		if err != nil {
			t.Fatal(err)
		}
		for k, i := range where {
			out[i] = results[k]
		}
	}
	return out
}

// run starts a parser's program once for all its documents.
func run(command []string, cases []Case) ([]Result, error) {
	in, err := json.Marshal(cases)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(command[0], command[1:]...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &stderr
	b, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w: %s", command, err, stderr.Bytes())
	}
	var out []Result
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, fmt.Errorf("%v: %w", command, err)
	}
	if len(out) != len(cases) {
		return nil, fmt.Errorf("%v answered %d of %d", command, len(out), len(cases))
	}
	return out, nil
}

// copyTo writes the pins and the programs into a folder.
func copyTo(folder string) error {
	files, err := fs.Sub(parsers, "parsers")
	if err != nil {
		return err
	}
	return os.CopyFS(folder, files)
}

// dir returns the folder with the parsers, installing them when it is not there. Its
// name is of the pins, so that another pin is another folder; it appears by one
// rename, so that two test processes never see half of it.
func dir(ctx context.Context) (string, error) {
	base := os.Getenv("PEDIGREE_TEST_CACHE")
	if base == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(cache, "pedigree-test")
	}
	name, err := fingerprint()
	if err != nil {
		return "", err
	}
	out := filepath.Join(base, "validators-"+name)
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	part, err := os.MkdirTemp(base, "fetching-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(part)
	if err := fill(ctx, part); err != nil {
		return "", err
	}
	if err := os.Rename(part, out); err != nil {
		if _, there := os.Stat(out); there != nil {
			return "", err
		}
	}
	return out, nil // Another process may have been first.
}

// fingerprint is a hash of what is pinned.
func fingerprint() (string, error) {
	h := sha256.New()
	for _, name := range []string{"requirements.txt", "package.json", "package-lock.json"} {
		b, err := parsers.ReadFile("parsers/" + name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n%s", name, len(b), b)
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// fill installs everything into a folder.
func fill(ctx context.Context, to string) error {
	if err := copyTo(to); err != nil {
		return err
	}
	venv := filepath.Join(to, "venv")
	for _, command := range [][]string{
		{"python3", "-m", "venv", venv},
		{filepath.Join(venv, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", filepath.Join(to, "requirements.txt")},
		{"npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--prefix", to},
	} {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Dir = to
		if b, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s\n%s", command, err, b, install)
		}
	}
	return nil
}
