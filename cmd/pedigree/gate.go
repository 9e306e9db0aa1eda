package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"pedigree/governance/gate"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/gates"
	"pedigree/service/governance"
)

// gateClient has the methods on gates.
type gateClient interface {
	Gates(ctx context.Context) ([]*registry.Gate, error)
	PutGate(ctx context.Context, in gates.PutGateInput) (*gates.GatePayload, error)
	WithdrawGate(ctx context.Context, in gates.WithdrawGateInput) (*core.DeletePayload, error)
	TestGate(ctx context.Context, in gates.GateInput, last int) (*gates.GateTest, error)
	CheckTransition(ctx context.Context, in governance.CheckTransitionInput) (*governance.TransitionCheck, error)
}

func newGate(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "gate", Short: "Set conditions on transitions, and test them on the past"}
	cmd.AddCommand(newGateList(s), newGatePut(s), newGateWithdraw(s), newGateApply(s), newGateTest(s))
	return cmd
}

// gateColumns are the columns of a table of gates.
func gateColumns() []column[*registry.Gate] {
	type g = registry.Gate
	return []column[*g]{{"NAME", func(v *g) string { return v.Name }}, {"MODE", func(v *g) string { return string(v.Mode) }},
		{"STAGES", func(v *g) string { return joined(v.Stages) }}, {"MODELS", modelsOfGate}, {"EXPRESSION", func(v *g) string { return v.Expression }}}
}

func joined[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return strings.Join(out, ", ")
}

// modelsOfGate tells which models a gate is for.
func modelsOfGate(g *registry.Gate) string {
	switch {
	case g.Tag != nil:
		return g.Tag.Key + "=" + g.Tag.Value
	case len(g.Models) > 0:
		return joined(g.Models)
	}
	return "all"
}

func newGateList(s *settings) *cobra.Command {
	var format printFormat
	cmd := &cobra.Command{
		Use: "list", Short: "List the gates that stand", Args: cobra.NoArgs, Example: "  pedigree gate list -o yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				all, err := r.Gates(r.ctx)
				if err != nil {
					return err
				}
				return printNouns(cmd.OutOrStdout(), format, all, gateColumns())
			})
		},
	}
	addPrintFormat(cmd, &format)
	return cmd
}

