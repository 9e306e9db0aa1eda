package door

import "sync"

// bufferPool hold what an answer is written into, until it is sent.
var bufferPool = sync.Pool{New: func() any { return new([]byte) }}

// maxPooledBuffer is the most that a buffer may hold to be used again.
const maxPooledBuffer = 256 << 10

func releaseBuffer(b *[]byte) {
	if cap(*b) <= maxPooledBuffer {
		*b = (*b)[:0]
		bufferPool.Put(b)
	}
}
