package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"pedigree/audit"
	auditing "pedigree/service/audit"
)

// auditClient has the methods of a registry that prove its log.
type auditClient interface {
	AuditCheckpoint(ctx context.Context) (*auditing.AuditCheckpoint, error)
	AuditConsistency(ctx context.Context, from int64, to *int64) (*auditing.AuditConsistency, error)
	ExportLog(ctx context.Context, w io.Writer) error
}

func newAudit(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Verify, export and watch the log"}
	cmd.AddCommand(newAuditVerify(s), newAuditExport(s), newAuditCheckpoint(s), newAuditWatch(s))
	return cmd
}

// proofFlags are the flags with what a verification is held against.
type proofFlags struct{ keys, checkpoints []string }

func (p *proofFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&p.keys, "key", nil, "a public key of the log, NAME+HASH+KEY, from where the log cannot change it; without it the keys that the log itself has recorded are taken")
}

func (p *proofFlags) kept() (out []audit.Checkpoint, err error) {
	for _, file := range p.checkpoints {
		c, err := openCheckpointFile(file, p.keys)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func newAuditVerify(s *settings) *cobra.Command {
	var p proofFlags
	cmd := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Verify every entry of the log, or of an export of it",
		Long: `Compute the hash of every entry of the log anew, and the root of its tree, and
compare them with what is stored and with the signed checkpoint. With --checkpoint
the log is also held against checkpoints that were kept elsewhere: only so a log
that was cut or rewritten as a whole is found. With FILE, an export is verified
without any store or server. The exit code is 1 when something does not hold.`,
		Example: "  pedigree audit verify --checkpoint last-month.txt\n  pedigree audit verify log.jsonl --key 'pedigree/log/…+…+…'",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			kept, err := p.kept()
			if err != nil {
				return err
			}
			verified, err := verifyLog(cmd, s, args, p.keys, kept)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "the log holds: %d entries, root %s\n", verified.Entries, verified.Checkpoint.Root)
			if n := len(kept); n == 1 {
				fmt.Fprintln(cmd.OutOrStdout(), "it agrees with 1 kept checkpoint")
			} else if n > 1 {
				fmt.Fprintf(cmd.OutOrStdout(), "it agrees with %d kept checkpoints\n", verified.Kept)
			}
			return nil
		},
	}
	p.add(cmd)
	cmd.Flags().StringArrayVar(&p.checkpoints, "checkpoint", nil, "a file with a checkpoint that was kept elsewhere; repeat it for several")
	return cmd
}

// verifyLog verifies a file, the log of a local store, or what a server exports.
func verifyLog(cmd *cobra.Command, s *settings, args, keys []string, kept []audit.Checkpoint) (*audit.Verified, error) {
	if len(args) == 1 {
		f, err := os.Open(args[0])
		if err != nil {
			return nil, fmt.Errorf("the export cannot be read: %w", err)
		}
		defer f.Close()
		v, err := audit.VerifyExport(f, keys, kept...)
		return &v, err
	}
	if serverURL(cmd, s) == "" {
		o, err := openLocalRegistry(cmd.Context(), s, existingStore)
		if err != nil {
			return nil, err
		}
		defer o.Close()
		meter := newProgressMeter(cmd.ErrOrStderr())
		defer meter.finish()
		return o.service.VerifyLog(asOperator(cmd.Context()), func(done, all int64) { meter.update("verifying", int(done), int(all)) }, kept...)
	}
	r, err := connect(cmd, s, existingStore)
	if err != nil {
		return nil, err
	}
	defer r.close()
	read, write := io.Pipe()
	go func() { write.CloseWithError(r.ExportLog(r.ctx, write)) }()
	v, err := audit.VerifyExport(read, keys, kept...)
	read.CloseWithError(err)
	return &v, err
}

// connectToLog is connect for commands that need signed checkpoints.
func connectToLog(cmd *cobra.Command, s *settings) (*connection, error) {
	r, err := connect(cmd, s, existingStore)
	if err == nil && r.service != nil {
		err = useLogKey(r.ctx, r.service, s.GetString("data"), false)
	}
	if err != nil && r != nil {
		r.close()
	}
	return r, err
}

func newAuditExport(s *settings) *cobra.Command {
	output := ""
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the whole log with a signed checkpoint, one JSON object per line",
		Long: `Write every entry of the log in order, and the signed checkpoint that seals them.
pedigree audit verify FILE verifies such a file without any store or server.`,
		Example: "  pedigree audit export --output log-2026.jsonl",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := connectToLog(cmd, s)
			if err != nil {
				return err
			}
			defer r.close()
			return writeTo(output, cmd.OutOrStdout(), func(w io.Writer) error { return r.ExportLog(r.ctx, w) })
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "the file to write; the default is standard output")
	return cmd
}

func newAuditCheckpoint(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "checkpoint",
		Short: "Print the signed checkpoint of the log, to be kept elsewhere",
		Long: `Print the size of the log and the root of its tree, signed (c2sp.org/tlog-checkpoint).
Keep it where those who can change the store cannot change it.`,
		Example: "  pedigree audit checkpoint > checkpoint-2026-01.txt",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := connectToLog(cmd, s)
			if err != nil {
				return err
			}
			defer r.close()
			c, err := r.AuditCheckpoint(r.ctx)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "the public key is %s\n", c.PublicKey)
			fmt.Fprint(cmd.OutOrStdout(), c.Note)
			return nil
		},
	}
}

func newAuditWatch(s *settings) *cobra.Command {
	var p proofFlags
	every := time.Duration(0)
	cmd := &cobra.Command{
		Use:   "watch FILE",
		Short: "Keep the last checkpoint in a file, and refuse a log that was rewritten",
		Long: `Fetch the checkpoint of the log, verify its signature and the proof that the log
grew out of the one in FILE, and write it to FILE. The first time, FILE is made,
and FILE.key with the public key. Run it from another machine than the server's.
The exit code is 1 when the log was cut or rewritten, or its key was changed;
FILE then stays as it was.`,
		Example: "  PEDIGREE_TOKEN=… pedigree audit watch checkpoint.txt --server https://pedigree.example.com --every 10m",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for {
				if err := watchOnce(cmd, s, args[0], p.keys); err != nil || every <= 0 {
					return err
				}
				select {
				case <-cmd.Context().Done():
					return nil
				case <-time.After(every):
				}
			}
		},
	}
	p.add(cmd)
	cmd.Flags().DurationVar(&every, "every", 0, "look again after this time; 0 looks once")
	return cmd
}

func watchOnce(cmd *cobra.Command, s *settings, file string, keys []string) error {
	r, err := connectToLog(cmd, s)
	if err != nil {
		return err
	}
	defer r.close()
	c, grown, err := watchLog(r.ctx, r, file, keys)
	if err == nil {
		fmt.Fprintf(cmd.OutOrStdout(), "the log holds: %d entries, %d of them new, root %s\n", c.Size, grown, c.Root)
	}
	return err
}
