// Package compliance reads what a compliance pack of a version is made from. It asks the other parts
// of the service, as the caller: so a pack has what the caller may see, and no rule of its own.
package compliance

import (
	"context"
	"io"
	"net/url"
	"time"

	"pedigree/compliance"
	"pedigree/registry"
	"pedigree/service/audit"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/gates"
	"pedigree/service/governance"
	"pedigree/service/provenance"
)

// Parts are the parts of the service that are asked.
type Parts struct {
	Auditor    *audit.Auditor
	Catalog    *catalog.Catalog
	Facts      *facts.Recorder
	Gates      *gates.Gatekeeper
	Governance *governance.Governance
	Explorer   *provenance.Explorer
}

// Reporter makes compliance packs. It is safe for concurrent use.
type Reporter struct {
	core *core.Core
	Parts
}

// New returns a Reporter over a core and the parts that it asks.
func New(c *core.Core, p Parts) *Reporter { return &Reporter{c, p} }

// ComplianceReport says what a compliance pack has. Path is where its bytes are in the REST API.
type ComplianceReport struct {
	Filename  string
	SHA256    string
	SizeBytes int64
	Path      string
	Manifest  compliance.Manifest
	Rules     []compliance.Rule
}

// ComplianceReport makes the compliance pack of a version, of now or as it was known at a time, and says
// what it has. NOT_FOUND when the caller sees no such version.
func (r *Reporter) ComplianceReport(ctx context.Context, model, version string, asOf time.Time) (*ComplianceReport, error) {
	p, v, err := r.pack(ctx, model, version, asOf)
	if err != nil {
		return nil, err
	}
	out := &ComplianceReport{Filename: p.Filename(), Path: "/api/v1/models/" + url.PathEscape(v.ModelName) + "/" + v.Version + "/compliance", Manifest: p.Manifest, Rules: p.Checklist.Rules}
	if !asOf.IsZero() {
		out.Path += "?as_of=" + url.QueryEscape(p.Manifest.AsOf.Format(time.RFC3339Nano))
	}
	out.SHA256, out.SizeBytes, err = p.Digest()
	return out, err
}

// CompliancePack makes the compliance pack of a version: everything recorded of it that the caller
// may see, with proofs; of now, or with a time as it was known then. NOT_FOUND when the caller sees no such version; FAILED_PRECONDITION when this
// server has no key for the log; RESOURCE_EXHAUSTED when the pack would be too large.
func (r *Reporter) CompliancePack(ctx context.Context, model, version string, asOf time.Time) (*compliance.Pack, error) {
	p, _, err := r.pack(ctx, model, version, asOf)
	return p, err
}

// steadyTries is how often a pack is read anew because the log grew while it was read. After that the
// pack says that it did.
const steadyTries = 3

func (r *Reporter) pack(ctx context.Context, model, version string, asOf time.Time) (*compliance.Pack, *registry.ModelVersion, error) {
	for try := 1; ; try++ {
		read, err := r.read(ctx, model, version, asOf)
		if err != nil {
			return nil, nil, err
		}
		if read.facts.ReadFrom != read.facts.LogSize && try < steadyTries {
			continue
		}
		p, err := compliance.New(&read.facts, read.sources)
		return p, read.version, err
	}
}

// WriteCompliancePack writes the compliance pack of a version as a zip file; of now, or with a time as it
// was known then.
func (r *Reporter) WriteCompliancePack(ctx context.Context, model, version string, asOf time.Time, w io.Writer) error {
	p, err := r.CompliancePack(ctx, model, version, asOf)
	if err != nil {
		return err
	}
	return p.Write(w)
}
