package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	rules "pedigree/governance"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/governance"
)

// deprecationClient has the methods on deprecations.
type deprecationClient interface {
	Deprecations(ctx context.Context, p core.Paging, f *governance.DeprecationFilter) (*governance.DeprecationConnection, error)
	DeprecationOf(ctx context.Context, v *registry.ModelVersion) (*registry.Deprecation, error)
	ConsumersOf(ctx context.Context, d *registry.Deprecation, p core.Paging) (*governance.ConsumerConnection, error)
	PlanDeprecation(ctx context.Context, in governance.PlanDeprecationInput) (*governance.DeprecationsPayload, error)
	AnnounceDeprecation(ctx context.Context, in governance.AnnounceDeprecationInput) (*governance.DeprecationsPayload, error)
	WithdrawDeprecation(ctx context.Context, in governance.WithdrawDeprecationInput) (*governance.DeprecationPayload, error)
	ConfirmMigration(ctx context.Context, in governance.ConfirmMigrationInput) (*governance.ConfirmMigrationPayload, error)
	RetireModelVersion(ctx context.Context, in governance.RetireModelVersionInput) (*governance.RetirementPayload, error)
	CleanupModelVersion(ctx context.Context, in governance.CleanupModelVersionInput) (*governance.CleanupPayload, error)
}

// deprecationColumns are the columns of a table of deprecations.
func deprecationColumns() []column[*registry.Deprecation] {
	type deprecation = registry.Deprecation
	return []column[*deprecation]{{"MODEL", func(d *deprecation) string { return d.ModelName + "@" + d.Version }}, {"STEP", func(d *deprecation) string { return string(d.Step) }},
		{"SUNSET", func(d *deprecation) string { return dateOf(d.Sunset) }}, {"PLANNED", func(d *deprecation) string { return dateOf(d.PlannedAt) }},
		{"BY", func(d *deprecation) string { return d.PlannedBy }}, {"GUIDE", func(d *deprecation) string { return d.Guide }}}
}

// dateOf formats the day of a time in UTC, "" for none.
func dateOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

func newDeprecations(s *settings) *cobra.Command {
	var step, model, by string
	var ics bool
	var format printFormat
	cmd := &cobra.Command{
		Use: "deprecations", Short: "List deprecations of versions, and take their steps", Args: cobra.NoArgs,
		Example: "  pedigree deprecations --step announced\n  pedigree deprecations --ics > sunsets.ics",
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := deprecationFilter(step, model, by)
			if err := core.FirstError(checkCalendar(cmd, ics), err); err != nil {
				return err
			}
			r, err := connect(cmd, s, existingStore)
			if err != nil {
				return err
			}
			defer r.close()
			if announced := registry.DeprecationAnnounced; ics && f.Step == nil {
				f.Step = &announced
			}
			all, err := allPages(func(p core.Paging) ([]*registry.Deprecation, core.PageInfo, error) {
				page, err := r.Deprecations(r.ctx, p, f)
				if err != nil {
					return nil, core.PageInfo{}, err
				}
				return nodesOf(page.Edges, func(e *governance.DeprecationEdge) *registry.Deprecation { return e.Node }), page.PageInfo, nil
			})
			if err != nil {
				return err
			}
			if ics {
				return printCalendar(cmd, sunsets(all))
			}
			return printNouns(cmd.OutOrStdout(), format, all, deprecationColumns())
		},
	}
	cmd.Flags().StringVar(&step, "step", "", "those in this step: planned, announced, retired, cleaned_up or withdrawn")
	cmd.Flags().StringVar(&model, "model", "", "those of the model of this name")
	cmd.Flags().StringVar(&by, "sunset-by", "", "announced ones whose sunset is on this day or before")
	cmd.Flags().BoolVar(&ics, "ics", false, "print a calendar (iCalendar) with the sunsets")
	addPrintFormat(cmd, &format)
	cmd.AddCommand(newDeprecationsPlan(s), newDeprecationsAnnounce(s), newDeprecationsMigrated(s), newDeprecationsRetire(s), newDeprecationsCleanup(s), newDeprecationsUsage(s), newDeprecationsWithdraw(s))
	return cmd
}

func deprecationFilter(step, model, by string) (*governance.DeprecationFilter, error) {
	f := &governance.DeprecationFilter{}
	if step != "" {
		st := registry.DeprecationStep(strings.ToUpper(step))
		if f.Step = &st; !slices.Contains(registry.DeprecationSteps(), st) {
			return nil, registry.Invalid("step", "%q is no step; use one of %v", registry.Shorten(step, 60), registry.DeprecationSteps())
		}
	}
	if model != "" {
		f.Model = &model
	}
	var err error
	f.SunsetBy, err = parseDay("sunset-by", by)
	return f, err
}

// checkCalendar refuses a calendar in another form.
func checkCalendar(cmd *cobra.Command, ics bool) error {
	if ics && cmd.Flags().Changed("output") {
		return fmt.Errorf("give --ics or --output; %w", errUsage)
	}
	return nil
}

