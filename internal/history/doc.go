// Package history holds tests of past states over GraphQL, on both stores: an answer
// that was given at an instant is given again when a query asks as of that instant.
// It has no code of its own.
package history
