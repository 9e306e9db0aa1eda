package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	rules "pedigree/governance"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/governance"
)

func newReview(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "review", Short: "List the reviews of models that are due, plan them and record their outcome"}
	cmd.AddCommand(newReviewList(s), newReviewDue(s), newReviewPlan(s), newReviewRecord(s))
	return cmd
}

// reviewColumns are the columns of a table of reviews.
func reviewColumns() []column[*registry.Review] {
	type review = registry.Review
	return []column[*review]{{"AT", func(r *review) string { return day(r.At) }}, {"MODEL", func(r *review) string { return r.ModelName }}, {"VERSION", func(r *review) string { return r.Version }},
		{"BY", func(r *review) string { return r.By }}, {"DECISION", func(r *review) string { return string(r.Decision) }}, {"NEXT", func(r *review) string { return day(r.NextReview) }},
		{"FINDINGS", func(r *review) string { return r.Findings }}}
}

// dueColumns are the columns of a table of models whose review is due.
func dueColumns() []column[*registry.Model] {
	type model = registry.Model
	return []column[*model]{{"DUE", func(m *model) string { return day(m.NextReview) }}, {"MODEL", func(m *model) string { return m.Name }}, {"OWNER", func(m *model) string { return m.Owner }},
		{"REVIEWERS", func(m *model) string { return strings.Join(m.Reviewers, ", ") }}}
}

func newReviewList(s *settings) *cobra.Command {
	var model, by string
	var format printFormat
	cmd := &cobra.Command{
		Use: "list", Short: "List the models whose review is due, or the reviews of one model", Args: cobra.NoArgs,
		Example: "  pedigree review list --by 2027-03-31\n  pedigree review list --model credit-approval -o yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := parseDay("by", by)
			if err != nil {
				return err
			}
			r, err := connect(cmd, s, existingStore)
			if err != nil {
				return err
			}
			defer r.close()
			if model != "" {
				return printReviews(cmd, r, model, format)
			}
			due, err := reviewsDue(r, at)
			if err != nil {
				return err
			}
			return printNouns(cmd.OutOrStdout(), format, due, dueColumns())
		},
	}
	cmd.Flags().StringVar(&model, "model", "", "the reviews of the model of this name")
	cmd.Flags().StringVar(&by, "by", "", "due by this day or time, such as 2027-03-31; the default is now")
	addPrintFormat(cmd, &format)
	return cmd
}

// reviewsDue reads the models whose review is due by a time.
func reviewsDue(r *connection, at time.Time) ([]*registry.Model, error) {
	return allPages(func(p core.Paging) ([]*registry.Model, core.PageInfo, error) {
		page, err := r.ReviewsDue(r.ctx, p, at)
		if err != nil {
			return nil, core.PageInfo{}, err
		}
		return nodesOf(page.Edges, func(e *catalog.ModelEdge) *registry.Model { return e.Node }), page.PageInfo, nil
	})
}

func newReviewDue(s *settings) *cobra.Command {
	var by string
	var ics bool
	var format printFormat
	cmd := &cobra.Command{
		Use: "due", Short: "List the models whose review is due, also as a calendar", Args: cobra.NoArgs,
		Example: "  pedigree review due --by 2027-12-31 --ics > reviews.ics",
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := parseDay("by", by)
			if err := core.FirstError(checkCalendar(cmd, ics), err); err != nil {
				return err
			}
			r, err := connect(cmd, s, existingStore)
			if err != nil {
				return err
			}
			defer r.close()
			due, err := reviewsDue(r, at)
			if err != nil {
				return err
			}
			if !ics {
				return printNouns(cmd.OutOrStdout(), format, due, dueColumns())
			}
			var events []rules.CalendarEvent
			for _, m := range due {
				events = append(events, rules.CalendarEvent{UID: "review-" + string(m.ID) + "@pedigree", Day: m.NextReview, Summary: "Review of " + m.Name + " is due", Description: strings.Join(m.Reviewers, ", ")})
			}
			return printCalendar(cmd, events)
		},
	}
	cmd.Flags().StringVar(&by, "by", "", "due by this day or time, such as 2027-03-31; the default is now")
	cmd.Flags().BoolVar(&ics, "ics", false, "print a calendar (iCalendar) with a day for each review")
	addPrintFormat(cmd, &format)
	return cmd
}