// sunsets returns the events of the sunsets of deprecations.
func sunsets(all []*registry.Deprecation) (events []rules.CalendarEvent) {
	for _, d := range all {
		if !d.Sunset.IsZero() {
			events = append(events, rules.CalendarEvent{UID: string(d.ID) + "@pedigree", Day: d.Sunset, Summary: "Sunset of " + d.ModelName + " " + d.Version, Description: d.Guide})
		}
	}
	return events
}

// printCalendar prints events as iCalendar.
func printCalendar(cmd *cobra.Command, events []rules.CalendarEvent) error {
	_, err := io.WriteString(cmd.OutOrStdout(), rules.Calendar(events, time.Now()))
	return err
}

// stepCommand makes a command that takes a step of deprecations and prints them.
func stepCommand(s *settings, use, short string, args cobra.PositionalArgs, step func(*connection, []string) ([]*registry.Deprecation, error)) *cobra.Command {
	var format printFormat
	cmd := &cobra.Command{
		Use: use, Short: short, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := connect(cmd, s, existingStore)
			if err != nil {
				return err
			}
			defer r.close()
			all, err := step(r, args)
			if err != nil {
				return err
			}
			// Who may take the step and not read it gets nothing back.
			all = slices.DeleteFunc(all, func(d *registry.Deprecation) bool { return d == nil })
			return printNouns(cmd.OutOrStdout(), format, all, deprecationColumns())
		},
	}
	addPrintFormat(cmd, &format)
	return cmd
}

func newDeprecationsPlan(s *settings) *cobra.Command {
	var in governance.PlanDeprecationInput
	var replacement string
	cmd := stepCommand(s, "plan MODEL VERSION…", "Plan the deprecation of versions", cobra.MinimumNArgs(2), func(r *connection, args []string) ([]*registry.Deprecation, error) {
		if in.Model, in.Versions = args[0], args[1:]; replacement != "" {
			in.Replacement = &replacement
		}
		p, err := r.PlanDeprecation(r.ctx, in)
		if err != nil {
			return nil, err
		}
		return p.Deprecations, nil
	})
	cmd.Flags().StringVar(&replacement, "replacement", "", "the version of the model to go to")
	cmd.Flags().StringVar(&in.Plan, "plan", "", "the text of the plan")
	return cmd
}

func newDeprecationsAnnounce(s *settings) *cobra.Command {
	var in governance.AnnounceDeprecationInput
	var sunset string
	cmd := stepCommand(s, "announce MODEL VERSION… --guide TEXT --sunset DAY", "Announce planned deprecations", cobra.MinimumNArgs(2), func(r *connection, args []string) (_ []*registry.Deprecation, err error) {
		in.Model, in.Versions = args[0], args[1:]
		if in.Sunset, err = parseDay("sunset", sunset); err != nil {
			return nil, err
		}
		p, err := r.AnnounceDeprecation(r.ctx, in)
		if err != nil {
			return nil, err
		}
		return p.Deprecations, nil
	})
	cmd.Flags().StringVar(&in.Guide, "guide", "", "how to migrate: a text or a link (required)")
	cmd.Flags().StringVar(&sunset, "sunset", "", "the first day on which the versions may be retired, at least three calendar months ahead (required)")
	cmd.MarkFlagRequired("guide")
	cmd.MarkFlagRequired("sunset")
	return cmd
}

func newDeprecationsWithdraw(s *settings) *cobra.Command {
	var in governance.WithdrawDeprecationInput
	cmd := stepCommand(s, "withdraw MODEL VERSION", "Give up a planned or announced deprecation", cobra.ExactArgs(2), func(r *connection, args []string) ([]*registry.Deprecation, error) {
		in.Model, in.Version = &args[0], &args[1]
		p, err := r.WithdrawDeprecation(r.ctx, in)
		if err != nil {
			return nil, err
		}
		return []*registry.Deprecation{p.Deprecation}, nil
	})
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	return cmd
}

func newDeprecationsRetire(s *settings) *cobra.Command {
	var in governance.RetireModelVersionInput
	var approval string
	var days int
	var cmd *cobra.Command
	cmd = stepCommand(s, "retire MODEL VERSION", "Archive a version whose sunset has come", cobra.ExactArgs(2), func(r *connection, args []string) ([]*registry.Deprecation, error) {
		in.Model, in.Version = &args[0], &args[1]
		if approval != "" {
			id := registry.ID(approval)
			in.Approval = &id
		}
		if cmd.Flags().Changed("retention-days") {
			in.RetentionDays = &days
		}
		p, err := r.RetireModelVersion(r.ctx, in)
		if err != nil {
			return nil, err
		}
		return []*registry.Deprecation{p.Deprecation}, nil
	})
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why; needed with --force")
	cmd.Flags().BoolVar(&in.Force, "force", false, "retire it before its sunset, or without an announcement")
	cmd.Flags().StringVar(&approval, "approval", "", "the id of an approved request, where a guard asks for one")
	cmd.Flags().IntVar(&days, "retention-days", registry.DefaultRetentionDays, "how many days the records are kept")
	return cmd
}

