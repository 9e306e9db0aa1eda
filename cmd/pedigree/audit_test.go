package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	engine "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pedigree/audit"
)

// TestTheLogIsVerifiedExportedAndWatched runs the commands of the log through a server and over
// its store, and then rewrites the log.
func TestTheLogIsVerifiedExportedAndWatched(t *testing.T) {
	url, data := startServer(t)
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	ok := func(want string, args ...string) string {
		t.Helper()
		code, stdout, stderr := run(t, args...)
		if code != 0 || !strings.Contains(stdout+stderr, want) {
			t.Fatalf("%v: exit %d, %s%s, want %q", args, code, stdout, stderr, want)
		}
		return stdout
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if code, stdout, stderr := run(t, args...); code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit %d, %s%s, want %q", args, code, stdout, stderr, want)
		}
	}
	info, err := os.Stat(filepath.Join(data, logKeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the log's key: %v, %v", info, err)
	}
	ok("the log holds: 2 entries, 2 of them new", "audit", "watch", file("watched"), "--server", url)
	early := ok("the public key is pedigree/log/", "audit", "checkpoint", "--server", url)
	if err := os.WriteFile(file("early"), []byte(early), 0o600); err != nil {
		t.Fatal(err)
	}
	ok("", "demo", "load", "--server", url)
	for _, where := range [][]string{{"--server", url}, {"--data", data}} {
		ok("it agrees with 1 kept checkpoint", append([]string{"audit", "verify", "--checkpoint", file("early")}, where...)...)
		ok("", append([]string{"audit", "export", "-o", file("log.jsonl")}, where...)...)
		ok("it agrees with 1 kept checkpoint", "audit", "verify", file("log.jsonl"), "--checkpoint", file("early"))
	}
	key, err := os.ReadFile(file("watched.key"))
	if err != nil {
		t.Fatal(err)
	}
	ok("the log holds", "audit", "verify", file("log.jsonl"), "--key", strings.TrimSpace(string(key)))
	private, err := audit.NewKey("pedigree/log/other")
	if err != nil {
		t.Fatal(err)
	}
	other, err := audit.ParseKey(private)
	if err != nil {
		t.Fatal(err)
	}
	refused("is not signed by this log's key", "audit", "verify", file("log.jsonl"), "--key", other.Public)
	refused("is no checkpoint", "audit", "verify", file("log.jsonl"), "--checkpoint", file("log.jsonl"))
	ok("of them new", "audit", "watch", file("watched"), "--server", url)
	watched, err := os.ReadFile(file("watched"))
	if err != nil {
		t.Fatal(err)
	}

	// One who holds the store and the key removes an entry and seals the log anew.
	db, err := engine.OpenConn(filepath.Join(data, "pedigree.db"), engine.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := sqlitex.ExecuteScript(db, "UPDATE log SET reason = 'another' WHERE seq = 5", nil); err != nil {
		t.Fatal(err)
	}
	refused("log entry 5 was changed", "audit", "verify", "--data", data)
	refused("log entry 5 was changed", "audit", "verify", "--server", url)
	if err := sqlitex.ExecuteScript(db, "DELETE FROM log WHERE seq > 8", nil); err != nil {
		t.Fatal(err)
	}
	refused("the log was cut: it has 8 entries", "audit", "watch", file("watched"), "--server", url)
	if after, err := os.ReadFile(file("watched")); err != nil || string(after) != string(watched) {
		t.Errorf("the last checkpoint was replaced: %v\n%s", err, after)
	}
}
