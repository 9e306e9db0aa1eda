// Package facts records what happened, as it is observed: dataset versions, runs, commits,
// tags, features, deployments, and edges between them. Recording a fact again
// merges it with what is known.
package facts

import "pedigree/service/core"

// Recorder records facts.
type Recorder struct{ core *core.Core }

// New returns the part on a core.
func New(c *core.Core) *Recorder { return &Recorder{c} }
