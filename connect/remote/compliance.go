package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
)

// WriteCompliancePack writes the compliance pack of a version as the server makes it.
func (c *Client) WriteCompliancePack(ctx context.Context, model, version string, w io.Writer) error {
	resp, err := c.file(ctx, http.MethodGet, "/api/v1/models/"+url.PathEscape(model)+"/"+url.PathEscape(version)+"/compliance", nil, 0)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, io.LimitReader(resp.Body, 2*maxResponse)); err != nil {
		return c.unreachable(ctx, errors.New("the pack broke off"))
	}
	return nil
}
