package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pedigree/graph/cache"
	"pedigree/registry"
	"pedigree/server"
	"pedigree/service"
	"pedigree/service/access"
)

// shutdownTimeout is the time that open requests have to end at shutdown.
const shutdownTimeout = 20 * time.Second

func newServe(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the registry: GraphQL, GraphiQL and the dashboard",
		Long: `Serve the registry on --listen until SIGTERM or an interrupt. Open requests are
completed before the server stops.

The first admin's token is the value of PEDIGREE_BOOTSTRAP_TOKEN. Without it, the
first start creates a token and writes it to the file admin-token in --data, which
only its owner can read.

Checkpoints of the log are signed with the key in PEDIGREE_LOG_KEY, else with the one
in the file log-key in --data, which the first start makes. Give the servers of one
store the same key.`,
		Example: "  pedigree serve --demo\n  pedigree serve --listen 127.0.0.1:8080 --store neo4j://neo4j:PASSWORD@localhost:7687/neo4j",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), s, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().String("listen", "127.0.0.1:8080", "the address to listen on; port 0 selects a free port")
	cmd.Flags().Bool("demo", false, "load the example of five models, with credit-approval among them, into an empty registry")
	cmd.Flags().Int("cache-nodes", cache.DefaultNodes, "the number of nodes in each of the two generations of the lineage cache, about 1 KiB each; 0 disables the cache")
	cmd.Flags().Int64("facts-max-bytes", 64<<20, "the size limit of a request to /api/v1/facts in bytes")
	cmd.Flags().String("approval-profile", "", "set at the start which transitions of the registry need approvals: open (none) or guarded (PRODUCTION needs one); without it what the store holds stays, and a new store is open")
	cmd.Flags().String("mlflow-stage-transitions", "lifecycle", "which moves MLflow's clients may make: lifecycle (those of the lifecycle) or any (others are forced transitions, for those who may force one)")
	cmd.Flags().String("mlflow-tracking-uri", "", "the URL of the tracking server of MLflow whose runs become lineage when their versions are registered; it logs in as MLflow's client does, by MLFLOW_TRACKING_TOKEN or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD")
	cmd.Flags().String("git-hooks", "", "a YAML file of the git repositories that are kept current, by hooks of GitHub, GitLab and Gitea at /api/v1/hooks/HOST/NAME and by polling; see docs/git-hosts.md")
	cmd.Flags().Duration("run-timeout", registry.DefaultRunTimeout, "the time after which a run that began, and whose end nobody told, is UNKNOWN; 0 for never")
	cmd.Flags().StringSlice("cors-origins", nil, "the origins whose pages may call the API from a browser")
	addArtifactFlags(cmd)
	addVerifyFlags(cmd)
	addTrustFlag(cmd)
	addWebhookFlags(cmd)
	addLineageOutFlags(cmd)
	addIdentityFlags(cmd)
	return cmd
}

// memoryLimit is the soft memory limit of the Go runtime, in bytes. The runtime exceeds it
// rather than spend more than half of the processor time on collection.
const memoryLimit = 160 << 20

// tuneGarbageCollector sets GOGC to 800 and the memory limit, unless the environment sets
// them. A server keeps little memory and allocates much that is garbage after the request,
// so collections can wait until the heap is nine times as large or reaches the limit.
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
	config := server.Config{Origins: s.GetStringSlice("cors-origins"), Log: log, FactsBytes: s.GetInt64("facts-max-bytes"), FileBytes: s.GetInt64("artifact-max-bytes")}
	if err := identityConfig(s, &config); err != nil {
		return err
	}
	if config.MLflowAnyStage, err = mlflowAnyStage(s.GetString("mlflow-stage-transitions")); err != nil {
		return err
	}
	runs, err := trackedRuns(s.GetString("mlflow-tracking-uri"))
	if err != nil {
		return err
	}
	timeout := s.GetDuration("run-timeout")
	if timeout < 0 {
		return registry.Invalid("run-timeout", "must not be less than 0")
	}
	hooks, err := webhookConfig(s, log)
	if err != nil {
		return err
	}
	out, err := lineageOutConfig(s, stdout, log)
	if err != nil {
		return err
	}
	tuneGarbageCollector()
	o, err := openLocalRegistry(ctx, s, createStore, append(runs, service.RunTimeout(timeout))...)
	if err != nil {
		return err
	}
	defer o.Close()
	tokenFile, err := prepareRegistry(asOperator(ctx), s, o.service)
	if err != nil {
		return err
	}
	l, err := server.Listen("tcp", s.GetString("listen"))
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another address with --listen", s.GetString("listen"), err)
	}
	stopKeeping, err := keepRepositories(context.WithoutCancel(ctx), s, o.service, log, &config)
	if err != nil {
		return err
	}
	defer stopKeeping()
	stopSending := func() {}
	if out != nil {
		stopSending = sendLineage(context.WithoutCancel(ctx), o.service, *out, &config)
	}
	defer stopSending()
	srv := server.HTTP(server.New(o.service, config))
	srv.BaseContext = func(net.Listener) context.Context { return context.WithoutCancel(ctx) }
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	minutes := time.NewTicker(time.Minute)
	defer minutes.Stop()
	stopFlushing := flushCounters(context.WithoutCancel(ctx), o.service, minutes.C, log)
	defer stopFlushing()
	if len(runs) > 0 {
		defer readUnreadRuns(context.WithoutCancel(ctx), o.service, log)()
	}
	if hooks != nil {
		defer deliverWebhooks(context.WithoutCancel(ctx), o.service, *hooks)()
	}
	fmt.Fprintf(stdout, "pedigree serves on http://%s%s\n", l.Addr(), config.BasePath)
	if tokenFile != "" {
		fmt.Fprintf(stdout, "the first admin's token is in %s\n", tokenFile)
	}
	return endServing(ctx, srv, done, log)
}

// endServing waits for the end of the server, or ends it with the context.
func endServing(ctx context.Context, srv *http.Server, done <-chan error, log *slog.Logger) error {
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

// prepareRegistry sets up what a server needs in its registry before it answers, and returns the file
// with the first administrator's token, "" when there is an administrator already.
func prepareRegistry(ctx context.Context, s *settings, registry *service.Service) (tokenFile string, err error) {
	if err := setApprovalProfile(ctx, registry, s.GetString("approval-profile")); err != nil {
		return "", err
	}
	if tokenFile, err = bootstrap(ctx, registry, s.GetString("data")); err != nil {
		return "", err
	}
	if err := useLogKey(ctx, registry, s.GetString("data"), true); err != nil {
		return "", err
	}
	if s.GetBool("demo") {
		if _, err := loadDemo(ctx, registry); err != nil {
			return "", err
		}
	}
	return tokenFile, nil
}

// setApprovalProfile sets the profile of the whole registry; "" leaves it as it is.
func setApprovalProfile(ctx context.Context, s *service.Service, profile string) error {
	switch profile {
	case "":
		return nil
	case "open", "guarded":
		return s.SetDefaultProfile(ctx, registry.ApprovalProfile(strings.ToUpper(profile)))
	}
	return registry.Invalid("approval-profile", "%q is not open or guarded", registry.Shorten(profile, 60))
}

// bootstrap creates the first admin's token in the store. It returns the file that contains
// the token, or "" when the token came from the environment.
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
