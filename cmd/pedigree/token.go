package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/access"
)

func newToken(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Make tokens for people and services"}
	in := access.CreateTokenInput{}
	var days int
	create := &cobra.Command{
		Use:     "create --subject SUBJECT --role ROLE",
		Short:   "Make a token; its last line of output is the token, which is stored nowhere",
		Example: "  pedigree token create --subject ada --role data_scientist",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := rejectServer(cmd, s, "a token is made by who can open the store: run this where it is, with --data or --store"); err != nil {
				return err
			}
			o, err := openLocalRegistry(cmd.Context(), s)
			if err != nil {
				return err
			}
			defer o.Close()
			if days > 0 {
				in.ExpiresAt = o.service.Now().Add(time.Duration(days) * 24 * time.Hour)
			}
			token, err := o.service.CreateToken(asOperator(cmd.Context()), in)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "token for %s as %s; keep it safe, it is not shown again\n", in.Subject, in.Role)
			fmt.Fprintln(cmd.OutOrStdout(), token)
			return nil
		},
	}
	f := create.Flags()
	f.StringVar(&in.Subject, "subject", "", "who the token is for (required)")
	f.StringVar(&in.Role, "role", "", "admin, data_scientist, developer, viewer, or a role of your policy (required)")
	f.StringVar(&in.Scope, "scope", registry.ScopeAll, "* for all, or model:NAME for one model and what belongs to it")
	f.StringVar(&in.Name, "name", "", "a name that tells the subject's tokens apart")
	f.IntVar(&days, "days", 0, "days until it expires; 0 for never")
	create.MarkFlagRequired("subject")
	create.MarkFlagRequired("role")
	cmd.AddCommand(create)
	return cmd
}
