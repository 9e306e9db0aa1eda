package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/core"
)

// accessClient holds the methods of access and policy, of the service and of a server's client.
type accessClient interface {
	Subjects(ctx context.Context, p core.Paging, f *access.SubjectFilter) (*access.ActorConnection, error)
	AssignRole(ctx context.Context, in access.AssignRoleInput) (*access.RoleAssignmentPayload, error)
	RevokeRole(ctx context.Context, in access.AssignRoleInput) (*access.RoleAssignmentPayload, error)
	Policy(ctx context.Context) (*access.Policy, error)
	PolicyVersions(ctx context.Context, p core.Paging) (*access.PolicyVersionConnection, error)
	PutPolicyRule(ctx context.Context, in access.PutPolicyRuleInput) (*access.PolicyPayload, error)
	WithdrawPolicyRule(ctx context.Context, in access.WithdrawPolicyRuleInput) (*access.PolicyPayload, error)
	RevertPolicy(ctx context.Context, in access.RevertPolicyInput) (*access.PolicyPayload, error)
	Explain(ctx context.Context, in access.ExplainInput) (*access.Explanation, error)
}

func newAccess(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "access", Short: "List, assign and revoke the roles of subjects"}
	cmd.AddCommand(newAccessList(s),
		newAccessChange(s, "assign", "Give a subject a role within a scope", createStore, func(r *connection, in access.AssignRoleInput) (*access.RoleAssignmentPayload, error) {
			return r.AssignRole(r.ctx, in)
		}),
		newAccessChange(s, "revoke", "Take a role within a scope from a subject", existingStore, func(r *connection, in access.AssignRoleInput) (*access.RoleAssignmentPayload, error) {
			return r.RevokeRole(r.ctx, in)
		}))
	return cmd
}

// subjectRow is a grant of a subject as the commands print it. A subject without a grant has
// one row without role and scope.
type subjectRow struct {
	Subject string `json:"subject"`
	Role    string `json:"role,omitempty"`
	Scope   string `json:"scope,omitempty"`
}

func subjectRows(a *registry.Actor) (out []subjectRow) {
	for _, g := range a.Grants {
		out = append(out, subjectRow{a.Subject, g.Role, g.Scope})
	}
	if len(out) == 0 {
		out = append(out, subjectRow{Subject: a.Subject})
	}
	return out
}

var subjectTitles = []string{"SUBJECT", "ROLE", "SCOPE"}

func subjectTable(rows []subjectRow) (out [][]string) {
	for _, r := range rows {
		out = append(out, []string{r.Subject, r.Role, r.Scope})
	}
	return out
}

func newAccessList(s *settings) *cobra.Command {
	var f access.SubjectFilter
	var p printFormat
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the subjects and their roles",
		Example: "  pedigree access list --role admin",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := connect(cmd, s, existingStore)
			if err != nil {
				return err
			}
			defer r.close()
			rows := []subjectRow{}
			page := core.Paging{First: new(core.MaxPage)}
			for {
				c, err := r.Subjects(r.ctx, page, &f)
				if err != nil {
					return err
				}
				for _, e := range c.Edges {
					rows = append(rows, subjectRows(e.Node)...)
				}
				if page.After = &c.PageInfo.EndCursor; !c.PageInfo.HasNextPage {
					return p.print(cmd.OutOrStdout(), rows, subjectTitles, subjectTable(rows))
				}
			}
		},
	}
	cmd.Flags().StringVar(&f.SubjectPrefix, "subject", "", "list the subjects whose name starts so")
	cmd.Flags().StringVar(&f.Role, "role", "", "list the subjects that hold this role")
	cmd.Flags().StringVar(&f.Scope, "scope", "", "list the subjects that hold a role, or the one of --role, within this scope")
	addPrintFormat(cmd, &p)
	return cmd
}

func newAccessChange(s *settings, verb, short string, mode storeMode, change func(*connection, access.AssignRoleInput) (*access.RoleAssignmentPayload, error)) *cobra.Command {
	var in access.AssignRoleInput
	var p printFormat
	cmd := &cobra.Command{
		Use:     verb + " --subject SUBJECT --role ROLE",
		Short:   short,
		Example: fmt.Sprintf("  pedigree access %s --subject ada --role data_scientist --scope model:churn", verb),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := connect(cmd, s, mode)
			if err != nil {
				return err
			}
			defer r.close()
			out, err := change(r, in)
			if err != nil {
				return err
			}
			if !out.Changed {
				fmt.Fprintln(cmd.ErrOrStderr(), "nothing changed: it was so already")
			}
			if out.Subject == nil {
				return nil // The caller may change grants and not read them.
			}
			rows := subjectRows(out.Subject)
			return p.print(cmd.OutOrStdout(), rows, subjectTitles, subjectTable(rows))
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Subject, "subject", "", "the person or service (required)")
	f.StringVar(&in.Role, "role", "", "a role of the policy (required)")
	f.StringVar(&in.Scope, "scope", registry.ScopeAll, "the scope: * for everything, model:NAME or model:ID for one model, tag:KEY=VALUE for the models with a tag")
	f.StringVar(&in.Reason, "reason", "", "why; it is logged")
	cmd.MarkFlagRequired("subject")
	cmd.MarkFlagRequired("role")
	addPrintFormat(cmd, &p)
	return cmd
}
