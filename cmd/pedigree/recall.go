package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/governance"
	"pedigree/service/provenance"
)

// recallClient has the methods on recalls.
type recallClient interface {
	Recalls(ctx context.Context, p core.Paging, f *governance.RecallFilter) (*governance.RecallConnection, error)
	RecallByID(ctx context.Context, id registry.ID) (*registry.Recall, error)
	EachAffected(ctx context.Context, id registry.ID, live *bool, emit func([]*provenance.AffectedEdge) error) (*provenance.Truncation, error)
	Recall(ctx context.Context, in governance.RecallInput) (*governance.RecallPayload, error)
	ClearRecall(ctx context.Context, in governance.ClearRecallInput) (*governance.RecallPayload, error)
	DecideRecallClearing(ctx context.Context, in governance.DecideRecallClearingInput) (*governance.RecallPayload, error)
	ResolveRecallDeployment(ctx context.Context, in governance.ResolveRecallDeploymentInput) (*governance.RecallResolutionPayload, error)
}

func newRecall(s *settings) *cobra.Command {
	var in governance.RecallInput
	var severity string
	var fixes []string
	var format printFormat
	cmd := &cobra.Command{
		Use: "recall REF… --reason TEXT", Short: "Say that data, code, runs or versions are bad, and see what they reached", Args: cobra.MinimumNArgs(1),
		Long: `Say that dataset versions, commits, features, runs or model versions are bad. From
then on all that descends from them shows it, and is not promoted. REF is the id of a
node, or MODEL@VERSION. The subcommands take a recall by its number or its id.`,
		Example: "  pedigree recall dv_0123456789abcdefghjkmnpqrs --reason \"the prices of March are wrong\" --severity high\n  pedigree recall affected 1",
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if in.Severity, err = parseSeverity(severity); err != nil {
				return err
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				if in.Nodes, err = resolveAll(r, args); err != nil {
					return err
				}
				if in.FixedBy, err = resolveAll(r, fixes); err != nil {
					return err
				}
				p, err := r.Recall(r.ctx, in)
				if err != nil {
					return err
				}
				return printRecall(cmd, format, p.Recall)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Reason, "reason", "", "what is wrong (required)")
	f.StringVar(&severity, "severity", "medium", "how bad it is: low, medium, high or critical")
	f.StringSliceVar(&in.Links, "link", nil, "a link to evidence; nothing opens it")
	f.StringSliceVar(&fixes, "fixed-by", nil, "the id of a commit that repairs a recalled commit")
	cmd.MarkFlagRequired("reason")
	completeFlag(cmd, "severity", words(lowered(registry.RecallSeverities())...))
	addPrintFormat(cmd, &format)
	cmd.AddCommand(newRecallList(s), newRecallAffected(s), newRecallClear(s), newRecallDecide(s), newRecallResolve(s))
	return cmd
}

// parseSeverity parses a severity in any case.
func parseSeverity(text string) (registry.RecallSeverity, error) {
	severity := registry.RecallSeverity(strings.ToUpper(text))
	if !slices.Contains(registry.RecallSeverities(), severity) {
		return "", registry.Invalid("severity", "%q is no severity; use one of %v", registry.Shorten(text, 60), registry.RecallSeverities())
	}
	return severity, nil
}

// words completes to fixed words.
func words(all ...string) completer {
	return func(*connection, string) ([]string, error) { return all, nil }
}

// lowered returns texts in lower case.
func lowered[T ~string](all []T) []string {
	out := make([]string, len(all))
	for i, v := range all {
		out[i] = strings.ToLower(string(v))
	}
	return out
}

func resolveAll(r *connection, refs []string) (ids []registry.ID, err error) {
	for _, ref := range refs {
		id, err := resolve(r.ctx, r, ref)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// recallRef returns the id of a recall that is given by its number or its id.
func recallRef(text string) registry.ID {
	if number, err := strconv.Atoi(text); err == nil && number > 0 {
		return registry.RecallID(number)
	}
	return registry.ID(text)
}

// printRecall prints a recall, which is nil for who may make one and not read it.
func printRecall(cmd *cobra.Command, format printFormat, r *registry.Recall) error {
	if r == nil {
		_, err := fmt.Fprintln(cmd.ErrOrStderr(), "done; you may not see the recall")
		return err
	}
	return printNoun(cmd.OutOrStdout(), format, r)
}

// recallColumns are the columns of a table of recalls.
func recallColumns() []column[*registry.Recall] {
	type recall = registry.Recall
	return []column[*recall]{{"NUMBER", func(r *recall) string { return strconv.Itoa(r.Number) }}, {"STATE", func(r *recall) string { return string(r.State) }},
		{"SEVERITY", func(r *recall) string { return string(r.Severity) }}, {"NODES", func(r *recall) string { return strconv.Itoa(len(r.Nodes)) }},
		{"BY", func(r *recall) string { return r.RecalledBy }}, {"SINCE", func(r *recall) string { return day(r.RecalledAt) }}, {"REASON", func(r *recall) string { return r.Reason }}}
}

func newRecallList(s *settings) *cobra.Command {
	var open bool
	var severity, node string
	var format printFormat
	cmd := &cobra.Command{
		Use: "list", Short: "List recalls, the newest first", Args: cobra.NoArgs,
		Example: "  pedigree recall list --open\n  pedigree recall list --node credit-approval@1.0.0 -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			f := &governance.RecallFilter{Open: given(cmd, "open", open)}
			if severity != "" {
				parsed, err := parseSeverity(severity)
				if err != nil {
					return err
				}
				f.Severity = &parsed
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				if node != "" {
					id, err := resolve(r.ctx, r, node)
					if err != nil {
						return err
					}
					f.Node = &id
				}
				all, err := allPages(func(p core.Paging) ([]*registry.Recall, core.PageInfo, error) {
					page, err := r.Recalls(r.ctx, p, f)
					if err != nil {
						return nil, core.PageInfo{}, err
					}
					return nodesOf(page.Edges, func(e *governance.RecallEdge) *registry.Recall { return e.Node }), page.PageInfo, nil
				})
				if err != nil {
					return err
				}
				return printNouns(cmd.OutOrStdout(), format, all, recallColumns())
			})
		},
	}
	cmd.Flags().BoolVar(&open, "open", false, "those that stand; with --open=false those that were cleared")
	cmd.Flags().StringVar(&severity, "severity", "", "those of this severity")
	cmd.Flags().StringVar(&node, "node", "", "the open ones under which this node stands: an id, or MODEL@VERSION")
	completeFlag(cmd, "severity", words(lowered(registry.RecallSeverities())...))
	addPrintFormat(cmd, &format)
	return cmd
}

func newRecallAffected(s *settings) *cobra.Command {
	var ended bool
	var format printFormat
	cmd := &cobra.Command{
		Use: "affected RECALL", Short: "List the live deployments that a recall concerns, nearest first", Args: cobra.ExactArgs(1),
		Example: "  pedigree recall affected 1\n  pedigree recall affected 1 --ended -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				live := !ended
				var all []*provenance.AffectedEdge
				missing, err := r.EachAffected(r.ctx, recallRef(args[0]), &live, func(part []*provenance.AffectedEdge) error {
					all = append(all, part...)
					return nil
				})
				if err != nil {
					return err
				}
				if missing.Truncated {
					fmt.Fprintf(cmd.ErrOrStderr(), "there may be more that is not listed: %s\n", joined(missing.Reasons))
				}
				return printAffected(cmd, format, all)
			})
		},
	}
	cmd.Flags().BoolVar(&ended, "ended", false, "also those that ended since it was recalled")
	addPrintFormat(cmd, &format)
	return cmd
}

