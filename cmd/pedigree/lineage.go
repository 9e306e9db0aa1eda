package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"pedigree/lineage"
	"pedigree/lineage/export"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/provenance"
)

func newLineage(s *settings) *cobra.Command {
	var in provenance.ExportInput
	var down bool
	var depth int
	var format, output string
	var web webPage
	cmd := &cobra.Command{
		Use:   "lineage REF",
		Short: "Draw or export the lineage of a version, deployment or any other node",
		Long: `Draw the provenance tree of REF: the id of a node, or MODEL@VERSION such as
credit-approval@1.0.0 (or MODEL@latest, MODEL@ALIAS). MODEL alone is the version in
PRODUCTION, else the latest one. With --format the same graph is written in a format
for other tools.`,
		Example: "  pedigree lineage credit-approval\n  pedigree lineage credit-approval@1.0.0\n  pedigree lineage --down dv_0123456789abcdefghjkmnpqrs\n" +
			"  pedigree lineage credit-approval@1.0.0 --format cyclonedx --output credit-approval.cdx.json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeArgs(s, versionRefs),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.Format, err = export.ParseFormat(format); err != nil {
				return err
			}
			if web {
				return web.open(cmd, s, func(r *connection) (registry.ID, error) { return resolve(r.ctx, r, args[0]) })
			}
			r, err := connect(cmd, s, existingStore)
			if registry.CodeOf(err) == registry.NotFound {
				return registry.Errorf(registry.NotFound, "%s; %s", err, whatToDo)
			}
			if err != nil {
				return err
			}
			defer r.close()
			if in.Of, err = resolve(r.ctx, r, args[0]); err != nil {
				return explainEmpty(r, err)
			}
			if in.MaxDepth = &depth; down {
				in.Direction = lineage.Downstream
			}
			x, err := r.Export(r.ctx, in)
			if err != nil {
				return explainEmpty(r, err)
			}
			if output != "" {
				return os.WriteFile(output, []byte(x.Body), 0o644)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), x.Body)
			return err
		},
	}
	var names []string
	for _, f := range export.Formats() {
		names = append(names, f.Name())
	}
	cmd.Flags().StringVar(&format, "format", export.Tree.Name(), "the output format: one of "+strings.Join(names, ", "))
	cmd.Flags().StringVar(&output, "output", "", "write to this file instead of standard output")
	cmd.Flags().BoolVar(&down, "down", false, "show what was made from the node instead of what it came from")
	web.add(cmd)
	cmd.Flags().IntVar(&depth, "depth", 20, "the maximum number of hops, from 0 to 50")
	return cmd
}

// whatToDo says how a registry is filled.
const whatToDo = "import a repository with pedigree import dvc PATH, or load the example with pedigree demo load"

// explainEmpty says what to do when something is not found because the registry is still
// empty. It returns every other error unchanged.
func explainEmpty(r *connection, err error) error {
	if registry.CodeOf(err) != registry.NotFound {
		return err
	}
	errNotEmpty := errors.New("not empty")
	if _, e := r.ExportFacts(r.ctx, func(bulk.FactInput) error { return errNotEmpty }); e != nil {
		return err // Not empty, or the caller may not know.
	}
	return registry.Errorf(registry.NotFound, "the registry is still empty; %s", whatToDo)
}

// resolve returns the node id for MODEL@VERSION, MODEL or an id.
func resolve(ctx context.Context, r registryClient, ref string) (registry.ID, error) {
	if id, err := registry.ParseID(ref); err == nil {
		return id, nil
	}
	return resolveVersion(ctx, r, ref)
}

// resolveVersion returns the id of the version that MODEL@VERSION or MODEL names.
func resolveVersion(ctx context.Context, r registryClient, ref string) (registry.ID, error) {
	v, err := versionOf(ctx, r, ref)
	if err != nil {
		return "", err
	}
	return v.ID, nil
}
