package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"pedigree/notify"
	"pedigree/registry"
	"pedigree/server"
	"pedigree/service"
	"pedigree/service/lineageout"
)

// addLineageOutFlags adds the flags of serve about OpenLineage events that go out.
func addLineageOutFlags(cmd *cobra.Command) {
	cmd.Flags().String("openlineage-out", "", "where what is recorded is told as OpenLineage events: the URL of a receiver, a file, or - for standard output; the key for a URL is PEDIGREE_OPENLINEAGE_OUT_API_KEY")
	cmd.Flags().String("openlineage-out-role", registry.RoleDataScientist, "the role that decides what these events tell")
}

// lineageOutConfig reads the settings of addLineageOutFlags; nil when no events go out.
func lineageOutConfig(s *settings, stdout io.Writer, log *slog.Logger) (*notify.LineageConfig, error) {
	address := s.GetString("openlineage-out")
	if address == "" {
		return nil, nil
	}
	if !strings.Contains(address, "://") && address != "-" {
		full, err := filepath.Abs(address)
		if err != nil {
			return nil, err
		}
		address = full
	}
	sink, address, err := notify.NewLineageSink(address, os.Getenv("PEDIGREE_OPENLINEAGE_OUT_API_KEY"), stdout)
	if err != nil {
		return nil, err
	}
	return &notify.LineageConfig{Address: address, Role: s.GetString("openlineage-out-role"), Sink: sink, FirstPause: s.GetDuration("webhook-pause"), Log: log}, nil
}

// sendLineage sends OpenLineage events until the function that it returns is called. The metrics of
// the server show where it is.
func sendLineage(ctx context.Context, s *service.Service, c notify.LineageConfig, to *server.Config) (stop func()) {
	w := notify.NewLineageWorker(s, c)
	to.EventsOut = func() server.EventsOut { return server.EventsOut(w.State()) }
	operator := registry.Actor{Subject: lineageout.SinkSubject, Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}
	ctx, cancel := context.WithCancel(service.As(ctx, operator, "openlineage"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
		if f, ok := c.Sink.(io.Closer); ok {
			_ = f.Close() // Every line that was noted is on the disk.
		}
	}
}
