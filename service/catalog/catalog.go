// Package catalog holds the use cases of models and what belongs to them: versions,
// cards, aliases, artifacts, transitions, search.
package catalog

import "pedigree/service/core"

// Catalog registers, changes and finds models and their versions.
type Catalog struct{ core *core.Core }

// New returns the part on a core.
func New(c *core.Core) *Catalog { return &Catalog{c} }