func printReviews(cmd *cobra.Command, r *connection, model string, format printFormat) error {
	m, err := r.Model(r.ctx, model)
	if err != nil {
		return err
	}
	if m == nil {
		return registry.Errorf(registry.NotFound, "there is no model %q", registry.Shorten(model, 100))
	}
	reviews, err := allPages(func(p core.Paging) ([]*registry.Review, core.PageInfo, error) {
		page, err := r.ReviewsOf(r.ctx, m, p)
		if err != nil {
			return nil, core.PageInfo{}, err
		}
		return nodesOf(page.Edges, func(e *governance.ReviewEdge) *registry.Review { return e.Node }), page.PageInfo, nil
	})
	if err != nil {
		return err
	}
	return printNouns(cmd.OutOrStdout(), format, reviews, reviewColumns())
}

// parseDay parses the value of a flag: a day or a time, the zero time for "".
func parseDay(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := registry.ParseTime(text)
	if err != nil {
		return t, registry.Invalid(flag, "%q is no day or time; write 2027-03-31 or 2027-03-31T12:00:00Z", registry.Shorten(text, 60))
	}
	return t, nil
}

func newReviewRecord(s *settings) *cobra.Command {
	var in governance.RecordReviewInput
	var version, decision, next string
	var format printFormat
	cmd := &cobra.Command{
		Use: "record MODEL --decision DECISION", Short: "Record the outcome of a review, and when the next one is due", Args: cobra.ExactArgs(1),
		ValidArgsFunction: completeArgs(s, modelNames),
		Example:           "  pedigree review record credit-approval --decision APPROVED_WITH_CONDITIONS --findings \"drift in income\" --next 2027-06-30",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			in.Model, in.Decision = &args[0], registry.ReviewDecision(strings.ToUpper(decision))
			if version != "" {
				in.Version = &version
			}
			if in.NextReview, err = parseDay("next", next); err != nil {
				return err
			}
			r, err := connect(cmd, s, existingStore)
			if err != nil {
				return err
			}
			defer r.close()
			p, err := r.RecordReview(r.ctx, in)
			if err != nil || p.Review == nil {
				return err
			}
			return printNouns(cmd.OutOrStdout(), format, []*registry.Review{p.Review}, reviewColumns())
		},
	}
	cmd.Flags().StringVar(&decision, "decision", "", "APPROVED, APPROVED_WITH_CONDITIONS or REJECTED (required)")
	cmd.Flags().StringVar(&in.Findings, "findings", "", "what was found; needed unless the decision is APPROVED")
	cmd.Flags().StringVar(&version, "version", "", "the version that was looked at")
	cmd.Flags().StringVar(&next, "next", "", "when the next review is due; the default is an interval from now")
	addPrintFormat(cmd, &format)
	cmd.MarkFlagRequired("decision")
	return cmd
}

func newReviewPlan(s *settings) *cobra.Command {
	var in governance.SetReviewPlanInput
	var interval, revision int
	var reviewers []string
	var next string
	var format printFormat
	cmd := &cobra.Command{
		Use: "plan MODEL", Short: "Set how often a model is reviewed, by whom, and when next", Args: cobra.ExactArgs(1),
		Long: `Set how often a model is reviewed, by whom, and when next. What is not given stays as
it is; --reviewer "" means everyone who may review, and --interval 0 ends the reviews.`,
		Example:           "  pedigree review plan credit-approval --interval 90 --reviewer ada,ben --next 2027-03-31",
		ValidArgsFunction: completeArgs(s, modelNames),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			in.Model, in.IntervalDays, in.IfRevision = &args[0], given(cmd, "interval", interval), given(cmd, "if-revision", revision)
			if cmd.Flags().Changed("reviewer") {
				in.Reviewers = slices.DeleteFunc(reviewers, func(r string) bool { return r == "" })
			}
			if in.NextReview, err = parseDay("next", next); err != nil {
				return err
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				p, err := r.SetReviewPlan(r.ctx, in)
				if err != nil || p.Model == nil {
					return err
				}
				return printNouns(cmd.OutOrStdout(), format, []*registry.Model{p.Model}, dueColumns())
			})
		},
	}
	f := cmd.Flags()
	f.IntVar(&interval, "interval", 0, "how many days lie between two reviews")
	f.StringSliceVar(&reviewers, "reviewer", nil, "a subject who reviews it; more than one is possible")
	f.StringVar(&next, "next", "", "when the next review is due; the default is an interval after the last one, or from now")
	f.IntVar(&revision, "if-revision", 0, "CONFLICT when the model has another revision by now")
	cmd.MarkFlagsOneRequired("interval", "reviewer", "next")
	addPrintFormat(cmd, &format)
	return cmd
}
