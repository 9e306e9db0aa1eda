package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"pedigree/registry"
)

// TestAFrontierIsThatOfTheTransparencyLog appends leaves and compares the hashes that each of
// them completes, and the frontier that is rebuilt from them, with those of package tlog.
func TestAFrontierIsThatOfTheTransparencyLog(t *testing.T) {
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) (out []tlog.Hash, _ error) {
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
	var leaves, completed []string
	hashesOf := func(seq int64) (string, string, error) { return leaves[seq-1], completed[seq-1], nil }
	var f registry.LogFrontier
	for n := range int64(300) {
		sum := sha256.Sum256([]byte(fmt.Sprint(n)))
		leaf := hex.EncodeToString(sum[:])
		got, err := f.Append(leaf)
		if err != nil {
			t.Fatal(err)
		}
		want, err := tlog.StoredHashesForRecordHash(n, tlog.Hash(sum), read)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, want...)
		text := ""
		for _, h := range want[1:] {
			text += hex.EncodeToString(h[:])
		}
		if got != text {
			t.Fatalf("entry %d completes %q, want %q", n+1, got, text)
		}
		leaves, completed = append(leaves, leaf), append(completed, got)
		again, err := registry.FrontierOf(n+1, hashesOf)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(again) != fmt.Sprint(f) {
			t.Fatalf("of %d entries: %v is rebuilt as %v", n+1, f, again)
		}
		if root, err := tlog.TreeHash(n+1, read); err != nil || f.Root() != registry.TreeHash(root) {
			t.Fatalf("the root of %d entries is %x, want %v", n+1, f.Root(), root)
		}
	}
	if _, err := registry.FrontierOf(4, func(int64) (string, string, error) { return leaves[0], "", nil }); err == nil {
		t.Error("missing tree hashes give a frontier")
	}
	if _, err := f.Append("no hash"); err == nil {
		t.Error("a text that is no hash is appended")
	}
}
