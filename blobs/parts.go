package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"gocloud.dev/blob"
)

// Part is one part of an upload in parts.
type Part struct {
	Number int
	Object
}

// PutPart stores a part of an upload. The name of the upload is of letters and digits. A part
// that is sent again stands beside the old one: which of them counts, Join is told.
func (s *Store) PutPart(ctx context.Context, upload string, number int, r io.Reader) (Part, error) {
	o, err := s.put(ctx, r, nil, func(o Object) string { return partKey(upload, Part{number, o}) })
	return Part{number, o}, err
}

func partKey(upload string, p Part) string {
	return fmt.Sprintf("%s%s/%05d-%s", partFolder, upload, p.Number, strings.TrimPrefix(p.Digest, "sha256:"))
}

// Parts lists the parts of an upload, by number.
func (s *Store) Parts(ctx context.Context, upload string) (out []Part, err error) {
	err = s.eachPart(ctx, upload, func(_ string, p Part) error { out = append(out, p); return nil })
	return out, err
}

func (s *Store) eachPart(ctx context.Context, upload string, each func(key string, p Part) error) error {
	pl, err := s.open()
	if err != nil {
		return err
	}
	prefix := partFolder + upload + "/"
	for list := pl.bucket.List(&blob.ListOptions{Prefix: prefix}); ; {
		o, err := list.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return storeError(err)
		}
		number, digits, _ := strings.Cut(strings.TrimPrefix(o.Key, prefix), "-")
		n, err := strconv.Atoi(number)
		if _, ok := hexOf("sha256:" + digits); err != nil || !ok {
			continue
		}
		if err := each(o.Key, Part{n, Object{"sha256:" + digits, o.Size}}); err != nil {
			return err
		}
	}
}

// Join stores the parts of an upload, in the given order, as one object, like Put. Each part is
// verified on the way. The parts stay until Drop.
func (s *Store) Join(ctx context.Context, upload string, parts []Part, check func(Object) error) (Object, error) {
	r := &partReader{ctx: ctx, store: s, upload: upload, parts: parts}
	defer r.close()
	return s.Put(ctx, r, check)
}

// Drop removes the parts of an upload.
func (s *Store) Drop(ctx context.Context, upload string) error {
	var keys []string
	if err := s.eachPart(ctx, upload, func(key string, _ Part) error { keys = append(keys, key); return nil }); err != nil {
		return err
	}
	for _, key := range keys {
		if err := s.Delete(ctx, Entry{Key: key}); err != nil {
			return err
		}
	}
	return nil
}

// partReader reads parts one after the other.
type partReader struct {
	ctx    context.Context
	store  *Store
	upload string
	parts  []Part
	now    *Reader
}

// Read reads on, in the next part where one ends.
func (r *partReader) Read(b []byte) (int, error) {
	for {
		if r.now == nil {
			if len(r.parts) == 0 {
				return 0, io.EOF
			}
			now, err := r.store.reader(r.ctx, partKey(r.upload, r.parts[0]), r.parts[0].Object)
			if err != nil {
				return 0, err
			}
			r.now, r.parts = now, r.parts[1:]
		}
		n, err := r.now.Read(b)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		r.close()
	}
}

func (r *partReader) close() {
	if r.now != nil {
		_ = r.now.Close()
		r.now = nil
	}
}
