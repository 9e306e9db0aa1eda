// Package artifacts holds the use cases of the files of model versions: upload, download,
// removal, and the sweep of stored bytes that no version names. The bytes are in package blobs;
// the graph says which file of which version has which content.
package artifacts

import (
	"pedigree/blobs"
	"pedigree/registry"
	"pedigree/service/core"
)

// Keeper keeps the files of versions.
type Keeper struct {
	core *core.Core
	// verifying has a place for each file elsewhere that is read at one time.
	verifying chan struct{}
}

// maxVerifying is how many files elsewhere are read at one time.
const maxVerifying = 4

// New returns a Keeper on a core.
func New(c *core.Core) *Keeper { return &Keeper{c, make(chan struct{}, maxVerifying)} }

// blobs returns the store of the bytes; FAILED_PRECONDITION where none is configured.
func (k *Keeper) blobs() (*blobs.Store, error) {
	if k.core.Blobs == nil {
		return nil, registry.Errorf(registry.FailedPrecondition, "this registry keeps no files; start the server with a place for artifacts")
	}
	return k.core.Blobs, nil
}
