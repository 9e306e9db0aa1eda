package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of CPU times in /proc: Linux tells them in hundredths of a
// second whatever the kernel counts in.
const tick = 10 * time.Millisecond

// stat returns the fields of /proc/PID/stat after the command's name.
func stat(pid int) ([]string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])), nil
}

// cpuOf is the CPU time that processes have used so far, user and system. A
// process that is gone counts nothing.
func cpuOf(pids []int) (sum time.Duration) {
	for _, pid := range pids {
		f, err := stat(pid)
		if err != nil || len(f) < 13 {
			continue
		}
		user, _ := strconv.ParseInt(f[11], 10, 64)
		system, _ := strconv.ParseInt(f[12], 10, 64)
		sum += time.Duration(user+system) * tick
	}
	return sum
}

// family is a process and all that descend from it.
func family(pid int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range stats {
		p, _ := strconv.Atoi(filepath.Base(dir))
		if f, err := stat(p); err == nil && len(f) > 1 {
			parent, _ := strconv.Atoi(f[1])
			children[parent] = append(children[parent], p)
		}
	}
	out := []int{pid}
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i]]...)
	}
	return out
}

// ownCPU is the CPU time that this process has used so far.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// familyCPU is what this process and all that it started and saw end have used.
func familyCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		return ownCPU()
	}
	return ownCPU() + time.Duration(u.Utime.Nano()+u.Stime.Nano())
}

// anonymous is the anonymous memory of a process in bytes, RssAnon.
func anonymous(pid int) int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for _, l := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(l, "RssAnon:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// loadAverage is the machine's, of one, five and fifteen minutes.
func loadAverage() string {
	b, _ := os.ReadFile("/proc/loadavg")
	f := strings.Fields(string(b))
	return strings.Join(f[:min(3, len(f))], " ")
}

// machine is the CPU time that the whole machine has used, and had, so far.
func machine() (busy, all time.Duration) {
	b, _ := os.ReadFile("/proc/stat")
	first, _, _ := strings.Cut(string(b), "\n")
	for i, f := range strings.Fields(first)[1:] {
		n, _ := strconv.ParseInt(f, 10, 64)
		if i < 8 { // guest times are in user and nice already
			all += time.Duration(n) * tick
			if i != 3 && i != 4 { // idle and waiting for I/O
				busy += time.Duration(n) * tick
			}
		}
	}
	return busy, all
}

// process is a server that the bench started and ends.
type process struct {
	cmd *exec.Cmd
	// url is where it answers, in its first line of output that has one.
	url  string
	log  *os.File
	gone chan struct{}
}

// launch starts a server, waits for its address and until ready answers.
func launch(cmd *exec.Cmd, logFile string, limit time.Duration, ready func(url string) error) (*process, error) {
	p := &process{cmd: cmd, gone: make(chan struct{})}
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
		close(p.gone)
	}()
	end := time.After(limit)
	select {
	case p.url = <-found:
	case <-p.gone:
		return nil, fmt.Errorf("%s ended: see %s", filepath.Base(cmd.Path), logFile)
	case <-end:
		p.stop()
		return nil, fmt.Errorf("%s said no address within %s: see %s", filepath.Base(cmd.Path), limit, logFile)
	}
	for err = ready(p.url); err != nil; err = ready(p.url) {
		select {
		case <-p.gone:
			return nil, fmt.Errorf("%s ended: see %s", filepath.Base(cmd.Path), logFile)
		case <-end:
			p.stop()
			return nil, errors.Join(fmt.Errorf("%s does not answer: see %s", filepath.Base(cmd.Path), logFile), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop asks the process to end, and ends it when it does not.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(10 * time.Second):
		p.cmd.Process.Kill()
		<-p.gone
	}
	p.log.Close()
}
