package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"pedigree/connect/mlflow"
	"pedigree/registry"
	"pedigree/service"
)

// trackedRuns returns the option that reads runs from a tracking server, none without a server.
func trackedRuns(server string) ([]service.Option, error) {
	if server == "" {
		return nil, nil
	}
	r, err := mlflow.NewRunReader(server, mlflow.LoginOf(os.Getenv), time.Now)
	if err != nil {
		return nil, err
	}
	return []service.Option{service.ReadRuns(r)}, nil
}

// mlflowAnyStage reads which moves MLflow's clients may make: any, or those of the lifecycle.
func mlflowAnyStage(moves string) (bool, error) {
	if moves != "lifecycle" && moves != "any" {
		return false, registry.Invalid("mlflow-stage-transitions", "%q is not lifecycle or any", registry.Shorten(moves, 60))
	}
	return moves == "any", nil
}

// unreadRunsPause is how often the runs that are still to be read are looked at.
const unreadRunsPause = 5 * time.Second

// readUnreadRuns reads the runs of versions whose tracking server did not answer, until the
// function that it returns is called. It acts as import:mlflow.
func readUnreadRuns(ctx context.Context, s *service.Service, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(service.As(ctx, registry.Actor{Subject: "import:mlflow", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "mlflow-runs"))
	tick, done := time.NewTicker(unreadRunsPause), make(chan struct{})
	go func() {
		defer close(done)
		mlflow.Watch(ctx, s, tick.C, log)
	}()
	return func() { tick.Stop(); cancel(); <-done }
}