// printAffected prints deployments that a recall concerns.
func printAffected(cmd *cobra.Command, format printFormat, all []*provenance.AffectedEdge) error {
	titles := []string{"DEPLOYMENT", "ENVIRONMENT", "OWNER", "DONE", "WAY", "ID"}
	data, rows := make([]map[string]any, len(all)), make([][]string, len(all))
	for i, e := range all {
		way := make([]string, len(e.Path))
		for k, n := range e.Path {
			way[k] = strings.TrimSpace(string(n.NodeMeta().Kind) + " " + nameOf(n))
		}
		done := "open"
		data[i] = map[string]any{"id": e.Node.NodeMeta().ID, "name": nameOf(e.Node), "environment": e.Environment, "owner": e.Owner, "stage": e.Stage, "depth": e.Depth, "path": way}
		if e.Resolution != nil {
			done = strings.ToLower(string(e.Resolution.Handling))
			data[i]["resolution"] = e.Resolution
		}
		rows[i] = []string{nameOf(e.Node), textOf(e.Environment), textOf(e.Owner), done, strings.Join(way, " → "), string(e.Node.NodeMeta().ID)}
	}
	return format.print(cmd.OutOrStdout(), data, titles, rows)
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// nameOf returns the name of a node, "" when it has none that the caller sees.
func nameOf(n registry.Node) string {
	fields, err := fieldsOf(n)
	if err != nil {
		return ""
	}
	name, _ := fields["name"].(string)
	return name
}

func newRecallClear(s *settings) *cobra.Command {
	var in governance.ClearRecallInput
	cmd := recallStep(s, "clear RECALL --reason TEXT", "Ask for a recall to be cleared; a second person decides", func(r *connection, id registry.ID) (*governance.RecallPayload, error) {
		in.ID = id
		return r.ClearRecall(r.ctx, in)
	})
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why it is over (required)")
	cmd.MarkFlagRequired("reason")
	return cmd
}

func newRecallDecide(s *settings) *cobra.Command {
	var deny bool
	var comment string
	cmd := recallStep(s, "decide RECALL", "Clear a recall that somebody else asked to be cleared, or deny it", func(r *connection, id registry.ID) (*governance.RecallPayload, error) {
		approve := !deny
		return r.DecideRecallClearing(r.ctx, governance.DecideRecallClearingInput{ID: id, Approve: &approve, Comment: comment})
	})
	cmd.Flags().BoolVar(&deny, "deny", false, "deny the request: the recall stands")
	cmd.Flags().StringVar(&comment, "comment", "", "what to say with it")
	return cmd
}

// recallStep makes a command that takes a step of one recall and prints it.
func recallStep(s *settings, use, short string, step func(*connection, registry.ID) (*governance.RecallPayload, error)) *cobra.Command {
	var format printFormat
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				p, err := step(r, recallRef(args[0]))
				if err != nil {
					return err
				}
				return printRecall(cmd, format, p.Recall)
			})
		},
	}
	addPrintFormat(cmd, &format)
	return cmd
}

