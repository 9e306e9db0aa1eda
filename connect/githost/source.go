package githost

import (
	"context"

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
