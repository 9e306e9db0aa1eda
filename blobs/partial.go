package blobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"

	"gocloud.dev/blob"
)

// ErrOffset means that an upload does not go on where it stopped.
var ErrOffset = errors.New("the upload does not go on where it stopped")

// errReplaced ends an upload that another request goes on with: the client that sent it is gone.
var errReplaced = fmt.Errorf("another request goes on with the upload: %w", ErrOffset)

// partialFolder has what came of uploads that can go on. Nothing in it counts. In a folder an upload
// is a file that grows; in a bucket, where nothing grows, it is objects named by their offsets.
const partialFolder = "partial/"

// bucketPart is the size of an object of an upload in a bucket: so much is lost at most when the
// server is killed.
const bucketPart = 16 << 20

// checkPartial refuses a name that is no hex digest, so that no name is a path.
func checkPartial(name string) error {
	if b, err := hex.DecodeString(name); err != nil || len(b) != sha256.Size {
		return fmt.Errorf("blobs: %q is no name of an upload", name)
	}
	return nil
}

// Partial returns how many bytes of an upload have come. Its name is 64 hex digits.
func (s *Store) Partial(ctx context.Context, name string) (int64, error) {
	if err := checkPartial(name); err != nil {
		return 0, err
	}
	p, err := s.open()
	if err != nil {
		return 0, err
	}
	parts, err := p.parts(ctx, name)
	return sizeOf(parts), err
}

// part is an object of an upload.
type part struct {
	key        string
	from, size int64
}

func sizeOf(parts []part) int64 {
	if len(parts) == 0 {
		return 0
	}
	last := parts[len(parts)-1]
	return last.from + last.size
}

// parts returns what has come of an upload, without a gap.
func (p *place) parts(ctx context.Context, name string) (out []part, err error) {
	if p.root != nil {
		info, err := p.root.Stat(partialFolder + name)
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, &Error{err}
		}
		return []part{{partialFolder + name, 0, info.Size()}}, nil
	}
	prefix := partialFolder + name + "/"
	for list := p.bucket.List(&blob.ListOptions{Prefix: prefix}); ; { // In the order of the keys.
		o, err := list.Next(ctx)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, storeError(err)
		}
		from, err := strconv.ParseInt(strings.TrimPrefix(o.Key, prefix), 10, 64)
		if err == nil && from == sizeOf(out) {
			out = append(out, part{o.Key, from, o.Size})
		}
	}
}

// Append goes on with an upload at an offset, and returns how many bytes have come. What r gave before
// it failed is kept. ErrOffset when the upload does not stand at the offset. A request that still
// appends to the same upload ends.
func (s *Store) Append(ctx context.Context, name string, offset int64, r io.Reader) (int64, error) {
	if err := checkPartial(name); err != nil {
		return 0, err
	}
	p, err := s.open()
	if err != nil {
		return 0, err
	}
	turn, number := s.turns.take(name)
	defer s.turns.drop(name, turn)
	mine := func(do func()) bool { return turn.during(number, do) }
	if p.root != nil {
		return p.appendFile(name, mine, offset, r)
	}
	return p.appendParts(ctx, name, mine, offset, r)
}

// appendFile appends to the file of an upload in a folder.
func (p *place) appendFile(name string, mine func(func()) bool, offset int64, r io.Reader) (at int64, err error) {
	if err := p.root.MkdirAll(path.Clean(partialFolder), 0o700); err != nil {
		return 0, &Error{err}
	}
	file, err := p.root.OpenFile(partialFolder+name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return 0, &Error{err}
	}
	defer func() {
		if closed := file.Close(); err == nil && closed != nil {
			err = &Error{closed}
		}
	}()
	if at, err = file.Seek(0, io.SeekEnd); err != nil {
		return 0, &Error{err}
	}
	if at != offset {
		return at, ErrOffset
	}
	buffer := buffers.Get().(*[copyBuffer]byte)
	defer buffers.Put(buffer)
	for {
		n, readError := r.Read(buffer[:])
		written, writeError := 0, error(nil)
		// Under the lock: what a request writes that was replaced would lie between the other's bytes.
		if !mine(func() { written, writeError = file.WriteAt(buffer[:n], at) }) {
			return at, errReplaced
		}
		at += int64(written)
		switch {
		case writeError != nil:
			return at, &Error{writeError}
		case readError == io.EOF:
			return at, nil
		case readError != nil:
			return at, readError
		}
	}
}

