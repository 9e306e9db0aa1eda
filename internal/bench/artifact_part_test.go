package bench

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestPatternFiles reads files whose bytes are made: of their size, the same each time, and unlike
// each other in every block.
func TestPatternFiles(t *testing.T) {
	read := func(seed uint64, size int64) []byte {
		b, err := io.ReadAll((&patternFile{size: size, seed: seed}).reader())
		if err != nil || int64(len(b)) != size {
			t.Fatalf("%d bytes and not %d: %v", len(b), size, err)
		}
		return b
	}
	const size = 3*patternBlock + 100
	a, b := read(1, size), read(2, size)
	if !bytes.Equal(a, read(1, size)) {
		t.Error("a file has other bytes when it is read again")
	}
	blocks := map[string]bool{}
	for _, file := range [][]byte{a, b} {
		for i := 0; i+16 <= len(file); i += patternBlock {
			blocks[string(file[i:i+16])] = true
		}
	}
	if len(blocks) != 8 {
		t.Errorf("two files of four blocks have %d kinds of blocks", len(blocks))
	}
}

// TestBareSockets moves files through bare sockets, into files and out of them.
func TestBareSockets(t *testing.T) {
	dir := t.TempDir()
	s, err := listenForFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	files := []*patternFile{{size: 3 * copyBuffer / 2, seed: 1}, {size: 10, seed: 2}}
	for _, move := range []func(int, *patternFile) error{s.send, s.receive} {
		if took, err := allAtOnce(files, move); err != nil || took <= 0 {
			t.Fatalf("after %s: %v", took, err)
		}
	}
	for i, f := range files {
		want, _ := io.ReadAll(f.reader())
		if got, err := os.ReadFile(filepath.Join(dir, "bare-"+string(rune('0'+i)))); err != nil || !bytes.Equal(got, want) {
			t.Errorf("file %d was changed on its way: %d bytes, %v", i, len(got), err)
		}
	}
	if err := s.receive(7, files[0]); err == nil {
		t.Error("a file that is not there was received")
	}
}

// TestArtifactTargets checks the ratios against the bare socket, and the memory.
func TestArtifactTargets(t *testing.T) {
	a := &ArtifactResult{FileBytes: 1 << 30, Peak: 301 << 20, Rates: map[string][]float64{filesUp: {60, 69, 80}, socketUp: {100}, filesDown: {70}, socketDown: {100}}}
	for i, want := range []bool{false, true, false} {
		if got := a.checkTargets()[i]; got.holds != want {
			t.Errorf("%s %s: holds is %t", got.what, got.figure, got.holds)
		}
	}
	if (*ArtifactResult)(nil).checkTargets() != nil {
		t.Error("a part that was not measured has targets")
	}
}
