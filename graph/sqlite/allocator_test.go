package sqlite

import (
	"testing"

	"modernc.org/libc"
)

// TestBlocksComeFromHeldPages shows that a block which a statement takes lies in a page that
// is held, so that it is there already and stays.
func TestBlocksComeFromHeldPages(t *testing.T) {
	held := holdBlocks()
	defer held.release()
	pages := map[uintptr]bool{}
	for _, b := range held {
		pages[b/allocatorPage] = true
	}
	tls := libc.NewTLS()
	defer tls.Close()
	sizes := 0
	for size := smallestBlock; size <= largestBlock; size *= 2 {
		sizes++
		b := libc.Xmalloc(tls, libc.Tsize_t(size))
		if !pages[b/allocatorPage] {
			t.Errorf("a block of %d bytes is in no page that is held", size)
		}
		libc.Xfree(tls, b)
	}
	if len(held) != sizes*pagesOfSize {
		t.Errorf("%d blocks are held, want %d of each of %d sizes", len(held), pagesOfSize, sizes)
	}
}
