package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"pedigree/policies"
)

func newPolicy(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "policy", Short: "Check and explain the access policy"}
	check := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a policy file and print its errors by line",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := policies.Load(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "the policy is good: version %s, roles %v\n", t.Version, t.Roles())
			return nil
		},
	}
	var role string
	explain := &cobra.Command{
		Use:     "explain --role ROLE OBJECT",
		Short:   "Print whether a role may read a field or do an action, and which rule decides",
		Example: "  pedigree policy explain --role viewer Model.owner\n  pedigree policy explain --role developer transition",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := policies.DefaultPolicy()
			if file := s.GetString("policy"); file != "" {
				b, err := os.ReadFile(file)
				if err != nil {
					return fmt.Errorf("the policy file cannot be read: %w", err)
				}
				text = string(b)
			}
			t, err := policies.Compile(text)
			if err != nil {
				return err
			}
			x, err := t.Explain(policies.Question{Role: role, Object: args[0]})
			if err == nil {
				fmt.Fprintln(cmd.OutOrStdout(), x.Allowed, x.Why)
			}
			return err
		},
	}
	explain.Flags().StringVar(&role, "role", "", "the role (required)")
	explain.MarkFlagRequired("role")
	show := &cobra.Command{
		Use:   "show",
		Short: "Print the built-in policy, as a start for your own",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), policies.DefaultPolicy())
			return err
		},
	}
	cmd.AddCommand(check, explain, show)
	return cmd
}
