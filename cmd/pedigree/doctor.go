package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"pedigree/graph"
	"pedigree/registry"
)

func newDoctor(s *settings) *cobra.Command {
	repair := false
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check what the store keeps beside the facts, and repair it with --repair",
		Long: `Compute anew, from the stages and the lineage, which nodes a version in PRODUCTION
or DEPRECATED needs, and compare it with what the store keeps. Developers and
viewers see these nodes. The exit code is 1 when a node has the wrong value and
--repair is not given. Facts, revisions and the log are never changed.`,
		Example: "  pedigree doctor\n  pedigree doctor --repair --store neo4j://neo4j:PASSWORD@db:7687/neo4j",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := openStore(cmd.Context(), s.GetString("store"), s.GetString("store-namespace"), s.GetString("data"), existingStore)
			if err != nil {
				return err
			}
			defer store.Close()
			wrong, err := store.(graph.ServedChecker).CheckServed(cmd.Context(), repair)
			switch {
			case err != nil:
				return err
			case wrong == 0:
				fmt.Fprintln(cmd.OutOrStdout(), "served: every node has the right value")
			case repair:
				fmt.Fprintf(cmd.OutOrStdout(), "served: repaired %d nodes\n", wrong)
			default:
				fmt.Fprintf(cmd.OutOrStdout(), "served: %d nodes have the wrong value\n", wrong)
				return registry.Errorf(registry.FailedPrecondition, "developers and viewers see too much or too little; run pedigree doctor --repair")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&repair, "repair", false, "store the right values")
	return cmd
}
