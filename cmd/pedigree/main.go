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

	"pedigree/registry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Main runs the command until it ends or the context is done. It returns the exit code: 0,
// 1 for a failure, 2 for wrong arguments, 3 for a load that refused lines. Tests call it
// in-process.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var known *registry.Error
	if errors.As(err, &known) {
		fmt.Fprintf(stderr, "pedigree: %s: %s\n", known.Code, known.Message)
		if known.Code == registry.Internal && known.Err != nil {
			fmt.Fprintf(stderr, "  cause: %v\n", known.Err)
		}
		return 1
	}
	fmt.Fprintf(stderr, "pedigree: %v\n", err)
	switch {
	case errors.Is(err, errUsage):
		return 2
	case errors.Is(err, errRefused):
		return 3
	}
	return 1
}

// errUsage marks errors of the command line.
var errUsage = errors.New("see pedigree --help")
