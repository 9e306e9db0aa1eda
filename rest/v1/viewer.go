package v1

import (
	"context"
	"net/http"

	"pedigree/registry"
)

// viewerBody is the response to GET viewer.
type viewerBody struct {
	Subject string           `json:"subject"`
	Roles   []string         `json:"roles"`
	Grants  []registry.Grant `json:"grants"`
	Actions []string         `json:"actions"`
}

// viewer handles GET viewer: the subject of the token and the actions that it may do.
func viewer(ctx context.Context, c *call) error {
	v, err := c.service.Viewer(ctx)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, viewerBody{v.Subject, v.Roles, v.Grants, v.Actions})
}