func newDeprecationsCleanup(s *settings) *cobra.Command {
	var in governance.CleanupModelVersionInput
	var file string
	cmd := stepCommand(s, "cleanup MODEL VERSION", "Remove the artifact records of a retired version, and export its log entries", cobra.ExactArgs(2), func(r *connection, args []string) ([]*registry.Deprecation, error) {
		in.Model, in.Version = &args[0], &args[1]
		p, err := cleanUpInto(r, in, file)
		if err != nil {
			return nil, err
		}
		return []*registry.Deprecation{p.Deprecation}, nil
	})
	cmd.Flags().StringVar(&file, "log", "", "write the version's log entries to this new file; its SHA-256 is in the log")
	return cmd
}

// cleanUpInto cleans up and writes the export of the log into a new file, if one is named. The file
// is made first: a clean-up is not taken whose export has no place.
func cleanUpInto(r *connection, in governance.CleanupModelVersionInput, file string) (*governance.CleanupPayload, error) {
	if file == "" {
		return r.CleanupModelVersion(r.ctx, in)
	}
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the export of the log cannot be written: %w", err)
	}
	p, err := r.CleanupModelVersion(r.ctx, in)
	if err != nil {
		out.Close()
		os.Remove(file)
		return nil, err
	}
	if p.Log == nil {
		out.Close()
		os.Remove(file)
		return nil, registry.Errorf(registry.Forbidden, "the version is cleaned up, but you may not see the whole log, so there is no export of it")
	}
	_, err = io.WriteString(out, *p.Log)
	if err := core.FirstError(err, out.Close()); err != nil {
		return nil, fmt.Errorf("the version is cleaned up, but the export of the log is not whole: %w", err)
	}
	return p, nil
}

func newDeprecationsMigrated(s *settings) *cobra.Command {
	var in governance.ConfirmMigrationInput
	var consumer string
	var format printFormat
	cmd := &cobra.Command{
		Use: "migrated MODEL VERSION", Short: "Answer that you, or another consumer, use another version now", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if in.Model, in.Version = &args[0], &args[1]; consumer != "" {
				in.Consumer = &consumer
			}
			r, err := connect(cmd, s, existingStore)
			if err != nil {
				return err
			}
			defer r.close()
			p, err := r.ConfirmMigration(r.ctx, in)
			if err != nil || p.Consumer == nil {
				return err // Who may answer and not read gets nothing back.
			}
			return printNouns(cmd.OutOrStdout(), format, []*registry.Consumer{p.Consumer}, consumerColumns())
		},
	}
	cmd.Flags().StringVar(&consumer, "consumer", "", "the consumer; the default is you")
	cmd.Flags().StringVar(&in.Comment, "comment", "", "what to say with it")
	addPrintFormat(cmd, &format)
	return cmd
}

// consumerColumns are the columns of a table of consumers.
func consumerColumns() []column[*registry.Consumer] {
	type consumer = registry.Consumer
	return []column[*consumer]{{"CONSUMER", func(c *consumer) string { return c.Subject }}, {"SINCE", func(c *consumer) string { return dateOf(c.Since) }},
		{"LAST USED", func(c *consumer) string { return dateOf(c.LastUsedAt) }}, {"USES", func(c *consumer) string { return strconv.Itoa(c.Uses) }},
		{"DEPLOYED", func(c *consumer) string { return strings.Join(c.Environments, ", ") }}, {"MIGRATED", func(c *consumer) string {
			if !c.Migrated() {
				return "no"
			}
			return dateOf(c.MigratedAt)
		}}}
}

func newDeprecationsUsage(s *settings) *cobra.Command {
	var remaining bool
	var format printFormat
	cmd := &cobra.Command{
		Use: "usage MODEL VERSION", Short: "List who uses a version with a deprecation, and since when", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := connect(cmd, s, existingStore)
			if err != nil {
				return err
			}
			defer r.close()
			all, err := readConsumers(r, args[0], args[1])
			if err != nil {
				return err
			}
			if remaining {
				all = slices.DeleteFunc(all, (*registry.Consumer).Migrated)
			}
			return printNouns(cmd.OutOrStdout(), format, all, consumerColumns())
		},
	}
	cmd.Flags().BoolVar(&remaining, "remaining", false, "only those who have not migrated")
	addPrintFormat(cmd, &format)
	return cmd
}

func readConsumers(r *connection, model, version string) ([]*registry.Consumer, error) {
	v, err := r.ModelVersion(r.ctx, model, version)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, registry.Errorf(registry.NotFound, "there is no version %s of %s", registry.Shorten(version, 60), registry.Shorten(model, 100))
	}
	d, err := r.DeprecationOf(r.ctx, v)
	if err != nil || d == nil {
		return nil, err
	}
	return allPages(func(p core.Paging) ([]*registry.Consumer, core.PageInfo, error) {
		page, err := r.ConsumersOf(r.ctx, d, p)
		if err != nil {
			return nil, core.PageInfo{}, err
		}
		return nodesOf(page.Edges, func(e *governance.ConsumerEdge) *registry.Consumer { return e.Node }), page.PageInfo, nil
	})
}
