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

// served is a server of this registry under test, and a token for it.
type served struct {
	*process
	token string
}

// role is who asks: not the administrator, for whom sight costs nothing, but one
// to whom the policy applies.
const role = "data_scientist"

// serve starts the server on a store, as its users do; every guard is on.
func (c Config) serve(ctx context.Context, name, store string, flags ...string) (*served, error) {
	data, err := os.MkdirTemp("", "pedigree-bench-")
	if err != nil {
		return nil, err
	}
	made := exec.CommandContext(ctx, c.Server, "token", "create", "--subject", "bench-"+rand.Text()[:8], "--role", role, "--data", data, "--store", store)
	out, err := made.Output()
	if err != nil {
		os.RemoveAll(data)
		return nil, fmt.Errorf("no token for %s: %w", name, failure(err))
	}
	token := strings.TrimSpace(string(out))
	token = token[strings.LastIndex(token, "\n")+1:]
	cmd := exec.Command(c.Server, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--log-level", "warn", "--store", store}, flags...)...)
	cmd.Env = append(os.Environ(), "PEDIGREE_BOOTSTRAP_TOKEN="+rand.Text()+rand.Text())
	p, err := launch(cmd, filepath.Join(c.Dir, name+".log"), c.Step, ready)
	if err != nil {
		os.RemoveAll(data)
		return nil, err
	}
	go func() {
		<-p.gone
		os.RemoveAll(data)
	}()
	return &served{p, token}, nil
}

func failure(err error) error {
	if e, ok := err.(*exec.ExitError); ok {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(e.Stderr))
	}
	return err
}

func ready(url string) error {
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

// What is asked. maxDepth is more than the questions need, so that none is cut.
const (
	askLineage = `query($id: ID!) { lineage(of: $id, maxDepth: 20) { nodes { node { id kind name } } edges { from to kind } } }`
	askImpact  = `query($id: ID!) { impact(of: [$id], first: 100) { nodes: edges { depth node { id kind name } } } }`
)

// asked is an asker over HTTP: one document, the id of a question as its variable.
type asked struct {
	*line
	before, after, body []byte
	// loose answers have no nodes to count, only no errors.
	loose bool
}

// ask posts the document; a wrong answer says itself.
func (a *asked) ask(q graphs.Question) (int, int, error) {
	a.body = append(append(append(a.body[:0], a.before...), q.Of...), a.after...)
	answer, err := a.post(a.body)
	if err != nil {
		return 0, 0, err
	}
	if a.loose {
		if bytes.Contains(answer, []byte(`"errors":[`)) {
			return 0, 0, fmt.Errorf("an answer with errors: %.500s", answer)
		}
		return 0, 0, nil
	}
	return count(answer)
}

// graphQL makes askers of one document.
func graphQL(url, document string, headers ...string) func() (asker, error) {
	return func() (asker, error) {
		l, err := dial(url, headers...)
		if err != nil {
			return nil, err
		}
		return newAsked(l, document, false), nil
	}
}

func newAsked(l *line, document string, loose bool) *asked {
	return &asked{line: l, before: []byte(`{"query":` + quoted(document) + `,"variables":{"id":"`), after: []byte(`"}}`), loose: loose}
}

// contender is the server asked one document.
func (s *served) contender(name string, size int, document string, also ...int) *contender {
	return &contender{name: name, size: size, pids: append([]int{s.pid()}, also...),
		open: graphQL(s.url+"/graphql", document, "Authorization: Bearer "+s.token)}
}
