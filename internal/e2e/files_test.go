package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// anonymousMemory is the bound of a server that moves files: what it has allocated, without the
// pages of files.
const anonymousMemory = 300 << 20

// randomFile returns the bytes of the nth file of a size.
func randomFile(n int, size int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{byte(n)}), size)
}

// anonymous returns the anonymous memory of a process in bytes.
func anonymous(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "RssAnon:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("no RssAnon")
	return 0
}

// TestLargeFilesStayOutOfMemory sends eight files at once and reads them back at once. Together
// they are larger than the bound of memory, also in a short run; a full run (PEDIGREE_ROUNDS of 40)
// sends 1 GiB each. The digests are equal.
func TestLargeFilesStayOutOfMemory(t *testing.T) {
	t.Parallel()
	const parallel = 8
	size := max(int64(rounds(40))<<30/40, 64<<20)
	p := start(t, stores["SQLite"](t)...)
	p.post(t, "models/register", `{"name":"m","version":"v1.0.0"}`)
	var peak atomic.Int64
	ended, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			peak.Store(max(peak.Load(), anonymous(t, p.cmd.Process.Pid)))
			select {
			case <-ended:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	digests := make([]string, parallel)
	each := func(move func(n int, url string) (status int, digest string, err error), want int) {
		var wait sync.WaitGroup
		for n := range parallel {
			wait.Go(func() {
				status, digest, err := move(n, fmt.Sprintf("%s/api/v1/models/m/v1.0.0/artifacts/data/%d.bin", p.url, n))
				if err != nil || status != want || digests[n] != "" && digest != digests[n] {
					t.Errorf("file %d: %d, %s, %v", n, status, digest, err)
				}
				digests[n] = digest
			})
		}
		wait.Wait()
	}
	each(func(n int, url string) (int, string, error) {
		hash := sha256.New()
		status, err := p.stream(http.MethodPut, url, io.TeeReader(randomFile(n, size), hash), io.Discard)
		return status, hex.EncodeToString(hash.Sum(nil)), err
	}, http.StatusCreated)
	each(func(_ int, url string) (int, string, error) {
		hash := sha256.New()
		status, err := p.stream(http.MethodGet, url, nil, hash)
		return status, hex.EncodeToString(hash.Sum(nil)), err
	}, http.StatusOK)
	close(ended)
	<-watched
	if peak.Load() > anonymousMemory {
		t.Errorf("%d MiB of anonymous memory for %d files of %d MiB", peak.Load()>>20, parallel, size>>20)
	}
	t.Logf("PROOF %d files of %d MiB up and down at once: %d MiB of anonymous memory, digests equal", parallel, size>>20, peak.Load()>>20)
}

// stream sends a request with a body and writes the answer's body.
func (p *process) stream(method, url string, body io.Reader, into io.Writer) (int, error) {
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+adminToken)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(into, resp.Body)
	return resp.StatusCode, err
}

// post sends JSON to the REST API.
func (p *process) post(t *testing.T, path, body string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, p.url+"/api/v1/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+adminToken)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
		t.Fatalf("%s: %d %s", path, resp.StatusCode, b)
	}
}
