package audit

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
)

// testLog is a log in memory, with the hashes that a store keeps.
type testLog struct {
	*testing.T
	key     *Key
	entries []*registry.LogEntry
	hashes  []EntryHashes
	tree    registry.LogFrontier
}

func newTestLog(t *testing.T, n int) *testLog {
	t.Helper()
	private, err := NewKey("pedigree.example/log")
	if err != nil {
		t.Fatal(err)
	}
	l := &testLog{T: t}
	if l.key, err = ParseKey(private); err != nil {
		t.Fatal(err)
	}
	l.add(&registry.LogEntry{Action: registry.LogKeyAdded, Detail: registry.JSON(`{"publicKey":"` + l.key.Public + `"}`)})
	for i := 1; i < n; i++ {
		l.add(&registry.LogEntry{Action: registry.LogModelUpdated, Objects: []registry.ID{"model_a", registry.ID(fmt.Sprint("m", i))}, Model: "model_a", Reason: "<reason> & \"more\"",
			Approval: "ada", RequestID: fmt.Sprint("r", i), Detail: registry.JSON(`{"a":1.5,"b":"<"}`)})
	}
	return l
}

func (l *testLog) add(e *registry.LogEntry) {
	l.Helper()
	e.Seq, e.At, e.Actor = int64(len(l.entries)+1), time.Date(2026, 1, 2, 3, 4, 5, 6000*len(l.entries), time.UTC), "ada"
	e.Seal()
	completed, err := l.tree.Append(e.LeafHash)
	if err != nil {
		l.Fatal(err)
	}
	h, err := ParseEntryHashes(e.LeafHash, completed)
	if err != nil {
		l.Fatal(err)
	}
	l.entries, l.hashes = append(l.entries, e), append(l.hashes, h)
}

func (l *testLog) read(seqs []int64) (out []EntryHashes, _ error) {
	for _, s := range seqs {
		if s < 1 || s > int64(len(l.hashes)) {
			return nil, fmt.Errorf("entry %d is read of %d", s, len(l.hashes))
		}
		out = append(out, l.hashes[s-1])
	}
	return out, nil
}

func (l *testLog) checkpoint(size int64) (signed string, c Checkpoint) {
	l.Helper()
	root, err := Hashes(l.read).Root(size)
	if err == nil {
		signed, err = l.key.Sign(size, root)
	}
	if err == nil {
		c, err = Open(signed, l.key.Public)
	}
	if err != nil {
		l.Fatal(err)
	}
	return signed, c
}

func (l *testLog) export() []byte {
	l.Helper()
	var b bytes.Buffer
	x, err := NewExportWriter(&b, ExportHeader{Log: l.key.Origin(), Size: int64(len(l.entries))})
	for _, e := range l.entries {
		if err == nil {
			err = x.Entry(e)
		}
	}
	signed, _ := l.checkpoint(int64(len(l.entries)))
	if err == nil {
		err = x.Seal(signed)
	}
	if err != nil {
		l.Fatal(err)
	}
	return b.Bytes()
}

