package access

import (
	"context"

	"pedigree/registry"
)

// Viewer is who asks, and what they may do.
type Viewer struct {
	Subject string
	Roles   []string
	Grants  []registry.Grant
	Actions []string
}

// Viewer returns who the context acts for.
func (s *Access) Viewer(ctx context.Context) (*Viewer, error) {
	scope, err := s.core.Gate.Read(ctx, registry.ViewerRead)
	if err != nil {
		return nil, err
	}
	v := &Viewer{Subject: scope.Actor().Subject, Roles: scope.Roles(), Grants: scope.Actor().Grants, Actions: []string{}}
	for _, a := range registry.Actions() {
		if scope.May(a) {
			v.Actions = append(v.Actions, string(a))
		}
	}
	return v, nil
}
