package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pedigree/audit"
	"pedigree/internal/validators"
	"pedigree/service/catalog"
)

// TestASecondProgramVerifiesTheLog verifies exports of the log, and proofs of entries, with
// a program in Python that shares no code with this one. It accepts no changed export.
func TestASecondProgramVerifiesTheLog(t *testing.T) {
	t.Parallel()
	python := validators.Python(t)
	for engine, open := range emptyRegistries {
		t.Run(engine, func(t *testing.T) {
			s := open(t)
			private, err := audit.NewKey(s.service.LogOrigin())
			if err != nil {
				t.Fatal(err)
			}
			key, err := audit.ParseKey(private)
			if err == nil {
				err = s.service.SetLogKey(s.admin(), key)
			}
			if err != nil {
				t.Fatal(err)
			}
			for i := range 20 {
				in := catalog.RegisterModelInput{Name: fmt.Sprint("model <", i, "> ,\"detail\" é"), Description: "d"}
				if _, err := s.service.RegisterModel(s.admin(), in); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			if err := s.service.ExportLog(s.admin(), &out); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			verify := func(export []byte, proof any) (string, error) {
				file, proofFile := filepath.Join(dir, "log.jsonl"), filepath.Join(dir, "proof.json")
				text, err := json.Marshal(proof)
				if err == nil {
					err = os.WriteFile(file, export, 0o600)
				}
				if err == nil {
					err = os.WriteFile(proofFile, text, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				answer, err := exec.CommandContext(t.Context(), python, "../../audit/testdata/verify_log.py", file, key.Public, proofFile).CombinedOutput()
				return string(answer), err
			}
			proofOf := func(seq int64, size *int64) map[string]any {
				p, err := s.service.AuditProof(s.admin(), seq, size)
				if err != nil {
					t.Fatal(err)
				}
				return map[string]any{"seq": p.Seq, "size": p.Size, "leafHash": p.LeafHash, "root": p.Root, "hashes": p.Hashes}
			}
			for seq := int64(1); seq <= 21; seq += 5 {
				size := min(seq+3, 21)
				for _, at := range []*int64{nil, &size} {
					if answer, err := verify(out.Bytes(), proofOf(seq, at)); err != nil || !strings.Contains(answer, "verified 21 entries") {
						t.Fatalf("entry %d: %v: %s", seq, err, answer)
					}
				}
			}
			wrong := proofOf(3, nil)
			wrong["seq"] = 4
			if answer, err := verify(out.Bytes(), wrong); err == nil {
				t.Errorf("the proof of entry 3 holds for entry 4: %s", answer)
			}
			at := bytes.Index(out.Bytes(), []byte(`"actor":"`)) + len(`"actor":"`)
			changed := bytes.Clone(out.Bytes())
			changed[at]++
			if answer, err := verify(changed, proofOf(3, nil)); err == nil || !strings.Contains(answer, "does not hold") {
				t.Errorf("a changed export is accepted: %v: %s", err, answer)
			}
		})
	}
}

// TestALongLogIsVerifiedEntryByEntry appends a long log and says how long a verification of it
// takes.
func TestALongLogIsVerifiedEntryByEntry(t *testing.T) {
	t.Parallel()
	s := emptyRegistries["SQLite"](t)
	n := min(100*rounds(1000), 100_000)
	for left := n; left > 0; left -= 400 {
		var lines strings.Builder
		for i := range min(left, 400) {
			fmt.Fprintf(&lines, `{"model":{"name":"m%d"}}`+"\n", left-i)
		}
		if _, refused := s.loadLines(lines.String()); len(refused) > 0 {
			t.Fatal(refused[0])
		}
	}
	start := time.Now()
	v, err := s.service.VerifyLog(s.admin(), nil)
	if err != nil || v.Entries < int64(n) {
		t.Fatalf("%+v, %v", v, err)
	}
	t.Logf("PROOF %d entries of the log verified in %v", v.Entries, time.Since(start).Round(time.Millisecond))
}
