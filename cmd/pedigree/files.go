package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/artifacts"
)

// fileClient holds the methods on files of versions.
type fileClient interface {
	VersionFiles(ctx context.Context, model, version string) ([]artifacts.VersionFile, error)
	UploadFile(ctx context.Context, in artifacts.UploadFileInput, body io.Reader) (*artifacts.FilePayload, error)
	ResumeFile(ctx context.Context, in artifacts.ResumeFileInput, body io.Reader) (*artifacts.ResumedFile, error)
	ReadFile(ctx context.Context, model, version, path string, from int64) (io.ReadCloser, error)
}

// parallelFiles is how many files push and pull move at once.
const parallelFiles = 4

func newPush(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "push MODEL@VERSION DIR",
		Short: "Store the files of a folder as those of a version",
		Long: `Store the files of a folder as those of a version, four at once. Files that the version
has already are passed over, and a file that broke off goes on where it was. Each
file is verified by its SHA-256. Links are refused.`,
		Example: "  pedigree push credit-approval@1.2.0 model/",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return moveFiles(cmd, s, args, createStore, (*fileMove).push)
		},
	}
}

func newPull(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "pull MODEL@VERSION DIR",
		Short: "Write the stored files of a version into a folder",
		Long: `Write the stored files of a version into a folder, four at once. Files that are there with
the same content are passed over, and a file that broke off goes on where it was. Each file
is verified by its SHA-256 before it gets its name. VERSION is a semver, a label, an alias or latest.`,
		Example: "  pedigree pull credit-approval@champion model/",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return moveFiles(cmd, s, args, existingStore, (*fileMove).pull)
		},
	}
}

// moveFiles connects and moves the files between a version and a folder.
func moveFiles(cmd *cobra.Command, s *settings, args []string, mode storeMode, move func(*fileMove) error) error {
	ref, err := parseVersionRef(args[0])
	if err != nil {
		return err
	}
	if ref.id != nil {
		return fmt.Errorf("%q: write the version as MODEL@VERSION; %w", args[0], errUsage)
	}
	return withRegistry(cmd, s, mode, func(r *connection) error {
		m := &fileMove{connection: r, model: *ref.model, version: *ref.version, folder: args[1], meter: newProgressMeter(cmd.ErrOrStderr())}
		defer m.meter.finish()
		if err := move(m); err != nil {
			return err
		}
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "%d files moved, %d were there\n", m.moved, m.there)
		return err
	})
}

// fileMove moves files between a version and a folder.
type fileMove struct {
	*connection
	model, version, folder string
	root                   *os.Root
	step                   string
	mu                     sync.Mutex
	meter                  *progressMeter
	// at is how far the files are that are being moved.
	at           map[string]int
	done, total  int
	moved, there int
}

// each runs move for all files, a few at once, and returns the first errors. After an error no
// further file begins.
func (m *fileMove) each(step string, files []artifacts.VersionFile, move func(context.Context, artifacts.VersionFile) (moved bool, err error)) error {
	m.step, m.at = step, map[string]int{}
	for _, f := range files {
		m.total += int(f.Size)
	}
	ctx, cancel := context.WithCancel(m.ctx)
	defer cancel()
	queue := make(chan artifacts.VersionFile)
	var wait sync.WaitGroup
	var failed error
	for range min(parallelFiles, len(files)) {
		wait.Go(func() {
			for f := range queue {
				moved, err := move(ctx, f)
				m.mu.Lock()
				if err != nil {
					if !errors.Is(err, context.Canceled) || failed == nil {
						failed = errors.Join(failed, fmt.Errorf("%s: %w", f.Path, err))
					}
					cancel()
				} else if moved {
					m.moved++
				} else {
					m.there++
				}
				m.done += int(f.Size) - m.at[f.Path]
				m.meter.update(step, m.done, m.total)
				delete(m.at, f.Path)
				m.mu.Unlock()
			}
		})
	}
	for _, f := range files {
		if ctx.Err() != nil {
			break
		}
		queue <- f
	}
	close(queue)
	wait.Wait()
	return failed
}

// meterStep is how many bytes of a file pass before the meter is told.
const meterStep = 1 << 20

// reached notes how far a file is. It may go back, when its upload does.
func (m *fileMove) reached(path string, at int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if moved := at - m.at[path]; moved >= meterStep || moved < 0 {
		m.at[path], m.done = at, m.done+moved
		m.meter.update(m.step, m.done, m.total)
	}
}

// push stores the files of the folder.
func (m *fileMove) push() error {
	root, err := os.OpenRoot(m.folder)
	if err != nil {
		return err
	}
	defer root.Close()
	m.root = root
	var files []artifacts.VersionFile
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return registry.Errorf(registry.InvalidArgument, "%s is no regular file; a version has files and folders only", path)
		}
		info, err := d.Info()
		if err == nil {
			files = append(files, artifacts.VersionFile{Path: path, Size: info.Size()})
		}
		return err
	})
	if err != nil {
		return err
	}
	known, err := m.VersionFiles(m.ctx, m.model, m.version)
	if err != nil {
		return err
	}
	digests := map[string]string{}
	for _, f := range known {
		digests[f.Path] = f.Digest
	}
	return m.each("pushing bytes", files, func(ctx context.Context, f artifacts.VersionFile) (bool, error) {
		file, err := m.root.Open(f.Path)
		if err != nil {
			return false, err
		}
		defer file.Close()
		digest, err := digestOf(file)
		if err != nil || digest == digests[f.Path] {
			return false, err
		}
		return m.pushFile(ctx, artifacts.UploadFileInput{Model: &m.model, Version: &m.version, Path: f.Path, Digest: digest}, file, f.Size)
	})
}

