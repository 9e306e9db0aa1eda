package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/facts"
)

func newDeploy(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "deploy", Short: "List deployments, and record that one began or ended"}
	cmd.AddCommand(newDeployList(s), newDeployRecord(s), newDeployEnd(s))
	return cmd
}

// deploymentColumns are the columns of a table of deployments.
func deploymentColumns() []column[*registry.Deployment] {
	type deployment = registry.Deployment
	return []column[*deployment]{{"ID", func(d *deployment) string { return string(d.ID) }}, {"ENVIRONMENT", func(d *deployment) string { return d.Environment }},
		{"VERSION", func(d *deployment) string { return d.ModelName + "@" + d.Version }}, {"TRAFFIC", func(d *deployment) string { return percent(d.TrafficPercent) }},
		{"STARTED", func(d *deployment) string { return day(d.StartedAt) }}, {"ENDED", func(d *deployment) string { return day(d.EndedAt) }},
		{"OWNER", func(d *deployment) string { return d.Owner }}, {"ENDPOINT", func(d *deployment) string { return d.Endpoint }}}
}

// percent formats a share, "" for none.
func percent(p *float64) string {
	if p == nil {
		return ""
	}
	return strconv.FormatFloat(*p, 'f', -1, 64) + "%"
}

func newDeployList(s *settings) *cobra.Command {
	var f facts.DeploymentFilter
	var live, ended bool
	var format printFormat
	cmd := &cobra.Command{
		Use: "list", Short: "List deployments, those that stand and those that ended", Args: cobra.NoArgs,
		Example: "  pedigree deploy list --live --environment production",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if live || ended {
				f.Live = &live
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				all, err := allPages(func(p core.Paging) ([]*registry.Deployment, core.PageInfo, error) {
					page, err := r.Deployments(r.ctx, p, &f, nil)
					if err != nil {
						return nil, core.PageInfo{}, err
					}
					return nodesOf(page.Edges, func(e *facts.DeploymentEdge) *registry.Deployment { return e.Node }), page.PageInfo, nil
				})
				if err != nil {
					return err
				}
				return printNouns(cmd.OutOrStdout(), format, all, deploymentColumns())
			})
		},
	}
	cmd.Flags().StringVar(&f.Environment, "environment", "", "the deployments in this environment")
	cmd.Flags().StringVar(&f.Owner, "owner", "", "the deployments of this owner")
	cmd.Flags().BoolVar(&live, "live", false, "those that stand")
	cmd.Flags().BoolVar(&ended, "ended", false, "those that have ended")
	cmd.MarkFlagsMutuallyExclusive("live", "ended")
	addPrintFormat(cmd, &format)
	return cmd
}

func newDeployRecord(s *settings) *cobra.Command {
	var in facts.RecordDeploymentInput
	var traffic float64
	var started string
	var format printFormat
	cmd := &cobra.Command{
		Use: "record VERSION --environment ENVIRONMENT", Short: "Record that a version was put to work", Args: cobra.ExactArgs(1),
		Example:           "  pedigree deploy record credit-approval@1.1.0 --environment production --endpoint https://scoring.example.com --traffic 50",
		ValidArgsFunction: completeArgs(s, versionRefs),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := parseVersionRef(args[0])
			if err != nil {
				return err
			}
			in.Model, in.Version, in.ID, in.TrafficPercent = ref.model, ref.version, ref.id, given(cmd, "traffic", traffic)
			if in.StartedAt, err = parseDay("started", started); err != nil {
				return err
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				p, err := r.RecordDeployment(r.ctx, in)
				if err != nil {
					return err
				}
				if !p.Created {
					fmt.Fprintln(cmd.ErrOrStderr(), "nothing changed: it was recorded already")
				}
				for _, field := range p.NotTaken {
					fmt.Fprintf(cmd.ErrOrStderr(), "not taken, because it contradicts what is recorded: %s\n", field)
				}
				return printNouns(cmd.OutOrStdout(), format, []*registry.Deployment{p.Deployment}, deploymentColumns())
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Environment, "environment", "", "where it works, such as production or eu-west (required)")
	f.StringVar(&in.Endpoint, "endpoint", "", "where it answers; a label that nothing opens")
	f.Float64Var(&traffic, "traffic", 0, "the share of traffic that it takes, 0 to 100")
	f.StringVar(&in.Owner, "owner", "", "who answers for it; the default is the version's owner")
	f.StringVar(&in.Description, "description", "", "what it is for")
	f.StringVar(&started, "started", "", "when it began; the default is now")
	cmd.MarkFlagRequired("environment")
	addPrintFormat(cmd, &format)
	return cmd
}

func newDeployEnd(s *settings) *cobra.Command {
	var in facts.EndDeploymentInput
	var ended string
	var format printFormat
	cmd := &cobra.Command{
		Use: "end ID", Short: "Record that a deployment ended; the same again changes nothing", Args: cobra.ExactArgs(1),
		Example:           "  pedigree deploy end dep_0123456789abcdefghjkmnpqrs --reason \"replaced by 1.2.0\"",
		ValidArgsFunction: completeArgs(s, liveDeployments),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.ID, err = registry.ParseID(args[0]); err != nil {
				return err
			}
			if in.EndedAt, err = parseDay("at", ended); err != nil {
				return err
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				p, err := r.EndDeployment(r.ctx, in)
				if err != nil || p.Deployment == nil {
					return err
				}
				return printNouns(cmd.OutOrStdout(), format, []*registry.Deployment{p.Deployment}, deploymentColumns())
			})
		},
	}
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why; it is logged")
	cmd.Flags().StringVar(&ended, "at", "", "when it ended; the default is now")
	addPrintFormat(cmd, &format)
	return cmd
}
