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
	// url is the first URL in the server's output.
	url    string
	log    *os.File
	exited chan struct{}
}

// launch starts a server, waits until it prints its URL, and then until ready
// returns nil. It fails when the server exits or limit is over.
func launch(cmd *exec.Cmd, logFile string, limit time.Duration, ready func(url string) error) (*process, error) {
	p := &process{cmd: cmd, exited: make(chan struct{})}
	var err error
	if p.log, err = os.Create(logFile); err != nil {
		return nil, err
	}
	cmd.Stderr = p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	found := make(chan string, 1)
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
		cmd.Wait()
		close(p.exited)
	}()
	timeout := time.After(limit)
	select {
	case p.url = <-found:
	case <-p.exited:
		return nil, fmt.Errorf("%s ended: see %s", filepath.Base(cmd.Path), logFile)
	case <-timeout:
		p.stop()
		return nil, fmt.Errorf("%s printed no URL within %s: see %s", filepath.Base(cmd.Path), limit, logFile)
	}
	for err = ready(p.url); err != nil; err = ready(p.url) {
		select {
		case <-p.exited:
			return nil, fmt.Errorf("%s ended: see %s", filepath.Base(cmd.Path), logFile)
		case <-timeout:
			p.stop()
			return nil, errors.Join(fmt.Errorf("%s does not answer: see %s", filepath.Base(cmd.Path), logFile), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop sends SIGTERM, and SIGKILL when the process still runs 10 seconds later.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(10 * time.Second):
		p.cmd.Process.Kill()
		<-p.exited
	}
	p.log.Close()
}