func TestProofsHoldAndTheirChangesDoNot(t *testing.T) {
	l := newTestLog(t, 40)
	hashes := Hashes(l.read)
	for size := int64(1); size <= 40; size++ {
		for seq := int64(1); seq <= size; seq++ {
			p, err := hashes.Prove(seq, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Check(); err != nil || p.Leaf.String() == "" {
				t.Fatalf("entry %d of %d: %v", seq, size, err)
			}
			for i := range p.Proof {
				p.Proof[i][7] ^= 1
				if p.Check() == nil {
					t.Fatalf("entry %d of %d: the proof holds with another hash %d", seq, size, i)
				}
				p.Proof[i][7] ^= 1
			}
			p.Leaf[0] ^= 1
			if p.Check() == nil {
				t.Fatalf("entry %d of %d: the proof holds for another entry", seq, size)
			}
		}
		for from := int64(0); from <= size; from++ {
			p, err := hashes.ProveConsistency(from, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Check(); err != nil {
				t.Fatalf("from %d to %d: %v", from, size, err)
			}
			if p.ToRoot[3] ^= 1; from > 0 && p.Check() == nil {
				t.Fatalf("from %d to %d: the proof holds for another log", from, size)
			}
			p.ToRoot[3] ^= 1
			if p.FromRoot[3] ^= 1; p.Check() == nil {
				t.Fatalf("from %d to %d: the proof holds for another earlier log", from, size)
			}
		}
	}
	for _, bad := range [][2]int64{{0, 4}, {5, 4}, {-1, 4}} {
		if _, err := hashes.Prove(bad[0], bad[1]); registry.CodeOf(err) != registry.InvalidArgument {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if _, err := hashes.ProveConsistency(5, 4); registry.CodeOf(err) != registry.InvalidArgument {
		t.Error(err)
	}
}

func TestEveryByteOfACheckpointIsSigned(t *testing.T) {
	l := newTestLog(t, 5)
	signed, c := l.checkpoint(5)
	if c.Size != 5 || c.Origin != "pedigree.example/log" || !strings.HasPrefix(signed, "pedigree.example/log\n5\n") {
		t.Fatalf("%+v\n%s", c, signed)
	}
	body := strings.Index(signed, "\n\n") + 1
	for i := range len(signed) {
		changed := []byte(signed)
		if changed[i] ^= 1; i >= body && !strings.Contains(signed[i:], "\n") {
			continue
		}
		if got, err := Open(string(changed), l.key.Public); err == nil && got != c {
			t.Errorf("byte %d: another checkpoint is accepted: %+v", i, got)
		} else if err == nil && i < body {
			t.Errorf("byte %d of the text may change", i)
		}
	}
	other := newTestLog(t, 5)
	if _, err := Open(signed, other.key.Public); registry.CodeOf(err) != registry.FailedPrecondition {
		t.Errorf("a checkpoint is accepted with another log's key: %v", err)
	}
	for _, bad := range []string{"", "x\n", "x\n05\nAAAA\n", "x\n-1\n" + strings.Repeat("A", 43) + "=\n", "x\n1\nAAAA\n"} {
		if _, err := ParseCheckpoint(bad); registry.CodeOf(err) != registry.InvalidArgument {
			t.Errorf("%q is read as a checkpoint: %v", bad, err)
		}
	}
}

func TestEveryByteOfAnExportIsVerified(t *testing.T) {
	l := newTestLog(t, 9)
	out := l.export()
	_, kept := l.checkpoint(6)
	got, err := VerifyExport(bytes.NewReader(out), nil, kept)
	if err != nil || got.Entries != 9 || got.Kept != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := range out {
		for _, flip := range []byte{1, 0x20} {
			changed := bytes.Clone(out)
			changed[i] ^= flip
			if i == len(out)-1 && changed[i] != '\n' && flip == 1 {
				continue // Another end of the last line changes nothing that was said.
			}
			if _, err := VerifyExport(bytes.NewReader(changed), nil); err == nil {
				t.Fatalf("byte %d of %q may change to %q", i, out[max(0, i-30):min(len(out), i+30)], changed[i])
			}
		}
	}
}

func TestARewrittenLogIsFound(t *testing.T) {
	honest := newTestLog(t, 12)
	_, kept := honest.checkpoint(8)
	for name, change := range map[string]func(l *testLog){
		"an entry left out": func(l *testLog) { l.entries = append(l.entries[:3:3], l.entries[4:]...) },
		"two swapped":       func(l *testLog) { l.entries[4], l.entries[5] = l.entries[5], l.entries[4] },
		"one inserted": func(l *testLog) {
			l.entries = append(l.entries[:5:5], append([]*registry.LogEntry{{Action: registry.LogModelUpdated}}, l.entries[5:]...)...)
		},
		"the tail cut": func(l *testLog) { l.entries = l.entries[:7] },
		"one changed":  func(l *testLog) { l.entries[2].Reason = "another" },
	} {
		t.Run(name, func(t *testing.T) {
			l := &testLog{T: t, key: honest.key}
			for _, e := range honest.entries {
				copied := *e
				l.entries = append(l.entries, &copied)
			}
			change(l)
			// The whole log is sealed anew, as one who holds the store and the key can do.
			entries := l.entries
			l.entries = nil
			for _, e := range entries {
				l.add(e)
			}
			if _, err := VerifyExport(bytes.NewReader(l.export()), nil); err != nil {
				t.Fatalf("the log that was sealed anew is not whole: %v", err)
			}
			if _, err := VerifyExport(bytes.NewReader(l.export()), nil, kept); registry.CodeOf(err) != registry.FailedPrecondition {
				t.Errorf("it agrees with the checkpoint kept elsewhere: %v", err)
			}
		})
	}
}

func TestTilesHoldTheTree(t *testing.T) {
	l := newTestLog(t, 600)
	hashes := Hashes(l.read)
	for path, want := range map[string]int{"0/000": 256, "0/001": 256, "0/002.p/88": 88, "1/000.p/2": 2} {
		tile, err := ParseTilePath(path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := hashes.Tile(tile, 600)
		if err != nil || len(data) != 32*want || Full(tile) != (want == 256) {
			t.Errorf("%s: %d bytes, full %v, %v", path, len(data), Full(tile), err)
		}
		if tile.L == 0 && !bytes.Equal(data[:32], l.hashes[tile.N*256].Leaf[:]) {
			t.Errorf("%s does not begin with the hash of its entry", path)
		}
	}
	for _, path := range []string{"", "0", "0/0", "0/x000/001", "-1/000", "data/000", "0/000.p/0", "0/000.p/256", "0/000.p/01", "0/../000", "0/000/", "8/0/000"} {
		if _, err := ParseTilePath(path); registry.CodeOf(err) != registry.NotFound {
			t.Errorf("%q is a tile: %v", path, err)
		}
	}
	for _, path := range []string{"0/002", "0/002.p/89", "1/000", "2/000.p/1", "9/000.p/1", "63/000.p/1"} {
		tile, err := ParseTilePath(path)
		if err == nil {
			_, err = hashes.Tile(tile, 600)
		}
		if registry.CodeOf(err) != registry.NotFound {
			t.Errorf("%s: %v", path, err)
		}
	}
}
