package sqlite

import "modernc.org/libc"

// The engine's allocator takes memory from the system in pages of 64 KiB, each for blocks of
// one size, and returns a page when its last block is free. A statement takes a few blocks
// and frees them, so that it would cost several system calls. heldBlocks keep some pages of each
// size for as long as a store is open.
type heldBlocks []uintptr

// The sizes of blocks that are kept, the size of a page, and how many pages of each size.
const smallestBlock, largestBlock, allocatorPage, pagesOfSize = 1 << 5, 1 << 14, 1 << 16, 3

// holdBlocks takes blocks, and frees all but one of each page.
func holdBlocks() (held heldBlocks) {
	tls := libc.NewTLS()
	defer tls.Close()
	for size := smallestBlock; size <= largestBlock; size *= 2 {
		pages := map[uintptr]bool{}
		var free heldBlocks
		for len(pages) < pagesOfSize {
			b := libc.Xmalloc(tls, libc.Tsize_t(size))
			if b == 0 {
				break
			}
			if page := b / allocatorPage; pages[page] {
				free = append(free, b)
			} else {
				pages[page] = true
				held = append(held, b)
			}
		}
		free.release()
	}
	return held
}

// release frees the blocks.
func (h heldBlocks) release() {
	tls := libc.NewTLS()
	defer tls.Close()
	for _, b := range h {
		libc.Xfree(tls, b)
	}
}