func newRecallResolve(s *settings) *cobra.Command {
	var in governance.ResolveRecallDeploymentInput
	var handling string
	var format printFormat
	cmd := &cobra.Command{
		Use: "resolve RECALL DEPLOYMENT --as HOW", Short: "Note how a deployment that a recall concerns was dealt with", Args: cobra.ExactArgs(2),
		Example: "  pedigree recall resolve 1 dep_0123456789abcdefghjkmnpqrs --as accepted --reason \"the column is not used\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Recall, in.Deployment = recallRef(args[0]), registry.ID(args[1])
			in.Handling = registry.RecallHandling(strings.ReplaceAll(strings.ToUpper(handling), "-", "_"))
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				p, err := r.ResolveRecallDeployment(r.ctx, in)
				if err != nil {
					return err
				}
				if p.Resolution == nil {
					return printRecall(cmd, format, nil)
				}
				return printNoun(cmd.OutOrStdout(), format, p.Resolution)
			})
		},
	}
	cmd.Flags().StringVar(&handling, "as", "", "what was done: replaced, rolled-back or accepted (required)")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "what to say with it; needed with accepted")
	cmd.MarkFlagRequired("as")
	completeFlag(cmd, "as", words("replaced", "rolled-back", "accepted"))
	addPrintFormat(cmd, &format)
	return cmd
}
