package bench

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestAFailedLaunchClosesItsLog counts the open files on the log after each way to fail.
func TestAFailedLaunchClosesItsLog(t *testing.T) {
	never := func(string) error { return errors.New("not ready") }
	for name, c := range map[string]struct {
		cmd   *exec.Cmd
		limit time.Duration
	}{
		"it does not exist":               {exec.Command("/no/such/server"), time.Minute},
		"it ends at once":                 {exec.Command("sh", "-c", "exit 1"), time.Minute},
		"it ends before it is ready":      {exec.Command("sh", "-c", "echo http://127.0.0.1:1"), time.Minute},
		"it prints no URL":                {exec.Command("sleep", "60"), 10 * time.Millisecond},
		"it prints a URL, is never ready": {exec.Command("sh", "-c", "echo http://127.0.0.1:1; exec sleep 60"), time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "log")
			if p, err := launch(c.cmd, log, c.limit, never); err == nil {
				p.stop()
				t.Fatal("it was launched")
			}
			if n := openFiles(t, log); n != 0 {
				t.Errorf("the log is still open %d times", n)
			}
		})
	}
}

// TestStopEndsChildrenToo stops a server that ignores the request, with a child that
// holds its output and does not hear of it.
func TestStopEndsChildrenToo(t *testing.T) {
	cmd := exec.Command("sh", "-c", `trap "" TERM; sleep 300 & echo http://127.0.0.1:1; wait`)
	p, err := launch(cmd, filepath.Join(t.TempDir(), "log"), time.Minute, func(string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	tree := processTree(p.pid())
	if len(tree) != 2 {
		t.Fatalf("%d processes", len(tree))
	}
	p.patience = 10 * time.Millisecond
	go p.stop()
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		syscall.Kill(tree[1], syscall.SIGKILL)
		t.Fatal("the child still runs")
	}
}

// openFiles returns how many of this process's descriptors are of a file.
func openFiles(t *testing.T, file string) (n int) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(links) == 0 {
		t.Fatalf("%d descriptors, %v", len(links), err)
	}
	for _, link := range links {
		if of, err := os.Readlink(link); err == nil && of == file {
			n++
		}
	}
	return n
}
