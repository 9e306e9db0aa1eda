package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// pipelineFacts returns 3·n JSON lines: n times a dataset, its output and the run
// between them.
func pipelineFacts(n int) string {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"datasetVersion":{"dataset":"raw-%d","version":"1","createdAt":"2026-01-01T00:00:00Z"},"ref":"raw%d"}`+"\n", i, i)
		fmt.Fprintf(&b, `{"datasetVersion":{"dataset":"out-%d","version":"1","createdAt":"2026-01-02T00:00:00Z"},"ref":"out%d"}`+"\n", i, i)
		fmt.Fprintf(&b, `{"run":{"producer":"p","runId":"%d","name":"r","startedAt":"2026-01-01T12:00:00Z","inputs":["@raw%d"],"outputs":["@out%d"]}}`+"\n", i, i, i)
	}
	return b.String()
}

// writeExport loads lines into a registry without any disturbance and writes the
// export of the registry into a file. It returns the path and the export.
func writeExport(t *testing.T, lines string) (file, want string) {
	t.Helper()
	clean := emptyRegistries["SQLite"](t)
	if _, refused := clean.loadLines(lines); len(refused) > 0 {
		t.Fatalf("%+v", refused)
	}
	want = clean.export()
	file = filepath.Join(t.TempDir(), "facts.jsonl")
	// An export has no refs between its lines, so a load of it can resume at any line.
	if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, want
}

// commandOutput runs the command and returns its standard output.
func commandOutput(t *testing.T, args ...string) string {
	t.Helper()
	var out, stderr bytes.Buffer
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("pedigree %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return out.String()
}

func TestAKilledLoadResumesAndLosesNothing(t *testing.T) {
	t.Parallel()
	for engine, flags := range stores {
		t.Run(engine, func(t *testing.T) {
			size := map[string]int{"SQLite": 12000, "Neo4j": 2500}[engine]
			file, want := writeExport(t, pipelineFacts(size))
			data := t.TempDir()
			args := append(flags(t), "--data", data)
			kills := 0
			for ; kills < 3; kills++ {
				if !killMidway(t, data, append([]string{"load", file}, args...)) {
					break
				}
			}
			if kills == 0 {
				t.Fatal("the load ended before it could be killed")
			}
			out := command(t, append([]string{"load", file}, args...)...)
			if !strings.Contains(out, "going on behind line ") {
				t.Errorf("it did not resume: %s", out)
			}
			if back := commandOutput(t, append([]string{"export"}, args...)...); back != want {
				t.Errorf("after %d kills: %s", kills, firstDifference(want, back))
			}
			if left, _ := filepath.Glob(filepath.Join(data, "loads", "*")); len(left) != 0 {
				t.Errorf("checkpoints are left: %v", left)
			}
			t.Logf("PROOF killed %d times with -9, gone on, nothing lost or twice: %d lines", kills, strings.Count(want, "\n"))
		})
	}
}

// killMidway starts a load and kills it after a new checkpoint. It returns false when
// the load ended first.
func killMidway(t *testing.T, data string, args []string) bool {
	t.Helper()
	line := func() (n int64) {
		files, _ := filepath.Glob(filepath.Join(data, "loads", "*.json"))
		for _, f := range files {
			var checkpoint struct{ Line int64 }
			if raw, err := os.ReadFile(f); err == nil && json.Unmarshal(raw, &checkpoint) == nil {
				n = checkpoint.Line
			}
		}
		return n
	}
	before := line()
	cmd := exec.Command(binary, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return false
		case <-time.After(time.Millisecond):
		}
		if line() > before {
			cmd.Process.Signal(syscall.SIGKILL)
			<-done
			return true
		}
	}
}

func TestTwoLoadsOfAFileAtOnceRecordItOnce(t *testing.T) {
	t.Parallel()
	for engine, flags := range stores {
		t.Run(engine, func(t *testing.T) {
			file, want := writeExport(t, pipelineFacts(map[string]int{"SQLite": 3000, "Neo4j": 800}[engine]))
			args := flags(t)
			var both sync.WaitGroup
			outs := make([]string, 2)
			for i := range outs {
				data := t.TempDir()
				both.Go(func() {
					out, err := exec.Command(binary, append([]string{"load", file, "--data", data}, args...)...).CombinedOutput()
					if outs[i] = string(out); err != nil {
						t.Errorf("%v: %s", err, out)
					}
				})
			}
			both.Wait()
			args = append(args, "--data", t.TempDir())
			if back := commandOutput(t, append([]string{"export"}, args...)...); back != want {
				t.Errorf("%s", firstDifference(want, back))
			}
			lines := strings.Count(want, "\n")
			var total, created int
			for _, out := range outs {
				var accepted, createdLines int
				if _, err := fmt.Sscanf(out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:], "%d lines recorded: %d new", &accepted, &createdLines); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				total, created = total+accepted, created+createdLines
			}
			if total != 2*lines || created != lines {
				t.Errorf("%d lines: %d recorded, %d as new", lines, total, created)
			}
			t.Logf("PROOF %d lines loaded by two processes at once, each new once", lines)
		})
	}
}

func TestLoadReportsRefusedLinesAndItsExitCode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, refused := filepath.Join(dir, "f.jsonl"), filepath.Join(dir, "refused.jsonl")
	bad := `{"model":{"name":"a/b"}}`
	lines := strings.Join([]string{`{"model":{"name":"m"}}`, bad, `{"modelVersion":{"model":"m","version":"1.0.0"}}`, "not json", ""}, "\n")
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--data", filepath.Join(dir, "data")}
	out, err := exec.Command(binary, append([]string{"load", file, "--refused", refused}, args...)...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("%v: %s", err, out)
	}
	for _, want := range []string{"line 2: INVALID_ARGUMENT: ", "line 4: INVALID_ARGUMENT: ", "2 lines recorded: 2 new, 0 added to what was known, 0 known already; 2 refused"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the output lacks %q: %s", want, out)
		}
	}
	if left, _ := os.ReadFile(refused); string(left) != bad+"\nnot json\n" {
		t.Errorf("%q", left)
	}
	in := exec.Command(binary, append([]string{"load", "-"}, args...)...)
	in.Stdin = strings.NewReader(`{"model":{"name":"m"}}`)
	if out, err := in.CombinedOutput(); err != nil || !strings.Contains(string(out), "1 known already") {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := exec.Command(binary, append([]string{"load", filepath.Join(dir, "none")}, args...)...).CombinedOutput(); err == nil {
		t.Error("a missing file is loaded")
	}
}

// TestABrokenConnectionLeavesWholeLines checks that a body which ends in the middle is
// an error, that the lines recorded by then stay, and that sending the body again adds
// the rest.
func TestABrokenConnectionLeavesWholeLines(t *testing.T) {
	t.Parallel()
	p := start(t, stores["SQLite"](t)...)
	lines := pipelineFacts(500)
	half := lines[:len(lines)*3/4+7]
	count := func() (n int) {
		var found struct{ Runs struct{ TotalCount int } }
		p.must(`{runs(first:1){totalCount}}`, nil, &found)
		return found.Runs.TotalCount
	}
	req, err := http.NewRequest(http.MethodPost, p.url+"/api/v1/facts", &brokenBody{strings.NewReader(half), func() bool { return count() > 0 }})
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = int64(len(lines))
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Authorization", "Bearer "+adminToken)
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Fatalf("half a body gets an answer: %d", resp.StatusCode)
	}
	recorded := count()
	if recorded == 0 || recorded > 375 {
		t.Errorf("%d runs are kept of the 375 that were sent whole", recorded)
	}
	req, _ = http.NewRequest(http.MethodPost, p.url+"/api/v1/facts", strings.NewReader(lines))
	req.Header.Set("Content-Type", "application/jsonl")
	req.Header.Set("Authorization", "Bearer "+adminToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var sum struct{ Accepted, Created, Unchanged, Refused, LastLine int }
	if err := json.NewDecoder(resp.Body).Decode(&sum); err != nil || sum.Accepted != 1500 || sum.Refused != 0 || sum.LastLine != 1500 || sum.Unchanged == 0 || sum.Created+sum.Unchanged != 1500 {
		t.Errorf("%+v, %v", sum, err)
	}
	if n := count(); n != 500 {
		t.Errorf("%d runs", n)
	}
}

// TestASlowBodyIsReadAndASilentOneIsNot checks that a body may take longer than the
// 15 s of other requests, but may not pause that long.
func TestASlowBodyIsReadAndASilentOneIsNot(t *testing.T) {
	t.Parallel()
	p := start(t, stores["SQLite"](t)...)
	lines := strings.SplitAfter(pipelineFacts(4), "\n")
	for name, c := range map[string]struct {
		pause  time.Duration
		status int
	}{"slow": {2 * time.Second, http.StatusOK}, "silent": {time.Minute, http.StatusRequestTimeout}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, w := io.Pipe()
			defer r.Close()
			go func() {
				for _, line := range lines {
					if _, err := io.WriteString(w, line); err != nil {
						return
					}
					time.Sleep(c.pause)
				}
				w.Close()
			}()
			req, err := http.NewRequest(http.MethodPost, p.url+"/api/v1/facts", r)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-ndjson")
			req.Header.Set("Authorization", "Bearer "+adminToken)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			answer, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != c.status || c.status == http.StatusOK && !strings.Contains(string(answer), `"accepted":12`) {
				t.Errorf("%d %s", resp.StatusCode, answer)
			}
		})
	}
}

// brokenBody is a body whose connection fails at its end, after done returned true or
// 10 s have passed.
type brokenBody struct {
	r    *strings.Reader
	done func() bool
}

func (b *brokenBody) Read(p []byte) (int, error) {
	if b.r.Len() == 0 {
		for range 1000 {
			if b.done() {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		return 0, errors.New("the cable was cut")
	}
	return b.r.Read(p)
}
