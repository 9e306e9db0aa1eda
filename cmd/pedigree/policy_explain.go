package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/access"
)

// explanationRow is an answer of explain as the command prints it.
type explanationRow struct {
	Allowed bool   `json:"allowed"`
	Role    string `json:"role"`
	Object  string `json:"object"`
	Rule    string `json:"rule,omitempty"`
	Origin  string `json:"origin,omitempty"`
	Why     string `json:"why"`
	Version int    `json:"version"`
	Hash    string `json:"hash"`
}

func newPolicyExplain(s *settings) *cobra.Command {
	var p printFormat
	var in access.ExplainInput
	var on, to, alias string
	cmd := &cobra.Command{
		Use:   "explain --role ROLE OBJECT",
		Short: "Print whether a role may read a field or do an action, and which rule decides",
		Long: `Print whether a role, held over everything, may read a field or do an action, which
rule decides, and why not. It asks the policy in force: that of the server, or the one of
the store and --policy. Where there is no store yet, it asks the policy file alone.`,
		Example: "  pedigree policy explain --role viewer Model.owner\n  pedigree policy explain --role release transition --to PRODUCTION",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if in.Field = &args[0]; registry.IsAction(args[0]) {
				in.Field, in.Action = nil, &args[0]
			}
			if on != "" {
				in.On = new(registry.ID(on))
			}
			if to != "" {
				in.To = new(registry.Stage(to))
			}
			if alias != "" {
				in.Alias = &alias
			}
			x, err := explain(cmd, s, in)
			if err != nil {
				return err
			}
			return printExplanation(cmd, p, x)
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Role, "role", "", "the role (required)")
	f.StringVar(&on, "on", "", "the id of the object in question")
	f.StringVar(&to, "to", "", "the stage that a transition leads to")
	f.StringVar(&alias, "alias", "", "the alias that is set or deleted")
	cmd.MarkFlagRequired("role")
	addPrintFormat(cmd, &p)
	return cmd
}

func explain(cmd *cobra.Command, s *settings, in access.ExplainInput) (*access.Explanation, error) {
	r, err := connect(cmd, s, existingStore)
	if registry.CodeOf(err) == registry.NotFound && in.On == nil && !namesStore(cmd, s) {
		return explainFile(s, in)
	}
	if err != nil {
		return nil, err
	}
	defer r.close()
	return r.Explain(r.ctx, in)
}

// namesStore reports whether the settings name a store, other than the default one.
func namesStore(cmd *cobra.Command, s *settings) bool {
	return slices.ContainsFunc(storeFlags, cmd.Flags().Changed) || s.GetString("store") != "" || filepath.Clean(s.GetString("data")) != filepath.Clean(defaultData())
}

// explainFile answers from the policy file, or the built-in policy, where there is no store.
func explainFile(s *settings, in access.ExplainInput) (*access.Explanation, error) {
	t, err := policies.Load(s.GetString("policy"))
	if err != nil {
		return nil, err
	}
	q := policies.Question{Role: in.Role}
	if in.Field != nil {
		q.Object = *in.Field
	} else {
		q.Object = *in.Action
	}
	if in.To != nil {
		q.Target.Stage = *in.To
	}
	if in.Alias != nil {
		q.Target.Alias = *in.Alias
	}
	x, err := t.Explain(q)
	if err != nil {
		return nil, err
	}
	return access.NewExplanation(x), nil
}

func printExplanation(cmd *cobra.Command, p printFormat, x *access.Explanation) error {
	row, answer := explanationRow{Allowed: x.Allowed, Role: x.Role, Object: x.Object, Why: x.Why, Version: x.Version, Hash: x.Hash}, "no"
	if x.Allowed {
		answer = "yes"
	}
	table := [][]string{{answer + ": " + x.Why}}
	if x.Rule != nil {
		row.Rule, row.Origin = x.Rule.Text, string(x.Rule.Origin)
		table = append(table, []string{fmt.Sprintf("rule: %s (%s)", x.Rule.Text, x.Rule.Origin)})
	}
	table = append(table, []string{fmt.Sprintf("policy: version %d, hash %s", x.Version, x.Hash)})
	return p.print(cmd.OutOrStdout(), row, table[0], table[1:])
}
