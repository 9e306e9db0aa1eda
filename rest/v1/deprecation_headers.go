package v1

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"pedigree/registry"
	"pedigree/service/governance"
)

// meet notes the version that the request is about, so that the answer tells of its deprecation.
// Other objects are passed over.
func (c *call) meet(n registry.Node) {
	if v, ok := n.(*registry.ModelVersion); ok && v != nil {
		c.about = v
	}
}

// isAboutVersion reports whether a request of the route can be about one version.
func (rt *route) isAboutVersion() bool {
	return slices.Contains(rt.paramNames, "version") || slices.Contains([]string{"nodes/{id}", "lineage/{id}", "lineage/{id}/export", "provenance/{id}"}, rt.pattern)
}

// tellDeprecation sets the headers Deprecation (RFC 9745), Sunset (RFC 8594) and Link of an answer
// about a version whose deprecation is announced and seen by the caller. Where it cannot be read
// the answer goes without them: it is an answer all the same.
func (c *call) tellDeprecation(ctx context.Context) {
	if c.about == nil || c.about.DeprecationStep() != registry.DeprecationAnnounced {
		return
	}
	notes, err := c.service.DeprecationNotes(ctx, []*registry.ModelVersion{c.about})
	if err != nil || len(notes) == 0 {
		return
	}
	h, note := c.w.Header(), notes[0]
	h.Set("Deprecation", "@"+strconv.FormatInt(note.AnnouncedAt.Unix(), 10))
	h.Set("Sunset", note.Sunset.UTC().Format(http.TimeFormat))
	if isLink(note.Guide) {
		h.Add("Link", "<"+note.Guide+`>; rel="deprecation"`)
	}
	if to := c.successor(note); to != "" {
		h.Add("Link", "<"+to+`>; rel="successor-version"`)
	}
}

// successor returns the route of the version to go to, relative to the path of the request, because
// a proxy may serve the API below another path; "" when there is none that the caller sees. It goes
// by the id where the request did, and for a version without a semver.
func (c *call) successor(note governance.DeprecationNote) string {
	name := c.path["name"]
	if note.ReplacementID == "" {
		return ""
	}
	if name == "" || note.Replacement == "" {
		return c.up() + "nodes/" + string(note.ReplacementID)
	}
	return c.up() + versionPath(name, note.Replacement)
}

// isLink reports whether a guide is a web address that can stand in a header as it is.
func isLink(guide string) bool {
	u, err := url.Parse(guide)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return false
	}
	for _, r := range guide {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune("<>\"{}|\\^`", r) {
			return false
		}
	}
	return true
}
