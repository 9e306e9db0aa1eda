package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pedigree/governance"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/signing"
)

// SignatureStatus says whether a signature holds for the files of its version.
type SignatureStatus string

// The statuses.
const (
	// Signed: somebody whom the server trusts signed the files as they are stored.
	Signed SignatureStatus = "SIGNED"
	// SignatureMismatch: somebody trusted signed, but not these files.
	SignatureMismatch SignatureStatus = "MISMATCH"
	// SignatureUntrusted: the server does not trust who signed.
	SignatureUntrusted SignatureStatus = "UNTRUSTED"
	// SignatureInvalid: the bundle proves nothing about this version.
	SignatureInvalid SignatureStatus = "INVALID"
)

// SignatureVerification is what a signature proves now.
type SignatureVerification struct {
	Status SignatureStatus `json:"status"`
	// Reason says why it is not SIGNED.
	Reason string           `json:"reason,omitempty"`
	By     *SignatureSigner `json:"by,omitempty"`
	// Files are the files that are not as they were signed, at most MaxDifferingFiles of them.
	// Matching and Differing count all; nil like Files for who may not see the files.
	Files     []*SignedFile `json:"files,omitempty"`
	Matching  *int          `json:"matching,omitempty"`
	Differing *int          `json:"differing,omitempty"`
	// Builder and what follows is what an attestation says of the build.
	Builder    string           `json:"builder,omitempty"`
	BuildType  string           `json:"buildType,omitempty"`
	Invocation string           `json:"invocation,omitempty"`
	StartedAt  time.Time        `json:"startedAt,omitzero"`
	FinishedAt time.Time        `json:"finishedAt,omitzero"`
	Materials  []*BuildMaterial `json:"materials,omitempty"`
}

// MaxDifferingFiles and maxShownMaterials are how many files and materials a verification tells.
const MaxDifferingFiles, maxShownMaterials = 500, 500

// SignerKind is how a signer is known: KEY, CERTIFICATE or IDENTITY.
type SignerKind string

// SignedFileState is how a file compares with what was signed, as signing.FileStatus.
type SignedFileState string

// SignatureSigner is who signed.
type SignatureSigner struct {
	Kind    SignerKind `json:"kind"`
	Name    string     `json:"name,omitempty"`
	KeyID   string     `json:"keyId,omitempty"`
	Subject string     `json:"subject,omitempty"`
	Issuer  string     `json:"issuer,omitempty"`
	At      time.Time  `json:"at,omitzero"`
}

// SignedFile is a file that is not as it was signed.
type SignedFile struct {
	Path  string          `json:"path"`
	State SignedFileState `json:"state"`
}

// BuildMaterial is something that a build used.
type BuildMaterial struct {
	Name    string              `json:"name,omitempty"`
	URI     string              `json:"uri,omitempty"`
	Digests []registry.KeyValue `json:"digests,omitempty"`
}

// bundlesAtOnce is how many bundles are in memory at a time.
const bundlesAtOnce = 32

// VerificationOf tells what a signature proves about the files of its version as they are stored now,
// by whom the server trusts now. Those of sibling signatures are computed with it.
func (c *Catalog) VerificationOf(ctx context.Context, s *registry.Signature) (*SignatureVerification, error) {
	return core.Batch(ctx, s, verificationField{}, func(ctx context.Context, all []*registry.Signature) (out []*SignatureVerification, err error) {
		err = c.core.Gate.Inspect(c.core.KnowTrust(ctx), registry.CatalogRead, func(ctx context.Context, tx *policies.Tx) error {
			out, err = verifyAll(ctx, tx, all)
			return err
		})
		return out, err
	})
}

// verificationField is the field of a signature that is computed.
type verificationField struct{}

// verifyAll verifies signatures of some versions.
func verifyAll(ctx context.Context, tx *policies.Tx, all []*registry.Signature) ([]*SignatureVerification, error) {
	var versions []registry.ID
	for _, s := range all {
		if !slices.Contains(versions, s.Parent) {
			versions = append(versions, s.Parent)
		}
	}
	files, shown, err := filesOf(ctx, tx, versions)
	if err != nil {
		return nil, err
	}
	out := make([]*SignatureVerification, 0, len(all))
	for part := range slices.Chunk(all, bundlesAtOnce) {
		bundles, err := bundlesOf(ctx, tx, part)
		if err != nil {
			return nil, err
		}
		for i, s := range part {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			v := verify(core.TrustOf(ctx), s, bundles[i], files[s.Parent])
			if !shown[s.Parent] {
				v.Files, v.Matching, v.Differing = nil, nil, nil
			}
			out = append(out, v)
		}
	}
	return out, nil
}

