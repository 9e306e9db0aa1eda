package blobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
)

// Reader reads an object, from any offset. What is read from the first byte to the last is
// verified: the last bytes come only when the digest is right, and else ErrCorrupt. It is not
// safe for concurrent use.
type Reader struct {
	ctx    context.Context
	place  *place
	key    string
	object Object
	// at is where the next Read begins. body reads from there; nil until then.
	at   int64
	body io.ReadCloser
	// hash has all bytes before hashed.
	hash   hash.Hash
	hashed int64
	err    error
}

// Open opens an object; ErrNotFound when there is none. size is what its record says; ErrCorrupt
// when the object has another.
func (s *Store) Open(ctx context.Context, digest string, size int64) (*Reader, error) {
	o, err := s.Stat(ctx, digest)
	if err != nil {
		return nil, err
	}
	if o.Size != size {
		return nil, ErrCorrupt
	}
	p, err := s.open()
	if err != nil {
		return nil, err
	}
	return &Reader{ctx: ctx, place: p, key: keyOf(digest), object: o, hash: sha256.New()}, nil
}

// Object returns what is read.
func (r *Reader) Object() Object { return r.object }

// Err returns the error that ended the reading; nil when there was none, or io.EOF.
func (r *Reader) Err() error { return r.err }

// Read reads on.
func (r *Reader) Read(b []byte) (int, error) {
	if r.at >= r.object.Size {
		return 0, io.EOF
	}
	n, err := r.read(b)
	if err == nil {
		return n, nil
	}
	r.err = err
	return 0, err
}

func (r *Reader) read(b []byte) (int, error) {
	if r.body == nil {
		body, err := r.place.bucket.NewRangeReader(r.ctx, r.key, r.at, -1, nil)
		if err != nil {
			return 0, storeError(err)
		}
		r.body = body
	}
	b = b[:min(int64(len(b)), r.object.Size-r.at)]
	n, err := r.body.Read(b)
	if err == io.EOF && r.at+int64(n) < r.object.Size {
		return 0, ErrCorrupt // The object is shorter than it was.
	}
	if err != nil && err != io.EOF {
		return 0, storeError(err)
	}
	if r.at == r.hashed {
		r.hash.Write(b[:n])
		r.hashed += int64(n)
	}
	r.at += int64(n)
	if r.at == r.object.Size && r.hashed == r.object.Size && "sha256:"+hex.EncodeToString(r.hash.Sum(nil)) != r.object.Digest {
		return 0, ErrCorrupt
	}
	return n, nil
}

// Seek sets where the next Read begins. It reads nothing.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.object.Size
	}
	if offset < 0 {
		return 0, errors.New("a seek to before the start")
	}
	if offset != r.at && r.body != nil {
		_ = r.body.Close()
		r.body = nil
	}
	r.at = offset
	return offset, nil
}

// Close ends the reading.
func (r *Reader) Close() error {
	if r.body == nil {
		return nil
	}
	return r.body.Close()
}
