package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pedigree/connect/demo"
)

func newDemo(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "demo", Short: "Load example data"}
	cmd.AddCommand(&cobra.Command{
		Use:   "load",
		Short: "Load the example of five models, with credit-approval among them; loading it again adds nothing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := connect(cmd, s, createStore)
			if err != nil {
				return err
			}
			defer r.close()
			story, err := loadDemo(r.ctx, r)
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

// loadDemo loads the example and what grew around it.
func loadDemo(ctx context.Context, s demo.Grower) (*demo.Story, error) {
	story, err := demo.Load(ctx, s)
	if err != nil {
		return nil, err
	}
	return story, demo.Grow(ctx, s, time.Now())
}