// bundlesOf reads the bundles of signatures.
func bundlesOf(ctx context.Context, tx *policies.Tx, all []*registry.Signature) ([][]byte, error) {
	ids := make([]registry.ID, len(all))
	for i, s := range all {
		ids[i] = registry.SignatureBundleID(s.ID)
	}
	nodes, err := tx.NodesUnfiltered(ctx, ids...)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(all))
	for i, n := range nodes {
		if n == nil || n.Deleted {
			continue
		}
		var b registry.SignatureBundle
		if err := core.DecodeDoc(n, &b); err != nil {
			return nil, err
		}
		out[i] = b.Bundle
	}
	return out, nil
}

// maxComparedFiles is how many files one call compares: those of one version, or of siblings together.
const maxComparedFiles = signing.MaxFiles

// filesOf reads the stored files of versions, and of each version whether the caller may see their
// names.
func filesOf(ctx context.Context, tx *policies.Tx, versions []registry.ID) (map[registry.ID][]signing.File, map[registry.ID]bool, error) {
	files, shown, first := map[registry.ID][]signing.File{}, map[registry.ID]bool{}, []registry.ID{}
	q := graph.Query{Kinds: []registry.Kind{registry.KindArtifact}, Parents: versions, Order: registry.IndexName, Limit: 1000}
	for count := 0; ; {
		page, err := tx.FindUnfiltered(ctx, q)
		if err != nil {
			return nil, nil, err
		}
		for _, n := range page.Nodes {
			var a registry.Artifact
			if err := core.DecodeDoc(n, &a); err != nil {
				return nil, nil, err
			}
			if n.Deleted || !a.Stored {
				continue
			}
			if len(files[n.Parent]) == 0 {
				first = append(first, n.ID)
			}
			files[n.Parent] = append(files[n.Parent], signing.File{Path: a.Name, SHA256: strings.TrimPrefix(a.Digest, "sha256:")})
			count++
		}
		if count > maxComparedFiles {
			return nil, nil, registry.Errorf(registry.ResourceExhausted, "the versions have more than %d files; verify fewer signatures at once", maxComparedFiles)
		}
		if !page.More || len(page.Nodes) == 0 {
			break
		}
		q.After = policies.KeyOf(page.Nodes[len(page.Nodes)-1], q.Order)
	}
	for _, v := range versions {
		shown[v] = len(files[v]) == 0 // A version without files has none to hide.
	}
	visible, err := tx.Scope().Nodes(ctx, graph.Instant{}, first...)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range visible {
		if n != nil && !n.Hidden {
			shown[n.Parent] = n.Mask.Has(registry.Bit("Artifact", "name"))
		}
	}
	return files, shown, nil
}

// verify verifies one bundle.
func verify(trust *signing.Trust, s *registry.Signature, bundle []byte, files []signing.File) *SignatureVerification {
	if trust == nil {
		return &SignatureVerification{Status: SignatureUntrusted, Reason: "this server trusts nobody: start it with --trust FILE"}
	}
	if s.BundleKind == registry.SignatureOfBuild {
		return verifyBuild(trust, s, bundle, files)
	}
	found, err := trust.VerifyModel(bundle, files, s.AttachedAt)
	if err != nil {
		return unproven(err)
	}
	return (&SignatureVerification{By: signerOf(found.Signer)}).compared(found.Files)
}

// verifyBuild verifies an attestation: SIGNED means that somebody trusted says how at least one of
// the files was built.
func verifyBuild(trust *signing.Trust, s *registry.Signature, bundle []byte, files []signing.File) *SignatureVerification {
	p, err := trust.VerifyProvenance(bundle, s.AttachedAt)
	if err != nil {
		return unproven(err)
	}
	out := &SignatureVerification{By: signerOf(p.Signer), Builder: p.Builder, BuildType: p.BuildType, Invocation: p.Invocation, StartedAt: p.Started, FinishedAt: p.Finished}
	for _, m := range p.Materials[:min(len(p.Materials), maxShownMaterials)] {
		shown := &BuildMaterial{Name: m.Name, URI: m.URI}
		for algorithm, digest := range m.Digest {
			shown.Digests = append(shown.Digests, registry.KeyValue{Key: algorithm, Value: digest})
		}
		slices.SortFunc(shown.Digests, func(a, b registry.KeyValue) int { return strings.Compare(a.Key, b.Key) })
		out.Materials = append(out.Materials, shown)
	}
	built := map[string]bool{}
	for _, subject := range p.Subjects {
		built[strings.ToLower(subject.Digest["sha256"])] = true
	}
	var results []signing.FileResult
	for _, f := range files {
		r := signing.FileResult{Path: f.Path, Status: signing.Extra}
		if f.SHA256 != "" && built[strings.ToLower(f.SHA256)] {
			r.Status = signing.Match
		}
		results = append(results, r)
	}
	if out.compared(results); *out.Matching > 0 {
		out.Status, out.Reason = Signed, ""
	} else {
		out.Status, out.Reason = SignatureMismatch, "nothing that was built is a file of this version"
	}
	return out
}

