package git

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// File is a file of a commit: its path and the name of its content.
type File struct{ Path, Blob string }

// FileFinder finds files in the trees of many commits. A folder whose tree was seen
// before is not read again, so a history costs what changed in it, not commits
// times files.
type FileFinder struct {
	repo   *Repository
	wanted func(name string) bool
	cache  map[plumbing.Hash]*treeFiles
}

// treeFiles is what is wanted under one tree, with paths from that tree.
type treeFiles struct {
	files []File
	err   error
}

// FileFinder returns a Finder for the files whose base name is wanted.
func (r *Repository) FileFinder(want func(name string) bool) *FileFinder {
	return &FileFinder{repo: r, wanted: want, cache: map[plumbing.Hash]*treeFiles{}}
}

// ErrMissing says that an object is not in this copy of the repository.
var ErrMissing = errors.New("not in this copy of the repository, which may be a partial clone; fetch it with git fetch --refetch --no-filter, or clone it whole")

// Files lists the wanted files of a commit by path. A tree that is missing is an
// error, never an empty folder.
func (f *FileFinder) Files(c Commit) ([]File, error) {
	got := f.treeFiles(c.tree, 0)
	return got.files, got.err
}

// maxTreeDepth is how many folders deep files are looked for.
const maxTreeDepth = 100

func (f *FileFinder) treeFiles(hash plumbing.Hash, depth int) *treeFiles {
	if got := f.cache[hash]; got != nil {
		return got
	}
	got := &treeFiles{}
	f.cache[hash] = got
	tree, err := object.GetTree(f.repo.git.Storer, hash)
	if err != nil {
		got.err = missingObject("the folder "+ShortSHA(hash.String()), err)
		return got
	}
	for _, e := range tree.Entries {
		switch {
		case e.Mode == filemode.Dir && depth < maxTreeDepth && e.Name != ".dvc" && e.Name != ".git":
			under := f.treeFiles(e.Hash, depth+1)
			if under.err != nil {
				got.err = under.err
			}
			for _, file := range under.files {
				got.files = append(got.files, File{e.Name + "/" + file.Path, file.Blob})
			}
		case e.Mode.IsRegular() || e.Mode == filemode.Executable || e.Mode == filemode.Deprecated:
			if f.wanted(e.Name) {
				got.files = append(got.files, File{e.Name, e.Hash.String()})
			}
		}
	}
	return got
}

func missingObject(what string, err error) error {
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return fmt.Errorf("%s is %w", what, ErrMissing)
	}
	return fmt.Errorf("%s is damaged: %w", what, err)
}

// Blob reads the content of a file of at most so many bytes.
func (r *Repository) Blob(name string, maxBytes int64) ([]byte, error) {
	b, err := r.git.BlobObject(plumbing.NewHash(name))
	if err != nil {
		return nil, missingObject("the file", err)
	}
	if b.Size > maxBytes {
		return nil, fmt.Errorf("it is larger than %d bytes", maxBytes)
	}
	in, err := b.Reader()
	if err != nil {
		return nil, missingObject("the file", err)
	}
	defer in.Close()
	return io.ReadAll(io.LimitReader(in, maxBytes))
}

// BlobAt returns the blob of a path in a commit, "" for a folder; false when the
// commit has no such path.
func (r *Repository) BlobAt(c Commit, file string) (blob string, there bool, err error) {
	hash := c.tree
	parts := strings.Split(path.Clean(file), "/")
	for i, part := range parts {
		tree, err := object.GetTree(r.git.Storer, hash)
		if err != nil {
			return "", false, missingObject("the folder "+ShortSHA(hash.String()), err)
		}
		e := entry(tree, part)
		switch {
		case e == nil:
			return "", false, nil
		case i == len(parts)-1 && e.Mode == filemode.Dir:
			return "", true, nil
		case i == len(parts)-1:
			return e.Hash.String(), true, nil
		case e.Mode != filemode.Dir:
			return "", false, nil
		}
		hash = e.Hash
	}
	return "", false, nil
}

func entry(t *object.Tree, name string) *object.TreeEntry {
	for i := range t.Entries {
		if t.Entries[i].Name == name {
			return &t.Entries[i]
		}
	}
	return nil
}

// Progress tells the caller how far a step is.
func (r *Repository) Progress(step string, done, total int) {
	r.options.Progress.report(step, done, total)
}
