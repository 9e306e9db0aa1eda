package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"pedigree/connect/demo"
)

func newDemo(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "demo", Short: "Load example data"}
	cmd.AddCommand(&cobra.Command{
		Use:   "load",
		Short: "Load the credit-approval example; loading it again adds nothing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := connect(cmd, s, createStore)
			if err != nil {
				return err
			}
			defer r.close()
			story, err := demo.Load(r.ctx, r)
			if err != nil {
				return err
			}
			if !story.Created {
				fmt.Fprintln(cmd.OutOrStdout(), "the credit-approval story is there already")
				return nil
			}
			fmt.Fprintf(cmd.OutOrStdout(), "loaded the credit-approval story; try:\n  pedigree lineage %s\n", story.Deployment)
			return nil
		},
	})
	return cmd
}
