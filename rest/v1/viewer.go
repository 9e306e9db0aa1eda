package v1

import (
	"context"
	"net/http"

	"pedigree/registry"
)

// viewerBody is who the token names.
type viewerBody struct {
	Subject string           `json:"subject"`
	Roles   []string         `json:"roles"`
	Grants  []registry.Grant `json:"grants"`
	Actions []string         `json:"actions"`
}

// viewer answers GET viewer: who asks, and what they may do.
func viewer(ctx context.Context, c *call) error {
	v, err := c.service.Viewer(ctx)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, viewerBody{v.Subject, v.Roles, v.Grants, v.Actions})
}
