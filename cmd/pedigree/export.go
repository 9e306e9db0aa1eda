package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pedigree/connect/jsonlines"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/lineageout"
)

func newExport(s *settings) *cobra.Command {
	output, format := "", "facts"
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the whole registry as facts, one JSON object per line",
		Long: `Write the whole registry as facts in JSON Lines, in an order that pedigree load
accepts. docs/facts.md describes the facts and what an export leaves out. With
--server the server writes what the token's subject may see.

With --format openlineage it writes OpenLineage events, which other tools read and
POST /api/v1/lineage takes; see docs/openlineage.md. That needs the store.`,
		Example: "  pedigree export --output registry.jsonl\n  pedigree export --format openlineage --output lineage.jsonl\n  pedigree export | gzip > registry.jsonl.gz\n" +
			"  PEDIGREE_TOKEN=… pedigree export --server https://pedigree.example.com --output registry.jsonl",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "facts" && format != "openlineage" {
				return registry.Invalid("format", "%q is not facts or openlineage", registry.Shorten(format, 40))
			}
			r, err := connect(cmd, s, existingStore)
			if err != nil {
				return err
			}
			defer r.close()
			if format == "openlineage" {
				return exportEvents(cmd, r, output)
			}
			var exported *bulk.ExportedFacts
			if err := writeTo(output, cmd.OutOrStdout(), func(w io.Writer) (err error) {
				exported, err = exportFacts(r.ctx, w, r)
				return err
			}); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%d facts\n", exported.Facts)
			for _, kind := range slices.Sorted(maps.Keys(exported.LeftOut)) {
				fmt.Fprintf(cmd.ErrOrStderr(), "%d of kind %s are left out: they belong to what was deleted or is hidden, a field of their key is hidden, or they do not fit into a line\n", exported.LeftOut[kind], strings.ToLower(string(kind)))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", format, "facts, or openlineage for OpenLineage events")
	cmd.Flags().StringVarP(&output, "output", "o", "", "the file to write; the default is standard output")
	return cmd
}

// exportEvents writes the registry as OpenLineage events.
func exportEvents(cmd *cobra.Command, r *connection, output string) error {
	if r.service == nil {
		return registry.Invalid("format", "OpenLineage events of a whole registry are written where its store is: leave out --server, or let the server send them with --openlineage-out")
	}
	var n int64
	err := writeTo(output, cmd.OutOrStdout(), func(w io.Writer) (err error) {
		b := bufio.NewWriterSize(w, 64<<10)
		n, err = r.service.ExportEvents(r.ctx, func(e lineageout.LineageEvent) error {
			_, err := b.Write(append(e.Line, '\n'))
			return err
		})
		return errors.Join(err, b.Flush())
	})
	if err == nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d events\n", n)
	}
	return err
}

func exportFacts(ctx context.Context, w io.Writer, r registryClient) (*bulk.ExportedFacts, error) {
	b := bufio.NewWriterSize(w, 64<<10)
	exported, err := r.ExportFacts(ctx, func(f bulk.FactInput) error { return jsonlines.Encode(b, f) })
	return exported, errors.Join(err, b.Flush())
}

// writeTo calls fn with a writer of standard output or of a file. The file gets its name
// only when it is complete.
func writeTo(file string, stdout io.Writer, fn func(io.Writer) error) error {
	if file == "" || file == "-" {
		return fn(stdout)
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("the file cannot be written: %w; choose another with --output", err)
	}
	defer os.Remove(f.Name()) // Has no effect after the rename.
	if err := errors.Join(fn(f), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
