package git

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"pedigree/registry"
)

// clone makes a bare clone in a temporary folder, within the limits of size and time.
// Errors do not repeat what the server says: it may contain the URL's password.
func (r *Repository) clone(ctx context.Context, from *url.URL) (err error) {
	if r.tempDir, err = os.MkdirTemp("", "pedigree-import-"); err != nil {
		return err
	}
	maxBytes := cmp.Or(r.options.MaxBytes, DefaultMaxBytes)
	limit := cmp.Or(r.options.MaxTime, DefaultMaxTime)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r.options.Progress.report("cloning "+from.Host, 0, 0)
	fs := &limitedFS{Filesystem: osfs.New(filepath.Join(r.tempDir, "repo.git")), remaining: new(atomic.Int64)}
	fs.remaining.Store(maxBytes)
	store := filesystem.NewStorage(fs, cache.NewObjectLRUDefault())
	r.git, err = gogit.CloneContext(ctx, store, nil, &gogit.CloneOptions{URL: from.String(), NoCheckout: true, Tags: gogit.AllTags})
	return explainTransfer(ctx, err, from, fs.remaining.Load() < 0, maxBytes, limit)
}

// explainTransfer returns the error of a transfer without what the server said.
func explainTransfer(ctx context.Context, err error, from *url.URL, tooLarge bool, maxBytes int64, limit time.Duration) error {
	switch {
	case err == nil:
		return nil
	case tooLarge:
		return registry.Errorf(registry.ResourceExhausted, "the repository is larger than %d bytes; clone it with git first and give the path", maxBytes)
	case errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil:
		return registry.Errorf(registry.Unavailable, "the repository did not arrive within %s; clone it with git first and give the path", limit)
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return noCommits()
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed):
		return registry.Errorf(registry.Forbidden, "%s wants credentials for the repository; clone it with git first and give the path", from.Host)
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return registry.Errorf(registry.NotFound, "%s has no repository at %s; check the URL", from.Host, registry.Shorten(from.Path, 200))
	}
	e := registry.Errorf(registry.Unavailable, "the repository could not be cloned from %s; try git clone, and give the path of the clone", from.Host)
	e.Err = errors.New(withoutCredentials(err.Error(), from))
	return e
}

// withoutCredentials replaces the user name and password of a URL in a text by "…".
func withoutCredentials(text string, from *url.URL) string {
	if from.User == nil {
		return text
	}
	secrets := []string{from.User.String(), from.User.Username()}
	if p, ok := from.User.Password(); ok {
		secrets = append(secrets, p, url.QueryEscape(p), url.PathEscape(p))
	}
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "…")
		}
	}
	return text
}

// errTooLarge ends a clone that is larger than its limit.
var errTooLarge = errors.New("larger than allowed")

// limitedFS is a file system with a limit on the bytes written to all files together.
type limitedFS struct {
	billy.Filesystem
	remaining *atomic.Int64
}

func (fs *limitedFS) wrap(f billy.File, err error) (billy.File, error) {
	if err != nil {
		return nil, err
	}
	return &limitedFile{f, fs.remaining}, nil
}

// Create makes a file whose written bytes count against the limit.
func (fs *limitedFS) Create(name string) (billy.File, error) {
	return fs.wrap(fs.Filesystem.Create(name))
}

// OpenFile opens a file whose written bytes count against the limit.
func (fs *limitedFS) OpenFile(name string, flag int, perm os.FileMode) (billy.File, error) {
	return fs.wrap(fs.Filesystem.OpenFile(name, flag, perm))
}

// TempFile makes a temporary file whose written bytes count against the limit. go-git
// writes packs to such a file.
func (fs *limitedFS) TempFile(dir, prefix string) (billy.File, error) {
	return fs.wrap(fs.Filesystem.TempFile(dir, prefix))
}

type limitedFile struct {
	billy.File
	remaining *atomic.Int64
}

// Write subtracts the bytes from what remains. It fails when the limit is exceeded.
func (f *limitedFile) Write(p []byte) (int, error) {
	if f.remaining.Add(-int64(len(p))) < 0 {
		return 0, errTooLarge
	}
	return f.File.Write(p)
}
