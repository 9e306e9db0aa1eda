package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"pedigree/graph"
	"pedigree/graph/migrate"
	"pedigree/registry"
)

func newMigrate(s *settings) *cobra.Command {
	verify := false
	cmd := &cobra.Command{
		Use:   "migrate --from URL --to URL",
		Short: "Copy the whole registry to another store and verify that both are equal",
		Long: `Copy the whole registry from one store to another, empty store: nodes with every
revision, edges with their retractions, the log with its hashes, subjects, tokens
and the instance secret. When the command is interrupted, the same command continues
the copy. No other command opens the new store before both stores are verified to be
equal.

The source may be in use: changes during the copy are copied in further passes. It
must not change during the verification at the end.`,
		Example: "  pedigree migrate --from sqlite:///var/lib/pedigree/pedigree.db --to neo4j://neo4j:PASSWORD@db:7687/neo4j\n" +
			"  PEDIGREE_TO=neo4j://neo4j:PASSWORD@db:7687/neo4j pedigree migrate --from sqlite://pedigree.db\n" +
			"  pedigree migrate --verify --from sqlite://pedigree.db --to sqlite://copy.db",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runMigrate(cmd, s, verify)
		},
	}
	f := cmd.Flags()
	f.String("from", "", "the URL of the store to copy: sqlite:///path/file.db or neo4j://user:password@host:7687/database (required)")
	f.String("to", "", "the URL of the store to copy to, which must be empty or contain a copy of the same source (required)")
	f.String("from-namespace", "", "the namespace of --from in its Neo4j database")
	f.String("to-namespace", "", "the namespace of --to in its Neo4j database")
	f.BoolVar(&verify, "verify", false, "only compare the two stores, without copying")
	return cmd
}

func runMigrate(cmd *cobra.Command, s *settings, verify bool) error {
	ctx := cmd.Context()
	from, err := openFlagStore(ctx, s, "from", existingStore)
	if err != nil {
		return err
	}
	defer from.Close()
	mode := createStore
	if verify {
		mode = existingStore
	}
	to, err := openFlagStore(ctx, s, "to", mode)
	if err != nil {
		return err
	}
	defer to.Close()
	meter := newProgressMeter(cmd.ErrOrStderr())
	report := &migrate.Report{}
	if verify {
		if report.Proof, err = migrate.Verify(ctx, from, to, meter.update); err == nil {
			err = report.Proof.Err()
		}
	} else {
		report, err = migrate.Run(ctx, from, to, meter.update)
	}
	meter.finish()
	printMigration(cmd.OutOrStdout(), report, [2]string{engineOf(s.GetString("from")), engineOf(s.GetString("to"))})
	if err != nil && ctx.Err() != nil && !verify {
		return registry.Errorf(registry.Unavailable, "the migration was ended; run the same again, and it goes on where it was")
	}
	return err
}

// openFlagStore opens the store that a flag names.
func openFlagStore(ctx context.Context, s *settings, flag string, mode storeMode) (graph.Store, error) {
	if s.GetString(flag) == "" {
		return nil, registry.Invalid(flag, "names no store; use sqlite:///path/file.db or neo4j://user:password@host:7687/database")
	}
	store, err := openStore(ctx, s.GetString(flag), s.GetString(flag+"-namespace"), "", mode)
	if known, ok := err.(*registry.Error); ok {
		return nil, &registry.Error{Code: known.Code, Field: flag, Message: "--" + flag + ": " + known.Message, Err: known.Err}
	}
	return store, err
}

// engineOf returns a name of the store without the secrets of its URL.
func engineOf(raw string) string {
	if strings.HasPrefix(raw, "sqlite:") {
		return "SQLite"
	}
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		return "Neo4j at " + u.Host
	}
	return "Neo4j"
}

// printMigration prints what was copied, with rates, and what both stores contain.
func printMigration(w io.Writer, r *migrate.Report, names [2]string) {
	for _, p := range r.Passes {
		what := "copied"
		switch {
		case p.Resumed:
			what = "copied the rest of what an earlier run had begun"
		case p.Since > 0:
			what = fmt.Sprintf("copied what changed after entry %d", p.Since)
		}
		fmt.Fprintf(w, "%s, up to entry %d: %d log entries, %d nodes in %d revisions, %d edges in %s (%.0f rows/s)\n", what, p.Head, p.Log, p.Nodes,
			p.Revisions, p.Edges, p.Took.Round(time.Millisecond), float64(p.Log+p.Revisions+p.Edges)/max(p.Took.Seconds(), 0.001))
	}
	if r.Counters > 0 {
		fmt.Fprintf(w, "copied %d counters of uses\n", r.Counters)
	}
	if r.Proof == nil {
		return
	}
	a, b := r.Proof.From, r.Proof.To
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\t%s\t%s\t\n", names[0], names[1])
	for _, row := range []struct {
		what string
		a, b int64
	}{{"log entries", a.Log, b.Log}, {"nodes", a.Nodes, b.Nodes}, {"revisions", a.Revisions, b.Revisions}, {"edges", a.Edges, b.Edges}} {
		fmt.Fprintf(t, "%s\t%d\t%d\t\n", row.what, row.a, row.b)
	}
	t.Flush()
	fmt.Fprintf(w, "SHA-256 of %s: %s\nSHA-256 of %s: %s\n", names[0], a.Digest, names[1], b.Digest)
	if r.Proof.Equal() {
		fmt.Fprintln(w, "equal")
	} else {
		fmt.Fprintf(w, "NOT equal: %s\n", r.Proof.Difference)
	}
}
