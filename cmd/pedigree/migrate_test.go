package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	engine "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

func TestMigrateProvesThatBothAreEqual(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "pedigree.db"), filepath.Join(dir, "new.db")
	if code, _, stderr := run(t, "demo", "load", "--data", dir); code != 0 {
		t.Fatal(stderr)
	}
	args := []string{"migrate", "--from", "sqlite://" + from, "--to", "sqlite://" + to}
	code, first, stderr := run(t, args...)
	if code != 0 || !strings.HasSuffix(first, "\nequal\n") || !strings.Contains(first, "copied, up to entry ") {
		t.Fatalf("exit %d: %s%s", code, first, stderr)
	}
	if !strings.Contains(stderr, "copying nodes: ") || strings.ContainsAny(stderr, "\r\x1b") {
		t.Errorf("without a terminal, progress must be plain lines: %q", stderr)
	}
	code, again, stderr := run(t, args...)
	if code != 0 || strings.Contains(again, "copied") || !strings.HasSuffix(first, again) {
		t.Errorf("again, exit %d: %s%s", code, again, stderr)
	}
	if code, stdout, stderr := run(t, "lineage", "credit-approval@1.0.1", "--store", "sqlite://"+to); code != 0 {
		t.Errorf("the new store: exit %d, %s%s", code, stdout, stderr)
	}
	db, err := engine.OpenConn(to, engine.OpenReadWrite)
	if err == nil {
		err = sqlitex.ExecuteTransient(db, "UPDATE log SET actor = 'nobody' WHERE seq = 2", nil)
	}
	if closing := db.Close(); err != nil || closing != nil {
		t.Fatal(err, closing)
	}
	for _, a := range [][]string{args, append(args, "--verify")} {
		if code, stdout, stderr := run(t, a...); code != 1 || !strings.Contains(stdout, "NOT equal: log entry 2 is not the same in both") || !strings.Contains(stderr, "FAILED_PRECONDITION: the stores differ") {
			t.Errorf("exit %d: %s%s", code, stdout, stderr)
		}
	}
}

func TestMigrateRefusesWhatItCannotMove(t *testing.T) {
	dir := t.TempDir()
	full, other, absent := filepath.Join(dir, "a", "pedigree.db"), filepath.Join(dir, "b", "pedigree.db"), filepath.Join(dir, "absent.db")
	for _, file := range []string{full, other} {
		if code, _, stderr := run(t, "demo", "load", "--data", filepath.Dir(file)); code != 0 {
			t.Fatal(stderr)
		}
	}
	for want, args := range map[string][]string{
		"NOT_FOUND: --from: there is no file":                              {"--from", "sqlite://" + absent, "--to", "sqlite://" + other},
		"NOT_FOUND: --to: there is no file":                                {"--verify", "--from", "sqlite://" + full, "--to", "sqlite://" + absent},
		"FAILED_PRECONDITION: the destination holds a registry of its own": {"--from", "sqlite://" + full, "--to", "sqlite://" + other},
		"INVALID_ARGUMENT: --to: store: \"mysql\" is no store":             {"--from", "sqlite://" + full, "--to", "mysql://u:hunter2@host/db"},
		"INVALID_ARGUMENT: to: names no store":                             {"--from", "sqlite://" + full},
		"INVALID_ARGUMENT: from: names no store":                           {"--to", "sqlite://" + full},
		"INVALID_ARGUMENT: store: means nothing to migrate":                {"--from", "sqlite://" + full, "--to", "sqlite://" + absent, "--store", "x"},
		"INVALID_ARGUMENT: server: means nothing to migrate":               {"--from", "sqlite://" + full, "--to", "sqlite://" + absent, "--server", "x"},
		"UNAVAILABLE: --to: the store does not answer":                     {"--from", "sqlite://" + full, "--to", "neo4j://u:hunter2@127.0.0.1:1/db"},
	} {
		code, stdout, stderr := run(t, append([]string{"migrate"}, args...)...)
		if code != 1 || !strings.Contains(stderr, want) || strings.Contains(stdout+stderr, "hunter2") {
			t.Errorf("%v: exit %d, %s%s", args, code, stdout, stderr)
		}
	}
	if _, err := os.Stat(absent); err == nil {
		t.Error("a file was made")
	}
}
