// Package blobs keeps the bytes of artifacts in a folder or in a bucket of a cloud, by
// gocloud.dev/blob. An object is named by the SHA-256 of its content, so the same content is
// stored once and a name never changes its meaning. Bytes are streamed: no object is ever whole
// in memory. The package knows nothing of models, and decides no access.
package blobs

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/gcerrors"
)

var (
	// ErrNotFound means that there is no object with a digest.
	ErrNotFound = errors.New("there is no such object")
	// ErrCorrupt means that the stored bytes are not those of the digest.
	ErrCorrupt = errors.New("the stored bytes do not match their digest")
)

// The folders of a store. An object counts when it lies in objectFolder.
const (
	objectFolder    = "sha256/"
	temporaryFolder = "tmp/"
)

// Object is what was stored: its digest as sha256:HEX, and its size in bytes.
type Object struct {
	Digest string
	Size   int64
}

// Store is a folder or a bucket. It is opened when it is used first, so that a program that
// needs no artifacts makes no folder. It is safe for concurrent use.
type Store struct {
	open  func() (*place, error)
	turns turns
}

// place is an opened store. root is the folder, nil for a bucket of a cloud.
type place struct {
	bucket *blob.Bucket
	root   *os.Root
}

// New returns the store at a URL: file:///folder, or the URL of a bucket whose driver is built
// in. The error does not have the URL, which may contain a key.
func New(location string) (*Store, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, errors.New("the URL of the artifacts cannot be read")
	}
	switch {
	case u.Scheme == "file" && u.Host == "" && path.IsAbs(u.Path) && u.RawQuery == "":
		return &Store{open: sync.OnceValues(func() (*place, error) { return openFolder(filepath.FromSlash(u.Path)) })}, nil
	case u.Scheme != "file" && blob.DefaultURLMux().ValidBucketScheme(u.Scheme):
		return &Store{open: sync.OnceValues(func() (*place, error) { return openBucket(location) })}, nil
	case u.Scheme == "file":
		return nil, errors.New("the folder of the artifacts must be an absolute path and nothing else: file:///folder")
	}
	return nil, fmt.Errorf("%q is no place for artifacts; use file:///folder or one of %s", u.Scheme, strings.Join(Schemes(), ", "))
}

// Schemes lists the schemes of the URLs that New takes.
func Schemes() []string { return blob.DefaultURLMux().BucketSchemes() }

