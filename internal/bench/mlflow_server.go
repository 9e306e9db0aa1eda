package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// mlflowDefaultWorkers is how many workers MLflow starts when it is not told.
const mlflowDefaultWorkers = 4

// mlflowServer is MLflow's server on an empty SQLite file.
type mlflowServer struct {
	*process
	version, home string
}

// stop also removes the data.
func (s *mlflowServer) stop() {
	s.process.stop()
	os.RemoveAll(s.home)
}

// installMLflow returns the path of MLflow's command. It installs the pinned version
// into a virtual environment of its own, unless that has been done.
func (c Config) installMLflow(ctx context.Context) (string, error) {
	file := filepath.Join(c.MLflowDir, "requirements.txt")
	wanted, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	venv, err := filepath.Abs(filepath.Join(c.Dir, "mlflow-venv"))
	if err != nil {
		return "", err
	}
	command, installed := filepath.Join(venv, "bin", "mlflow"), filepath.Join(venv, "installed.txt")
	if got, err := os.ReadFile(installed); err == nil && bytes.Equal(got, wanted) {
		return command, nil
	}
	c.logf("installing MLflow")
	for _, args := range [][]string{{"python3", "-m", "venv", "--clear", venv},
		{filepath.Join(venv, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", "-r", file}} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("MLflow cannot be installed: %w\n%s", err, out)
		}
	}
	return command, os.WriteFile(installed, wanted, 0o644)
}

// startMLflow starts MLflow's server with a number of workers, or with its default
// number when that is 0. Its data is in Dir/registry-NAME and is made anew.
func (c Config) startMLflow(ctx context.Context, name string, workers int) (*mlflowServer, error) {
	command, err := c.installMLflow(ctx)
	if err != nil {
		return nil, err
	}
	home, err := filepath.Abs(filepath.Join(c.Dir, "registry-"+name))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.RemoveAll(home), os.MkdirAll(home, 0o755)); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(command, "server", "--host", host, "--port", port, "--backend-store-uri", "sqlite:///"+filepath.Join(home, "mlflow.db"),
		"--default-artifact-root", filepath.Join(home, "artifacts"))
	if workers > 0 {
		cmd.Args = append(cmd.Args, "--workers", fmt.Sprint(workers))
	} else {
		workers = mlflowDefaultWorkers
	}
	cmd.Dir = home
	// Without the runner of jobs and without telemetry it has more of the machine.
	cmd.Env = append(os.Environ(), "MLFLOW_DISABLE_TELEMETRY=true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false")
	s := &mlflowServer{home: home}
	log := filepath.Join(c.Dir, "registry-"+name+".log")
	s.process, err = launchAt("http://"+address, cmd, log, c.StartTimeout, func(url string) (err error) {
		if s.version, err = mlflowVersion(url); err != nil {
			return err
		}
		return checkMLflowWorkers(log, workers)
	})
	return s, err
}

// mlflowVersion asks a server for its version.
func mlflowVersion(url string) (string, error) {
	resp, err := http.Get(url + "/version")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 100))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return strings.TrimSpace(string(text)), err
}

// checkMLflowWorkers returns an error until all workers have started. One that still
// starts would take processor time from a measurement.
func checkMLflowWorkers(log string, workers int) error {
	text, err := os.ReadFile(log)
	if err != nil {
		return err
	}
	if n := bytes.Count(text, []byte("Application startup complete")); n < workers {
		return fmt.Errorf("%d of %d workers have started", n, workers)
	}
	return nil
}

// freeAddress returns a free TCP address of 127.0.0.1.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
