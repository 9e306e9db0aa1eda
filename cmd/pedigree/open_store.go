package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/graph/cache"
	"pedigree/graph/neo4j"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
)

// localRegistry is a service over an open store.
type localRegistry struct {
	store   graph.Store
	service *service.Service
}

// Close closes the store.
func (o *localRegistry) Close() error { return o.store.Close() }

// storeMode says what opening does when there is no store yet.
type storeMode int

const (
	// createStore creates the store, for commands that write.
	createStore storeMode = iota
	// existingStore is NOT_FOUND, for commands that read: a wrong name must not look like an empty
	// registry, and reading leaves nothing behind.
	existingStore
)

// openLocalRegistry opens the store of the settings and builds the service over it.
func openLocalRegistry(ctx context.Context, s *settings, mode storeMode, options ...service.Option) (*localRegistry, error) {
	table, err := policies.Load(s.GetString("policy"))
	if err != nil {
		return nil, err
	}
	trust, err := openTrust(s)
	if err != nil {
		return nil, err
	}
	store, err := openStore(ctx, s.GetString("store"), s.GetString("store-namespace"), s.GetString("data"), mode)
	if err != nil {
		return nil, err
	}
	if nodes := s.GetInt("cache-nodes"); nodes > 0 {
		store = cache.New(store, nodes)
	}
	gate, err := policies.NewGate(ctx, store, table, nil)
	if err != nil {
		store.Close()
		return nil, err
	}
	files, err := openArtifacts(s)
	if err != nil {
		store.Close()
		return nil, err
	}
	elsewhere, err := openReferences(s)
	if err != nil {
		store.Close()
		return nil, err
	}
	return &localRegistry{store, service.New(gate, slices.Concat(options, trust, elsewhere, []service.Option{files})...)}, nil
}

// openStore opens a store. The scheme of the URL selects the engine. Errors never contain
// the URL, because it may contain a password.
func openStore(ctx context.Context, url, namespace, data string, mode storeMode) (graph.Store, error) {
	scheme, rest, _ := strings.Cut(url, "://")
	switch strings.TrimSuffix(strings.TrimSuffix(scheme, "+s"), "+ssc") {
	case "":
		return openSQLite(ctx, filepath.Join(data, "pedigree.db"), namespace, mode)
	case "sqlite":
		if rest == "" || rest == "/" {
			return nil, registry.Invalid("store", "a SQLite store needs a path: sqlite:///path/file.db")
		}
		return openSQLite(ctx, rest, namespace, mode)
	case "neo4j", "bolt":
		options := []neo4j.Option{neo4j.WithNamespace(namespace)}
		if mode == existingStore {
			options = append(options, neo4j.MustExist())
		}
		return neo4j.Open(ctx, url, options...)
	}
	return nil, registry.Invalid("store", "%q is no store; use sqlite:///path/file.db or neo4j://user:password@host:7687/database", registry.Shorten(scheme, 20))
}

func openSQLite(ctx context.Context, path, namespace string, mode storeMode) (graph.Store, error) {
	if namespace != "" {
		return nil, registry.Invalid("store-namespace", "means nothing to a SQLite store, which is one registry; name another file, or leave it out")
	}
	if mode == existingStore {
		if f, err := os.Stat(path); err != nil || f.Size() == 0 {
			return nil, registry.Errorf(registry.NotFound, "there is no file %s with a registry", path)
		}
	}
	return sqlite.Open(ctx, path)
}

// asOperator returns a context of the operating system user, as cli:USER with every right.
// A user who can open the store needs no token.
func asOperator(ctx context.Context) context.Context {
	who := "unknown"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	return service.As(ctx, registry.Actor{Subject: "cli:" + who, Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "cli")
}

// newLog returns a logger that writes text or JSON.
func newLog(w io.Writer, s *settings) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.GetString("log-level"))); err != nil {
		return nil, registry.Invalid("log-level", "must be debug, info, warn or error")
	}
	o := &slog.HandlerOptions{Level: level}
	switch s.GetString("log-format") {
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, o)), nil
	}
	return nil, registry.Invalid("log-format", "must be text or json")
}
