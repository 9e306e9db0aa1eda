package access

import (
	"context"

	"pedigree/registry"
)

// Viewer is the caller, with its roles, grants and allowed actions.
type Viewer struct {
	Subject string
	Roles   []string
	Grants  []registry.Grant
	Actions []string
}

// Viewer returns the caller of the context.
func (a *Access) Viewer(ctx context.Context) (*Viewer, error) {
	scope, err := a.core.Gate.Read(ctx, registry.ViewerRead)
	if err != nil {
		return nil, err
	}
	v := &Viewer{Subject: scope.Actor().Subject, Roles: scope.Roles(), Grants: scope.Actor().Grants, Actions: []string{}}
	for _, action := range registry.Actions() {
		if scope.May(action) {
			v.Actions = append(v.Actions, string(action))
		}
	}
	return v, nil
}
