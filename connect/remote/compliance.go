package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

// WriteCompliancePack writes the compliance pack of a version as the server makes it; of now, or with a
// time as it was known then.
func (c *Client) WriteCompliancePack(ctx context.Context, model, version string, asOf time.Time, w io.Writer) error {
	path := "/api/v1/models/" + url.PathEscape(model) + "/" + url.PathEscape(version) + "/compliance"
	if !asOf.IsZero() {
		path += "?as_of=" + url.QueryEscape(asOf.UTC().Format(time.RFC3339Nano))
	}
	resp, err := c.file(ctx, http.MethodGet, path, nil, 0)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, io.LimitReader(resp.Body, 2*maxResponse)); err != nil {
		return c.unreachable(ctx, errors.New("the pack broke off"))
	}
	return nil
}
