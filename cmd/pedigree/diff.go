package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"pedigree/markdown"
	"pedigree/registry"
	"pedigree/service/provenance"
)

// diffClient compares what nodes came from.
type diffClient interface {
	LineageDiff(ctx context.Context, in provenance.LineageDiffInput) (*provenance.LineageDiff, error)
}

// diffFormat is a printFormat that can also be markdown.
type diffFormat struct{ printFormat }

// Type names the values of the flag.
func (f *diffFormat) Type() string { return "table|json|yaml|markdown" }

// Set sets the form.
func (f *diffFormat) Set(v string) error {
	if v == "markdown" {
		f.printFormat = "markdown"
		return nil
	}
	return f.printFormat.Set(v)
}

func newDiff(s *settings) *cobra.Command {
	format := diffFormat{"table"}
	cmd := &cobra.Command{
		Use: "diff VERSION [WITH]", Short: "Tell what changed between two versions: data, code, parameters, metrics", Args: cobra.RangeArgs(1, 2),
		Long: `Tell what differs between what two versions were made from: data, code, parameters,
metrics, features and cards. With one VERSION, it is compared with the version of its
model that is in PRODUCTION. -o markdown prints a comment for a pull request.`,
		Example:           "  pedigree diff credit-approval@1.1.0\n  pedigree diff credit-approval@1.0.0 credit-approval@1.1.0 -o markdown",
		ValidArgsFunction: completeArgs(s, versionRefs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				before, after, err := diffSides(r, args)
				if err != nil {
					return err
				}
				out := &versionDiff{After: versionText(after)}
				if before != nil {
					d, err := r.LineageDiff(r.ctx, provenance.LineageDiffInput{A: before.ID, B: after.ID})
					if err != nil {
						return err
					}
					out.Before = versionText(before)
					out.read(d)
				}
				return out.print(cmd.OutOrStdout(), format.printFormat)
			})
		},
	}
	cmd.Flags().VarP(&format, "output", "o", "the form of what is printed: table, json, yaml or markdown")
	return cmd
}

// diffSides returns the two versions to compare. before is nil when the model has none in PRODUCTION, or
// when that is the one asked about.
func diffSides(r *connection, args []string) (before, after *registry.ModelVersion, err error) {
	last := args[len(args)-1]
	if after, err = versionOf(r.ctx, r, last); err != nil {
		return nil, nil, err
	}
	if len(args) == 2 {
		before, err = versionOf(r.ctx, r, args[0])
		return before, after, err
	}
	m, err := r.Model(r.ctx, after.ModelName)
	if err != nil || m == nil {
		return nil, after, err
	}
	if before, err = r.ProductionVersion(r.ctx, m); err != nil || before == nil || before.ID == after.ID {
		return nil, after, err
	}
	return before, after, nil
}

func versionText(v *registry.ModelVersion) string { return v.ModelName + "@" + v.Version }

