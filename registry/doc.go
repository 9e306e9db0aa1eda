// Package registry is Pedigree's domain model: the types of a model registry, the
// rules that hold for every store and every API, and the field table, from which
// policies, redaction, store columns, filters and the schema test are derived. It
// must import nothing but the standard library and a semver package.
package registry
