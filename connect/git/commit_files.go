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

// File is a file of a commit: its path and the hash of its blob.
type File struct{ Path, Blob string }

// FileFinder finds files by name in the trees of many commits. It keeps the result of
// lately read trees, so that the cost of a history depends on what changed, not on commits
// times files, and its memory on the files of a commit.
type FileFinder struct {
	repo   *Repository
	wanted func(name string) bool
	trees  *Recent[*treeFiles]
}

// treeFiles holds the wanted files under one tree. Paths are relative to that tree.
type treeFiles struct {
	files      []File
	submodules []string
	err        error
}

// keptTreeFiles is the number of files of trees that a FileFinder keeps. When one commit has
// more, it keeps four times those.
const keptTreeFiles = 20_000

// FileFinder returns a finder of the files for whose base name wanted returns true.
func (r *Repository) FileFinder(want func(name string) bool) *FileFinder {
	return &FileFinder{repo: r, wanted: want, trees: NewRecent[*treeFiles](keptTreeFiles)}
}

// Held returns how many files and trees the finder keeps.
func (f *FileFinder) Held() int { return f.trees.Held() }

// ErrMissing means that an object is not in this copy of the repository.
var ErrMissing = errors.New("not in this copy of the repository, which may be a partial clone; fetch it with git fetch --refetch --no-filter, or clone it whole")

// Files returns the wanted files of a commit, and the paths of its submodules, whose files
// are in other repositories. A missing tree is an error, not an empty folder; what other
// trees have is returned with it.
func (f *FileFinder) Files(c Commit) (files []File, submodules []string, err error) {
	got := f.treeFiles(c.tree, 0)
	f.trees.SetLimit(max(keptTreeFiles, 4*len(got.files)))
	return got.files, got.submodules, got.err
}

// maxTreeDepth is the deepest level of folders that is searched.
const maxTreeDepth = 100

func (f *FileFinder) treeFiles(hash plumbing.Hash, depth int) *treeFiles {
	if got, _, ok := f.trees.Get(string(hash[:])); ok {
		return got
	}
	got := &treeFiles{}
	defer func() { f.trees.Put(string(hash[:]), got, len(got.files)+1) }()
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
			for _, at := range under.submodules {
				got.submodules = append(got.submodules, e.Name+"/"+at)
			}
		case e.Mode == filemode.Submodule:
			got.submodules = append(got.submodules, e.Name)
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

// Blob returns the content of a blob. A blob larger than maxBytes is an error.
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

// BlobAt returns the hash of the file at a path in a commit, and "" for a folder and for what is
// in a submodule. exists is false when the commit has no such path.
func (r *Repository) BlobAt(c Commit, file string) (blob string, exists bool, err error) {
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
		case e.Mode == filemode.Submodule:
			return "", true, nil // The commit names the submodule's commit, and so its files.
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

// Progress reports the progress of a step to the caller of the import.
func (r *Repository) Progress(step string, done, total int) {
	r.options.Progress.report(step, done, total)
}
