package neotest

import (
	"context"
	_ "embed" // for the watching shell
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/neo4j/neo4j-go-driver/v5/neo4j"
)

//go:embed server/run.sh
var runScript string

// Server is a running Neo4j on a free port of 127.0.0.1, without a password and
// with its data in a temporary folder.
type Server struct {
	// URL is where it answers, as neotest.URL gives it.
	URL string

	Settings
	keep  bool
	cmd   *exec.Cmd
	stdin io.Closer
	done  chan struct{}
}

// Settings say how a server runs. Zero values are for tests.
type Settings struct {
	// Home keeps the data for the next start; empty: a folder that goes with the
	// server.
	Home string
	// HeapMB and PageCacheMB are memory in MiB; 1024 and 128 when zero. A heap that is
	// set is taken at once, as Neo4j advises.
	HeapMB, PageCacheMB int
	startMB             int
}

// prepare fills in what is not set, and reports whether the data is kept.
func (s *Settings) prepare() (keep bool, err error) {
	s.startMB = s.HeapMB
	if s.HeapMB == 0 {
		s.HeapMB, s.startMB = 1024, 256
	}
	if s.PageCacheMB == 0 {
		s.PageCacheMB = 128
	}
	if s.Home != "" {
		return true, os.MkdirAll(s.Home, 0o700)
	}
	s.Home, err = os.MkdirTemp("", "pedigree-neo4j-")
	return false, err
}

const conf = `server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:%d
server.bolt.advertised_address=127.0.0.1:%d
server.http.enabled=false
server.https.enabled=false
dbms.security.auth_enabled=false
dbms.usage_report.enabled=false
server.memory.pagecache.size=%dm
db.tx_log.preallocate=false
dbms.cypher.min_replan_interval=1h
`

// Start starts a server and returns when it answers, after some ten seconds.
func Start(ctx context.Context) (*Server, error) { return StartWith(ctx, Settings{}) }

// StartWith is Start with settings.
func StartWith(ctx context.Context, settings Settings) (*Server, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("java is missing: %s", install)
	}
	lib, err := jars(ctx)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &Server{URL: fmt.Sprintf("bolt://127.0.0.1:%d", port), Settings: settings, done: make(chan struct{})}
	if s.keep, err = s.prepare(); err != nil {
		return nil, err
	}
	if err := s.launch(java, lib, port); err != nil {
		s.forget()
		return nil, err
	}
	if err := s.await(ctx); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// launch starts the JVM with the entry point of the community server, which
// needs a Java runtime only, no compiler.
func (s *Server) launch(java, lib string, port int) error {
	if err := os.WriteFile(filepath.Join(s.Home, "neo4j.conf"), fmt.Appendf(nil, conf, port, port, s.PageCacheMB), 0o600); err != nil {
		return err
	}
	args := []string{"-c", runScript, s.Home, java, fmt.Sprintf("-Xms%dm", s.startMB), fmt.Sprintf("-Xmx%dm", s.HeapMB), "-XX:+UseSerialGC"}
	for _, p := range []string{"java.nio", "java.io", "sun.nio.ch", "java.util.concurrent"} {
		args = append(args, "--add-opens", "java.base/"+p+"=ALL-UNNAMED")
	}
	args = append(args, "-cp", filepath.Join(lib, "*"), "org.neo4j.server.CommunityEntryPoint", "--home-dir="+s.Home, "--config-dir="+s.Home)
	s.cmd = exec.Command("sh", args...)
	if s.keep {
		s.cmd.Env = append(os.Environ(), "KEEP=1")
	}
	out, err := os.Create(s.outFile())
	if err != nil {
		return err
	}
	defer out.Close()
	s.cmd.Stdout, s.cmd.Stderr = out, out
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		s.cmd.Wait()
		close(s.done)
	}()
	return nil
}

func (s *Server) outFile() string { return filepath.Join(s.Home, "out.txt") }

// await polls until a query is answered.
func (s *Server) await(ctx context.Context) error {
	driver, err := neo4j.NewDriverWithContext(s.URL, neo4j.NoAuth())
	if err != nil {
		return err
	}
	defer driver.Close(ctx)
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	for {
		if err = driver.VerifyConnectivity(ctx); err == nil {
			return nil
		}
		select {
		case <-s.done:
			return errors.New("neo4j did not start:\n" + s.output())
		case <-ctx.Done():
			return fmt.Errorf("neo4j does not answer: %w\n%s", err, s.output())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// output is the end of what the server wrote.
func (s *Server) output() string {
	out, _ := os.ReadFile(s.outFile())
	log, _ := os.ReadFile(filepath.Join(s.Home, "logs", "neo4j.log"))
	text := strings.TrimSpace(string(out) + string(log))
	return text[max(0, len(text)-4000):]
}

// Pid is the process that holds the server; it ends with it.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Stop ends the server and removes its data, unless it has a home.
func (s *Server) Stop() {
	s.stdin.Close()
	wait := 10 * time.Second
	if s.keep {
		wait = 70 * time.Second
	}
	select {
	case <-s.done:
	case <-time.After(wait):
		s.cmd.Process.Kill()
	}
	s.forget()
}

func (s *Server) forget() {
	if !s.keep {
		os.RemoveAll(s.Home)
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
