package main

import (
	"net/url"
	"path/filepath"

	"github.com/spf13/cobra"

	"pedigree/blobs"
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
