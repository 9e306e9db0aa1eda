package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/governance"
)

func newRequest(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "request", Short: "List and decide requests for transitions into stages that need approvals"}
	cmd.AddCommand(newRequestList(s), newRequestShow(s),
		newDecision(s, "approve", "Approve a request of somebody else; the last approval moves the version", registryClient.ApproveTransition),
		newDecision(s, "reject", "Reject a request of somebody else", registryClient.RejectTransition),
		newDecision(s, "withdraw", "Take back your own request", registryClient.WithdrawTransition))
	return cmd
}

// requestColumns are the columns of a table of requests.
func requestColumns() []column[*registry.TransitionRequest] {
	type request = registry.TransitionRequest
	return []column[*request]{{"ID", func(r *request) string { return string(r.ID) }}, {"MODEL", func(r *request) string { return r.ModelName + "@" + r.Version }},
		{"TRANSITION", func(r *request) string { return string(r.From) + " → " + string(r.To) }}, {"STATUS", func(r *request) string { return string(r.Status) }},
		{"APPROVALS", func(r *request) string { return fmt.Sprintf("%d of %d", len(r.Approvals), r.Needed) }}, {"BY", func(r *request) string { return r.RequestedBy }},
		{"EXPIRES", func(r *request) string { return day(r.ExpiresAt) }}, {"REASON", func(r *request) string { return r.Reason }}}
}

func newRequestList(s *settings) *cobra.Command {
	var mine, waiting bool
	var status, model string
	var format printFormat
	cmd := &cobra.Command{
		Use: "list", Short: "List requests", Args: cobra.NoArgs,
		Example: "  pedigree request list --waiting\n  pedigree request list --model credit-approval --status PENDING -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			f := &governance.RequestFilter{}
			switch {
			case mine && waiting:
				return fmt.Errorf("give --mine or --waiting; %w", errUsage)
			case mine:
				f.Scope = governance.MyRequests
			case waiting:
				f.Scope = governance.WaitingForMe
			}
			if status != "" {
				st := registry.RequestStatus(strings.ToUpper(status))
				if f.Status = &st; !slices.Contains(registry.RequestStatuses(), st) {
					return registry.Invalid("status", "%q is no status; use one of %v", status, registry.RequestStatuses())
				}
			}
			if model != "" {
				f.Model = &model
			}
			r, err := connect(cmd, s, existingStore)
			if err != nil {
				return err
			}
			defer r.close()
			all, err := allPages(func(p core.Paging) ([]*registry.TransitionRequest, core.PageInfo, error) {
				page, err := r.TransitionRequests(r.ctx, p, f)
				if err != nil {
					return nil, core.PageInfo{}, err
				}
				return nodesOf(page.Edges, func(e *governance.RequestEdge) *registry.TransitionRequest { return e.Node }), page.PageInfo, nil
			})
			if err != nil {
				return err
			}
			return printNouns(cmd.OutOrStdout(), format, all, requestColumns())
		},
	}
	cmd.Flags().BoolVar(&mine, "mine", false, "those that you made")
	cmd.Flags().BoolVar(&waiting, "waiting", false, "those that you may approve and have not approved yet")
	cmd.Flags().StringVar(&status, "status", "", "those with this status, such as PENDING")
	cmd.Flags().StringVar(&model, "model", "", "those of the model of this name")
	addPrintFormat(cmd, &format)
	return cmd
}

// allPages reads all pages of a list.
func allPages[N any](read func(core.Paging) ([]N, core.PageInfo, error)) (all []N, err error) {
	first := core.MaxPage
	for p := (core.Paging{First: &first}); ; {
		nodes, info, err := read(p)
		if err != nil {
			return nil, err
		}
		all = append(all, nodes...)
		if !info.HasNextPage {
			return all, nil
		}
		p.After = &info.EndCursor
	}
}

func newRequestShow(s *settings) *cobra.Command {
	var format printFormat
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show a request with its evidence and approvals", Args: cobra.ExactArgs(1),
		ValidArgsFunction: completeArgs(s, pendingRequests),
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
			request, err := r.TransitionRequest(r.ctx, id)
			if err != nil {
				return err
			}
			if request == nil {
				return registry.Errorf(registry.NotFound, "there is no transition request %s; list them with pedigree request list", id)
			}
			return printNoun(cmd.OutOrStdout(), format, request)
		},
	}
	addPrintFormat(cmd, &format)
	return cmd
}

func newDecision(s *settings, verb, short string, decide func(registryClient, context.Context, governance.DecideInput) (*governance.RequestPayload, error)) *cobra.Command {
	var comment string
	var format printFormat
	cmd := &cobra.Command{
		Use: verb + " ID", Short: short, Args: cobra.ExactArgs(1),
		ValidArgsFunction: completeArgs(s, pendingRequests),
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
			p, err := decide(r, r.ctx, governance.DecideInput{ID: id, Comment: comment})
			if err != nil {
				return err
			}
			if p.Request == nil {
				return nil // The caller may decide and not read.
			}
			return printNouns(cmd.OutOrStdout(), format, []*registry.TransitionRequest{p.Request}, requestColumns())
		},
	}
	cmd.Flags().StringVar(&comment, "comment", "", "what you say about it")
	addPrintFormat(cmd, &format)
	return cmd
}
