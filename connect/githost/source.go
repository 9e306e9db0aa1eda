package githost

import (
	"context"
	"time"

	"pedigree/connect/git"
)

// Source is a repository that is looked at again and again.
type Source struct {
	// Path is that of a repository on this machine. With Kept, a clone is read that is kept of one
	// elsewhere.
	Path string
	Kept *git.Kept
	// state is what was imported last.
	state string
}

// Update calls do with the path of the repository when a branch or tag moved since do last
// succeeded. It reports whether it called do.
func (s *Source) Update(ctx context.Context, do func(path string) error) (bool, error) {
	path := s.Path
	if s.Kept != nil {
		if err := s.Kept.Fetch(ctx); err != nil {
			return false, err
		}
		path = s.Kept.Dir
	}
	state, err := git.State(ctx, path)
	if err != nil || state == s.state {
		return false, err
	}
	if err := do(path); err != nil {
		return true, err
	}
	s.state = state
	return true, nil
}

// Watch looks at a source now and at each tick, until the context ends. do imports it when
// something moved; tell is called with each error, after which it goes on.
func Watch(ctx context.Context, s *Source, ticks <-chan time.Time, do func(path string) error, tell func(error)) {
	for {
		if _, err := s.Update(ctx, do); err != nil && ctx.Err() == nil {
			tell(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
	}
}