// compared sets the status by how files compare with what was signed.
func (v *SignatureVerification) compared(files []signing.FileResult) *SignatureVerification {
	matching, differing := 0, 0
	for _, f := range files {
		if f.Status == signing.Match || f.Status == signing.Ignored {
			matching++
			continue
		}
		if differing++; differing <= MaxDifferingFiles {
			v.Files = append(v.Files, &SignedFile{f.Path, SignedFileState(f.Status)})
		}
	}
	v.Status, v.Matching, v.Differing = Signed, &matching, &differing
	if differing > 0 {
		v.Status, v.Reason = SignatureMismatch, "files that are not as they were signed: "+strconv.Itoa(differing)
	}
	return v
}

// unproven returns what a refusal means: whom the server does not know is UNTRUSTED, what proves
// nothing is INVALID.
func unproven(err error) *SignatureVerification {
	out := &SignatureVerification{Status: SignatureInvalid, Reason: "the bundle cannot be verified"}
	var r *signing.Refusal
	if errors.As(err, &r) {
		out.Reason = registry.Shorten(r.Message, 300)
		if slices.Contains([]signing.Reason{signing.UnknownKey, signing.UnknownIdentity, signing.UntrustedCertificate, signing.ExpiredCertificate}, r.Reason) {
			out.Status = SignatureUntrusted
		}
	}
	return out
}

func signerOf(s signing.Signer) *SignatureSigner {
	return &SignatureSigner{SignerKind(s.Kind), s.Name, s.KeyID, s.Subject, s.Issuer, s.At}
}

// modelSignatures returns the signatures of the files of a version, and what each proves.
func modelSignatures(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion) (all []*registry.Signature, found []*SignatureVerification, err error) {
	nodes, err := tx.ChildrenUnfiltered(ctx, registry.KindSignature, registry.IndexName, v.ID)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range nodes {
		s, err := core.DecodeWhole(n, &registry.Signature{})
		if err != nil {
			return nil, nil, err
		}
		if !n.Deleted && s.BundleKind == registry.SignatureOfModel {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return nil, nil, nil
	}
	found, err = verifyAll(ctx, tx, all)
	return all, found, err
}

// signedBy tells whether the files of a version are signed as they are stored, and by whom.
func signedBy(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion) (bool, string, error) {
	_, found, err := modelSignatures(ctx, tx, v)
	if err != nil {
		return false, "", err
	}
	for _, f := range found {
		if f.Status == Signed && f.By != nil {
			return true, cmp.Or(f.By.Name, f.By.Subject, f.By.KeyID), nil
		}
	}
	return false, "", nil
}

// CheckSigned answers FAILED_PRECONDITION when a version needs a signature to enter a stage, and has
// none that is SIGNED. It names no file: who may move a version may not see its files.
func CheckSigned(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, to registry.Stage, rule governance.Rule) error {
	if !rule.NeedsSignature(to) {
		return nil
	}
	all, found, err := modelSignatures(ctx, tx, v)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return unsignedError(v, to, "has none: sign its files and attach the bundle with attachSignature")
	}
	var why []string
	for i, f := range found {
		if f.Status == Signed {
			return nil
		}
		why = append(why, fmt.Sprintf("%s is %s (%s)", registry.Shorten(all[i].Digest, 19), f.Status, f.Reason))
	}
	return unsignedError(v, to, "none holds: "+strings.Join(why[:min(len(why), 3)], "; "))
}

// unsignedError is the refusal of a transition that needs a signature.
func unsignedError(v *registry.ModelVersion, to registry.Stage, why string) error {
	e := registry.Errorf(registry.FailedPrecondition, "%s %s needs a signature to enter %s, and %s", registry.Shorten(v.ModelName, 100), v.Version, to, why)
	e.Details = map[string]any{"guarded": true}
	return e
}
