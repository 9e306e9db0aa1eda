package git

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"pedigree/registry"
	"pedigree/service/facts"
)

// Tag is a tag of a repository and the commit that it points at.
type Tag struct {
	Name, SHA string
	// Annotated tags have a tagger, a date and a message of their own.
	Annotated       bool
	Tagger, Message string
	At              time.Time
	changes         []string
}

// tip is a reference from which the commit walk starts.
type tip struct {
	name string
	hash plumbing.Hash
}

func noCommits() error {
	return registry.Errorf(registry.FailedPrecondition, "the repository has no commits yet; commit something and import again")
}

// readMetadata reads the references, the shallow boundary and the repository's key.
func (r *Repository) readMetadata(src source) error {
	boundary, err := r.git.Storer.Shallow()
	if err != nil {
		return unreadable("the list of shallow commits", err)
	}
	for _, h := range boundary {
		r.shallow[h.String()] = true
	}
	if err := r.readReferences(); err != nil {
		return err
	}
	if len(r.tips) == 0 {
		return noCommits()
	}
	r.input = facts.RepositoryInput{Name: r.options.Name, DefaultBranch: r.defaultBranch()}
	if src.url != nil {
		r.input.URL = networkURL(src.url.String())
	} else {
		r.input.URL = networkURL(src.origin)
	}
	if r.Key() == "" {
		return r.keyFromRootCommit()
	}
	return nil
}

func unreadable(what string, err error) error {
	e := registry.Errorf(registry.FailedPrecondition, "%s of the repository cannot be read; check it with git fsck", what)
	e.Err = err
	return e
}

// readReferences collects the branches, the remote-tracking branches and the tags.
func (r *Repository) readReferences() error {
	refs, err := r.git.References()
	if err != nil {
		return unreadable("the references", err)
	}
	err = refs.ForEach(func(ref *plumbing.Reference) error {
		if ref.Type() != plumbing.HashReference {
			return nil // Its target is listed as a reference too.
		}
		switch name := ref.Name(); {
		case name.IsTag():
			r.addTag(name.Short(), ref.Hash())
		case name.IsBranch(), name.IsRemote(), name == plumbing.HEAD:
			r.tips = append(r.tips, tip{string(name), ref.Hash()})
		}
		return nil
	})
	if err != nil {
		return unreadable("the references", err)
	}
	slices.SortFunc(r.tips, func(a, b tip) int { return cmp.Compare(a.name, b.name) })
	slices.SortFunc(r.tags, func(a, b Tag) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

// addTag peels a tag to its commit and adds it. It reports a tag that does not point at a
// commit.
func (r *Repository) addTag(name string, hash plumbing.Hash) {
	c := &TextCleaner{}
	t := Tag{Name: c.Line(name, 255)}
	for depth := 0; ; depth++ {
		o, err := r.git.TagObject(hash)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			break // Not a tag object: a lightweight tag, or the target of the last tag object.
		}
		if err != nil || depth > 20 {
			r.addProblem(NotRead, "tag "+t.Name, "its tag object cannot be read; check it with git fsck")
			return
		}
		if !t.Annotated {
			t.Annotated, t.At = true, c.time(o.Tagger.When)
			t.Tagger, t.Message = c.Line(o.Tagger.Name, 255), strings.TrimRight(c.Text(o.Message, registry.MaxText), "\n")
		}
		hash = o.Target
		if o.TargetType != plumbing.TagObject && o.TargetType != plumbing.CommitObject {
			r.addProblem(NotRecorded, "tag "+t.Name, "it points at a %s, not at a commit", o.TargetType)
			return
		}
	}
	t.SHA, t.changes = hash.String(), c.changes
	if _, err := r.git.CommitObject(hash); err != nil {
		what := "what it points at is not in this copy of the repository; fetch it with git fetch --tags"
		if o, err := r.git.Storer.EncodedObject(plumbing.AnyObject, hash); err == nil {
			what = "it points at a " + o.Type().String() + ", not at a commit"
		}
		r.addProblem(NotRecorded, "tag "+t.Name, "%s", what)
		return
	}
	r.tags = append(r.tags, t)
	r.tips = append(r.tips, tip{"refs/tags/" + t.Name, hash})
}

// defaultBranch returns the default branch of the origin, or else the branch that is
// checked out.
func (r *Repository) defaultBranch() string {
	c := &TextCleaner{}
	for _, name := range []plumbing.ReferenceName{"refs/remotes/origin/HEAD", plumbing.HEAD} {
		if ref, err := r.git.Reference(name, false); err == nil && ref.Type() == plumbing.SymbolicReference {
			return c.Line(strings.TrimPrefix(ref.Target().Short(), "origin/"), 255)
		}
	}
	return ""
}

// keyFromRootCommit sets the key to the SHA of the first commit. A repository without an origin
// keeps this key when it is moved or copied.
func (r *Repository) keyFromRootCommit() error {
	hash := r.tips[0].hash
	if head, err := r.git.Head(); err == nil {
		hash = head.Hash()
	}
	for {
		c, err := r.git.CommitObject(hash)
		if err != nil {
			return unreadable("the commit "+ShortSHA(hash.String()), err)
		}
		if len(c.ParentHashes) == 0 {
			break
		}
		if _, err := object.GetCommit(r.git.Storer, c.ParentHashes[0]); err != nil {
			r.addProblem(Remark, "repository", "its key is the oldest commit of this shallow copy, %s; give --repo NAME to import it under a lasting key", ShortSHA(hash.String()))
			break
		}
		hash = c.ParentHashes[0]
	}
	r.input.Name = hash.String()
	return nil
}

func (r *Repository) addProblem(kind ProblemKind, where, format string, args ...any) {
	rep := Report{Problems: r.problems}
	rep.AddProblem(kind, where, format, args...)
	r.problems = rep.Problems
}

// Tags returns the tags that point at commits, sorted by name.
func (r *Repository) Tags() []Tag { return slices.Clone(r.tags) }
