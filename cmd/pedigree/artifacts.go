package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/artifacts"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// artifactClient holds the methods on artifacts besides those on their bytes.
type artifactClient interface {
	ArtifactsOf(ctx context.Context, v *registry.ModelVersion, p core.Paging) (*catalog.ArtifactConnection, error)
	VerifyArtifact(ctx context.Context, in artifacts.VerifyArtifactInput) (*artifacts.VerifyArtifactPayload, error)
	SweepArtifacts(ctx context.Context, in artifacts.SweepArtifactsInput) (*artifacts.SweepArtifactsPayload, error)
}

func newArtifacts(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "artifacts", Short: "List and verify the files of versions, and keep the stored ones in order"}
	cmd.AddCommand(newArtifactsList(s), newArtifactsVerify(s), newArtifactsSweep(s))
	return cmd
}

func newArtifactsList(s *settings) *cobra.Command {
	var format printFormat
	cmd := &cobra.Command{
		Use: "list MODEL@VERSION", Short: "List the files of a version: stored ones, and references to others", Args: cobra.ExactArgs(1),
		Example: "  pedigree artifacts list credit-approval@champion",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				v, err := versionOf(r.ctx, r, args[0])
				if err != nil {
					return err
				}
				all, err := allPages(func(p core.Paging) ([]*registry.Artifact, core.PageInfo, error) {
					page, err := r.ArtifactsOf(r.ctx, v, p)
					if err != nil {
						return nil, core.PageInfo{}, err
					}
					return nodesOf(page.Edges, func(e *catalog.ArtifactEdge) *registry.Artifact { return e.Node }), page.PageInfo, nil
				})
				if err != nil {
					return err
				}
				return printNouns(cmd.OutOrStdout(), format, all, artifactColumns)
			})
		},
	}
	addPrintFormat(cmd, &format)
	return cmd
}

// artifactColumns are the columns of a table of artifacts.
var artifactColumns = []column[*registry.Artifact]{
	{"NAME", func(a *registry.Artifact) string { return a.Name }},
	{"BYTES", func(a *registry.Artifact) string {
		if a.SizeBytes == nil {
			return ""
		}
		return strconv.FormatInt(*a.SizeBytes, 10)
	}},
	{"DIGEST", func(a *registry.Artifact) string { return a.Digest }},
	{"STATE", artifactState},
	{"ID", func(a *registry.Artifact) string { return string(a.ID) }},
}

// artifactState says in a word whether the bytes are known to be those of the digest.
func artifactState(a *registry.Artifact) string {
	switch {
	case a.Stored:
		return "stored"
	case a.Matches == nil:
		return "elsewhere"
	case *a.Matches:
		return "verified " + day(a.VerifiedAt)
	}
	return "DIFFERS " + day(a.VerifiedAt)
}

func newArtifactsVerify(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "verify ARTIFACT",
		Short: "Fail unless a file that lies elsewhere has the digest of its record",
		Long: `Read a file that lies elsewhere once, where it lies, and record whether it has the digest
of its record. It fails when it has not. ARTIFACT is an id that artifacts list prints. A server
reads it, of the schemes that it was started to allow (serve --artifact-verify-schemes); a stored file needs no such
check, because it is verified whenever it is read.`,
		Example: "  pedigree artifacts verify art_0123456789abcdefghjkmnpqrs --server https://pedigree.example.com",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := registry.ParseID(args[0])
			if err != nil {
				return err
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				out, err := r.VerifyArtifact(r.ctx, artifacts.VerifyArtifactInput{ID: id})
				if err != nil {
					return err
				}
				a := out.Artifact
				switch {
				case a == nil || a.Matches == nil:
					_, err = fmt.Fprintln(cmd.OutOrStdout(), "done; you may not see what was found")
					return err
				case !*a.Matches:
					return registry.Errorf(registry.FailedPrecondition, "%s is not the file of its record: it has not the digest %s, or another size", registry.Shorten(a.URI, 200), a.Digest)
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s has the digest %s\n", a.URI, a.Digest)
				return err
			})
		},
	}
}

func newArtifactsSweep(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sweep",
		Short: "Remove stored bytes that no version names, and what broken uploads left",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			hours, dry := s.GetInt("older-than-hours"), s.GetBool("dry-run")
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				out, err := r.SweepArtifacts(r.ctx, artifacts.SweepArtifactsInput{OlderThanHours: &hours, DryRun: &dry})
				if err != nil {
					return err
				}
				verb := "removed"
				if dry {
					verb = "would remove"
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %d files and %d unfinished uploads, %d bytes\n", verb, out.Files, out.Unfinished, out.Bytes)
				return err
			})
		},
	}
	cmd.Flags().Int("older-than-hours", 24, "remove only what was stored longer ago than so many hours")
	cmd.Flags().Bool("dry-run", false, "only count what would be removed")
	return cmd
}