func newGatePut(s *settings) *cobra.Command {
	var in gates.PutGateInput
	var stages []string
	var tag, mode string
	var revision int
	var format printFormat
	cmd := &cobra.Command{
		Use: "put NAME --expression CEL", Short: "Set a gate, or set it anew", Args: cobra.ExactArgs(1),
		Example: "  pedigree gate put licences --expression 'sources.all(s, s.licence != \"\")' --message \"give every raw source a licence tag\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Name, in.Mode, in.IfRevision = args[0], registry.GateMode(strings.ToUpper(mode)), given(cmd, "if-revision", revision)
			for _, text := range stages {
				stage, err := parseStage("to", text)
				if err != nil {
					return err
				}
				in.Stages = append(in.Stages, stage)
			}
			if tag != "" {
				tags, err := keyValues("tag", []string{tag})
				if err != nil {
					return err
				}
				in.Tag = &tags[0]
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				p, err := r.PutGate(r.ctx, in)
				if err != nil {
					return err
				}
				return printNoun(cmd.OutOrStdout(), format, p.Gate)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Expression, "expression", "", "the condition, in CEL (required)")
	f.StringVar(&in.Message, "message", "", "what to do where it does not hold")
	f.StringSliceVar(&stages, "to", nil, "a stage that it guards; the default is production")
	f.StringSliceVar(&in.Models, "model", nil, "a model that it is for; all, when left out")
	f.StringVar(&tag, "tag", "", "KEY=VALUE: it is for the models with this tag")
	f.StringVar(&mode, "mode", "enforce", "enforce or warn")
	f.BoolVar(&in.Forcible, "forcible", false, "let forced transitions through")
	f.StringVar(&in.Reason, "reason", "", "why; it is logged")
	f.IntVar(&revision, "if-revision", 0, "CONFLICT when the gate has another revision by now")
	cmd.MarkFlagRequired("expression")
	completeFlag(cmd, "to", stageNames)
	addPrintFormat(cmd, &format)
	return cmd
}

func newGateWithdraw(s *settings) *cobra.Command {
	var in gates.WithdrawGateInput
	cmd := &cobra.Command{
		Use: "withdraw NAME", Short: "Withdraw a gate", Args: cobra.ExactArgs(1), Example: "  pedigree gate withdraw licences --reason \"the contract covers it\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Name = args[0]
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				p, err := r.WithdrawGate(r.ctx, in)
				if err == nil && p.DeletedID == nil {
					err = registry.Errorf(registry.NotFound, "no gate %q stands; see pedigree gate list", registry.Shorten(in.Name, 60))
				}
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "withdrawn: %s\n", in.Name)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why; it is logged")
	return cmd
}

func newGateApply(s *settings) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "apply PROFILE|FILE", Short: "Set the gates of a profile (starter, guarded or regulated) or of a file", Args: cobra.ExactArgs(1),
		Long: `Set the gates of a profile (starter, guarded or regulated) or of a YAML file. A gate
with the same name is set anew; others stay. A file that is named like a profile is
given as ./starter.`,
		Example: "  pedigree gate apply guarded\n  pedigree gate apply gates.yaml --reason \"agreed on Monday\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := readGates(cmd, args[0])
			if err != nil {
				return err
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				for _, in := range all {
					p, err := r.PutGate(r.ctx, gates.PutGateInput{GateInput: in, Reason: reason})
					if err != nil {
						return err
					}
					fmt.Fprintf(cmd.OutOrStdout(), "set: %s (%s, revision %d)\n", p.Gate.Name, p.Gate.Mode, p.Gate.Revision)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; it is logged")
	return cmd
}

// maxGateFile is how large a file of gates is.
const maxGateFile = 1 << 20

// readGates reads the gates of a profile, or of a file; - is the standard input.
func readGates(cmd *cobra.Command, name string) ([]gates.GateInput, error) {
	raw, err := gate.Profile(name)
	if err != nil {
		var in io.Reader = cmd.InOrStdin()
		if name != "-" {
			f, err := os.Open(name)
			if err != nil {
				return nil, fmt.Errorf("%w; give a file or one of the profiles %v", err, gate.Profiles())
			}
			defer f.Close()
			in = f
		}
		if raw, err = io.ReadAll(io.LimitReader(in, maxGateFile)); err != nil {
			return nil, err
		}
	}
	var file struct {
		Gates []gates.GateInput `yaml:"gates"`
	}
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, registry.Invalid("file", "%s", registry.Shorten(err.Error(), 300))
	}
	if len(file.Gates) == 0 {
		return nil, registry.Invalid("file", "has no gates: begin with gates: and a list")
	}
	for i, g := range file.Gates {
		if slices.ContainsFunc(file.Gates[:i], func(o gates.GateInput) bool { return o.Name == g.Name }) {
			return nil, registry.Invalid("file", "has the gate %q twice", registry.Shorten(g.Name, 60))
		}
	}
	return file.Gates, nil
}

func newGateTest(s *settings) *cobra.Command {
	var last int
	var format printFormat
	cmd := &cobra.Command{
		Use: "test PROFILE|FILE", Short: "Tell which past transitions gates would have refused", Args: cobra.ExactArgs(1),
		Long: `Tell which past transitions the gates of a profile or a file would have refused. Each
is looked at with what was true at its time, and what was known then. Nothing is set.
The exit code is 5 when a gate would have refused one.`,
		Example: "  pedigree gate test regulated\n  pedigree gate test gates.yaml --last 200 -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := readGates(cmd, args[0])
			if err != nil {
				return err
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				return testGates(cmd, r, format, all, last)
			})
		},
	}
	cmd.Flags().IntVar(&last, "last", 100, "how many of the past transitions, newest first; at most 200")
	addPrintFormat(cmd, &format)
	return cmd
}

// gateTestBody is the test of one gate for programs.
type gateTestBody struct {
	Gate string `json:"gate"`
	*gates.GateTest
}

func testGates(cmd *cobra.Command, r *connection, format printFormat, all []gates.GateInput, last int) error {
	var data []gateTestBody
	var rows [][]string
	refused := 0
	for _, in := range all {
		t, err := r.TestGate(r.ctx, in, last)
		if err != nil {
			return err
		}
		data = append(data, gateTestBody{in.Name, t})
		refused += t.Refused
		for _, one := range t.Transitions {
			if one.Result.Answer != registry.GatePass {
				rows = append(rows, []string{in.Name, one.Model + "@" + one.Version, string(one.To), day(one.At), string(one.Result.Answer), registry.Shorten(one.Result.Text(), 120)})
			}
		}
		more := ""
		if t.Truncated {
			more = "; older ones were not looked at"
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d of %d would have been refused%s\n", in.Name, t.Refused, t.Tested, more)
	}
	if err := format.print(cmd.OutOrStdout(), data, []string{"GATE", "VERSION", "TO", "AT", "ANSWER", "WHY"}, rows); err != nil {
		return err
	}
	if refused > 0 {
		return errBlocked
	}
	return nil
}
