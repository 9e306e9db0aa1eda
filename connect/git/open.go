package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
	"golang.org/x/text/unicode/norm"

	"pedigree/registry"
	"pedigree/service/facts"
)

// Options set how a repository is read.
type Options struct {
	// Name is the repository's key. When it is empty, the key is the normalized URL of the
	// origin, or the SHA of the first commit when there is no origin.
	Name string
	// All reads every commit instead of stopping at known ones. It is needed after a
	// shallow clone was deepened.
	All bool
	// MaxBytes and MaxTime limit a clone; zero means the default.
	MaxBytes int64
	MaxTime  time.Duration
	// Progress receives the progress of the import; it may be nil.
	Progress Progress
}

// DefaultMaxBytes and DefaultMaxTime are the limits of a clone: 2 GiB and 15 minutes.
const (
	DefaultMaxBytes = 2 << 30
	DefaultMaxTime  = 15 * time.Minute
)

// objectCache is the size of the cache of git objects. Commits, trees and small files are read.
const objectCache = 24 * cache.MiByte

// Repository is an open git repository. The caller must close it.
type Repository struct {
	git        *gogit.Repository
	options    Options
	input      facts.RepositoryInput
	tempDir    string // the folder of a temporary clone, "" for a local repository
	shallow    map[string]bool
	tips       []tip
	tags       []Tag
	allCommits []Commit
	// problems lists the problems found while reading. tagNodes holds the ids of the
	// recorded tags by name.
	problems []Problem
	tagNodes map[string]registry.ID
	// present counts the commits that Record found in the registry or put there.
	present int
}

// Open opens the repository at a path or https URL. It clones a URL to a temporary folder
// first. It returns FAILED_PRECONDITION when the repository cannot be read or has no
// commits.
func Open(ctx context.Context, from string, o Options) (*Repository, error) {
	src, err := parseSource(from)
	if err != nil {
		return nil, err
	}
	if o.Name = norm.NFC.String(o.Name); o.Name != "" {
		if err := registry.CheckKey("repo", o.Name); err != nil {
			return nil, err
		}
		if registry.WithoutCredentials(o.Name) != o.Name {
			return nil, registry.Invalid("repo", "must not hold a user or a password")
		}
	}
	r := &Repository{options: o, shallow: map[string]bool{}, tagNodes: map[string]registry.ID{}}
	if src.url != nil {
		err = r.clone(ctx, src.url)
	} else {
		r.git, src.origin, err = openPath(src.path)
	}
	if err == nil {
		err = r.readMetadata(src)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Close removes the temporary clone, if there is one.
func (r *Repository) Close() error {
	if r.tempDir == "" {
		return nil
	}
	return os.RemoveAll(r.tempDir)
}

// Key returns the repository's natural key.
func (r *Repository) Key() string {
	if r.input.Name != "" {
		return r.input.Name
	}
	return r.input.URL
}

// openPath opens a repository on this machine: a work tree or a folder in it, a bare
// repository, a linked work tree, or a repository that borrows objects from another. It also
// returns the URL of its origin.
func openPath(path string) (repo *gogit.Repository, origin string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, "", registry.Errorf(registry.NotFound, "there is nothing to read at %q; check the path", shown(path))
	}
	if !info.IsDir() {
		return nil, "", registry.Errorf(registry.FailedPrecondition, "%q is a file; when it is a bundle, make a repository of it with git clone and give that path", shown(path))
	}
	dot, common, err := findDotGit(path)
	if err != nil {
		return nil, "", err
	}
	dotFS := osfs.New(dot)
	repoFS := dotgit.NewRepositoryFilesystem(dotFS, nil)
	if common != "" {
		repoFS = dotgit.NewRepositoryFilesystem(dotFS, osfs.New(common))
	}
	// Alternates name other repositories on this machine by their absolute path.
	store := filesystem.NewStorageWithOptions(repoFS, cache.NewObjectLRU(objectCache), filesystem.Options{AlternatesFS: osfs.New("/")})
	settings, err := readConfig(repoFS)
	if err != nil {
		return nil, "", err
	}
	if repo, err = gogit.Open(plainStorage{store}, nil); err != nil {
		return nil, "", explainOpen(path, err)
	}
	return repo, settings.origin, nil
}

func explainOpen(path string, err error) error {
	e := registry.Errorf(registry.FailedPrecondition, "the repository at %q cannot be opened; check it with git fsck", shown(path))
	if errors.Is(err, gogit.ErrRepositoryNotExists) {
		e.Message = notARepository(path)
	}
	e.Err = err
	return e
}

func notARepository(path string) string {
	return registry.Errorf(registry.FailedPrecondition, "%q is no git repository and lies in none; give the folder that holds .git", shown(path)).Message
}

// findDotGit finds the git folder of a path or of a parent folder. common is the common
// folder of a linked work tree, "" for other repositories.
func findDotGit(path string) (dot, common string, err error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return "", "", err
	}
	start := dir
	for {
		if isGitDir(dir) {
			dot = dir
			break
		}
		entry := filepath.Join(dir, ".git")
		if info, err := os.Stat(entry); err == nil {
			if dot = entry; !info.IsDir() {
				if dot, err = followGitFile(dir, entry); err != nil {
					return "", "", err
				}
			}
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", "", &registry.Error{Code: registry.FailedPrecondition, Message: notARepository(start)}
		}
		dir = up
	}
	if b, err := os.ReadFile(filepath.Join(dot, "commondir")); err == nil {
		if common = strings.TrimSpace(string(b)); !filepath.IsAbs(common) {
			common = filepath.Join(dot, common)
		}
	}
	return dot, common, nil
}

// isGitDir reports whether a folder is itself a git folder, as in a bare repository.
func isGitDir(dir string) bool {
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// followGitFile returns the git folder that the file .git of a linked work tree or
// submodule names.
func followGitFile(dir, file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	to, ok := strings.CutPrefix(strings.TrimSpace(string(b)), "gitdir: ")
	if !ok || strings.Contains(to, "\n") {
		return "", registry.Errorf(registry.FailedPrecondition, "%q says of no git folder where it is; check it with git status", shown(file))
	}
	if !filepath.IsAbs(to) {
		to = filepath.Join(dir, to)
	}
	return to, nil
}
