package v1

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"pedigree/lineage"
	"pedigree/lineage/export"
	"pedigree/registry"
	"pedigree/service/provenance"
)

// exportLineage handles GET lineage/{id}/export: the lineage of a node as a file.
func exportLineage(ctx context.Context, c *call) error {
	in, err := exportInput(c)
	if err != nil {
		return err
	}
	x, root, err := c.service.ExportWithRoot(ctx, in)
	if err != nil {
		return err
	}
	c.meet(root)
	c.tellDeprecation(ctx)
	h, sum := c.w.Header(), sha256.Sum256([]byte(x.Body))
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:]) + `"`
	h.Set("ETag", tag)
	h.Set("Content-Disposition", `attachment; filename="`+x.Filename+`"`)
	h.Set("Pedigree-As-Of", x.AsOf.UTC().Format(time.RFC3339Nano))
	if x.Truncation.Truncated {
		var reasons []string
		for _, r := range x.Truncation.Reasons {
			reasons = append(reasons, string(r))
		}
		h.Set("Pedigree-Truncated", strings.Join(reasons, ", "))
	}
	if matches(c.r, tag) {
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return c.write(http.StatusOK, x.MediaType, []byte(x.Body))
}

// exportInput decodes the path and query parameters.
func exportInput(c *call) (in provenance.ExportInput, err error) {
	if in.Of, err = registry.ParseID(c.path["id"]); err != nil {
		return in, err
	}
	if in.Format, err = export.ParseFormat(c.query.Get("format")); err != nil {
		return in, err
	}
	in.Direction = lineage.Direction(strings.ToUpper(c.query.Get("direction")))
	if !slices.Contains([]lineage.Direction{"", lineage.Upstream, lineage.Downstream, lineage.Both}, in.Direction) {
		return in, registry.Invalid("direction", "must be upstream, downstream or both")
	}
	if in.MaxDepth, err = c.intParam(c.spelling("max_depth", "maxDepth")); err != nil {
		return in, err
	}
	if in.History, err = c.intParam("history"); err != nil {
		return in, err
	}
	if in.AsOf, err = c.timeParam(c.spelling("as_of", "asOf")); err != nil {
		return in, err
	}
	in.KnownAt, err = c.timeParam(c.spelling("known_at", "knownAt"))
	return in, err
}

// spelling returns the name of a parameter, or its old one when the request has that.
func (c *call) spelling(name, old string) string {
	if c.query.Has(old) {
		return old
	}
	return name
}

// matches reports whether the header If-None-Match contains the tag.
func matches(r *http.Request, tag string) bool {
	for _, line := range r.Header.Values("If-None-Match") {
		for known := range strings.SplitSeq(line, ",") {
			if known = strings.TrimPrefix(strings.TrimSpace(known), "W/"); known == tag || known == "*" {
				return true
			}
		}
	}
	return false
}
