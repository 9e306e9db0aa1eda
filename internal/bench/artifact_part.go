package bench

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"pedigree/registry"
)

// artifactFiles is the number of files that go up and down at one time.
const artifactFiles = 8

// ArtifactResult is how fast files of versions went up and down, all at one time, and as fast the
// same bytes went through bare sockets.
type ArtifactResult struct {
	// FileBytes is the size of each of the artifactFiles files.
	FileBytes int64
	// Rates are bytes a second of all files together, by way, one for each round.
	Rates map[string][]float64
	// Idle and Peak are the anonymous memory of the server in bytes before and at most while files moved.
	Idle, Peak int64
}

// The ways of files.
const (
	filesUp    = "up"                  // into the server
	filesDown  = "down"                // out of the server
	socketUp   = "up, bare socket"     // from a socket into a file, synchronised
	socketDown = "down, bare socket"   // from a file into a socket
	versionURL = "models/files/1.0.0/" // the version that has the files
)

// measureArtifacts moves files into a server and out of it again, and the same bytes through bare
// sockets, in turn. Then it reads every file once more and compares its digest.
func (r *runner) measureArtifacts(ctx context.Context) error {
	if !r.hasPart(ArtifactPart) || !r.hasContender(PedigreeSQLite) {
		return nil
	}
	result := &ArtifactResult{FileBytes: r.FileBytes, Rates: map[string][]float64{}}
	for round := range r.Rounds {
		if err := r.moveArtifacts(ctx, round, result); err != nil {
			return err
		}
	}
	r.result.Artifacts = result
	return nil
}

// moveArtifacts measures one round on an empty server, and removes what it stored.
func (r *runner) moveArtifacts(ctx context.Context, round int, result *ArtifactResult) error {
	parent, err := filepath.Abs(r.Dir)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(parent, "artifacts-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := r.startServer(ctx, "artifacts", "sqlite://"+filepath.Join(dir, "p.db"), "--artifacts", "file://"+filepath.Join(dir, "files"))
	if err != nil {
		return err
	}
	defer server.stop()
	if err := server.registerFilesVersion(ctx); err != nil {
		return err
	}
	bare, err := listenForFiles(dir)
	if err != nil {
		return err
	}
	defer bare.Close()
	files := make([]*patternFile, artifactFiles)
	for i := range files {
		files[i] = &patternFile{size: r.FileBytes, seed: uint64(round*artifactFiles + i)}
	}
	result.Idle = max(result.Idle, anonymousMemory(server.pid()))
	peak := sampleMemory(server.pid())
	defer func() { result.Peak = max(result.Peak, peak()) }()
	for _, way := range []struct {
		name string
		move func(int, *patternFile) error
	}{
		{socketUp, bare.send}, {filesUp, func(i int, f *patternFile) error { return server.putFile(ctx, i, f) }},
		{socketDown, bare.receive}, {filesDown, func(i int, f *patternFile) error { return server.getFile(ctx, i, f, io.Discard) }},
	} {
		took, err := allAtOnce(files, way.move)
		if err != nil {
			return fmt.Errorf("files %s: %w", way.name, err)
		}
		rate := float64(artifactFiles*r.FileBytes) / took.Seconds()
		result.Rates[way.name] = append(result.Rates[way.name], rate)
		r.logf("round %d, %d files of %d MiB %s: %s, %.0f MiB/s", round+1, artifactFiles, r.FileBytes>>20, way.name, roundDuration(took), rate/(1<<20))
	}
	_, err = allAtOnce(files, func(i int, f *patternFile) error {
		h := sha256.New()
		if err := server.getFile(ctx, i, f, h); err != nil {
			return err
		}
		if got := "sha256:" + hex.EncodeToString(h.Sum(nil)); got != f.digest {
			return fmt.Errorf("file %d came back as %s, and went as %s", i, got, f.digest)
		}
		return nil
	})
	return err
}

// allAtOnce moves all files at one time, and returns how long that took.
func allAtOnce(files []*patternFile, move func(int, *patternFile) error) (time.Duration, error) {
	var movers sync.WaitGroup
	errs := make(chan error, len(files))
	start := time.Now()
	for i, f := range files {
		movers.Go(func() {
			if err := move(i, f); err != nil {
				errs <- err
			}
		})
	}
	movers.Wait()
	took := time.Since(start)
	select {
	case err := <-errs:
		return took, err
	default:
		return took, nil
	}
}

// registerFilesVersion registers the version that has the files.
func (s *testServer) registerFilesVersion(ctx context.Context) error {
	resp, err := s.do(ctx, http.MethodPost, "models/register", []byte(`{"name":"files","version":"1.0.0"}`), http.StatusCreated)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// fileRequest sends a request for one of the files.
func (s *testServer) fileRequest(ctx context.Context, method string, i int, body io.Reader, size int64, status int) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("%s/api/v1/%sartifacts/weights-%d.bin", s.url, versionURL, i), body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = size
	req.Header.Set("Authorization", "Bearer "+s.token)
	return send(req, status)
}

// putFile stores a file with the version, and keeps the digest that the server found.
func (s *testServer) putFile(ctx context.Context, i int, f *patternFile) error {
	resp, err := s.fileRequest(ctx, http.MethodPut, i, f.reader(), f.size, http.StatusCreated)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var out registry.Artifact
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return err
	}
	f.digest = out.Digest
	return nil
}

// getFile reads a file of the version.
func (s *testServer) getFile(ctx context.Context, i int, f *patternFile, to io.Writer) error {
	resp, err := s.fileRequest(ctx, http.MethodGet, i, nil, 0, http.StatusOK)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.CopyBuffer(onlyWriter{to}, resp.Body, make([]byte, copyBuffer))
	if err == nil && n != f.size {
		err = fmt.Errorf("file %d has %d bytes and not %d", i, n, f.size)
	}
	return err
}

// patternFile is a file whose bytes are made as they are read, so that nothing is measured but what
// moves them. Files of different seeds have no block in common.
type patternFile struct {
	size   int64
	seed   uint64
	digest string
}

// patternBlock is the bytes between two places where the content is made unlike what was before.
const patternBlock = 4096

func (f *patternFile) reader() io.Reader {
	block := make([]byte, patternBlock)
	for i := range block {
		block[i] = byte(i*i>>3) ^ byte(i)
	}
	return &patternReader{left: f.size, seed: f.seed, block: block}
}

type patternReader struct {
	left   int64
	seed   uint64
	number uint64
	block  []byte
	unread []byte
}

// Read implements io.Reader.
func (p *patternReader) Read(b []byte) (n int, err error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	for n < len(b) && p.left > 0 {
		if len(p.unread) == 0 {
			binary.LittleEndian.PutUint64(p.block, p.seed)
			binary.LittleEndian.PutUint64(p.block[8:], p.number)
			p.number++
			p.unread = p.block[:min(int64(len(p.block)), p.left)]
		}
		m := copy(b[n:], p.unread)
		p.unread, n, p.left = p.unread[m:], n+m, p.left-int64(m)
	}
	return n, nil
}
