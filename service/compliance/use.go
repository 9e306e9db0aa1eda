package compliance

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"pedigree/compliance"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// use reads where the version serves, its files and signatures, and its way out of use.
func (x *reading) use(ctx context.Context) error {
	x.facts.Deployments, x.facts.Deprecations = []compliance.Deployment{}, []compliance.Deprecation{}
	if shows(x.version, "ModelVersion", "deployments") {
		edges, err := all(x, "deployments", func(p core.Paging) (*core.Connection[*facts.DeploymentEdge], error) {
			c, err := x.Facts.DeploymentsOf(ctx, x.version, p)
			if err != nil {
				return nil, err
			}
			return &c.Connection, nil
		})
		if err != nil {
			return err
		}
		for _, e := range edges {
			d := e.Node
			x.sees(d, "Deployment")
			x.facts.Deployments = append(x.facts.Deployments, compliance.Deployment{ID: d.ID, Environment: d.Environment, Endpoint: d.Endpoint, Owner: d.Owner,
				TrafficPercent: d.TrafficPercent, StartedAt: d.StartedAt, EndedAt: d.EndedAt})
		}
	}
	if shows(x.version, "ModelVersion", "deprecation") {
		d, err := x.Catalog.DeprecationOf(ctx, x.version)
		if err = x.forbidden("deprecations", err); err != nil {
			return err
		}
		if d != nil {
			x.sees(d, "Deprecation")
			x.facts.Deprecations = append(x.facts.Deprecations, compliance.Deprecation{ID: d.ID, Step: d.Step, Plan: d.Plan, Guide: d.Guide, PlannedBy: d.PlannedBy, PlannedAt: d.PlannedAt,
				AnnouncedBy: d.AnnouncedBy, AnnouncedAt: d.AnnouncedAt, Sunset: d.Sunset, ClosedBy: d.ClosedBy, ClosedAt: d.ClosedAt, Reason: d.Reason})
		}
	}
	return core.FirstError(x.files(ctx), x.signatures(ctx))
}

// files reads the files of the version.
func (x *reading) files(ctx context.Context) error {
	x.facts.Artifacts = []compliance.Artifact{}
	if !shows(x.version, "ModelVersion", "artifacts") {
		return nil
	}
	edges, err := all(x, "files", func(p core.Paging) (*core.Connection[*catalog.ArtifactEdge], error) {
		c, err := x.Catalog.ArtifactsOf(ctx, x.version, p)
		if err != nil {
			return nil, err
		}
		return &c.Connection, nil
	})
	if err != nil {
		return x.forbidden("ModelVersion.artifacts", err)
	}
	for _, e := range edges {
		a := e.Node
		x.sees(a, "Artifact")
		x.facts.Artifacts = append(x.facts.Artifacts, compliance.Artifact{ID: a.ID, Name: a.Name, URI: a.URI, Digest: a.Digest, SizeBytes: a.SizeBytes, Format: a.Format})
	}
	return nil
}

// signaturesNow says why what signatures prove is not of the past.
const signaturesNow = "signatures.status, signatures.signer: they were verified when the pack was made, against the files of the version and by whom the server trusted"

// signatures reads the signatures of the version, and what they prove now.
func (x *reading) signatures(ctx context.Context) error {
	x.facts.Signatures = []compliance.Signature{}
	if !shows(x.version, "ModelVersion", "signatures") {
		return nil
	}
	edges, err := all(x, "signatures", func(p core.Paging) (*core.Connection[*catalog.SignatureEdge], error) {
		c, err := x.Catalog.SignaturesOf(ctx, x.version, p)
		if err != nil {
			return nil, err
		}
		return &c.Connection, nil
	})
	if err != nil {
		return x.forbidden("ModelVersion.signatures", err)
	}
	for _, e := range edges {
		s := e.Node
		x.sees(s, "Signature")
		out := compliance.Signature{ID: s.ID, Kind: s.BundleKind, Digest: s.Digest, AttachedBy: s.AttachedBy, AttachedAt: s.AttachedAt}
		if shows(s, "Signature", "verification") {
			proved, err := x.Catalog.VerificationOf(ctx, s)
			if err != nil {
				return err
			}
			if x.size != nil && !slices.Contains(x.facts.NotAsOf, signaturesNow) {
				x.facts.NotAsOf = append(x.facts.NotAsOf, signaturesNow)
			}
			if out.Status = string(proved.Status); proved.By != nil {
				out.Signer = cmp.Or(proved.By.Name, proved.By.Subject, proved.By.KeyID)
			}
		}
		x.facts.Signatures = append(x.facts.Signatures, out)
	}
	return nil
}

// log reads the entries of the log about all that was read, with their proofs.
func (x *reading) log(ctx context.Context) error {
	found, err := x.Auditor.EvidenceOf(ctx, x.objects(), compliance.MaxEntries, x.size)
	if err != nil {
		return x.forbidden("log", err)
	}
	x.facts.LogSize, x.sources.Checkpoint = found.Checkpoint.Size, found.Checkpoint.Note
	if found.Cut {
		x.facts.Cut = append(x.facts.Cut, fmt.Sprintf("log entries beyond the newest %d", compliance.MaxEntries))
	}
	for _, e := range found.Entries {
		x.sources.Entries = append(x.sources.Entries, compliance.ProvenEntry{Entry: e.Entry, Leaf: e.Leaf, Proof: e.Proof, Partial: e.Partial})
		for _, id := range e.Entry.Objects {
			x.facts.LogSeqs[id] = e.Entry.Seq
		}
	}
	return nil
}

// objects lists what the log is asked about. Entries about the card, files, requests, deployments and
// whatever else belongs to the version name the version too, and those about reviews the model.
func (x *reading) objects() (out []registry.ID) {
	out = []registry.ID{x.version.ID, x.version.Parent}
	for _, t := range x.facts.Transitions {
		for _, g := range t.Gates {
			if id := registry.GateID(g.Name); g.Name != "" && !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	for _, r := range x.facts.Recalls {
		out = append(out, r.ID)
	}
	asked := 0
	for _, n := range x.facts.Lineage.Nodes {
		if n.Restricted || n.ID == x.version.ID || n.Kind == registry.KindCommit { // Commits are logged by their repository.
			continue
		}
		if asked++; asked > maxProvenNodes {
			x.facts.Cut = append(x.facts.Cut, fmt.Sprintf("log entries about nodes of the lineage beyond the nearest %d", maxProvenNodes))
			break
		}
		out = append(out, n.ID)
	}
	return out
}
