package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/core"
)

func newPolicy(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "policy", Short: "List, change, check and explain the access policy"}
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
	show := &cobra.Command{
		Use:   "show",
		Short: "Print the built-in policy, as a start for your own",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), policies.DefaultPolicy())
			return err
		},
	}
	cmd.AddCommand(check, show, newPolicyExplain(s), newPolicyList(s), newPolicyPut(s), newPolicyWithdraw(s), newPolicyRevert(s))
	return cmd
}

// ruleRow is a rule of the policy as the commands print it.
type ruleRow struct {
	ID     registry.ID `json:"id"`
	Origin string      `json:"origin"`
	Rule   string      `json:"rule"`
}

// policyRow is the policy as the commands print it.
type policyRow struct {
	Version int       `json:"version"`
	Hash    string    `json:"hash"`
	Rules   []ruleRow `json:"rules"`
	Unused  []string  `json:"unused,omitempty"`
}

func printPolicy(cmd *cobra.Command, p printFormat, policy *access.Policy) error {
	out, table := policyRow{policy.Version, policy.Hash, []ruleRow{}, policy.Unused}, [][]string{{"ID", "ORIGIN", "RULE"}}
	for _, r := range policy.Rules {
		out.Rules = append(out.Rules, ruleRow{r.ID, string(r.Origin), r.Text})
		table = append(table, []string{string(r.ID), string(r.Origin), r.Text})
	}
	for _, r := range policy.Unused {
		fmt.Fprintf(cmd.ErrOrStderr(), "left out, because it does not fit the policy file: %s\n", r)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "version %d of the policy, hash %s\n", policy.Version, policy.Hash)
	return p.print(cmd.OutOrStdout(), out, table[0], table[1:])
}

// versionRow is a version of the policy as the commands print it.
type versionRow struct {
	Number int    `json:"number"`
	At     string `json:"at"`
	By     string `json:"by"`
	Change string `json:"change"`
	Rule   string `json:"rule,omitempty"`
	Reason string `json:"reason,omitempty"`
}

func newPolicyList(s *settings) *cobra.Command {
	var p printFormat
	var versions bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the rules of the policy in force, or its versions",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := connect(cmd, s, existingStore)
			if err != nil {
				return err
			}
			defer r.close()
			if versions {
				return printVersions(cmd, p, r)
			}
			policy, err := r.Policy(r.ctx)
			if err != nil {
				return err
			}
			return printPolicy(cmd, p, policy)
		},
	}
	cmd.Flags().BoolVar(&versions, "versions", false, "list the versions that the API made instead, newest first")
	addPrintFormat(cmd, &p)
	return cmd
}

func printVersions(cmd *cobra.Command, p printFormat, r *connection) error {
	rows, table := []versionRow{}, [][]string{{"VERSION", "AT", "BY", "CHANGE", "RULE", "REASON"}}
	for page := (core.Paging{First: new(core.MaxPage)}); ; {
		c, err := r.PolicyVersions(r.ctx, page)
		if err != nil {
			return err
		}
		for _, e := range c.Edges {
			v := e.Node
			row := versionRow{v.Number, v.At.Format("2006-01-02T15:04:05Z"), v.By, string(v.Change), v.Rule, v.Reason}
			rows, table = append(rows, row), append(table, []string{strconv.Itoa(row.Number), row.At, row.By, row.Change, row.Rule, row.Reason})
		}
		if page.After = &c.PageInfo.EndCursor; !c.PageInfo.HasNextPage {
			return p.print(cmd.OutOrStdout(), rows, table[0], table[1:])
		}
	}
}

