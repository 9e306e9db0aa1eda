// Package githost keeps repositories of git hosts current in the registry. It receives the hooks of
// GitHub, GitLab and Gitea, and imports a repository again when a branch or tag of it moved. It
// fetches only the repositories of its configuration, whatever a hook says.
package githost

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"pedigree/connect/dvc"
	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service"
)

// Registry holds the registry methods that keeping repositories current calls.
type Registry interface {
	dvc.Registry
	Authenticate(ctx context.Context, token string) (registry.Actor, error)
	NoteHookDelivery(ctx context.Context, window time.Duration, digests ...[sha256.Size]byte) (isNew bool, err error)
}

// workers is how many repositories are imported at the same time.
const workers = 2

// Keeper imports repositories that have news, each by one worker at a time. What waits is a set of
// names, so that it cannot grow beyond the configuration: news of a repository that waits already
// add nothing to it. It is in memory only; at its start every repository is looked at.
type Keeper struct {
	config   *Config
	registry Registry
	log      *slog.Logger
	sources  map[string]*Source

	mu      sync.Mutex
	waiting []string
	running map[string]bool
	wake    chan struct{}
	// imported is called after each import that was tried; nil for none.
	imported func(name string, report *git.Report, err error)
}

// NewKeeper returns a keeper that keeps its clones below a folder.
func NewKeeper(c *Config, r Registry, dir string, log *slog.Logger) *Keeper {
	k := &Keeper{config: c, registry: r, log: log, sources: map[string]*Source{}, running: map[string]bool{}, wake: make(chan struct{}, 1)}
	for i := range c.Repositories {
		one := &c.Repositories[i]
		s := &Source{Path: one.URL}
		if !one.onThisMachine() {
			s = &Source{Kept: &git.Kept{Dir: filepath.Join(dir, one.Name+".git"), URL: one.URL, User: one.User, Password: one.Password, CA: one.CA, MaxBytes: one.MaxBytes}}
		}
		k.sources[one.Name] = s
	}
	return k
}

// NoteHookDelivery notes a delivery in the registry, with the rights of the token of the configuration. A
// token without them imports nothing either: then a delivery is new as far as the registry knows.
func (k *Keeper) NoteHookDelivery(ctx context.Context, window time.Duration, digests ...[sha256.Size]byte) (isNew bool, err error) {
	actor, err := k.registry.Authenticate(ctx, k.config.Token)
	if err == nil {
		isNew, err = k.registry.NoteHookDelivery(service.As(ctx, actor, "git-hooks"), window, digests...)
	}
	if code := registry.CodeOf(err); code == registry.Unauthenticated || code == registry.Forbidden {
		return true, nil
	}
	return isNew, err
}

// Queue notes that a repository has news. It returns at once.
func (k *Keeper) Queue(name string) {
	k.mu.Lock()
	if k.sources[name] != nil && !slices.Contains(k.waiting, name) {
		k.waiting = append(k.waiting, name)
	}
	k.mu.Unlock()
	k.signal()
}

func (k *Keeper) signal() {
	select {
	case k.wake <- struct{}{}:
	default: // It is awake already.
	}
}

// take returns a waiting repository that no worker has, "" when there is none.
func (k *Keeper) take() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.running) == workers {
		return ""
	}
	for i, name := range k.waiting {
		if !k.running[name] {
			k.waiting = slices.Delete(k.waiting, i, i+1)
			k.running[name] = true
			return name
		}
	}
	return ""
}

// Run looks at every repository now and at each tick, and at those with news, until the context
// ends. It returns when its workers have stopped.
func (k *Keeper) Run(ctx context.Context, ticks <-chan time.Time) {
	var group sync.WaitGroup
	defer group.Wait()
	k.queueAll()
	for {
		for name := k.take(); name != ""; name = k.take() {
			group.Go(func() {
				k.keep(ctx, name)
				k.mu.Lock()
				delete(k.running, name)
				k.mu.Unlock()
				k.signal()
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			k.queueAll()
		case <-k.wake:
		}
	}
}

func (k *Keeper) queueAll() {
	for _, r := range k.config.Repositories {
		k.Queue(r.Name)
	}
}

// keep imports a repository, if something moved.
func (k *Keeper) keep(ctx context.Context, name string) {
	i := slices.IndexFunc(k.config.Repositories, func(r Repository) bool { return r.Name == name })
	one := &k.config.Repositories[i]
	var report *git.Report
	tried, err := k.sources[name].Update(ctx, func(path string) (err error) {
		actor, err := k.registry.Authenticate(ctx, k.config.Token) // Each time, because roles and tokens are taken away.
		if err != nil {
			return err
		}
		report, err = one.load(service.As(ctx, actor, "git-hooks "+name), k.registry, path)
		return err
	})
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		k.log.WarnContext(ctx, "a repository was not imported", "repository", name, "cause", registry.Cause(err))
	case tried:
		k.log.InfoContext(ctx, "a repository was imported", "repository", name, "added", report.Total(), "problems", len(report.Problems))
	}
	if k.imported != nil && (tried || err != nil) {
		k.imported(name, report, err)
	}
}

// load imports the repository at a path.
func (r *Repository) load(ctx context.Context, to Registry, path string) (*git.Report, error) {
	o := git.Options{Name: r.Key}
	if r.OnlyGit {
		return git.Import(ctx, to, path, o)
	}
	return dvc.Import(ctx, to, path, dvc.Options{Options: o, Models: r.Models, Artifacts: r.Artifacts, ModelPrefix: r.ModelPrefix})
}
