package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pedigree/connect/demo"
	"pedigree/graph/cache"
	"pedigree/registry"
	"pedigree/server"
	"pedigree/service"
	"pedigree/service/access"
)

// shutdownTimeout is how long open requests may take to end at shutdown.
const shutdownTimeout = 20 * time.Second

func newServe(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the registry: GraphQL, GraphiQL and the dashboard",
		Long: `Serve the registry on --listen until SIGTERM or an interrupt; open requests are
answered first.

The first admin's token is PEDIGREE_BOOTSTRAP_TOKEN, or one that is made at the
first start and written to admin-token in --data, readable by you alone.`,
		Example: "  pedigree serve --demo\n  pedigree serve --listen 127.0.0.1:8080 --store neo4j://neo4j:PASSWORD@localhost:7687/neo4j",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := rejectServerFlag(cmd, "this command is the server; say where it listens with --listen"); err != nil {
				return err
			}
			return serve(cmd.Context(), s, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().String("listen", "127.0.0.1:8080", "address to serve on; port 0 takes a free one")
	cmd.Flags().Bool("demo", false, "load the credit-approval story into an empty registry")
	cmd.Flags().Int("cache-nodes", cache.DefaultNodes, "nodes in each of the two generations of the lineage cache, about 1 KiB each; 0 turns the cache off")
	cmd.Flags().Int64("facts-max-bytes", 64<<20, "the most bytes of one request to /api/v1/facts")
	cmd.Flags().StringSlice("cors-origins", nil, "origins whose pages may call the API")
	return cmd
}

// memoryLimit is what the heap is kept to, as long as that costs no more than half of
// the processor.
const memoryLimit = 160 << 20

// tuneGarbageCollector sets the collector up, where its environment does not: a server holds
// little and makes much that is gone with its request, so collecting is put off until
// the heap has grown ninefold, or to its goal.
func tuneGarbageCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(800)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

func serve(ctx context.Context, s *settings, stdout, stderr io.Writer) error {
	log, err := newLog(stderr, s)
	if err != nil {
		return err
	}
	tuneGarbageCollector()
	o, err := openLocalRegistry(ctx, s)
	if err != nil {
		return err
	}
	defer o.Close()
	tokenFile, err := bootstrap(asOperator(ctx), o.service, s.GetString("data"))
	if err != nil {
		return err
	}
	if s.GetBool("demo") {
		if _, err := demo.Load(asOperator(ctx), o.service); err != nil {
			return err
		}
	}
	l, err := server.Listen("tcp", s.GetString("listen"))
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another address with --listen", s.GetString("listen"), err)
	}
	srv := server.HTTP(server.New(o.service, server.Config{Origins: s.GetStringSlice("cors-origins"), Log: log, FactsBytes: s.GetInt64("facts-max-bytes")}))
	srv.BaseContext = func(net.Listener) context.Context { return context.WithoutCancel(ctx) }
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	fmt.Fprintf(stdout, "pedigree serves on http://%s\n", l.Addr())
	if tokenFile != "" {
		fmt.Fprintf(stdout, "the first admin's token is in %s\n", tokenFile)
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	log.Info("shutting down")
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := srv.Shutdown(end); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("some requests did not end in %s: %w", shutdownTimeout, err)
	}
	return nil
}

// bootstrap makes sure that the first admin's token is known to the store, and
// returns the file that holds it, "" when it came from the environment.
func bootstrap(ctx context.Context, s *service.Service, data string) (string, error) {
	in := access.CreateTokenInput{Subject: "admin", Role: registry.RoleAdmin, Name: "bootstrap"}
	if in.Token = os.Getenv("PEDIGREE_BOOTSTRAP_TOKEN"); in.Token != "" {
		_, err := s.CreateToken(ctx, in)
		return "", err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return "", fmt.Errorf("the data folder cannot be made: %w; choose another with --data", err)
	}
	file := filepath.Join(data, "admin-token")
	if b, err := os.ReadFile(file); err == nil {
		in.Token = strings.TrimSpace(string(b))
		_, err := s.CreateToken(ctx, in)
		return file, err
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("the admin token cannot be read: %w", err)
	}
	in.Token = access.NewToken()
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("the admin token cannot be written: %w", err)
	}
	if _, err := fmt.Fprintln(f, in.Token); err != nil {
		f.Close()
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	_, err = s.CreateToken(ctx, in)
	return file, err
}
