package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"pedigree/internal/bench/graphs"
)

// testServer is a server of this registry under test, with a token for it and one of
// its administrator.
type testServer struct {
	*process
	token, adminToken string
}

// benchRole is the role of the token. It is not the administrator, so that the
// access policy applies and its cost is measured.
const benchRole = "data_scientist"

// startServer starts the server on a store as its users do, with every limit and
// access check on. Its log goes to Dir/NAME.log.
func (c Config) startServer(ctx context.Context, name, store string, flags ...string) (*testServer, error) {
	data, err := os.MkdirTemp("", "pedigree-bench-")
	if err != nil {
		return nil, err
	}
	token, err := c.createToken(ctx, data, store, benchRole)
	if err != nil {
		os.RemoveAll(data)
		return nil, fmt.Errorf("no token for %s: %w", name, err)
	}
	cmd := exec.Command(c.Server, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--log-level", "warn", "--rate-limit", "0", "--store", store}, flags...)...)
	admin := rand.Text() + rand.Text()
	cmd.Env = append(os.Environ(), "PEDIGREE_BOOTSTRAP_TOKEN="+admin)
	p, err := launch(cmd, filepath.Join(c.Dir, name+".log"), c.StartTimeout, checkReady)
	if err != nil {
		os.RemoveAll(data)
		return nil, err
	}
	go func() {
		<-p.exited
		os.RemoveAll(data)
	}()
	return &testServer{p, token, admin}, nil
}

// createToken returns a new token of a role for the servers of a store.
func (c Config) createToken(ctx context.Context, data, store, role string) (string, error) {
	create := exec.CommandContext(ctx, c.Server, "token", "create", "--subject", "bench-"+rand.Text()[:8], "--role", role, "--data", data, "--store", store)
	out, err := create.Output()
	if err != nil {
		return "", withStderr(err)
	}
	token := strings.TrimSpace(string(out))
	return token[strings.LastIndex(token, "\n")+1:], nil
}

// withStderr adds the standard error of a failed command to its error.
func withStderr(err error) error {
	if e, ok := err.(*exec.ExitError); ok {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(e.Stderr))
	}
	return err
}

func checkReady(url string) error {
	resp, err := http.Get(url + "/readyz")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", resp.Status)
	}
	return nil
}

// The queries of the contenders. maxDepth is larger than any answer needs, so that
// no answer is truncated.
const (
	lineageQuery = `query($id: ID!) { lineage(of: $id, maxDepth: 20) { nodes { node { id kind name } } edges { from to kind } } }`
	impactQuery  = `query($id: ID!) { impact(of: [$id], first: 100) { nodes: edges { depth node { id kind name } } } }`
)

// httpQuerier posts one GraphQL document with the id of a question as its variable.
type httpQuerier struct {
	*httpConn
	prefix, suffix, body []byte
	// skipCount checks an answer for errors only and counts nothing.
	skipCount bool
}

func (h *httpQuerier) query(q graphs.Question) (int, int, error) {
	h.body = append(append(append(h.body[:0], h.prefix...), q.Of...), h.suffix...)
	answer, err := h.post(h.body)
	if err != nil {
		return 0, 0, err
	}
	if h.skipCount {
		if bytes.Contains(answer, []byte(`"errors":[`)) {
			return 0, 0, fmt.Errorf("an answer with errors: %.500s", answer)
		}
		return 0, 0, nil
	}
	return countElements(answer)
}

// dialEach returns a function that opens a connection and a querier for one document.
func dialEach(url, document string, headers ...string) func() (querier, error) {
	return func() (querier, error) {
		conn, err := dial(url, headers...)
		if err != nil {
			return nil, err
		}
		return newHTTPQuerier(conn, document, false), nil
	}
}

func newHTTPQuerier(conn *httpConn, document string, skipCount bool) *httpQuerier {
	return &httpQuerier{httpConn: conn, prefix: []byte(`{"query":` + jsonString(document) + `,"variables":{"id":"`), suffix: []byte(`"}}`), skipCount: skipCount}
}

// contender returns the server as a contender for one document. The CPU time of
// databasePIDs counts as the server's.
func (s *testServer) contender(name string, size int, document string, databasePIDs ...int) *contender {
	return &contender{name: name, size: size, pids: append([]int{s.pid()}, databasePIDs...),
		open: dialEach(s.url+"/graphql", document, "Authorization: Bearer "+s.token)}
}
