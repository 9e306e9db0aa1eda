package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pedigree/compliance"
	"pedigree/registry"
	"pedigree/service/core"
)

// complianceClient makes compliance packs.
type complianceClient interface {
	WriteCompliancePack(ctx context.Context, model, version string, asOf time.Time, w io.Writer) error
}

func newCompliance(s *settings) *cobra.Command {
	file, asOf := "", ""
	var format printFormat
	cmd := &cobra.Command{
		Use:   "compliance VERSION [-f FILE.zip]",
		Short: "Write the compliance pack of a version, or verify one",
		Long: `Write a zip with everything that is recorded of a version and that you may see: the
model card, what it was made from in formats of other tools and as a picture, bills of
materials, approvals, transitions with what gates saw, reviews, recalls, gaps, the log
entries of all this with proofs, and a checklist of known rules. The pack is verified
before it is kept. pedigree compliance verify proves it anywhere, offline.`,
		Example:           "  pedigree compliance credit-approval@1.1.0 -f credit-approval-1.1.0.zip\n  pedigree compliance verify credit-approval-1.1.0.zip",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeArgs(s, versionRefs),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := connectToLog(cmd, s)
			if err != nil {
				return err
			}
			defer r.close()
			at, model, version, err := packOf(r, args[0], asOf)
			if err != nil {
				return err
			}
			var b bytes.Buffer
			if err := r.WriteCompliancePack(r.ctx, model, version, at, &b); err != nil {
				return err
			}
			p, err := compliance.Verify(b.Bytes(), nil)
			if err != nil {
				return err
			}
			if file == "-" {
				_, err := cmd.OutOrStdout().Write(b.Bytes())
				return err
			}
			if file == "" {
				file = "compliance-" + string(p.Manifest.VersionID) + ".zip"
			}
			if err := keepFile(file, b.Bytes()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "written to %s\n", file)
			return printPack(cmd.OutOrStdout(), format, p)
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "the zip file to write, - for standard output; by default compliance-ID.zip")
	cmd.Flags().StringVar(&asOf, "as-of", "", "a time, such as 2026-01-31T12:00:00Z: the pack as it was known then")
	addPrintFormat(cmd, &format)
	cmd.AddCommand(newComplianceVerify())
	return cmd
}

// packOf returns the model and version that an argument names, and the time that a pack is to be of. What
// MODEL@VERSION names in the past, such as by an alias, is found in the past.
func packOf(r *connection, ref, asOf string) (at time.Time, model, version string, err error) {
	if asOf != "" {
		if at, err = registry.ParseTime(asOf); err != nil {
			return at, "", "", registry.Invalid("as-of", "must be a time such as 2026-01-31T12:00:00Z")
		}
		if model, version, ok := strings.Cut(ref, "@"); ok {
			v, err := r.ModelVersion(r.ctx, model, version, core.PointInTime{AsOf: at, KnownAt: at})
			if err == nil && v == nil {
				err = registry.Errorf(registry.NotFound, "there was no version %q of a model %q at that time", registry.Shorten(version, 100), registry.Shorten(model, 100))
			}
			if err != nil {
				return at, "", "", err
			}
			return at, model, v.Version, nil
		}
	}
	v, err := versionOf(r.ctx, r, ref)
	if err != nil {
		return at, "", "", err
	}
	return at, v.ModelName, v.Version, nil
}

// keepFile writes a file whole or not at all.
func keepFile(file string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("the file cannot be written: %w; choose another with --file", err)
	}
	return writeTo(file, nil, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// printPack lists the files of a pack.
func printPack(w io.Writer, format printFormat, p *compliance.Verified) error {
	rows := make([][]string, len(p.Manifest.Files))
	for i, f := range p.Manifest.Files {
		rows[i] = []string{f.Name, strconv.FormatInt(f.Bytes, 10), f.SHA256}
	}
	return format.print(w, p.Manifest, []string{"FILE", "BYTES", "SHA-256"}, rows)
}

func newComplianceVerify() *cobra.Command {
	var keys []string
	cmd := &cobra.Command{
		Use:   "verify FILE.zip",
		Short: "Verify a compliance pack with nothing but the file",
		Long: `Verify a compliance pack, without any store or server: that its manifest is sealed by the
log's key, that it has every file that the manifest lists and no other, each as it was
written, that what people read follows from the facts, and that the log entries are in
the log of the signed checkpoint. The exit code is 1 when something does not hold.`,
		Example: "  pedigree compliance verify credit-approval-1.1.0.zip --key 'pedigree/log/…+…+…'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := readPack(args[0])
			if err != nil {
				return err
			}
			p, err := compliance.Verify(b, keys)
			if err != nil {
				return err
			}
			tellVerified(cmd.OutOrStdout(), p, len(keys) > 0)
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&keys, "key", nil, "a public key of the log, NAME+HASH+KEY, from elsewhere; without it the key that the pack names is taken, which does not prove whose the pack is")
	return cmd
}

// readPack reads a file that is no larger than a pack can be.
func readPack(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("the pack cannot be read: %w", err)
	}
	defer f.Close()
	const limit = compliance.MaxBytes + 1<<20
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("the pack cannot be read: %w", err)
	}
	if len(b) > limit {
		return nil, registry.Errorf(registry.FailedPrecondition, "this is no compliance pack: it has more than %d bytes", limit)
	}
	return b, nil
}

// tellVerified tells what was found to hold.
func tellVerified(w io.Writer, p *compliance.Verified, keyGiven bool) {
	m := &p.Manifest
	fmt.Fprintf(w, "the pack holds: %d files about %s, made for %s at %s\n", len(m.Files), m.VersionID, oneLine(m.MadeFor.Subject), m.ReadAt.UTC().Format("2006-01-02T15:04:05Z"))
	if !m.AsOf.IsZero() {
		fmt.Fprintf(w, "it is of what was known at %s\n", m.AsOf.UTC().Format(time.RFC3339Nano))
	}
	for _, part := range m.NotAsOf {
		fmt.Fprintf(w, "not as of that time: %s\n", oneLine(part))
	}
	if p.Derived < 0 {
		fmt.Fprintf(w, "its form is number %d, which this program does not know: that texts follow from the facts was not checked\n", m.Format)
	} else {
		fmt.Fprintf(w, "%d files follow from the facts\n", p.Derived)
	}
	if p.Checkpoint == nil {
		fmt.Fprintln(w, "it has no log entries: who it was made for may not read the log")
	} else {
		fmt.Fprintf(w, "%d log entries are in the log of %d entries, root %s\n", p.Entries, p.Checkpoint.Size, p.Checkpoint.Root)
	}
	if p.Partial > 0 {
		fmt.Fprintf(w, "%d of them are shown in part: that they are in the log is proved, what they say is not\n", p.Partial)
	}
	for _, h := range m.Cut {
		fmt.Fprintf(w, "left out by a limit: %s\n", oneLine(h))
	}
	if len(m.Hidden) > 0 {
		fmt.Fprintf(w, "not shown to %s: %d fields or parts, which the manifest lists\n", oneLine(m.MadeFor.Subject), len(m.Hidden))
	}
	if !keyGiven {
		fmt.Fprintf(w, "the key is the one that the pack names, %s; give --key to prove whose the pack is\n", oneLine(m.PublicKey))
	}
}

// oneLine makes a text harmless for a terminal.
func oneLine(s string) string { return strconv.QuoteToGraphic(s) }
