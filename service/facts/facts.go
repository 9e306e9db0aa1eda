// Package facts records observed facts: dataset versions, runs, commits, tags, features,
// deployments, and lineage edges between them; and it lists them. Recording a fact again
// merges it with the stored fact. Models and their versions are in package catalog.
package facts

import "pedigree/service/core"

// Recorder records and lists facts.
type Recorder struct{ core *core.Core }

// New returns a Recorder on a core.
func New(c *core.Core) *Recorder { return &Recorder{c} }
