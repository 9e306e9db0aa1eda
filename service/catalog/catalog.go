// Package catalog holds the use cases of models and their versions, cards, aliases, artifacts
// and transitions, and search. Runs, datasets and deployments are in package facts.
package catalog

import "pedigree/service/core"

// Catalog registers, changes and finds models and their versions.
type Catalog struct {
	core *core.Core
	runs runPauses
}

// New returns a Catalog on a core.
func New(c *core.Core) *Catalog { return &Catalog{core: c} }
