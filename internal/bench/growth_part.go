package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"pedigree/internal/bench/graphs"
	"pedigree/internal/neo4jtest"
	"pedigree/registry"
)

// growthFormat must change with growthFacts, so that stores on disk are loaded again.
const growthFormat = 1

// growthAdmin is the role that sees all, growthViewer the one that sees least.
const growthAdmin, growthViewer = "admin", "viewer"

// measureGrowth asks every question on stores of every size. What a question costs may
// not depend on how much there is that it does not return.
func (r *runner) measureGrowth(ctx context.Context) error {
	if !r.hasPart(GrowthPart) {
		return nil
	}
	r.result.Growth = newGrowthResult(r.GrowthSizes)
	for _, s := range []struct {
		name  string
		start func(context.Context, int) (*growthServer, error)
	}{{PedigreeSQLite, r.startGrowthSQLite}, {PedigreeNeo4j, r.startGrowthNeo4j}} {
		if !r.hasContender(s.name) {
			continue
		}
		for _, size := range r.GrowthSizes {
			server, err := s.start(ctx, size)
			if err == nil {
				err = r.measureGrowthStore(ctx, s.name, size, server)
				server.stop()
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// growthServer is a server on a store of one size.
type growthServer struct {
	server      *testServer
	viewerToken string
	pids        []int
	cleanups    []func()
}

func (s *growthServer) stop() {
	for i := len(s.cleanups) - 1; i >= 0; i-- {
		s.cleanups[i]()
	}
}

// measureGrowthStore asks all questions: as viewer, as administrator, and then the
// mutations. A question that fails is recorded.
func (r *runner) measureGrowthStore(ctx context.Context, name string, size int, s *growthServer) error {
	for _, group := range []struct {
		role, token string
		questions   []growthQuestion
	}{{growthViewer, s.viewerToken, growthReads()}, {growthAdmin, s.server.adminToken, slices.Concat(growthReads(), growthAdminReads(), growthWrites())}} {
		for _, q := range group.questions {
			if err := ctx.Err(); err != nil {
				return err
			}
			c := &contender{name: name, size: size, pids: s.pids, open: func() (querier, error) {
				conn, err := dial(s.server.url+"/graphql", "Authorization: Bearer "+group.token)
				return &growthQuerier{httpConn: conn, document: q.document}, err
			}}
			key := sampleKey{q.name + ", " + group.role, name, size, 1}
			questions := slices.Repeat([]graphs.Question{{Of: registry.ID(q.name)}}, 20)
			if got, err := r.sample(0, c, key, workload{questions: questions}); err != nil {
				r.logf("failed: %v", err)
				r.result.Growth.failed[key] = err
			} else {
				r.result.Growth.add(key, got)
			}
		}
	}
	return nil
}

// growthQuerier posts one document with a new number each time.
type growthQuerier struct {
	*httpConn
	document string
	n        int
}

func (g *growthQuerier) query(graphs.Question) (int, int, error) {
	g.n++
	answer, err := g.post([]byte(`{"query":` + jsonString(strings.ReplaceAll(g.document, "$N", strconv.Itoa(g.n))) + `}`))
	if err == nil && bytes.Contains(answer, []byte(`"errors":[`)) {
		err = fmt.Errorf("an answer with errors: %.500s", answer)
	}
	return 0, 0, err
}

// startGrowthSQLite starts a server on a copy of the store of a size, and loads the
// store first when it does not exist yet.
func (r *runner) startGrowthSQLite(ctx context.Context, size int) (*growthServer, error) {
	file := filepath.Join(r.Dir, fmt.Sprintf("growth-%d-v%d.db", size, growthFormat))
	if _, err := os.Stat(file); err != nil || r.Rebuild {
		loading := file + ".loading"
		removeStore(loading)
		if err := r.loadGrowth(ctx, "sqlite://"+loading, size); err != nil {
			return nil, err
		}
		if err := os.Rename(loading, file); err != nil {
			return nil, err
		}
	}
	work := filepath.Join(r.Dir, "growth.db")
	removeStore(work)
	s := &growthServer{cleanups: []func(){func() { removeStore(work) }}}
	if err := copyFile(work, file); err != nil {
		return nil, err
	}
	return s, r.startGrowthServer(ctx, s, "growth-sqlite", "sqlite://"+work)
}

// startGrowthNeo4j loads the store of a size into a new database. It is not kept: the
// mutations change it.
func (r *runner) startGrowthNeo4j(ctx context.Context, size int) (*growthServer, error) {
	database, err := neo4jtest.StartWithSettings(ctx, neo4jtest.Settings{HeapMB: heapMB, PageCacheMB: pageCacheMB(12 * size)})
	if err != nil {
		return nil, err
	}
	s := &growthServer{cleanups: []func(){database.Stop}, pids: processTree(database.Pid())}
	if err := r.loadGrowth(ctx, database.URL, size); err != nil {
		s.stop()
		return nil, err
	}
	return s, r.startGrowthServer(ctx, s, "growth-neo4j", database.URL)
}

// startGrowthServer starts the server of a store. After an error nothing runs.
func (r *runner) startGrowthServer(ctx context.Context, s *growthServer, name, store string) (err error) {
	if s.server, err = r.startServer(ctx, name, store); err == nil {
		s.cleanups, s.pids = append(s.cleanups, s.server.stop), append(s.pids, s.server.pid())
		var data string
		if data, err = os.MkdirTemp("", "pedigree-bench-"); err == nil {
			s.viewerToken, err = r.createToken(ctx, data, store, growthViewer)
			os.RemoveAll(data)
		}
	}
	if err != nil {
		s.stop()
	}
	return err
}

// loadGrowth loads the facts of a size into an empty store, with the command that
// users load facts with.
func (r *runner) loadGrowth(ctx context.Context, store string, size int) error {
	dir, err := os.MkdirTemp(r.Dir, "growth-facts-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r.logf("loading %d siblings of each kind", size)
	file := filepath.Join(dir, "facts.jsonl")
	if err := writeGrowthFacts(file, size); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, r.Server, "load", file, "--data", dir, "--store", store).CombinedOutput()
	if err != nil {
		return errors.Join(fmt.Errorf("the facts of %d siblings cannot be loaded: %.2000s", size, out), err)
	}
	return nil
}
