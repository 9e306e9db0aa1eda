package main

import (
	"path/filepath"
	"strings"
	"testing"

	engine "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// TestDoctorFindsAndRepairsWrongValues changes what the store keeps of two nodes behind its
// back.
func TestDoctorFindsAndRepairsWrongValues(t *testing.T) {
	dir := t.TempDir()
	if code, stdout, _ := run(t, "doctor", "--data", dir); code == 0 {
		t.Errorf("a folder without a registry: %s", stdout)
	}
	if code, _, stderr := run(t, "demo", "load", "--data", dir); code != 0 {
		t.Fatal(stderr)
	}
	if code, stdout, stderr := run(t, "doctor", "--data", dir); code != 0 || stdout != "served: every node has the right value\n" {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	db, err := engine.OpenConn(filepath.Join(dir, "pedigree.db"), engine.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"UPDATE node SET served = 1 WHERE num = (SELECT min(num) FROM node WHERE served = 3)",
		"UPDATE node SET support = support + 1 WHERE num = (SELECT max(num) FROM node WHERE support > 0)"} {
		if err := sqlitex.ExecuteTransient(db, sql, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // A check alone changes nothing.
		code, stdout, stderr := run(t, "doctor", "--data", dir)
		if code != 1 || stdout != "served: 2 nodes have the wrong value\n" || !strings.Contains(stderr, "run pedigree doctor --repair") {
			t.Errorf("exit %d: %s%s", code, stdout, stderr)
		}
	}
	for _, want := range []string{"served: repaired 2 nodes\n", "served: every node has the right value\n"} {
		if code, stdout, stderr := run(t, "doctor", "--repair", "--data", dir); code != 0 || stdout != want {
			t.Errorf("exit %d: %s%s", code, stdout, stderr)
		}
	}
}
