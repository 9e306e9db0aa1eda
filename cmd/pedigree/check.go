package main

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/gates"
	"pedigree/service/governance"
)

// errBlocked marks a check that found something in the way. Its exit code lets a pipeline tell it
// from a check that failed.
var errBlocked = errors.New("something stands in the way; nothing was moved")

// checkFormat is a printFormat that can also be junit.
type checkFormat struct{ printFormat }

// Type names the values of the flag.
func (f *checkFormat) Type() string { return "table|json|yaml|junit" }

// Set sets the form.
func (f *checkFormat) Set(v string) error {
	if v == "junit" {
		f.printFormat = "junit"
		return nil
	}
	return f.printFormat.Set(v)
}

func newCheck(s *settings) *cobra.Command {
	var to string
	format := checkFormat{"table"}
	cmd := &cobra.Command{
		Use: "check VERSION --to STAGE", Short: "Tell what stands in the way of a transition, without doing it", Args: cobra.ExactArgs(1),
		Long: `Tell what stands in the way of a transition, without doing it: the lifecycle, your
rights, approvals, a signature, gates. The exit code is 0 when nothing does, 4 when
only approvals do, and 5 when anything else does.`,
		Example:           "  pedigree check credit-approval@1.1.0 --to production\n  pedigree check credit-approval@1.1.0 --to production -o junit > check.xml",
		ValidArgsFunction: completeArgs(s, versionRefs),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := parseVersionRef(args[0])
			if err != nil {
				return err
			}
			in := governance.CheckTransitionInput{Model: ref.model, Version: ref.version, ID: ref.id}
			if in.To, err = parseStage("to", to); err != nil {
				return err
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				c, err := r.CheckTransition(r.ctx, in)
				if err != nil {
					return err
				}
				if err := printCheck(cmd.OutOrStdout(), format.printFormat, args[0], in.To, c); err != nil {
					return err
				}
				return checkOutcome(c)
			})
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the stage to check (required)")
	cmd.Flags().VarP(&format, "output", "o", "the form of what is printed: table, json, yaml or junit")
	cmd.MarkFlagRequired("to")
	completeFlag(cmd, "to", stageNames)
	return cmd
}

// checkOutcome returns nil when the version would move, errWaits when only approvals are missing,
// errBlocked otherwise.
func checkOutcome(c *governance.TransitionCheck) error {
	switch {
	case c.Allowed:
		return nil
	case slices.ContainsFunc(c.Blockers, func(b *governance.TransitionBlocker) bool { return b.Kind != governance.BlockedByApprovals }):
		return errBlocked
	}
	return errWaits
}

// checkLine is one thing that was checked: a gate, or what stands in the way beside gates.
type checkLine struct {
	Check  string            `json:"check"`
	Answer string            `json:"answer"`
	Text   string            `json:"text,omitempty"`
	Gate   *gates.GateResult `json:"gate,omitempty"`
}

// checkLines lists what was checked.
func checkLines(c *governance.TransitionCheck) (out []checkLine) {
	for _, b := range c.Blockers {
		if b.Kind != governance.BlockedByGate {
			out = append(out, checkLine{Check: string(b.Kind), Answer: "BLOCKED", Text: b.Text})
		}
	}
	for _, g := range c.Gates {
		l := checkLine{Check: cmp.Or(g.Gate, "(hidden)"), Answer: string(g.Answer), Gate: g}
		if g.Answer != registry.GatePass {
			if l.Text = g.Text(); !g.Refuses {
				l.Answer += " (warning)"
			}
		}
		out = append(out, l)
	}
	return out
}

func printCheck(w io.Writer, format printFormat, version string, to registry.Stage, c *governance.TransitionCheck) error {
	lines := checkLines(c)
	if format == "junit" {
		return printJUnit(w, fmt.Sprintf("%s to %s", version, to), lines)
	}
	data := map[string]any{"version": version, "to": to, "allowed": c.Allowed, "makesRequest": c.MakesRequest, "needed": c.Needed, "counted": c.Counted, "checks": append([]checkLine{}, lines...)}
	rows := make([][]string, len(lines))
	for i, l := range lines {
		rows[i] = []string{l.Check, l.Answer, l.Text}
	}
	if len(rows) == 0 {
		rows = [][]string{{"-", "PASS", "nothing stands in the way"}}
	}
	return format.print(w, data, []string{"CHECK", "ANSWER", "WHY"}, rows)
}

// The elements of a JUnit report.
type (
	junitSuites struct {
		XMLName xml.Name   `xml:"testsuites"`
		Suite   junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Failure *junitFailure `xml:"failure"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// printJUnit prints a report that CI servers show: a test for each check. A warning is no failure.
func printJUnit(w io.Writer, name string, lines []checkLine) error {
	suite := junitSuite{Name: "pedigree check " + name}
	if len(lines) == 0 {
		lines = []checkLine{{Check: "transition", Answer: "PASS"}}
	}
	for _, l := range lines {
		c := junitCase{Name: l.Check, Class: "pedigree." + name}
		switch {
		case l.Gate == nil && l.Answer == "BLOCKED", l.Gate != nil && l.Gate.Refuses:
			c.Failure = &junitFailure{Message: l.Text, Type: l.Answer, Text: l.Text}
			suite.Failures++
		default:
			c.Output = l.Text
		}
		suite.Cases = append(suite.Cases, c)
	}
	suite.Tests = len(suite.Cases)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(junitSuites{Suite: suite}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
