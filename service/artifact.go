package service

import (
	"context"
	"strings"

	"pedigree/registry"
)

// ArtifactInput describes a file of a version. URI is a label: it is kept byte
// for byte and nothing opens it.
type ArtifactInput struct {
	Name               string `json:"name,omitzero"`
	URI                string `json:"uri,omitzero"`
	Digest             string `json:"digest,omitzero"`
	SizeBytes          *int64 `json:"sizeBytes,omitzero"`
	Format             string `json:"format,omitzero"`
	StorageKey         string `json:"storageKey,omitzero"`
	ServiceAccountName string `json:"serviceAccountName,omitzero"`
}

func (in *ArtifactInput) check() error {
	if err := firstError(checkKey("artifacts.name", &in.Name), checkLabel("uri", in.URI), checkDigest("artifacts.digest", in.Digest),
		checkKey("artifacts.format", &in.Format), checkKey("artifacts.storageKey", &in.StorageKey), checkKey("artifacts.serviceAccountName", &in.ServiceAccountName),
		checkNotNegative("artifacts.sizeBytes", in.SizeBytes)); err != nil {
		return err
	}
	if in.Name == "" {
		return registry.Invalid("artifacts.name", "must not be empty")
	}
	return nil
}

// checkLabel holds a foreign reference to the rules of a label: no control
// characters and no .. in any decoding; everything else is kept as it came.
func checkLabel(field, uri string) error {
	if uri == "" {
		return nil
	}
	if err := registry.CheckKey(field, uri); err != nil {
		return err
	}
	for decoded, i := uri, 0; i < 4; i++ {
		for _, part := range strings.FieldsFunc(decoded, func(r rune) bool { return r == '/' || r == '\\' || r == '?' || r == '#' }) {
			if part == ".." {
				return registry.Invalid(field, "must not contain a .. step")
			}
		}
		next := unescape(decoded)
		if err := registry.CheckKey(field, next); err != nil {
			return err
		}
		if next == decoded {
			return nil
		}
		decoded = next
	}
	return registry.Invalid(field, "is escaped too many times over")
}

// unescape undoes percent-encoding where it is well formed.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := strings.IndexByte(hexDigits, lower(s[i+1])), strings.IndexByte(hexDigits, lower(s[i+2]))
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

const hexDigits = "0123456789abcdef"

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// checkDigest holds a digest to algorithm:hex.
func checkDigest(field, digest string) error {
	if digest == "" {
		return nil
	}
	algorithm, hex, ok := strings.Cut(digest, ":")
	hex = strings.TrimSuffix(hex, ".dir") // DVC's digest of a folder.
	if !ok || algorithm == "" || len(hex) < 8 || len(digest) > 255 || strings.Trim(strings.ToLower(hex), hexDigits) != "" ||
		strings.Trim(algorithm, "abcdefghijklmnopqrstuvwxyz0123456789-_+.") != "" {
		return registry.Invalid(field, "%q is no digest; write algorithm:hex, for example md5:5c58c678d04dcb799d0626fdf4a8bb1d", registry.Shorten(digest, 60))
	}
	return nil
}

// checkNotNegative refuses counts and sizes below zero.
func checkNotNegative(field string, n *int64) error {
	if n != nil && *n < 0 {
		return registry.Invalid(field, "must be 0 or more, not %d", *n)
	}
	return nil
}

// ArtifactEdge is an artifact in a page.
type ArtifactEdge struct {
	Cursor string
	Node   *registry.Artifact
}

// ArtifactConnection is a page of artifacts.
type ArtifactConnection struct{ Connection[*ArtifactEdge] }

// ArtifactsOf lists the files of a version by name.
func (s *Service) ArtifactsOf(ctx context.Context, v *registry.ModelVersion, p Paging) (*ArtifactConnection, error) {
	c, err := listChildren(ctx, s, v.ID, childQuery{kind: registry.KindArtifact, order: registry.IndexName, at: v.ReadAt}, p,
		func(cursor string, a *registry.Artifact) *ArtifactEdge { return &ArtifactEdge{cursor, a} })
	if err != nil {
		return nil, err
	}
	return &ArtifactConnection{*c}, nil
}
