package git

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"pedigree/registry"
)

// Commit holds what is needed to put commits in order. The rest is read when the commit is
// recorded.
type Commit struct {
	SHA string
	// At is the committer's time.
	At      time.Time
	parents []plumbing.Hash
	tree    plumbing.Hash
}

// commitLookup returns which of some commits the registry has.
type commitLookup func(ctx context.Context, shas []string) (map[string]bool, error)

// lookupBatch is the number of commits in one lookup; service.Nodes takes at most 100.
const lookupBatch = 100

// Commits returns every commit that branches and tags reach: parents before children, and
// otherwise older commits before newer ones.
func (r *Repository) Commits(ctx context.Context) ([]Commit, error) {
	if r.allCommits == nil {
		all, err := r.walk(ctx, nil)
		if err != nil {
			return nil, err
		}
		r.allCommits = all
	}
	return slices.Clone(r.allCommits), nil
}

// Author is who wrote a commit, and when.
type Author struct {
	Name string
	At   time.Time
}

// Author returns the author of a commit, with the committer's time when it cannot be read.
func (r *Repository) Author(c Commit) Author {
	o, err := r.git.CommitObject(plumbing.NewHash(c.SHA))
	if err != nil {
		return Author{At: c.At}
	}
	clean := &TextCleaner{encoding: string(o.Encoding)}
	return Author{clean.Line(o.Author.Name, 255), clean.time(o.Author.When)}
}

// walk collects the commits that the tips reach and sorts them. It does not continue behind
// commits that the lookup knows.
func (r *Repository) walk(ctx context.Context, known commitLookup) ([]Commit, error) {
	found := map[plumbing.Hash]*Commit{}
	seen := map[plumbing.Hash]bool{}
	var queue []plumbing.Hash
	enqueue := func(h plumbing.Hash) {
		if !seen[h] {
			seen[h] = true
			queue = append(queue, h)
		}
	}
	for _, t := range r.tips {
		enqueue(t.hash)
	}
	for len(queue) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(lookupBatch, len(queue))
		batch := queue[:n:n]
		queue = queue[n:]
		isKnown, err := lookUpHashes(ctx, known, batch)
		if err != nil {
			return nil, err
		}
		for _, h := range batch {
			if isKnown[h.String()] {
				continue
			}
			c, err := r.git.CommitObject(h)
			if err != nil {
				if err := r.addMissingCommit(h, err); err != nil {
					return nil, err
				}
				continue
			}
			found[h] = &Commit{SHA: h.String(), At: (&TextCleaner{}).time(c.Committer.When), parents: c.ParentHashes, tree: c.TreeHash}
			if r.shallow[h.String()] {
				r.addProblem(Remark, "commit "+ShortSHA(h.String()), "history is cut at %s: this is a shallow copy; deepen it with git fetch --unshallow and import again with --all", h)
				continue
			}
			for _, p := range c.ParentHashes {
				enqueue(p)
			}
		}
		r.options.Progress.report("reading history", len(found), 0)
	}
	return order(found), nil
}

func lookUpHashes(ctx context.Context, known commitLookup, batch []plumbing.Hash) (map[string]bool, error) {
	if known == nil {
		return nil, nil
	}
	shas := make([]string, len(batch))
	for i, h := range batch {
		shas[i] = h.String()
	}
	return known(ctx, shas)
}

// addMissingCommit reports a commit that cannot be read. The walk goes on without it.
func (r *Repository) addMissingCommit(h plumbing.Hash, err error) error {
	switch {
	case errors.Is(err, plumbing.ErrObjectNotFound):
		r.addProblem(NotRead, "commit "+ShortSHA(h.String()), "history is cut: the commit %s is not in this copy of the repository; fetch it with git fetch --refetch", h)
	case errors.Is(err, object.ErrUnsupportedObject):
		r.addProblem(NotRead, "commit "+ShortSHA(h.String()), "a branch points at something that is no commit")
	default:
		r.addProblem(NotRead, "commit "+ShortSHA(h.String()), "it is damaged (%v); check the repository with git fsck", registry.Shorten(strings.Join(strings.Fields(err.Error()), " "), 400))
	}
	return nil
}

// order sorts commits so that parents come before children. Among the commits that could
// come next, the oldest comes first (Kahn's algorithm with a heap).
func order(found map[plumbing.Hash]*Commit) []Commit {
	pendingParents := map[plumbing.Hash]int{}
	children := map[plumbing.Hash][]*Commit{}
	ready := &byTime{}
	for h, c := range found {
		for _, p := range unique(c.parents) {
			if found[p] != nil {
				pendingParents[h]++
				children[p] = append(children[p], c)
			}
		}
		if pendingParents[h] == 0 {
			heap.Push(ready, c)
		}
	}
	out := make([]Commit, 0, len(found))
	for ready.Len() > 0 {
		c := heap.Pop(ready).(*Commit)
		out = append(out, *c)
		for _, child := range children[plumbing.NewHash(c.SHA)] {
			h := plumbing.NewHash(child.SHA)
			if pendingParents[h]--; pendingParents[h] == 0 {
				heap.Push(ready, child)
			}
		}
	}
	return out
}

func unique(hashes []plumbing.Hash) []plumbing.Hash {
	var out []plumbing.Hash
	for _, h := range hashes {
		if !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	return out
}

// byTime is a min-heap of commits by time.
type byTime []*Commit

func (b byTime) Len() int { return len(b) }
func (b byTime) Less(i, j int) bool {
	return cmp.Or(b[i].At.Compare(b[j].At), cmp.Compare(b[i].SHA, b[j].SHA)) < 0
}
func (b byTime) Swap(i, j int) { b[i], b[j] = b[j], b[i] }

// Push and Pop implement heap.Interface.
func (b *byTime) Push(x any) { *b = append(*b, x.(*Commit)) }
func (b *byTime) Pop() any {
	last := (*b)[len(*b)-1]
	*b = (*b)[:len(*b)-1]
	return last
}

// recordedCommits returns a lookup of the commits that the registry has.
func recordedCommits(s Registry) commitLookup {
	return func(ctx context.Context, shas []string) (map[string]bool, error) {
		ids := make([]registry.ID, len(shas))
		for i, sha := range shas {
			ids[i] = registry.CommitID(sha)
		}
		nodes, err := s.Nodes(ctx, ids)
		if err != nil {
			return nil, err
		}
		out := map[string]bool{}
		for i, n := range nodes {
			// A bare commit was named by a run. Its ancestors need not be known.
			if c, ok := n.(*registry.Commit); n != nil && !(ok && c.Bare()) {
				out[shas[i]] = true
			}
		}
		return out, nil
	}
}
