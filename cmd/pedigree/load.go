package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"pedigree/connect/jsonlines"
)

// errRefused is the error of a complete load in which lines were refused.
var errRefused = errors.New("some lines were refused")

func newLoad(s *settings) *cobra.Command {
	l := &loadCommand{}
	cmd := &cobra.Command{
		Use:   "load FILE|-",
		Short: "Record the facts of a JSON Lines file; loading it again adds nothing",
		Long: `Record the facts of FILE or of standard input, one JSON object per line, as pedigree
export writes them. docs/facts.md describes a line.

A refused line is printed and does not stop the other lines; the exit code is then
3. When a load is interrupted, loading FILE again continues where it stopped; the
position is stored in the --data folder. With --server, or when FILE is a pipe, it
starts at the first line again, which records nothing twice.`,
		Example: "  pedigree load registry.jsonl --refused refused.jsonl\n  gunzip -c registry.jsonl.gz | pedigree load -\n" +
			"  PEDIGREE_TOKEN=… pedigree load registry.jsonl --server https://pedigree.example.com",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := connect(cmd, s, createStore)
			if err != nil {
				return err
			}
			defer r.close()
			l.file, l.data, l.to = args[0], s.GetString("data"), r
			if r.store != nil {
				info, err := r.store.Ping(cmd.Context())
				if err != nil {
					return err
				}
				l.target = fmt.Sprintf("%x", sha256.Sum256(append([]byte("pedigree load "), info.Secret...)))
			}
			l.stdin, l.stdout, l.stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			return l.run(r.ctx)
		},
	}
	cmd.Flags().StringVar(&l.refused, "refused", "", "write the refused lines to this file, so that they can be corrected and loaded again")
	cmd.Flags().BoolVar(&l.restart, "restart", false, "start at the first line even when an earlier load was interrupted")
	cmd.Flags().BoolVar(&l.verbose, "verbose", false, "print every refused line")
	return cmd
}

// loadCommand is one run of pedigree load. target identifies the registry, so that a
// checkpoint belongs to one registry; it is empty for a server, which does not tell which
// registry it has.
type loadCommand struct {
	file, data, target, refused string
	restart, verbose            bool
	to                          jsonlines.Recorder
	stdin                       io.Reader
	stdout, stderr              io.Writer
	reported                    int
}

func (l *loadCommand) run(ctx context.Context) error {
	if l.file == "-" {
		return l.runWhole(ctx, l.stdin, 0)
	}
	f, err := os.Open(l.file)
	if err != nil {
		return fmt.Errorf("the file cannot be read: %w", err)
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return err
	}
	if l.target == "" || !stat.Mode().IsRegular() {
		return l.runWhole(ctx, f, stat.Size())
	}
	p := newCheckpoint(l.data, l.target, l.file)
	from, err := p.resume(f, l.restart)
	if err != nil {
		return err
	}
	if from.LastLine > 0 {
		fmt.Fprintf(l.stderr, "going on behind line %d; begin anew with --restart\n", from.LastLine)
	}
	sum, err := l.load(ctx, f, stat.Size(), from, func(s jsonlines.Summary) error { return p.save(f, s) })
	if err == nil {
		err = p.remove()
	}
	return l.printSummary(sum, err)
}

// runWhole loads a stream from its start, without a checkpoint: it may not be possible to read
// the stream again, as that of a pipe.
func (l *loadCommand) runWhole(ctx context.Context, r io.Reader, size int64) error {
	sum, err := l.load(ctx, r, size, jsonlines.Summary{}, func(jsonlines.Summary) error { return nil })
	return l.printSummary(sum, err)
}

// load records lines and shows the progress.
func (l *loadCommand) load(ctx context.Context, r io.Reader, size int64, from jsonlines.Summary, save func(jsonlines.Summary) error) (jsonlines.Summary, error) {
	refused, closeRefused, err := l.openRefused(from.LastLine > 0)
	if err != nil {
		return jsonlines.Summary{}, err
	}
	m := newProgressMeter(l.stderr)
	defer m.finish()
	sum, err := jsonlines.Load(ctx, r, l.to, jsonlines.Options{Line: from.LastLine, Offset: from.Offset,
		Refused: func(why jsonlines.Refusal, line []byte) error {
			if l.reported++; l.verbose || l.reported <= maxListed {
				m.finish()
				fmt.Fprintf(l.stderr, "line %d: %s: %s\n", why.Line, why.Code, why.Message)
			}
			_, err := refused.Write(append(line[:len(line):len(line)], '\n'))
			return err
		},
		Committed: func(s jsonlines.Summary) error {
			m.update("reading bytes", int(s.Offset), int(size))
			return save(s)
		}})
	return sum, errors.Join(err, closeRefused())
}

// openRefused opens the file for refused lines. A load that resumes appends to it.
func (l *loadCommand) openRefused(goesOn bool) (io.Writer, func() error, error) {
	if l.refused == "" {
		return io.Discard, func() error { return nil }, nil
	}
	mode := os.O_TRUNC
	if goesOn {
		mode = os.O_APPEND
	}
	f, err := os.OpenFile(l.refused, os.O_WRONLY|os.O_CREATE|mode, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("the file for refused lines cannot be written: %w", err)
	}
	return f, f.Close, nil
}

// printSummary prints the counts of the load and returns its error.
func (l *loadCommand) printSummary(sum jsonlines.Summary, err error) error {
	if l.reported > maxListed && !l.verbose {
		fmt.Fprintf(l.stderr, "… and %d more lines; tell of all with --verbose\n", l.reported-maxListed)
	}
	fmt.Fprintf(l.stdout, "%d lines recorded: %d new, %d added to what was known, %d known already; %d refused\n",
		sum.Accepted, sum.Created, sum.Merged, sum.Unchanged, sum.Refused)
	switch {
	case err != nil && l.file != "-":
		fmt.Fprintf(l.stderr, "it came as far as line %d; load the file again to go on\n", sum.LastLine)
		return err
	case err != nil:
		return err
	case sum.Refused > 0:
		return errRefused
	}
	return nil
}
