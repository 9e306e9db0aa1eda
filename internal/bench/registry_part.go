package bench

import (
	"context"
	"errors"
	"path/filepath"

	"pedigree/internal/neo4jtest"
)

// measureRegistry measures what a registry does all day: this server over GraphQL on
// both stores and over its APIs for MLflow and Kubeflow, and MLflow's own server, all with the same models.
func (r *runner) measureRegistry(ctx context.Context) error {
	if !r.hasPart(RegistryPart) {
		return nil
	}
	result := newRegistryResult(r.Models)
	r.result.Registry = result
	contenders, err := r.startRegistries(ctx)
	if err != nil {
		return err
	}
	for _, c := range contenders {
		r.logf("loading %d models into %s", r.Models, c.name)
		if err := errors.Join(c.load(), ctx.Err()); err != nil {
			return err
		}
	}
	for round := range r.Rounds {
		for _, clients := range Concurrency() {
			for _, work := range registryWorks() {
				for _, c := range contenders {
					if err := ctx.Err(); err != nil {
						return err
					}
					r.measureRegistryWork(round, c, work, clients)
				}
			}
		}
	}
	return nil
}

// measureRegistryWork measures one work of one contender. A wrong answer or an error
// is recorded, and ends the measurements of this work with this contender.
func (r *runner) measureRegistryWork(round int, c *registryContender, work registryWork, clients int) {
	key, result := sampleKey{work.name, c.name, len(c.models), clients}, r.result.Registry
	if _, asked := c.calls[work.name]; !asked || result.failed[key] != nil {
		return
	}
	got, err := r.sample(round, c.contender(work, clients), key, c.workload(work))
	if err != nil {
		r.logf("failed: %v", err)
		result.failed[key] = err
		return
	}
	if work.change != nil {
		c.writes += got.Answers
	}
	result.samples[key] = append(result.samples[key], got)
	result.resident[c.name] = max(result.resident[c.name], residentMemory(c.pids()))
}

// startRegistries starts the selected servers on empty stores.
func (r *runner) startRegistries(ctx context.Context) (out []*registryContender, err error) {
	for _, s := range []struct {
		name  string
		start func(context.Context, string) (*registryContender, error)
	}{{MLflowOne, r.startRegistryMLflow}, {MLflowDefault, r.startRegistryMLflow}, {PedigreeSQLite, r.startRegistrySQLite}, {MLflowDoor, r.startRegistryDoor}, {KubeflowDoor, r.startRegistryKubeflow}, {PedigreeNeo4j, r.startRegistryNeo4j}} {
		if !r.hasContender(s.name) {
			continue
		}
		r.logf("starting %s for the part registry", s.name)
		c, err := s.start(ctx, s.name)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func (r *runner) startRegistryMLflow(ctx context.Context, name string) (*registryContender, error) {
	workers := 0
	if name == MLflowOne {
		workers = 1
	}
	server, err := r.startMLflow(ctx, name, workers)
	if err != nil {
		return nil, err
	}
	r.cleanups = append(r.cleanups, server.stop)
	r.result.Registry.mlflow = server.version
	models := newRegistryModels(r.Models)
	return &registryContender{name: name, models: models, calls: mlflowCalls(models), pids: func() []int { return processTree(server.pid()) },
		dial: func(registryWork) (*httpConn, error) { return dial(server.url) }}, nil
}

func (r *runner) startRegistrySQLite(ctx context.Context, name string) (*registryContender, error) {
	file := filepath.Join(r.Dir, "registry.db")
	removeStore(file)
	r.cleanups = append(r.cleanups, func() { removeStore(file) })
	server, err := r.startServer(ctx, "registry-sqlite", "sqlite://"+file)
	if err != nil {
		return nil, err
	}
	return r.pedigreeRegistry(name, server, func() []int { return []int{server.pid()} }), nil
}

func (r *runner) startRegistryNeo4j(ctx context.Context, name string) (*registryContender, error) {
	database, err := neo4jtest.StartWithSettings(ctx, neo4jtest.Settings{HeapMB: heapMB, PageCacheMB: pageCacheMB(0)})
	if err != nil {
		return nil, err
	}
	r.cleanups = append(r.cleanups, database.Stop)
	server, err := r.startServer(ctx, "registry-neo4j", database.URL)
	if err != nil {
		return nil, err
	}
	return r.pedigreeRegistry(name, server, func() []int { return append(processTree(database.Pid()), server.pid()) }), nil
}

// pedigreeRegistry returns a server of this registry as a contender, and stops it at
// the end. Transitions need the administrator; all else is asked by a data scientist.
func (r *runner) pedigreeRegistry(name string, server *testServer, pids func() []int) *registryContender {
	r.cleanups = append(r.cleanups, server.stop)
	models := newRegistryModels(r.Models)
	return &registryContender{name: name, models: models, calls: pedigreeCalls(models), pids: pids, dial: func(work registryWork) (*httpConn, error) {
		token := server.token
		if work.name == transition.name {
			token = server.adminToken
		}
		return dial(server.url+"/graphql", "Authorization: Bearer "+token)
	}}
}
