package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is a server process that the bench started.
type process struct {
	cmd *exec.Cmd
	// url is the first URL in the server's output, or what the bench told it to be.
	url    string
	log    *os.File
	exited chan struct{}
	// patience is how long stop waits before it kills.
	patience time.Duration
}

// launch starts a server, waits until it prints its URL, and then until ready
// returns nil. It fails when the server exits or limit is over; then nothing of it
// is left but its log.
func launch(cmd *exec.Cmd, logFile string, limit time.Duration, ready func(url string) error) (*process, error) {
	return launchAt("", cmd, logFile, limit, ready)
}

// launchAt is launch for a server that is told its URL and does not print it.
func launchAt(url string, cmd *exec.Cmd, logFile string, limit time.Duration, ready func(url string) error) (*process, error) {
	p := &process{cmd: cmd, url: url, exited: make(chan struct{}), patience: 10 * time.Second}
	found, err := p.start(logFile)
	if err != nil {
		return nil, err
	}
	if err := p.waitReady(found, limit, ready); err != nil {
		p.stop()
		return nil, fmt.Errorf("%s %w: see %s", filepath.Base(cmd.Path), err, logFile)
	}
	return p, nil
}

// start starts the command with its log. The channel receives the first URL that it
// prints.
func (p *process) start(logFile string) (found chan string, err error) {
	if p.log, err = os.Create(logFile); err != nil {
		return nil, err
	}
	p.cmd.Stderr = p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		p.log.Close()
		return nil, err
	}
	found = make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(out); s.Scan(); {
			if i := strings.Index(s.Text(), "http://"); i >= 0 {
				select {
				case found <- strings.TrimSpace(s.Text()[i:]):
				default:
				}
			}
		}
		io.Copy(io.Discard, out)
	}()
	go func() {
		<-read
		p.cmd.Wait()
		close(p.exited)
	}()
	return found, nil
}

// waitReady waits for the URL that the server prints, unless it is known, and then
// until ready returns nil.
func (p *process) waitReady(found <-chan string, limit time.Duration, ready func(url string) error) error {
	timeout := time.After(limit)
	if p.url == "" {
		select {
		case p.url = <-found:
		case <-p.exited:
			return errors.New("ended")
		case <-timeout:
			return fmt.Errorf("printed no URL within %s", limit)
		}
	}
	for {
		err := ready(p.url)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return errors.New("ended")
		case <-timeout:
			return fmt.Errorf("does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop sends SIGTERM. When the process, or a child that holds its output, still runs
// after its patience, it sends SIGKILL to all of them.
func (p *process) stop() {
	tree := processTree(p.pid())
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(p.patience):
		for _, pid := range tree {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		<-p.exited
	}
	p.log.Close()
}
