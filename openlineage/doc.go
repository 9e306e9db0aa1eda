// Package openlineage reads OpenLineage events (spec 2-0-2) and merges them into the state of a
// run, a dataset and a dataset version.
//
// Events arrive in any order, more than once, and from several producers. So a state keeps,
// for each fact, the value that was told last by the time of its event, and merging is
// commutative and idempotent: the same events give the same state in every order. What a
// state says as facts of the registry is in run_facts.go and dataset_facts.go.
//
// The package reads no store. Package service/events writes what it says.
package openlineage
