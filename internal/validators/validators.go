// Package validators reads exports back in tests, with the parsers that users have:
// the prov package, the CycloneDX library and the SPDX model from PyPI, Graphviz and Mermaid from npm.
// It installs pinned versions once into the user's cache. A test without them fails,
// with advice on what to install.
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

// installHelp is the advice for a machine where Python or Node is missing.
const installHelp = "the exports are read back by real parsers; install Python and Node: apt-get install -y python3 python3-venv nodejs npm"

// Case is a document to read. Kind is prov, cyclonedx, spdx, dot or mermaid.
type Case struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Result is the result of reading a document.
type Result struct {
	OK    bool   `json:"ok"`
	Error string `json:"error"`
	// Elements (by id) and Relations are the contents of a PROV or an SPDX document. Same is true
	// when writing it and reading it again gives an equal document.
	Elements   map[string]Element `json:"elements"`
	Relations  []Relation         `json:"relations"`
	RoundTrips bool               `json:"same"`
	// Nodes and Edges are the contents of a diagram. Nodes holds the lines of text in
	// each node by id. Title is the caption below a Graphviz diagram.
	Nodes map[string][]string `json:"nodes"`
	Edges []Edge              `json:"edges"`
	Title string              `json:"title"`
}

// Element is a PROV element, of the kind entity, activity or agent, or an SPDX element, of its class.
type Element struct {
	Kind  string   `json:"kind"`
	Label string   `json:"label"`
	Types []string `json:"types"`
}

// Relation is a PROV relation. Kind is the name of its class in the prov package.
type Relation struct {
	Kind  string   `json:"kind"`
	From  string   `json:"from"`
	To    string   `json:"to"`
	Types []string `json:"types"`
}

// Edge is an edge of a diagram.
type Edge struct{ From, To, Text string }

var installed = sync.OnceValues(func() (string, error) { return installDir(context.Background()) })

// Read reads documents with the parsers of their kinds. Results are in the order of
// the cases.
func Read(t testing.TB, cases ...Case) []Result {
	t.Helper()
	dir, err := installed()
	if err != nil {
		t.Fatal(err)
	}
	// Node finds imported packages only in the folder of a program or above it.
	programs, err := os.MkdirTemp(dir, "run-")
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
		{[]string{filepath.Join(dir, "venv", "bin", "python"), filepath.Join(programs, "check.py")}, map[string]bool{"prov": true, "cyclonedx": true, "spdx": true}},
		{[]string{"node", filepath.Join(programs, "check.mjs")}, map[string]bool{"dot": true, "mermaid": true}},
	} {
		var selected []Case
		var indexes []int
		for i, c := range cases {
			if tool.kinds[c.Kind] {
				selected, indexes = append(selected, c), append(indexes, i)
			}
		}
		if len(selected) == 0 {
			continue
		}
		results, err := run(tool.command, selected)
		if err != nil {
			t.Fatal(err)
		}
		for k, i := range indexes {
			out[i] = results[k]
		}
	}
	return out
}

// Python returns the Python of the installed parsers. It has the package cryptography too, for
// programs that check signatures.
func Python(t testing.TB) string {
	t.Helper()
	dir, err := installed()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "venv", "bin", "python")
}

// run starts a parser program once for all its documents.
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

// copyTo writes the lock files and the programs to a folder.
func copyTo(folder string) error {
	files, err := fs.Sub(parsers, "parsers")
	if err != nil {
		return err
	}
	return os.CopyFS(folder, files)
}

// installDir returns the folder with the parsers. It installs them when the folder
// does not exist. The folder's name contains a hash of the lock files, so that other
// versions get another folder. One rename creates the folder, so that other test
// processes never see it incomplete.
func installDir(ctx context.Context) (string, error) {
	base := os.Getenv("PEDIGREE_TEST_CACHE")
	if base == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(cache, "pedigree-test")
	}
	hash, err := lockHash()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(base, "validators-"+hash)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(base, "fetching-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := install(ctx, tmp); err != nil {
		return "", err
	}
	if err := os.Rename(tmp, dir); err != nil {
		// Another process may have created the folder first.
		if _, statErr := os.Stat(dir); statErr != nil {
			return "", err
		}
	}
	return dir, nil
}

// lockHash returns a hash of the files that pin the versions.
func lockHash() (string, error) {
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

// install installs all parsers into a folder.
func install(ctx context.Context, to string) error {
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
			return fmt.Errorf("%v: %w\n%s\n%s", command, err, b, installHelp)
		}
	}
	return nil
}
