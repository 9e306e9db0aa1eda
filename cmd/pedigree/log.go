package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/core"
)

// logFilter has the filters of the log as they are given.
type logFilter struct {
	model, object, actor, since, before string
	actions                             []string
	limit                               int
}

func newLogList(s *settings) *cobra.Command {
	var f logFilter
	var format printFormat
	cmd := &cobra.Command{
		Use: "log", Short: "List what was done, newest first", Args: cobra.NoArgs,
		Long: `List the entries of the log, newest first. Administrators see all of it, data
scientists what concerns models. pedigree audit proves that the log was not rewritten.`,
		Example: "  pedigree log --model credit-approval --action stage_changed,model_deployed\n  pedigree log --actor ada --since 2027-03-01 --limit 0 -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.limit < 0 {
				return registry.Invalid("limit", "must be 0 or more, not %d", f.limit)
			}
			filter, err := f.parse()
			if err != nil {
				return err
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				if filter.Model, err = f.modelID(r); err != nil {
					return err
				}
				entries, err := readLog(r, filter, f.limit)
				if err != nil {
					return err
				}
				return printLog(cmd, format, entries)
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.model, "model", "", "the entries of this model, by name or id; a deleted one by its id")
	fl.StringVar(&f.object, "object", "", "the entries that touched the object with this id")
	fl.StringVar(&f.actor, "actor", "", "the entries by this subject")
	fl.StringSliceVar(&f.actions, "action", nil, "the entries of this action, such as stage_changed; more than one is possible")
	fl.StringVar(&f.since, "since", "", "the entries at this day or time, or later")
	fl.StringVar(&f.before, "before", "", "the entries before this day or time")
	fl.IntVarP(&f.limit, "limit", "n", 50, "how many entries; 0 for all")
	cmd.RegisterFlagCompletionFunc("model", completeArgs(s, modelNames))
	addPrintFormat(cmd, &format)
	return cmd
}

// parse parses the filters that need no registry.
func (f *logFilter) parse() (*access.LogFilter, error) {
	out := &access.LogFilter{Actor: f.actor, Actions: f.actions}
	if f.object != "" {
		id, err := registry.ParseID(f.object)
		if err != nil {
			return nil, err
		}
		out.Object = &id
	}
	since, err := parseDay("since", f.since)
	if err != nil {
		return nil, err
	}
	before, err := parseDay("before", f.before)
	if err != nil {
		return nil, err
	}
	if !since.IsZero() {
		out.Since = &since
	}
	if !before.IsZero() {
		out.Before = &before
	}
	return out, nil
}

// modelID returns the id of the model of the filter, nil for all models.
func (f *logFilter) modelID(r *connection) (*registry.ID, error) {
	if f.model == "" {
		return nil, nil
	}
	if id, err := registry.ParseID(f.model); err == nil {
		return &id, nil
	}
	m, err := modelNamed(r.ctx, r, f.model)
	if err != nil {
		return nil, err
	}
	return &m.ID, nil
}

// readLog reads the newest entries that match, all of them for limit 0.
func readLog(r *connection, f *access.LogFilter, limit int) ([]*registry.LogEntry, error) {
	entries := []*registry.LogEntry{}
	for p := (core.Paging{}); ; {
		size := core.MaxPage
		if left := limit - len(entries); limit > 0 {
			size = min(size, left)
		}
		p.First = &size
		page, err := r.AuditLog(r.ctx, p, f)
		if err != nil {
			return nil, err
		}
		entries = append(entries, nodesOf(page.Edges, func(e *access.LogEntryEdge) *registry.LogEntry { return e.Node })...)
		if !page.PageInfo.HasNextPage || limit > 0 && len(entries) >= limit {
			return entries, nil
		}
		p.After = &page.PageInfo.EndCursor
	}
}

// printLog prints entries of the log: the first object of each in a table, everything in JSON
// and YAML.
func printLog(cmd *cobra.Command, format printFormat, entries []*registry.LogEntry) error {
	var rows [][]string
	for _, e := range entries {
		object := ""
		if len(e.Objects) > 0 {
			object = string(e.Objects[0])
		}
		rows = append(rows, []string{strconv.FormatInt(e.Seq, 10), day(e.At), e.Actor, string(e.Action), object, registry.Shorten(strings.Join(strings.Fields(e.Reason), " "), 80)})
	}
	return format.print(cmd.OutOrStdout(), entries, []string{"SEQ", "AT", "ACTOR", "ACTION", "OBJECT", "REASON"}, rows)
}
