package v1

import (
	"context"
	"errors"
	"net/http"
	"time"

	"pedigree/service/core"
)

// packTime is the time limit of a compliance pack.
const packTime = 2 * time.Minute

// complianceRoutes are the routes of compliance packs.
func complianceRoutes() []route {
	return []route{
		{method: http.MethodGet, pattern: "models/{name}/{version}/compliance", operation: "complianceReport", serve: getPack, download: true, time: packTime, answerMedia: zipMedia, query: []string{"as_of"},
			summary: "The compliance pack of a version: all that is recorded of it, with proofs, as a zip file; as_of for what was known at a time"},
	}
}

const zipMedia = "application/zip"

// getPack handles GET models/{name}/{version}/compliance.
func getPack(ctx context.Context, c *call) error {
	asOf, err := c.timeParam("as_of")
	if err != nil {
		return err
	}
	v, err := c.version(ctx, core.PointInTime{AsOf: asOf, KnownAt: asOf})
	if err != nil {
		return err
	}
	p, err := c.service.CompliancePack(ctx, c.path["name"], v.Version, asOf)
	if err != nil {
		return err
	}
	c.tellDeprecation(ctx)
	err = p.Write(&downloadWriter{c: c, media: zipMedia, name: p.Filename()})
	if errors.Is(err, errHeadOnly) {
		return nil
	}
	return err
}
