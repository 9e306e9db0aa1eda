package git

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"pedigree/registry"
)

// Kept is a bare clone that is kept, and brought up to date by fetching what is new. It has the
// branches and tags of its origin and no other references: a stranger's pull request is none of
// them.
type Kept struct {
	// Dir is the folder of the clone; the first fetch makes it.
	Dir string
	// URL is the https URL that is fetched. User and Password log in there, if they are set.
	URL            string
	User, Password string
	// CA are more certificates that the host may have, as PEM.
	CA []byte
	// MaxBytes and MaxTime limit the clone and one fetch; zero means the default.
	MaxBytes int64
	MaxTime  time.Duration
}

// keptRefs are the references that a fetch takes from the origin as they are there.
var keptRefs = []config.RefSpec{"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"}

// CheckURL returns INVALID_ARGUMENT for what is no https URL of a repository.
func CheckURL(from string) error {
	src, err := parseSource(from)
	if err == nil && src.url == nil {
		err = registry.Invalid("url", "is no https:// URL")
	}
	return err
}

// Fetch brings the clone up to date: its branches and tags become those of the origin. A fetch that
// is broken off leaves the clone as it was. A clone that has grown beyond its limit, as by rewritten
// branches, is made anew once.
func (k *Kept) Fetch(ctx context.Context) error {
	src, err := parseSource(k.URL)
	if err != nil {
		return err
	}
	if src.url == nil {
		return CheckURL(k.URL)
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(k.MaxTime, DefaultMaxTime))
	defer cancel()
	if isGitDir(k.Dir) {
		err := k.fetchInto(ctx, src.url, k.Dir)
		if registry.CodeOf(err) != registry.ResourceExhausted {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(k.Dir), 0o700); err != nil {
		return err
	}
	fresh := k.Dir + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	if err := k.fetchInto(ctx, src.url, fresh); err != nil {
		return err
	}
	if err := os.RemoveAll(k.Dir); err != nil {
		return err
	}
	return os.Rename(fresh, k.Dir)
}

// fetchInto fetches into the clone in a folder, which it makes if there is none.
func (k *Kept) fetchInto(ctx context.Context, from *url.URL, dir string) error {
	limit := cmp.Or(k.MaxBytes, DefaultMaxBytes)
	held, err := sizeOf(dir)
	if err != nil {
		return err
	}
	files := &limitedFS{Filesystem: osfs.New(dir), remaining: new(atomic.Int64)}
	files.remaining.Store(limit - held)
	store := filesystem.NewStorage(files, cache.NewObjectLRU(objectCache))
	repo, err := gogit.Open(store, nil)
	if errors.Is(err, gogit.ErrRepositoryNotExists) {
		repo, err = gogit.Init(store, nil)
	}
	if err != nil {
		return explainOpen(dir, err)
	}
	login := k.login(from)
	clean := *from
	clean.User = nil
	if err := setOrigin(repo, clean.String()); err != nil {
		return err
	}
	origin, err := repo.Remote("origin")
	if err != nil {
		return err
	}
	refs, err := origin.ListContext(ctx, &gogit.ListOptions{Auth: login, CABundle: k.CA})
	if err == nil && !upToDate(repo, refs) {
		err = origin.FetchContext(ctx, &gogit.FetchOptions{RefSpecs: keptRefs, Tags: gogit.NoTags, Force: true, Prune: true, Auth: login, CABundle: k.CA})
		if errors.Is(err, gogit.NoErrAlreadyUpToDate) {
			err = nil
		}
	}
	if err := explainTransfer(ctx, err, from, files.remaining.Load() < 0, limit, cmp.Or(k.MaxTime, DefaultMaxTime)); err != nil {
		return err
	}
	for _, ref := range refs {
		if ref.Name() == plumbing.HEAD && ref.Type() == plumbing.SymbolicReference {
			return repo.Storer.SetReference(ref)
		}
	}
	return nil
}

// login returns the credentials of the clone, or of its URL, nil without any.
func (k *Kept) login(from *url.URL) transport.AuthMethod {
	if k.Password != "" {
		return &http.BasicAuth{Username: cmp.Or(k.User, "git"), Password: k.Password}
	}
	if p, ok := from.User.Password(); ok {
		return &http.BasicAuth{Username: from.User.Username(), Password: p}
	}
	return nil
}

// setOrigin makes a URL the origin of a clone.
func setOrigin(repo *gogit.Repository, at string) error {
	settings, err := repo.Config()
	if err != nil {
		return err
	}
	if known := settings.Remotes["origin"]; known != nil && slices.Equal(known.URLs, []string{at}) {
		return nil
	}
	settings.Core.IsBare = true
	settings.Remotes["origin"] = &config.RemoteConfig{Name: "origin", URLs: []string{at}, Fetch: keptRefs}
	return repo.SetConfig(settings)
}

// upToDate reports whether a clone has exactly the branches and tags that its origin lists.
func upToDate(repo *gogit.Repository, listed []*plumbing.Reference) bool {
	wanted := map[plumbing.ReferenceName]plumbing.Hash{}
	for _, ref := range listed {
		if (ref.Name().IsBranch() || ref.Name().IsTag()) && !strings.HasSuffix(string(ref.Name()), "^{}") {
			wanted[ref.Name()] = ref.Hash()
		}
	}
	known, err := repo.References()
	if err != nil {
		return false
	}
	same := 0
	err = known.ForEach(func(ref *plumbing.Reference) error {
		if ref.Name().IsBranch() || ref.Name().IsTag() {
			if hash, ok := wanted[ref.Name()]; !ok || hash != ref.Hash() {
				return errors.New("it moved")
			}
			same++
		}
		return nil
	})
	return err == nil && same == len(wanted)
}

// sizeOf returns the bytes of all files below a folder, 0 when there is none.
func sizeOf(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}

// State returns a digest of the branches and tags of the repository at a path. It is another one
// when one of them came, went or moved.
func State(ctx context.Context, path string) (string, error) {
	r, err := Open(ctx, path, Options{})
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	for _, t := range r.tips {
		h.Write([]byte(t.name + "\x00" + t.hash.String() + "\n"))
	}
	for _, t := range r.tags {
		h.Write([]byte(t.Name + "\x00" + t.SHA + "\x00" + t.Message + "\n"))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