// appendParts adds objects to an upload in a bucket.
func (p *place) appendParts(ctx context.Context, name string, mine func(func()) bool, offset int64, r io.Reader) (int64, error) {
	have, err := p.parts(ctx, name)
	if err != nil {
		return 0, err
	}
	at := sizeOf(have)
	if at != offset {
		return at, ErrOffset
	}
	// What came is kept when the client is gone.
	kept := context.WithoutCancel(ctx)
	for {
		piece := &pieceReader{r: r, left: bucketPart}
		if !mine(func() {}) {
			return at, errReplaced
		}
		o, err := p.write(kept, fmt.Sprintf("%s%s/%019d", partialFolder, name, at), piece)
		if err != nil {
			return at, err
		}
		if at += o.Size; piece.err != nil {
			if piece.err == io.EOF {
				return at, nil
			}
			return at, piece.err
		}
	}
}

// pieceReader reads up to a size, and ends without an error where r fails: the error is kept.
type pieceReader struct {
	r    io.Reader
	left int64
	err  error
}

// Read reads on.
func (p *pieceReader) Read(b []byte) (int, error) {
	if p.left == 0 || p.err != nil {
		return 0, io.EOF
	}
	n, err := p.r.Read(b[:min(int64(len(b)), p.left)])
	p.left, p.err = p.left-int64(n), err
	return n, nil
}

// Finish stores what has come of an upload under its digest. Before the object counts, check may
// refuse it: then nothing is left of the upload.
func (s *Store) Finish(ctx context.Context, name string, check func(Object) error) (Object, error) {
	if err := checkPartial(name); err != nil {
		return Object{}, err
	}
	p, err := s.open()
	if err != nil {
		return Object{}, err
	}
	turn, _ := s.turns.take(name) // Nobody appends to what is being stored.
	defer s.turns.drop(name, turn)
	parts, err := p.parts(ctx, name)
	if err != nil {
		return Object{}, err
	}
	if p.root == nil {
		o, err := s.Put(ctx, &partsReader{ctx: ctx, place: p, parts: parts}, check)
		return o, errors.Join(err, p.discard(ctx, parts))
	}
	if len(parts) == 0 {
		return Object{}, ErrOffset
	}
	o, err := p.digestFile(parts[0].key)
	if err != nil {
		return Object{}, err
	}
	if check != nil {
		if err := check(o); err != nil {
			return Object{}, errors.Join(err, p.discard(ctx, parts))
		}
	}
	return o, p.move(ctx, parts[0].key, keyOf(o.Digest), o.Size)
}

// digestFile returns a file of the folder as an object, and makes sure that it is on the disk.
func (p *place) digestFile(key string) (Object, error) {
	file, err := p.root.Open(key)
	if err != nil {
		return Object{}, &Error{err}
	}
	defer file.Close()
	hash := sha256.New()
	buffer := buffers.Get().(*[copyBuffer]byte)
	defer buffers.Put(buffer)
	size, err := io.CopyBuffer(plainWriter{hash}, plainReader{file}, buffer[:])
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		return Object{}, &Error{err}
	}
	return Object{"sha256:" + hex.EncodeToString(hash.Sum(nil)), size}, nil
}

// discard removes the parts of an upload.
func (p *place) discard(ctx context.Context, parts []part) (err error) {
	for _, one := range parts {
		if e := storeError(p.bucket.Delete(context.WithoutCancel(ctx), one.key)); e != nil && !errors.Is(e, ErrNotFound) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// partsReader reads the parts of an upload one after the other.
type partsReader struct {
	ctx   context.Context
	place *place
	parts []part
	body  io.ReadCloser
}

// Read reads on.
func (r *partsReader) Read(b []byte) (int, error) {
	for {
		if r.body == nil {
			if len(r.parts) == 0 {
				return 0, io.EOF
			}
			body, err := r.place.bucket.NewReader(r.ctx, r.parts[0].key, nil)
			if err != nil {
				return 0, storeError(err)
			}
			r.body, r.parts = body, r.parts[1:]
		}
		n, err := r.body.Read(b)
		if err == io.EOF {
			err = storeError(r.body.Close())
			r.body = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}
