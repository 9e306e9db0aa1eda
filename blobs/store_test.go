package blobs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func folder(t *testing.T) (*Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "artifacts")
	s, err := New("file://" + dir)
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func entries(t *testing.T, s *Store) (objects, unfinished []Entry) {
	t.Helper()
	err := s.Entries(t.Context(), func(e Entry) error {
		if e.Digest != "" {
			objects = append(objects, e)
		} else {
			unfinished = append(unfinished, e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return objects, unfinished
}

func TestTheSameContentIsStoredOnce(t *testing.T) {
	s, _ := folder(t)
	content := bytes.Repeat([]byte("weights"), 100_000)
	for range 3 {
		o, err := s.Put(t.Context(), bytes.NewReader(content), nil)
		if err != nil || o != (Object{digestOf(content), int64(len(content))}) {
			t.Fatal(o, err)
		}
	}
	objects, unfinished := entries(t, s)
	if len(objects) != 1 || len(unfinished) != 0 || objects[0].Digest != digestOf(content) {
		t.Error(objects, unfinished)
	}
	r, err := s.Open(t.Context(), digestOf(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := iotest.TestReader(r, content); err != nil {
		t.Error(err)
	}
}

func TestWhatBreaksOffLeavesNothing(t *testing.T) {
	s, _ := folder(t)
	broken := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("gone")))
	if _, err := s.Put(t.Context(), broken, nil); err == nil {
		t.Error("a broken upload is stored")
	}
	refused := errors.New("refused")
	if _, err := s.Put(t.Context(), strings.NewReader("whole"), func(Object) error { return refused }); !errors.Is(err, refused) {
		t.Error(err)
	}
	if objects, unfinished := entries(t, s); len(objects)+len(unfinished) != 0 {
		t.Error(objects, unfinished)
	}
}

// TestChangedBytesAreNotSent changes, cuts and lengthens a stored file. Its last bytes do not come.
func TestChangedBytesAreNotSent(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 50_000)
	for name, changed := range map[string][]byte{
		"changed": append(append([]byte("X"), content[1:len(content)-1]...), content[len(content)-1]),
		"shorter": content[:len(content)-1], "longer": append(bytes.Clone(content), 'x'),
	} {
		s, dir := folder(t)
		o, err := s.Put(t.Context(), bytes.NewReader(content), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, keyOf(o.Digest)), changed, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := s.Open(t.Context(), o.Digest, o.Size)
		if err == nil {
			var got []byte
			got, err = io.ReadAll(r)
			if len(got) >= len(content) {
				t.Errorf("%s: %d bytes were sent", name, len(got))
			}
			r.Close()
		}
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestADigestIsNoPath(t *testing.T) {
	s, _ := folder(t)
	for _, digest := range []string{"", "sha256:", "sha256:../../etc/passwd", "md5:" + strings.Repeat("ab", 16), "sha256:" + strings.Repeat("AB", 32), "sha256:" + strings.Repeat("a", 65)} {
		if _, err := s.Open(t.Context(), digest, 0); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", digest, err)
		}
	}
}

func TestOnlyPlacesForArtifactsAreOpened(t *testing.T) {
	for _, location := range []string{"", "x", "file://relative", "file://host/folder", "file:///folder?metadata=", "https://host/x", "mem2://", "%zz"} {
		if _, err := New(location); err == nil {
			t.Errorf("%q is accepted", location)
		}
	}
}

// killedUpload names the folder that the process of TestAKilledUploadDoesNotCount uploads to.
const killedUpload = "PEDIGREE_TEST_KILLED_UPLOAD"

func TestMain(m *testing.M) {
	if location := os.Getenv(killedUpload); location != "" {
		s, err := New(location)
		if err == nil {
			_, err = s.Put(context.Background(), os.Stdin, nil)
		}
		if err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestAKilledUploadDoesNotCount kills a process with signal 9 while it uploads. No object is
// there; the unfinished file is listed, so that it can be removed. The same process, when it is
// left alone, stores the object.
func TestAKilledUploadDoesNotCount(t *testing.T) {
	for _, kill := range []bool{true, false} {
		s, dir := folder(t)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killedUpload+"=file://"+dir)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := in.Write(bytes.Repeat([]byte("half a file"), 100_000)); err != nil {
			t.Fatal(err)
		}
		if kill {
			// The pipe holds 64 KiB, so most of what was written is in the file by now.
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		in.Close()
		if err := cmd.Wait(); (err != nil) != kill {
			t.Fatal(err)
		}
		objects, unfinished := entries(t, s)
		if kill && (len(objects) != 0 || len(unfinished) != 1 || unfinished[0].Size == 0) || !kill && (len(objects) != 1 || len(unfinished) != 0) {
			t.Errorf("killed %v: objects %v, unfinished %v", kill, objects, unfinished)
		}
		for _, e := range unfinished {
			if err := s.Delete(t.Context(), e); err != nil {
				t.Error(err)
			}
		}
		if _, unfinished := entries(t, s); len(unfinished) != 0 {
			t.Error(unfinished)
		}
	}
}