// openFolder opens a folder, and makes it for its owner alone when there is none. Unfinished
// files lie in it too, because a file can be renamed only within one file system.
func openFolder(folder string) (*place, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("the folder of the artifacts cannot be made: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("the folder of the artifacts cannot be opened: %w", err)
	}
	bucket, err := fileblob.OpenBucket(folder, &fileblob.Options{DirFileMode: 0o700, NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		return nil, fmt.Errorf("the folder of the artifacts cannot be opened: %w", err)
	}
	return &place{bucket, root}, nil
}

// openBucket opens a bucket of a cloud. It lives as long as the program.
func openBucket(location string) (*place, error) {
	bucket, err := blob.OpenBucket(context.Background(), location)
	if err != nil {
		return nil, errors.New("the bucket of the artifacts cannot be opened; check its URL and the credentials in the environment")
	}
	return &place{bucket, nil}, nil
}

// Put stores what r reads under its digest. Before the object counts, check may refuse it; nil
// refuses nothing. What is refused or breaks off leaves no object.
func (s *Store) Put(ctx context.Context, r io.Reader, check func(Object) error) (Object, error) {
	p, err := s.open()
	if err != nil {
		return Object{}, err
	}
	temporary := temporaryFolder + rand.Text()
	o, err := p.write(ctx, temporary, r)
	if err != nil {
		return Object{}, err
	}
	if check != nil {
		if err := check(o); err != nil {
			return Object{}, errors.Join(err, p.bucket.Delete(context.WithoutCancel(ctx), temporary))
		}
	}
	return o, p.move(ctx, temporary, keyOf(o.Digest), o.Size)
}

// Buffers of a cloud's driver, for one upload: part by part, two at once.
const (
	partBuffer      = 5 << 20
	partConcurrency = 2
	copyBuffer      = 128 << 10
)

var buffers = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

// write streams r into a new object with the hash on the way. A folder's file is on the disk
// when it returns. An error leaves nothing.
func (p *place) write(ctx context.Context, key string, r io.Reader) (Object, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var file *os.File
	w, err := p.bucket.NewWriter(ctx, key, &blob.WriterOptions{ContentType: "application/octet-stream", DisableContentTypeDetection: true,
		BufferSize: partBuffer, MaxConcurrency: partConcurrency,
		BeforeWrite: func(as func(any) bool) error { as(&file); return nil }})
	if err != nil {
		return Object{}, storeError(err)
	}
	hash := sha256.New()
	buffer := buffers.Get().(*[copyBuffer]byte)
	defer buffers.Put(buffer)
	// The plain writer keeps io.Copy from a reader's own, larger buffer.
	size, err := io.CopyBuffer(plainWriter{io.MultiWriter(w, hash)}, plainReader{r}, buffer[:])
	if err == nil && file != nil {
		err = file.Sync()
	}
	if err != nil {
		cancel() // Close then drops what was written.
		_ = w.Close()
		return Object{}, err
	}
	if err := w.Close(); err != nil {
		return Object{}, storeError(err)
	}
	return Object{"sha256:" + hex.EncodeToString(hash.Sum(nil)), size}, nil
}

type (
	plainWriter struct{ io.Writer }
	plainReader struct{ io.Reader }
)

// maxCopy is the largest object that every cloud copies by itself.
const maxCopy = 4 << 30

// move gives an object another key. In a folder that is a rename, which happens as a whole. It
// replaces an object with the same key, whose content is the same, so that it counts as new.
func (p *place) move(ctx context.Context, from, to string, size int64) error {
	if p.root != nil {
		if err := p.root.MkdirAll(path.Dir(to), 0o700); err != nil {
			return err
		}
		if err := p.root.Rename(from, to); err != nil {
			return err
		}
		folder, err := p.root.Open(path.Dir(to))
		if err != nil {
			return err
		}
		defer folder.Close()
		return folder.Sync()
	}
	if size <= maxCopy {
		if err := p.bucket.Copy(ctx, to, from, nil); err != nil {
			return storeError(err)
		}
	} else if err := p.copyLarge(ctx, from, to); err != nil {
		return err
	}
	return storeError(p.bucket.Delete(ctx, from))
}

// copyLarge copies an object that is too large for the cloud's own copy.
func (p *place) copyLarge(ctx context.Context, from, to string) error {
	r, err := p.bucket.NewReader(ctx, from, nil)
	if err != nil {
		return storeError(err)
	}
	defer r.Close()
	_, err = p.write(ctx, to, r)
	return err
}

// keyOf returns the key of an object. The digest has passed hexOf.
func keyOf(digest string) string {
	h, _ := hexOf(digest)
	return objectFolder + h[:2] + "/" + h[2:]
}

// hexOf returns the hex digits of a digest that this store can have.
func hexOf(digest string) (string, bool) {
	h, ok := strings.CutPrefix(digest, "sha256:")
	b, err := hex.DecodeString(h)
	return h, ok && err == nil && len(b) == sha256.Size && h == strings.ToLower(h)
}

// Stat returns an object; ErrNotFound when there is none.
func (s *Store) Stat(ctx context.Context, digest string) (Object, error) {
	if _, ok := hexOf(digest); !ok {
		return Object{}, ErrNotFound
	}
	p, err := s.open()
	if err != nil {
		return Object{}, err
	}
	a, err := p.bucket.Attributes(ctx, keyOf(digest))
	if err != nil {
		return Object{}, storeError(err)
	}
	return Object{digest, a.Size}, nil
}

// Entry is an object of a store. Digest is "" for an unfinished upload.
type Entry struct {
	Key    string
	Digest string
	Size   int64
	// ModTime is when it was stored last.
	ModTime time.Time
}

// Entries calls each with every object and every unfinished upload.
func (s *Store) Entries(ctx context.Context, each func(Entry) error) error {
	p, err := s.open()
	if err != nil {
		return err
	}
	for list := p.bucket.List(nil); ; {
		o, err := list.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return storeError(err)
		}
		e := Entry{Key: o.Key, Size: o.Size, ModTime: o.ModTime}
		if h, ok := strings.CutPrefix(o.Key, objectFolder); ok {
			digest := "sha256:" + strings.Replace(h, "/", "", 1)
			if _, ok := hexOf(digest); ok && keyOf(digest) == o.Key {
				e.Digest = digest
			}
		}
		if err := each(e); err != nil {
			return err
		}
	}
}

// Delete removes an entry. One that is gone is no error.
func (s *Store) Delete(ctx context.Context, e Entry) error {
	p, err := s.open()
	if err != nil {
		return err
	}
	if err := storeError(p.bucket.Delete(ctx, e.Key)); !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// storeError replaces the error of a driver, whose text may have a URL or a path.
func storeError(err error) error {
	switch {
	case err == nil:
		return nil
	case gcerrors.Code(err) == gcerrors.NotFound:
		return ErrNotFound
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return &Error{err}
}

// Error is a failure of the folder or the bucket.
type Error struct{ cause error }

// Error returns a text without a path or a URL.
func (e *Error) Error() string { return "the place of the artifacts fails" }

// Unwrap returns the cause, for the log.
func (e *Error) Unwrap() error { return e.cause }

// OlderThan reports whether an entry is there and was stored last before a time.
func (s *Store) OlderThan(ctx context.Context, e Entry, before time.Time) (bool, error) {
	p, err := s.open()
	if err != nil {
		return false, err
	}
	a, err := p.bucket.Attributes(ctx, e.Key)
	if err := storeError(err); err != nil {
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		return false, err
	}
	return a.ModTime.Before(before), nil
}
