package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/core"
)

func newToken(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Make, list and revoke API tokens"}
	cmd.AddCommand(newTokenCreate(s), newTokenList(s), newTokenRevoke(s))
	return cmd
}

func newTokenCreate(s *settings) *cobra.Command {
	in := access.CreateAPITokenInput{GrantRoles: true}
	var days int
	var scope string
	cmd := &cobra.Command{
		Use:   "create --subject SUBJECT --role ROLE",
		Short: "Create a token and print it as the last line; only its hash is stored",
		Long: `Create a token and print it as the last line. Only its hash is stored, so it is not
shown again. The token gives the roles and scopes that it is limited to, and never
more than its subject holds when it is used. Roles that the subject does not hold
yet are granted, when you may grant them.`,
		Example: "  pedigree token create --subject ada --role data_scientist\n  pedigree token create --name laptop --days 30 --server https://pedigree.example.com",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if model, ok := strings.CutPrefix(scope, "model:"); ok {
				in.Models = append(in.Models, model)
			} else if scope != registry.ScopeAll {
				return registry.Invalid("scope", "%q is no scope; use * or model:NAME", registry.Shorten(scope, 60))
			}
			if serverURL(cmd, s) == "" && (in.Subject == "" || len(in.Roles) == 0) {
				return fmt.Errorf("a token of a store needs --subject and --role; %w", errUsage)
			}
			r, err := connect(cmd, s, createStore)
			if err != nil {
				return err
			}
			defer r.close()
			if days > 0 {
				in.ExpiresAt = time.Now().Add(time.Duration(days) * 24 * time.Hour)
			}
			p, err := r.CreateAPIToken(r.ctx, in)
			if err != nil {
				return err
			}
			as := cmp.Or(strings.Join(p.APIToken.Roles, ", "), "all its roles")
			fmt.Fprintf(cmd.ErrOrStderr(), "token %s for %s as %s; keep it safe, it is not shown again\n", p.APIToken.ID, p.APIToken.Subject, as)
			fmt.Fprintln(cmd.OutOrStdout(), *p.Token)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Subject, "subject", "", "the person or service that the token is for; through a server, you when it is left out")
	f.StringSliceVar(&in.Roles, "role", nil, "a role that the token is limited to: admin, data_scientist, developer, viewer, or a role of your policy; more than one is possible")
	f.StringSliceVar(&in.Models, "model", nil, "the name of a model that the token is limited to; more than one is possible")
	f.StringVar(&scope, "scope", registry.ScopeAll, "the scope: * for everything, or model:NAME, the same as --model NAME")
	f.StringVar(&in.Name, "name", "", "a name that distinguishes the tokens of the subject")
	f.IntVar(&days, "days", 0, "the number of days until the token expires; 0 means never")
	return cmd
}

// tokenRow is a token as the command prints it.
type tokenRow struct {
	ID         registry.ID `json:"id"`
	Subject    string      `json:"subject"`
	Name       string      `json:"name"`
	Roles      []string    `json:"roles"`
	Models     []string    `json:"models"`
	CreatedBy  string      `json:"createdBy,omitempty"`
	CreatedAt  time.Time   `json:"createdAt,omitzero"`
	ExpiresAt  time.Time   `json:"expiresAt,omitzero"`
	RevokedAt  time.Time   `json:"revokedAt,omitzero"`
	LastUsedAt time.Time   `json:"lastUsedAt,omitzero"`
}

func newTokenRow(t *registry.Token) tokenRow {
	row := tokenRow{t.ID, t.Subject, t.Name, []string{}, []string{}, t.CreatedBy, t.CreatedAt, t.ExpiresAt, t.RevokedAt, t.LastUsedAt}
	row.Roles, row.Models = append(row.Roles, t.Roles...), append(row.Models, t.Models...)
	return row
}

// cells returns the row of a table.
func (r tokenRow) cells() []string {
	day := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return t.UTC().Format("2006-01-02 15:04")
	}
	list := func(values []string) string { return cmp.Or(strings.Join(values, ","), "all") }
	return []string{string(r.ID), r.Subject, cmp.Or(r.Name, "-"), list(r.Roles), list(r.Models), day(r.CreatedAt), day(r.ExpiresAt), day(r.RevokedAt), day(r.LastUsedAt)}
}

var tokenTitles = []string{"ID", "SUBJECT", "NAME", "ROLES", "MODELS", "CREATED", "EXPIRES", "REVOKED", "LAST USED"}

func newTokenList(s *settings) *cobra.Command {
	var subject string
	var format printFormat
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List tokens, newest first: yours, and for administrators those of everybody",
		Example: "  pedigree token list --subject ada -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := connect(cmd, s, existingStore)
			if err != nil {
				return err
			}
			defer r.close()
			data, rows, size := []tokenRow{}, [][]string{}, core.MaxPage
			for p := (core.Paging{First: &size}); ; {
				page, err := r.APITokens(r.ctx, subject, p)
				if err != nil {
					return err
				}
				for _, e := range page.Edges {
					row := newTokenRow(e.Node)
					data, rows = append(data, row), append(rows, row.cells())
				}
				if !page.PageInfo.HasNextPage {
					return format.print(cmd.OutOrStdout(), data, tokenTitles, rows)
				}
				p.After = &page.PageInfo.EndCursor
			}
		},
	}
	cmd.Flags().StringVar(&subject, "subject", "", "list the tokens of this subject alone")
	addPrintFormat(cmd, &format)
	return cmd
}

func newTokenRevoke(s *settings) *cobra.Command {
	var format printFormat
	cmd := &cobra.Command{
		Use:     "revoke ID",
		Short:   "Revoke a token; every server refuses it within two seconds",
		Example: "  pedigree token revoke token_0123456789abcdefghjkmnpqrs",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := registry.ParseID(args[0])
			if err != nil {
				return err
			}
			r, err := connect(cmd, s, existingStore)
			if err != nil {
				return err
			}
			defer r.close()
			p, err := r.RevokeAPIToken(r.ctx, access.RevokeAPITokenInput{ID: id})
			if err != nil {
				return err
			}
			row := newTokenRow(p.APIToken)
			return format.print(cmd.OutOrStdout(), row, tokenTitles, [][]string{row.cells()})
		},
	}
	addPrintFormat(cmd, &format)
	return cmd
}
