package main

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"pedigree/blobs"
	"pedigree/references"
	"pedigree/registry"
	"pedigree/service"
)

// maxFileBytes is the default of --artifact-max-bytes.
const maxFileBytes = 10 << 30

// addArtifactFlags adds the flags that say where the files of versions lie.
func addArtifactFlags(cmd *cobra.Command) {
	addArtifactsFlag(cmd)
	cmd.Flags().Int64("artifact-max-bytes", maxFileBytes, "the size limit of a file of a version in bytes")
}

// addVerifyFlags adds the flags of serve about files that lie elsewhere.
func addVerifyFlags(cmd *cobra.Command) {
	cmd.Flags().StringSlice("artifact-verify-schemes", nil, "the schemes of files elsewhere that verifyArtifact may read: some of "+strings.Join(references.Schemes(), ", ")+"; none without it")
	cmd.Flags().Bool("artifact-verify-allow-private", false, "let verifyArtifact read files at loopback and private addresses")
}

// openReferences returns what opens files elsewhere; nil when no scheme is allowed.
func openReferences(s *settings) ([]service.Option, error) {
	schemes := s.GetStringSlice("artifact-verify-schemes")
	if len(schemes) == 0 {
		return nil, nil
	}
	opener, err := references.New(references.Config{Schemes: schemes, AllowPrivate: s.GetBool("artifact-verify-allow-private")})
	if err != nil {
		return nil, registry.Invalid("artifact-verify-schemes", "%s", err)
	}
	return []service.Option{service.WithReferences(opener)}, nil
}

// addArtifactsFlag adds the flag that names the place of the files.
func addArtifactsFlag(cmd *cobra.Command) {
	cmd.Flags().String("artifacts", "", "where the files of versions lie: file:///folder or s3://bucket?region=…; without it the folder artifacts in --data")
}

// openArtifacts returns the place of the files of the settings. It is opened when it is used.
func openArtifacts(s *settings) (service.Option, error) {
	location := s.GetString("artifacts")
	if location == "" {
		folder, err := filepath.Abs(filepath.Join(s.GetString("data"), "artifacts"))
		if err != nil {
			return nil, err
		}
		location = (&url.URL{Scheme: "file", Path: filepath.ToSlash(folder)}).String()
	}
	store, err := blobs.New(location)
	if err != nil {
		return nil, registry.Invalid("artifacts", "%s", err)
	}
	limit := s.GetInt64("artifact-max-bytes")
	if limit <= 0 {
		limit = maxFileBytes
	}
	return service.WithBlobs(store, limit), nil
}
