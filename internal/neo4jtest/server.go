package neo4jtest

import (
	"context"
	_ "embed" // for run.sh
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

// Server is a running Neo4j server on a free port of 127.0.0.1, without a password.
// Its data is in a temporary folder unless Settings.Home is set.
type Server struct {
	// URL is a bolt:// URL.
	URL string

	Settings
	keepData bool
	cmd      *exec.Cmd
	stdin    io.Closer // closing it stops the server; see run.sh
	exited   chan struct{}
}

// Settings configures a server. The zero value suits tests.
type Settings struct {
	// Home is a folder that keeps the data for the next start. When it is empty,
	// Stop deletes the data.
	Home string
	// HeapMB and PageCacheMB are memory in MiB; 1024 and 128 when zero. A heap size
	// that is set is also the initial size, as Neo4j recommends.
	HeapMB, PageCacheMB int
	initialHeapMB       int
}

// setDefaults sets missing values and creates the home folder. It reports whether
// the data outlives the server.
func (s *Settings) setDefaults() (keepData bool, err error) {
	s.initialHeapMB = s.HeapMB
	if s.HeapMB == 0 {
		s.HeapMB, s.initialHeapMB = 1024, 256
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

// Start starts a server and returns when it answers, after about ten seconds.
func Start(ctx context.Context) (*Server, error) { return StartWithSettings(ctx, Settings{}) }

// StartWithSettings is Start with settings.
func StartWithSettings(ctx context.Context, settings Settings) (*Server, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("java is missing: %s", installHelp)
	}
	lib, err := jars(ctx)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &Server{URL: fmt.Sprintf("bolt://127.0.0.1:%d", port), Settings: settings, exited: make(chan struct{})}
	if s.keepData, err = s.setDefaults(); err != nil {
		return nil, err
	}
	if err := s.launch(java, lib, port); err != nil {
		s.removeData()
		return nil, err
	}
	if err := s.waitReady(ctx); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// launch starts the JVM with the entry point of the community server, which needs a
// Java runtime (JRE) only.
func (s *Server) launch(java, lib string, port int) error {
	if err := os.WriteFile(filepath.Join(s.Home, "neo4j.conf"), fmt.Appendf(nil, conf, port, port, s.PageCacheMB), 0o600); err != nil {
		return err
	}
	args := []string{"-c", runScript, s.Home, java, fmt.Sprintf("-Xms%dm", s.initialHeapMB), fmt.Sprintf("-Xmx%dm", s.HeapMB), "-XX:+UseSerialGC"}
	for _, p := range []string{"java.nio", "java.io", "sun.nio.ch", "java.util.concurrent"} {
		args = append(args, "--add-opens", "java.base/"+p+"=ALL-UNNAMED")
	}
	args = append(args, "-cp", filepath.Join(lib, "*"), "org.neo4j.server.CommunityEntryPoint", "--home-dir="+s.Home, "--config-dir="+s.Home)
	s.cmd = exec.Command("sh", args...)
	if s.keepData {
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
		close(s.exited)
	}()
	return nil
}

func (s *Server) outFile() string { return filepath.Join(s.Home, "out.txt") }

// waitReady polls until the server accepts connections, for at most 90 seconds.
func (s *Server) waitReady(ctx context.Context) error {
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
		case <-s.exited:
			return errors.New("neo4j did not start:\n" + s.output())
		case <-ctx.Done():
			return fmt.Errorf("neo4j does not answer: %w\n%s", err, s.output())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// output returns the last 4,000 bytes of the server's output and log.
func (s *Server) output() string {
	out, _ := os.ReadFile(s.outFile())
	log, _ := os.ReadFile(filepath.Join(s.Home, "logs", "neo4j.log"))
	text := strings.TrimSpace(string(out) + string(log))
	return text[max(0, len(text)-4000):]
}

// Pid returns the process id of the shell that runs the server as its child. It
// exits with the server.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Stop stops the server. It removes the data unless Settings.Home was set.
func (s *Server) Stop() {
	s.stdin.Close()
	wait := 10 * time.Second
	if s.keepData {
		wait = 70 * time.Second
	}
	select {
	case <-s.exited:
	case <-time.After(wait):
		s.cmd.Process.Kill()
	}
	s.removeData()
}

func (s *Server) removeData() {
	if !s.keepData {
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
