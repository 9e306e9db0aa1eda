// Package registry is Pedigree's domain: the nouns of a model registry, the
// rules that hold whatever the storage or the door, and the one table of fields
// from which policy, redaction, columns, filters and the GraphQL schema are
// derived. It knows nobody: it imports the standard library and a semver
// package, nothing else.
package registry
