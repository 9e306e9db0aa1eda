package door

import "sync"

// bufferPool holds the buffers that responses are written to.
var bufferPool = sync.Pool{New: func() any { return new([]byte) }}

// maxPooledBuffer is the capacity of the largest buffer that is returned to the pool, in
// bytes.
const maxPooledBuffer = 256 << 10

func releaseBuffer(b *[]byte) {
	if cap(*b) <= maxPooledBuffer {
		*b = (*b)[:0]
		bufferPool.Put(b)
	}
}
