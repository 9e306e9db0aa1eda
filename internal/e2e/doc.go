// Package e2e tests the built command as its users run it: real processes, real
// HTTP, both stores.
package e2e
