package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// slowly gives a body in pieces with a pause, so that there is time to kill somebody.
type slowly struct {
	io.Reader
	pieces chan<- struct{}
}

func (s slowly) Read(b []byte) (int, error) {
	time.Sleep(2 * time.Millisecond)
	select {
	case s.pieces <- struct{}{}:
	default:
	}
	return s.Reader.Read(b[:min(len(b), 64<<10)])
}

// part sends a part of a file, and returns the status and where the upload stands.
func (p *process) part(url, span string, body io.Reader, length int64) (status int, offset int64, err error) {
	r, err := http.NewRequest(http.MethodPut, url, body)
	if err != nil {
		return 0, 0, err
	}
	r.ContentLength = length
	r.Header.Set("Authorization", "Bearer "+adminToken)
	r.Header.Set("Content-Range", "bytes "+span)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	offset, _ = strconv.ParseInt(resp.Header.Get("Upload-Offset"), 10, 64)
	return resp.StatusCode, offset, nil
}

// TestUploadsOutliveKilledServers kills the server with signal 9 while a file is sent, three times. The
// upload goes on where it stood, until the file is whole; before that there is no file.
func TestUploadsOutliveKilledServers(t *testing.T) {
	t.Parallel()
	const size = 24 << 20
	content, err := io.ReadAll(randomFile(7, size))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	flags := append(stores["SQLite"](t), "--data", t.TempDir())
	p := start(t, flags...)
	p.post(t, "models/register", `{"name":"m","version":"v1.0.0"}`)
	address := func() string { return p.url + "/api/v1/models/m/v1.0.0/artifacts/data/f.bin" }
	var stood []int64
	for range rounds(3) {
		status, at, err := p.part(address()+"?digest="+digest, fmt.Sprintf("*/%d", size), nil, 0)
		if status != http.StatusAccepted || err != nil {
			t.Fatalf("%d, %d, %v", status, at, err)
		}
		stood = append(stood, at)
		pieces := make(chan struct{})
		ended := make(chan error)
		go func() {
			_, _, err := p.part(address()+"?digest="+digest, fmt.Sprintf("%d-%d/%d", at, size-1, size), slowly{bytes.NewReader(content[at:]), pieces}, size-at)
			ended <- err
		}()
		for range 60 {
			<-pieces
		}
		p.kill()
		if err := <-ended; err == nil {
			t.Fatal("the upload ended before the server was killed")
		}
		p = start(t, flags...)
		if status, err := p.stream(http.MethodGet, address(), nil, io.Discard); status != http.StatusNotFound || err != nil {
			t.Errorf("half a file is there: %d, %v", status, err)
		}
	}
	status, at, err := p.part(address()+"?digest="+digest, fmt.Sprintf("*/%d", size), nil, 0)
	if status != http.StatusAccepted || err != nil {
		t.Fatalf("%d, %d, %v", status, at, err)
	}
	stood = append(stood, at)
	for i, at := range stood[1:] {
		if at <= stood[i] || at == size {
			t.Errorf("the upload stood at %v", stood)
		}
	}
	if status, at, err = p.part(address()+"?digest="+digest, fmt.Sprintf("%d-%d/%d", at, size-1, size), bytes.NewReader(content[at:]), size-at); status != http.StatusCreated || at != size || err != nil {
		t.Fatalf("%d, %d, %v", status, at, err)
	}
	var back bytes.Buffer
	if status, err := p.stream(http.MethodGet, address(), nil, &back); status != http.StatusOK || err != nil || !bytes.Equal(back.Bytes(), content) {
		t.Errorf("%d, %d bytes, %v", status, back.Len(), err)
	}
	t.Logf("PROOF an upload of %d MiB whose server was killed %d times stood at %v, and is whole", size>>20, len(stood)-1, stood[1:])
}

// TestPushOutlivesItself kills pedigree push with signal 9 in the middle of a file, and the server in the
// middle of the next push. The third push sends only what is missing.
func TestPushOutlivesItself(t *testing.T) {
	t.Parallel()
	const size = 256 << 20
	dir := t.TempDir()
	for n := range 2 {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d.bin", n)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(f, randomFile(n, size)); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	data := t.TempDir()
	flags := append(stores["SQLite"](t), "--data", data)
	p := start(t, flags...)
	p.post(t, "models/register", `{"name":"m","version":"v1.0.0"}`)
	push := func() *exec.Cmd {
		cmd := exec.Command(binary, "push", "m@1.0.0", dir, "--server", p.url)
		cmd.Env = append(os.Environ(), "PEDIGREE_TOKEN="+adminToken)
		return cmd
	}
	came := func() (n int64) {
		found, err := filepath.Glob(filepath.Join(data, "artifacts", "partial", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			if info, err := os.Stat(name); err == nil {
				n += info.Size()
			}
		}
		return n
	}
	var stood []int64
	for _, kill := range []string{"client", "server"} {
		cmd := push()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		before := came()
		for deadline := time.Now().Add(time.Minute); came() < before+8<<20; {
			if time.Now().After(deadline) {
				t.Fatal("nothing comes")
			}
		}
		if kill == "server" {
			p.kill()
		}
		cmd.Process.Kill()
		if err := cmd.Wait(); err == nil {
			t.Fatal("the push ended before it was killed")
		}
		if kill == "server" {
			p = start(t, flags...)
		}
		if stood = append(stood, came()); stood[len(stood)-1] <= before {
			t.Errorf("%d bytes have come, and %d before", stood[len(stood)-1], before)
		}
	}
	out, err := push().CombinedOutput()
	if err != nil || !strings.Contains(string(out), "2 files moved, 0 were there") {
		t.Fatalf("%v: %s", err, out)
	}
	for n := range 2 {
		want, got := sha256.New(), sha256.New()
		io.Copy(want, randomFile(n, size))
		if status, err := p.stream(http.MethodGet, fmt.Sprintf("%s/api/v1/models/m/v1.0.0/artifacts/%d.bin", p.url, n), nil, got); status != http.StatusOK || err != nil || !bytes.Equal(want.Sum(nil), got.Sum(nil)) {
			t.Errorf("file %d: %d, %v", n, status, err)
		}
	}
	if came() != 0 {
		t.Errorf("%d bytes of uploads are left", came())
	}
	t.Logf("PROOF a push of %d MiB stood at %v bytes when the client and then the server were killed, and is whole", 2*size>>20, stood)
}
