// Command pedigree is a model registry that records where every model came from and where
// it runs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"

	"pedigree/registry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// The exit codes. docs/commands.md explains them.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2 // wrong arguments; nothing was done
	exitRefused = 3 // a load that refused lines
	exitWaits   = 4 // a transition that needs approvals: a request was made, nothing was moved
	exitBlocked = 5 // a check that found something in the way
)

// Main runs the command until it ends or the context is done, and returns the exit code. Tests
// call it in-process.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	s := &settings{Viper: viper.New()}
	root := newRootOf(s)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := unknownSubcommand(root, args)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err != nil && !s.understood {
		err = fmt.Errorf("%w; %w", err, errUsage)
	}
	if err == nil {
		return exitDone
	}
	var known *registry.Error
	if errors.As(err, &known) {
		fmt.Fprintf(stderr, "pedigree: %s: %s\n", known.Code, known.Message)
		if known.Code == registry.Internal && known.Err != nil {
			fmt.Fprintf(stderr, "  cause: %v\n", known.Err)
		}
		return exitFailed
	}
	fmt.Fprintf(stderr, "pedigree: %v\n", err)
	switch {
	case errors.Is(err, errUsage):
		return exitUsage
	case errors.Is(err, errRefused):
		return exitRefused
	case errors.Is(err, errWaits):
		return exitWaits
	case errors.Is(err, errBlocked):
		return exitBlocked
	}
	return exitFailed
}

// unknownSubcommand returns an error for a command that groups others and is followed by none of
// them. Cobra prints the help and reports success.
func unknownSubcommand(root *cobra.Command, args []string) error {
	cmd, rest, err := root.Find(args)
	if err != nil || cmd == root || cmd.Runnable() || cmd.ParseFlags(rest) != nil || cmd.Flags().NArg() == 0 {
		return nil // Cobra decides.
	}
	return fmt.Errorf("unknown command %q for %q", registry.Shorten(cmd.Flags().Arg(0), 60), cmd.CommandPath())
}

// errUsage marks errors of the command line.
var errUsage = errors.New("see pedigree --help")