// newPolicyChange returns a command that changes the policy and prints what is then in force.
// addFlags adds the flags of the change beside those that all changes have.
func newPolicyChange(s *settings, cmd *cobra.Command, change func(*connection, []string, *int, string) (*access.PolicyPayload, error)) *cobra.Command {
	var p printFormat
	var ifVersion int
	var reason string
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := connect(cmd, s, existingStore)
		if err != nil {
			return err
		}
		defer r.close()
		var seen *int
		if cmd.Flags().Changed("if-version") {
			seen = &ifVersion
		}
		out, err := change(r, args, seen, reason)
		if err != nil {
			return err
		}
		if !out.Changed {
			fmt.Fprintln(cmd.ErrOrStderr(), "nothing changed: it was so already")
		}
		return printPolicy(cmd, p, out.Policy)
	}
	cmd.Flags().IntVar(&ifVersion, "if-version", 0, "the version of the policy that you have seen; another one is refused")
	cmd.Flags().StringVar(&reason, "reason", "", "why; it is logged")
	addPrintFormat(cmd, &p)
	return cmd
}

func newPolicyPut(s *settings) *cobra.Command {
	in := access.PutPolicyRuleInput{}
	var rows string
	var where []string
	cmd := &cobra.Command{
		Use:   "put --role ROLE OBJECT",
		Short: "Add a rule that lets a role read a field or do an action; it is in force at once",
		Example: "  pedigree policy put --role release transition --where 'to=STAGING|CANARY'\n" +
			"  pedigree policy put --role risk class:metadata --where tag=team=risk",
		Args: cobra.ExactArgs(1),
	}
	newPolicyChange(s, cmd, func(r *connection, args []string, ifVersion *int, reason string) (*access.PolicyPayload, error) {
		in.Object, in.Act, in.Rows, in.IfVersion, in.Reason = args[0], actOf(args[0]), access.RowRule(strings.ToUpper(rows)), ifVersion, reason
		for _, term := range where {
			key, values, ok := strings.Cut(term, "=")
			if !ok {
				return nil, registry.Invalid("where", "%q is no condition; write KEY=VALUE, with | between alternatives", term)
			}
			in.Conditions = append(in.Conditions, access.PolicyCondition{Key: access.ConditionKey(strings.ToUpper(key)), Values: strings.Split(values, "|")})
		}
		return r.PutPolicyRule(r.ctx, in)
	})
	f := cmd.Flags()
	f.StringVar(&in.Role, "role", "", "the role; a new name makes a new role (required)")
	f.StringVar(&rows, "rows", "all", "the rows: all, served, models or own")
	f.StringArrayVar(&where, "where", nil, "a condition KEY=VALUE, with | between alternatives; the keys are to, alias, kind, owner and tag; all conditions must hold")
	cmd.MarkFlagRequired("role")
	return cmd
}

// actOf returns DO for an action and for the group of all actions, READ for anything else. The
// groups of a policy's own are of fields more often than of actions.
func actOf(object string) access.Act {
	if object == "action:any" || registry.IsAction(object) {
		return "DO"
	}
	return "READ"
}

func newPolicyWithdraw(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "withdraw RULE",
		Short: "Take a rule out of the policy, by the id that policy list prints; it is out of force at once",
		Args:  cobra.ExactArgs(1),
	}
	return newPolicyChange(s, cmd, func(r *connection, args []string, ifVersion *int, reason string) (*access.PolicyPayload, error) {
		return r.WithdrawPolicyRule(r.ctx, access.WithdrawPolicyRuleInput{ID: registry.ID(args[0]), IfVersion: ifVersion, Reason: reason})
	})
}

func newPolicyRevert(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revert VERSION",
		Short: "Bring back the rules of an earlier version of the policy; 0 is the policy file alone",
		Args:  cobra.ExactArgs(1),
	}
	return newPolicyChange(s, cmd, func(r *connection, args []string, ifVersion *int, reason string) (*access.PolicyPayload, error) {
		to, err := strconv.Atoi(args[0])
		if err != nil {
			return nil, registry.Invalid("version", "must be a number")
		}
		return r.RevertPolicy(r.ctx, access.RevertPolicyInput{To: to, IfVersion: ifVersion, Reason: reason})
	})
}
