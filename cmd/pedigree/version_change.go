package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"pedigree/registry"
	"pedigree/service/catalog"
)

// newVersionFlags are the flags of a new version that are parsed after the command line.
type newVersionFlags struct {
	bump, card, created, run, tag string
	tags, artifacts               []string
	derivedFrom, features         []string
}

func newVersionRegister(s *settings) *cobra.Command {
	var in catalog.RegisterModelVersionInput
	var f newVersionFlags
	var format printFormat
	cmd := &cobra.Command{
		Use: "register MODEL [VERSION]", Short: "Register a version of a model, in DEVELOPMENT", Args: cobra.RangeArgs(1, 2),
		Long: `Register a version of a model, in DEVELOPMENT. Give VERSION or --bump. --card reads the
model card from a YAML or JSON file with the names of the card's fields, - from
standard input.`,
		Example: "  pedigree version register credit-approval 1.1.0 --card card.yaml --artifact model=s3://models/credit/1.1.0/model.onnx\n" +
			"  pedigree version register churn --bump minor --create-model",
		ValidArgsFunction: completeArgs(s, modelNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Model = args[0]
			if len(args) > 1 {
				in.Version = &args[1]
			}
			if err := f.fill(cmd.InOrStdin(), &in); err != nil {
				return err
			}
			mode := existingStore
			if in.CreateModel {
				mode = createStore
			}
			return withRegistry(cmd, s, mode, func(r *connection) error {
				p, err := r.RegisterModelVersion(r.ctx, in)
				if err != nil {
					return err
				}
				return printVersion(cmd, format, p.ModelVersion)
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.bump, "bump", "", "raise the highest version: major, minor or patch")
	fl.StringVar(&in.Label, "label", "", "another system's name of it")
	fl.StringVar(&in.Description, "description", "", "what is special about it")
	fl.StringVar(&in.Owner, "owner", "", "who answers for it; the default is the model's owner")
	fl.StringArrayVar(&f.tags, "tag", nil, "a tag KEY=VALUE; more than one is possible")
	fl.StringVar(&f.created, "created", "", "when it came to be; the default is now")
	fl.StringVar(&f.card, "card", "", "the file with its model card")
	fl.StringArrayVar(&f.artifacts, "artifact", nil, "a file of it, NAME=URI; more than one is possible")
	fl.StringVar(&f.run, "run", "", "the id of the training run that made it")
	fl.StringVar(&f.tag, "released-from", "", "the id of the git tag that it was released from")
	fl.StringSliceVar(&f.derivedFrom, "derived-from", nil, "the ids of the dataset versions or versions that it was derived from, where no run is known")
	fl.StringSliceVar(&f.features, "feature", nil, "the ids of the features that it learned from")
	fl.BoolVar(&in.CreateModel, "create-model", false, "register the model too if there is none")
	completeFlag(cmd, "bump", func(*connection, string) ([]string, error) { return []string{"major", "minor", "patch"}, nil })
	addPrintFormat(cmd, &format)
	return cmd
}

// fill sets the fields of an input from the flags.
func (f *newVersionFlags) fill(stdin io.Reader, in *catalog.RegisterModelVersionInput) (err error) {
	if f.bump != "" {
		b := registry.Bump(strings.ToUpper(f.bump))
		in.Bump = &b
	}
	if in.Tags, err = keyValues("tag", f.tags); err != nil {
		return err
	}
	if in.CreatedDate, err = parseDay("created", f.created); err != nil {
		return err
	}
	files, err := keyValues("artifact", f.artifacts)
	if err != nil {
		return err
	}
	for _, kv := range files {
		in.Artifacts = append(in.Artifacts, catalog.ArtifactInput{Name: kv.Key, URI: kv.Value})
	}
	for _, one := range []struct {
		text string
		to   **registry.ID
	}{{f.run, &in.Run}, {f.tag, &in.ReleasedFrom}} {
		if one.text != "" {
			id, err := registry.ParseID(one.text)
			if err != nil {
				return err
			}
			*one.to = &id
		}
	}
	if in.DerivedFrom, err = parseIDs(f.derivedFrom); err != nil {
		return err
	}
	if in.Features, err = parseIDs(f.features); err != nil {
		return err
	}
	if f.card != "" {
		in.Card, err = readCard(f.card, stdin)
	}
	return err
}

func parseIDs(texts []string) (out []registry.ID, err error) {
	for _, text := range texts {
		id, err := registry.ParseID(text)
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}

// maxCardFile is the largest file with a card, which is more than a server takes.
const maxCardFile = 1 << 20

// readCard reads a model card from a YAML or JSON file, or from standard input for "-".
func readCard(file string, stdin io.Reader) (*catalog.ModelCardInput, error) {
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("the card cannot be read: %w", err)
		}
		defer f.Close()
		stdin = f
	}
	raw, err := io.ReadAll(io.LimitReader(stdin, maxCardFile+1))
	if err != nil {
		return nil, fmt.Errorf("the card cannot be read: %w", err)
	}
	if len(raw) > maxCardFile {
		return nil, registry.Invalid("card", "is larger than %d bytes", maxCardFile)
	}
	var plain any // JSON is YAML, so both are read alike.
	if err := yaml.Unmarshal(raw, &plain); err != nil {
		return nil, registry.Invalid("card", "is neither YAML nor JSON: %s", strings.Join(strings.Fields(err.Error()), " "))
	}
	asJSON, err := json.Marshal(plain)
	if err != nil {
		return nil, registry.Invalid("card", "has keys that are no texts")
	}
	card := &catalog.ModelCardInput{}
	d := json.NewDecoder(bytes.NewReader(asJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(card); err != nil {
		var told *registry.Error
		if errors.As(err, &told) {
			return nil, told
		}
		return nil, registry.Invalid("card", "%s; its fields are those of ModelCardInput in docs/graphql.md", strings.TrimPrefix(err.Error(), "json: "))
	}
	return card, nil
}

// errWaits marks a transition that was requested and not done. Its exit code keeps a script from
// going on as if the version had been moved.
var errWaits = errors.New("nothing was moved")

func newVersionTransition(s *settings) *cobra.Command {
	var in catalog.TransitionModelVersionInput
	var to, at, approval, execute string
	var links, metrics []string
	var revision int
	var format printFormat
	cmd := &cobra.Command{
		Use: "transition VERSION --to STAGE", Short: "Move a version to another stage, or ask for the approvals that this needs", Args: cobra.ExactArgs(1),
		Long: `Move a version to another stage. Where the stage needs approvals nothing is moved: the
command makes a request, prints it, and ends with the exit code 4. See
docs/governance.md and pedigree request.`,
		Example: "  pedigree version transition credit-approval@1.1.0 --to production --reason \"better on March data\"\n" +
			"  pedigree version transition credit-approval@1.1.0 --to production --evidence https://ci.example.com/7 --metric auc=0.91",
		ValidArgsFunction: completeArgs(s, versionRefs),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := parseVersionRef(args[0])
			if err != nil {
				return err
			}
			in.Model, in.Version, in.ID, in.IfRevision = ref.model, ref.version, ref.id, given(cmd, "if-revision", revision)
			if in.To, err = parseStage("to", to); err != nil {
				return err
			}
			if in.At, err = parseDay("at", at); err != nil {
				return err
			}
			if approval != "" {
				id, err := registry.ParseID(approval)
				if err != nil {
					return err
				}
				in.Approval = &id
			}
			in.Execute = registry.ExecuteWhen(strings.ToUpper(execute))
			if in.Evidence, err = evidence(links, metrics); err != nil {
				return err
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error { return transition(cmd, r, format, in) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&to, "to", "", "the stage to move it to (required)")
	f.StringVar(&in.Reason, "reason", "", "why; it is logged, and needed with --force")
	f.BoolVar(&in.Force, "force", false, "go past the lifecycle")
	f.StringVar(&at, "at", "", "when it happened; the default is now")
	f.StringVar(&approval, "approval", "", "the id of an approved request to execute")
	f.StringVar(&execute, "execute", "", "when the request is executed: at_once, with the last approval, or later")
	f.StringSliceVar(&links, "evidence", nil, "a link for those who approve; more than one is possible")
	f.StringArrayVar(&metrics, "metric", nil, "a measurement NAME=VALUE for those who approve; more than one is possible")
	f.IntVar(&revision, "if-revision", 0, "CONFLICT when the version has another revision by now")
	cmd.MarkFlagRequired("to")
	completeFlag(cmd, "to", stageNames)
	addPrintFormat(cmd, &format)
	return cmd
}

// evidence returns what approvers decide on, nil for nothing.
func evidence(links, metrics []string) (*catalog.TransitionEvidenceInput, error) {
	if len(links)+len(metrics) == 0 {
		return nil, nil
	}
	out := &catalog.TransitionEvidenceInput{Links: links}
	values, err := keyValues("metric", metrics)
	if err != nil {
		return nil, err
	}
	for _, kv := range values {
		n, err := strconv.ParseFloat(kv.Value, 64)
		if err != nil {
			return nil, registry.Invalid("metric", "%q is no number", registry.Shorten(kv.Value, 60))
		}
		out.Metrics = append(out.Metrics, registry.Metric{Name: kv.Key, Value: n})
	}
	return out, nil
}

func transition(cmd *cobra.Command, r *connection, format printFormat, in catalog.TransitionModelVersionInput) error {
	p, err := r.TransitionModelVersion(r.ctx, in)
	if err != nil {
		return err
	}
	if p.Request == nil {
		return printVersion(cmd, format, p.Version)
	}
	if err := printNouns(cmd.OutOrStdout(), format, []*registry.TransitionRequest{p.Request}, requestColumns()); err != nil {
		return err
	}
	return fmt.Errorf("%w: %s needs approvals, and %s asks for them; others decide with pedigree request approve", errWaits, in.To, p.Request.ID)
}

func newVersionDelete(s *settings) *cobra.Command {
	var in catalog.DeleteModelVersionInput
	var revision int
	var format printFormat
	cmd := &cobra.Command{
		Use: "delete VERSION --yes", Short: "Delete a version; lineage keeps a tombstone", Args: cobra.ExactArgs(1),
		Example:           "  pedigree version delete churn@0.1.0 --reason \"trained on the wrong data\" --yes",
		ValidArgsFunction: completeArgs(s, versionRefs),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := parseVersionRef(args[0])
			if err != nil {
				return err
			}
			if err := confirm(cmd, "this deletes the version "+registry.Shorten(args[0], 100)); err != nil {
				return err
			}
			in.Model, in.Version, in.ID, in.IfRevision = ref.model, ref.version, ref.id, given(cmd, "if-revision", revision)
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				p, err := r.DeleteModelVersion(r.ctx, in)
				if err != nil {
					return err
				}
				return printDeleted(cmd, format, p)
			})
		},
	}
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why; it is logged")
	cmd.Flags().IntVar(&revision, "if-revision", 0, "CONFLICT when the version has another revision by now")
	addYesFlag(cmd)
	addPrintFormat(cmd, &format)
	return cmd
}
