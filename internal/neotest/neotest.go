// Package neotest gives tests a real Neo4j server without Docker: the one that
// PEDIGREE_TEST_NEO4J names, else one that it starts from jars of Maven Central.
package neotest

import (
	"context"
	"crypto/rand"
	"os"
	"sync"
	"testing"
)

// Env is the variable that names a server to test against.
const Env = "PEDIGREE_TEST_NEO4J"

var (
	once    sync.Once
	started *Server
	failed  error
)

// URL returns the URL of a server. The first call in a process may start one,
// which ends with the process, at the latest. A test without a server fails: it
// is never skipped.
func URL(t testing.TB) string {
	t.Helper()
	if url := os.Getenv(Env); url != "" {
		return url
	}
	once.Do(func() { started, failed = Start(context.Background()) })
	if failed != nil {
		t.Fatal(failed)
	}
	return started.URL
}

// Main runs a package's tests and stops the server that they started. Use it as
// func TestMain(m *testing.M) { neotest.Main(m) }.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main for packages that have more to clean up: it returns the exit code.
func Run(m *testing.M) int {
	code := m.Run()
	if started != nil {
		started.Stop()
	}
	return code
}

// Namespace returns a fresh namespace, so that tests that share a server do not
// meet.
func Namespace() string { return "test-" + rand.Text()[:16] }