// diffLine is one difference.
type diffLine struct {
	What   string `json:"what"`
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// versionDiff are the differences of two versions. Before is empty when there is nothing to compare
// with.
type versionDiff struct {
	Before    string     `json:"before,omitempty"`
	After     string     `json:"after"`
	Identical bool       `json:"identical"`
	Lines     []diffLine `json:"differences"`
	// Notes say what the differences leave out.
	Notes []string `json:"notes,omitempty"`
}

func (v *versionDiff) add(what, name, before, after string) {
	v.Lines = append(v.Lines, diffLine{what, name, before, after})
}

// shownCommits is how many commits a diff tells.
const shownCommits = 20

// read reads the differences that the registry found.
func (v *versionDiff) read(d *provenance.LineageDiff) {
	v.Identical = d.Identical
	for _, c := range d.Datasets.Changed {
		v.add("data", c.Name, firstText(c.BeforeDigest, c.BeforeVersion), firstText(c.AfterDigest, c.AfterVersion))
	}
	v.nodes("data", d.Datasets.Added, d.Datasets.Removed)
	v.commits(&d.Commits)
	for _, c := range d.Runs.Changed {
		v.add("run", c.Name, diffName(c.Before), diffName(c.After))
	}
	v.nodes("run", d.Runs.Added, d.Runs.Removed)
	v.values(d)
	for _, c := range d.Features.Changed {
		v.add("feature", c.Name, diffName(c.Before), diffName(c.After))
	}
	v.nodes("feature", d.Features.Added, d.Features.Removed)
	v.nodes("version", d.Versions.Added, d.Versions.Removed)
	for _, c := range d.Card {
		v.add("card", c.Path, string(c.Before), string(c.After))
	}
	if d.TruncationA.Truncated || d.TruncationB.Truncated {
		v.Notes = append(v.Notes, "Not all of the lineage was compared, or some of it may not be seen.")
	}
}

// values adds parameters and metrics.
func (v *versionDiff) values(d *provenance.LineageDiff) {
	for _, p := range d.Parameters {
		v.add("parameter", p.Key, string(p.Before), string(p.After))
	}
	for _, m := range d.Metrics {
		v.add("metric", m.Key, floatText(m.Before), floatText(m.After))
	}
	if d.Parameters == nil || d.Metrics == nil {
		v.Notes = append(v.Notes, "Some parameters or metrics may not be seen.")
	}
}

// nodes adds nodes that one side alone has.
func (v *versionDiff) nodes(what string, added, removed []registry.ProvenanceNode) {
	for _, n := range removed {
		v.add(what, diffName(n), "used", "")
	}
	for _, n := range added {
		v.add(what, diffName(n), "", "used")
	}
}

// commits adds the commits between the two sides.
func (v *versionDiff) commits(c *provenance.CommitDiff) {
	for _, n := range c.Added[:min(len(c.Added), shownCommits)] {
		v.add("code", diffName(n), "", "in")
	}
	for _, n := range c.Removed[:min(len(c.Removed), shownCommits)] {
		v.add("code", diffName(n), "in", "")
	}
	if more := c.AddedCount + c.RemovedCount - min(len(c.Added), shownCommits) - min(len(c.Removed), shownCommits); more > 0 {
		v.Notes = append(v.Notes, fmt.Sprintf("%d more commits differ.", more))
	}
}

// diffName names a node for people.
func diffName(n registry.ProvenanceNode) string {
	switch x := n.(type) {
	case *registry.DatasetVersion:
		return strings.TrimSpace(x.Name + " " + firstText(x.Digest, x.Version))
	case *registry.Run:
		return firstText(strings.TrimSpace(x.Name+" "+x.RunID), string(x.ID))
	case *registry.Commit:
		subject, _, _ := strings.Cut(x.Message, "\n")
		return strings.TrimSpace(registry.Shorten(firstText(x.SHA, x.Name), 12) + " " + subject)
	case *registry.ModelVersion:
		return versionText(x)
	case *registry.Feature:
		return firstText(x.Name, string(x.ID))
	case *registry.Restricted:
		return "(hidden)"
	}
	return string(n.NodeMeta().ID)
}

// firstText returns the first text that is not empty.
func firstText(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func floatText(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'g', -1, 64)
}

func (v *versionDiff) print(w io.Writer, format printFormat) error {
	if format == "markdown" {
		_, err := io.WriteString(w, v.markdown())
		return err
	}
	rows := make([][]string, len(v.Lines))
	for i, l := range v.Lines {
		rows[i] = []string{l.What}
		for _, text := range []string{l.Name, l.Before, l.After} {
			rows[i] = append(rows[i], registry.Shorten(markdown.Visible(text), 60))
		}
	}
	if v.Lines == nil {
		v.Lines = []diffLine{}
	}
	return format.print(w, v, []string{"WHAT", "NAME", "BEFORE", "AFTER"}, rows)
}

// maxCommentLines is how many differences a comment tells, and maxCommentText how many characters of a
// value.
const maxCommentLines, maxCommentText = 200, 200

// markdown writes the differences as a comment. Every text of users is a code span: no name makes a link
// or calls somebody.
func (v *versionDiff) markdown() string {
	code := func(s string) string {
		if s == "" {
			return "–"
		}
		return markdown.Code(registry.Shorten(s, maxCommentText))
	}
	var b strings.Builder
	b.WriteString("### What changed in " + code(v.After) + "\n\n")
	switch {
	case v.Before == "":
		b.WriteString("There is no other version in PRODUCTION to compare it with.\n")
		return b.String()
	case len(v.Lines) == 0:
		b.WriteString("Compared with " + code(v.Before) + ", nothing changed in data, code, parameters or metrics.\n")
	default:
		b.WriteString("Compared with " + code(v.Before) + ":\n\n| What | Name | Before | After |\n|---|---|---|---|\n")
	}
	for _, l := range v.Lines[:min(len(v.Lines), maxCommentLines)] {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", l.What, code(l.Name), code(l.Before), code(l.After))
	}
	if more := len(v.Lines) - maxCommentLines; more > 0 {
		fmt.Fprintf(&b, "\n%d more differences are not told here.\n", more)
	}
	for _, n := range v.Notes {
		b.WriteString("\n" + n + "\n")
	}
	return b.String()
}
