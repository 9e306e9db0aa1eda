// Package neo4jtest provides a real Neo4j server for tests, without Docker. It uses the
// server that PEDIGREE_TEST_NEO4J names, or starts one from jars of Maven Central.
package neo4jtest

import (
	"context"
	"crypto/rand"
	"os"
	"sync"
	"testing"
)

// EnvURL is the environment variable with the URL of a server to test against. With
// the value "none" a test that asks for a server fails.
const EnvURL = "PEDIGREE_TEST_NEO4J"

var (
	startOnce sync.Once
	started   *Server
	startErr  error
)

// URL returns the URL of a server. The first call in a process may start one, which
// stops with the process at the latest. When no server can be started, the test
// fails; it is not skipped.
func URL(t testing.TB) string {
	t.Helper()
	switch url := os.Getenv(EnvURL); url {
	case "":
	case "none":
		t.Fatal("this run has no Neo4j: make check leaves out tests with Neo4j in their name; give this one such a name")
	default:
		return url
	}
	startOnce.Do(func() { started, startErr = Start(context.Background()) })
	if startErr != nil {
		t.Fatal(startErr)
	}
	return started.URL
}

// Main runs the tests of a package, stops the server that they started, and exits.
// Use it as func TestMain(m *testing.M) { neo4jtest.Main(m) }.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main for packages that have more to clean up: it returns the exit code
// instead of exiting.
func Run(m *testing.M) int {
	code := m.Run()
	if started != nil {
		started.Stop()
	}
	return code
}

// Namespace returns a new random namespace, so that tests that share a server do not
// share data.
func Namespace() string { return "test-" + rand.Text()[:16] }
