package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/access"
)

func newToken(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Create tokens for people and services"}
	in := access.CreateTokenInput{}
	var days int
	create := &cobra.Command{
		Use:     "create --subject SUBJECT --role ROLE",
		Short:   "Create a token and print it as the last line; only its hash is stored",
		Example: "  pedigree token create --subject ada --role data_scientist",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := openLocalRegistry(cmd.Context(), s, createStore)
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
	f.StringVar(&in.Subject, "subject", "", "the person or service that the token is for (required)")
	f.StringVar(&in.Role, "role", "", "the role: admin, data_scientist, developer, viewer, or a role of your policy (required)")
	f.StringVar(&in.Scope, "scope", registry.ScopeAll, "the scope: * for everything, or model:NAME for one model and everything that belongs to it")
	f.StringVar(&in.Name, "name", "", "a name that distinguishes the tokens of the subject")
	f.IntVar(&days, "days", 0, "the number of days until the token expires; 0 means never")
	create.MarkFlagRequired("subject")
	create.MarkFlagRequired("role")
	cmd.AddCommand(create)
	return cmd
}
