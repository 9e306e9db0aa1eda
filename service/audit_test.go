package service_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	engine "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pedigree/audit"
	"pedigree/graph/sqlite"
	"pedigree/registry"
	"pedigree/service/catalog"
)

// loggedKit is a kit with a key for the log and some entries in it.
func loggedKit(t *testing.T, path string) *kit {
	t.Helper()
	store, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	k := kitOn(t, store)
	private := must[string](k)(audit.NewKey(k.LogOrigin()))
	for range 2 { // The second time the key is known.
		if err := k.SetLogKey(k.admin, must[*audit.Key](k)(audit.ParseKey(private))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 12 {
		must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, catalog.RegisterModelInput{Name: fmt.Sprint("m", i), Description: "text"}))
	}
	return k
}

func TestTheLogIsProvenToWhoReadsIt(t *testing.T) {
	k := loggedKit(t, filepath.Join(t.TempDir(), "p.db"))
	if keys := must[[]string](k)(k.LogKeys(k.admin)); len(keys) != 1 {
		t.Errorf("the log has recorded the keys %q", keys)
	}
	scientist := k.as("sam", "data_scientist")
	early := int64(13)
	for seq := int64(1); seq <= early; seq++ {
		p, err := k.AuditProof(scientist, seq, &early)
		if err != nil {
			t.Fatal(err)
		}
		if p.Size != early || len(p.LeafHash) != 64 || len(p.Hashes) < 2 {
			t.Errorf("%+v", p)
		}
	}
	c := must[*audit.Checkpoint](k)(checkpointOf(k))
	if c.Size != early {
		t.Errorf("the checkpoint is of %d entries, not %d", c.Size, early)
	}
	for from := range early + 1 {
		p, err := k.AuditConsistency(scientist, from, nil)
		if err != nil || p.To != early {
			t.Fatalf("%+v, %v", p, err)
		}
	}
	tile, full, err := k.LogTile(scientist, "0/000.p/13")
	if err != nil || len(tile) != 13*32 || full {
		t.Errorf("%d bytes, full %v, %v", len(tile), full, err)
	}
	for _, bad := range []int64{0, -1, 14} {
		if _, err := k.AuditProof(scientist, bad, nil); registry.CodeOf(err) != registry.InvalidArgument {
			t.Errorf("a proof of entry %d: %v", bad, err)
		}
		if _, err := k.AuditConsistency(scientist, 1, &bad); registry.CodeOf(err) != registry.InvalidArgument {
			t.Errorf("a proof to the size %d: %v", bad, err)
		}
	}
	if _, err := k.VerifyLog(scientist, nil); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("one who sees a part of the log verifies it: %v", err)
	}
	if err := k.ExportLog(scientist, new(bytes.Buffer)); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("one who sees a part of the log exports it: %v", err)
	}
	for _, role := range []string{"developer", "viewer"} {
		if _, err := k.AuditCheckpoint(k.as("eve", role)); registry.CodeOf(err) != registry.Forbidden {
			t.Errorf("%s: %v", role, err)
		}
	}
}

// checkpointOf returns the checkpoint of the log, whose signature it verifies.
func checkpointOf(k *kit) (*audit.Checkpoint, error) {
	k.Helper()
	signed, err := k.AuditCheckpoint(k.admin)
	if err != nil {
		return nil, err
	}
	c, err := audit.Open(signed.Note, signed.PublicKey)
	return &c, err
}

func TestAnExportOfTheLogVerifiesWithoutTheStore(t *testing.T) {
	k := loggedKit(t, filepath.Join(t.TempDir(), "p.db"))
	kept := *must[*audit.Checkpoint](k)(checkpointOf(k))
	must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, catalog.RegisterModelInput{Name: "later"}))
	var out bytes.Buffer
	if err := k.ExportLog(k.admin, &out); err != nil {
		t.Fatal(err)
	}
	got, err := audit.VerifyExport(bytes.NewReader(out.Bytes()), nil, kept)
	if err != nil || got.Entries != 14 || got.Kept != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if changed := strings.Replace(out.String(), `"later"`, `"other"`, 1); changed == out.String() {
		t.Error("the export does not name the model")
	} else if _, err := audit.VerifyExport(strings.NewReader(changed), nil); registry.CodeOf(err) != registry.FailedPrecondition {
		t.Errorf("a changed export is whole: %v", err)
	}
}

func TestAKeyOfAnotherLogIsRefused(t *testing.T) {
	k := newKit(t)
	if _, err := k.AuditCheckpoint(k.admin); registry.CodeOf(err) != registry.FailedPrecondition {
		t.Errorf("a checkpoint without a key: %v", err)
	}
	private := must[string](k)(audit.NewKey("pedigree/log/other"))
	if err := k.SetLogKey(k.admin, must[*audit.Key](k)(audit.ParseKey(private))); registry.CodeOf(err) != registry.InvalidArgument {
		t.Error(err)
	}
}

// TestEveryStoredFieldOfTheLogIsVerified changes each column of an entry in the database, and
// cuts and rewrites the log. The twin of each is the unchanged log, which verifies.
func TestEveryStoredFieldOfTheLogIsVerified(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	k := loggedKit(t, path)
	verify := func(kept ...audit.Checkpoint) error {
		_, err := k.VerifyLog(k.admin, nil, kept...)
		return err
	}
	kept := *must[*audit.Checkpoint](k)(checkpointOf(k))
	if err := verify(kept); err != nil {
		t.Fatalf("the unchanged log does not verify: %v", err)
	}
	db, err := engine.OpenConn(path, engine.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	changes := map[string]string{"swapped": `UPDATE log SET seq = CASE seq WHEN 5 THEN -6 ELSE -5 END WHERE seq IN (5, 6); UPDATE log SET seq = -seq WHERE seq < 0`,
		"deleted": "DELETE FROM log WHERE seq = 7", "the first deleted": "DELETE FROM log WHERE seq = 1"}
	for _, column := range []string{"at", "actor", "action", "model", "reason", "approval", "request_id", "detail", "leaf_hash", "tree", "objects"} {
		value := column + " || 'x'"
		switch column {
		case "at":
			value = "at + 1"
		case "objects":
			value = `json_insert(objects, '$[#]', 'm_1')`
		case "detail":
			value = `json_set(detail, '$.x', 1)`
		}
		changes[column] = "UPDATE log SET " + column + " = " + value + " WHERE seq = 8"
	}
	for name, sql := range changes {
		if err := sqlitex.ExecuteScript(db, "CREATE TABLE keep AS SELECT * FROM log; "+sql, nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := verify(); registry.CodeOf(err) != registry.FailedPrecondition {
			t.Errorf("%s: the log verifies: %v", name, err)
		}
		if err := sqlitex.ExecuteScript(db, "DELETE FROM log; INSERT INTO log SELECT * FROM keep; DROP TABLE keep", nil); err != nil {
			t.Fatal(err)
		}
		if err := verify(kept); err != nil {
			t.Fatalf("%s: the log does not verify after it was put back: %v", name, err)
		}
	}
	if err := sqlitex.ExecuteScript(db, "DELETE FROM log WHERE seq > 9", nil); err != nil {
		t.Fatal(err)
	}
	if err := verify(); err != nil {
		t.Errorf("a log whose tail was cut is whole by itself: %v", err)
	}
	if err := verify(kept); registry.CodeOf(err) != registry.FailedPrecondition || !strings.Contains(err.Error(), "cut") {
		t.Errorf("the cut tail is not found with the checkpoint: %v", err)
	}
}
