// Package e2e tests the built command as its users run it: real processes, real
// HTTP, both stores. Some tests use a registry inside the test process instead, to
// compare the answers of both stores. The package has no code of its own.
package e2e