// resumed is the size from which a file is sent so that it can go on: below it, to ask where it stands
// costs more than to send it again.
const resumed = 1 << 20

// pushTries is how often a file goes on that breaks off, after pauses of pushPause, twice that, …
const (
	pushTries = 5
	pushPause = 200 * time.Millisecond
)

// pushFile stores one file. A large one goes on where an earlier push, or an earlier try, broke off.
func (m *fileMove) pushFile(ctx context.Context, in artifacts.UploadFileInput, file *os.File, size int64) (bool, error) {
	if size < resumed {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return false, err
		}
		out, err := m.UploadFile(ctx, in, file)
		return err == nil && out.Created, err
	}
	for try := 1; ; try++ {
		created, again, err := m.pushRest(ctx, in, file, size)
		if !again || try == pushTries || ctx.Err() != nil {
			return created, err
		}
		select {
		case <-ctx.Done():
			return false, err
		case <-time.After(pushPause << (try - 1)):
		}
	}
}

// pushRest asks where the upload of a file stands, and sends the rest of it. again says that it broke
// off, and may go on.
func (m *fileMove) pushRest(ctx context.Context, in artifacts.UploadFileInput, file *os.File, size int64) (created, again bool, err error) {
	of := artifacts.ResumeFileInput{UploadFileInput: in, Size: size}
	at, err := m.ResumeFile(ctx, of, http.NoBody)
	if err != nil || at.File != nil {
		return err == nil && at.File.Created, registry.CodeOf(err) == registry.Unavailable, err
	}
	if _, err := file.Seek(at.Offset, io.SeekStart); err != nil {
		return false, false, err
	}
	of.Offset = &at.Offset
	out, err := m.ResumeFile(ctx, of, &meteredReader{file, m, in.Path, at.Offset})
	switch code := registry.CodeOf(err); {
	case err != nil:
		return false, code == registry.Unavailable || code == registry.Conflict, err
	case out.File == nil:
		return false, true, registry.Errorf(registry.Unavailable, "the file broke off at %d of %d bytes; push again", out.Offset, size)
	}
	return out.File.Created, false, nil
}

// meteredReader tells the meter how far a file is.
type meteredReader struct {
	io.Reader
	move *fileMove
	path string
	at   int64
}

// Read reads on.
func (r *meteredReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.at += int64(n)
	r.move.reached(r.path, int(r.at))
	return n, err
}

// pull writes the files of the version.
func (m *fileMove) pull() error {
	files, err := m.VersionFiles(m.ctx, m.model, m.version)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(m.folder, 0o755); err != nil {
		return err
	}
	if m.root, err = os.OpenRoot(m.folder); err != nil {
		return err
	}
	defer m.root.Close()
	return m.each("pulling bytes", files, m.pullFile)
}

// partSuffix ends the name of a file that is not whole yet.
const partSuffix = ".pedigree-part"

// pullFile writes one file. What of it was written before is kept, when the whole then has the
// right digest; else it is removed, so that the next pull begins anew.
func (m *fileMove) pullFile(ctx context.Context, f artifacts.VersionFile) (bool, error) {
	name := filepath.FromSlash(f.Path)
	if !filepath.IsLocal(name) {
		return false, registry.Errorf(registry.InvalidArgument, "the path leaves the folder")
	}
	if old, err := m.root.Open(name); err == nil {
		digest, err := digestOf(old)
		old.Close()
		if err != nil || digest == f.Digest {
			return false, err
		}
	}
	if err := m.root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return false, err
	}
	part, err := m.root.OpenFile(name+partSuffix, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return false, err
	}
	defer part.Close()
	hash := sha256.New()
	have, err := io.Copy(hash, part)
	if err != nil {
		return false, err
	}
	if have < f.Size {
		body, err := m.ReadFile(ctx, m.model, m.version, f.Path, have)
		if err != nil {
			return false, err
		}
		_, err = io.Copy(io.MultiWriter(part, hash), &meteredReader{body, m, f.Path, have})
		body.Close()
		if err != nil {
			return false, err
		}
	}
	if digest := "sha256:" + hex.EncodeToString(hash.Sum(nil)); digest != f.Digest {
		return false, errors.Join(registry.Errorf(registry.FailedPrecondition, "has %s and not %s; pull again", digest, f.Digest), m.root.Remove(name+partSuffix))
	}
	if err := part.Sync(); err != nil {
		return false, err
	}
	return true, m.root.Rename(name+partSuffix, name)
}

// digestOf returns the digest of what a reader reads.
func digestOf(r io.Reader) (string, error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}
