package registry

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var entryTime = time.Date(2024, 1, 5, 9, 0, 0, 0, time.UTC)

func version(t *testing.T, s string) Version {
	t.Helper()
	v, err := ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVersionsSortBySemverAndNeverAsText(t *testing.T) {
	// The order of semver.org §11, with cases that text order gets wrong.
	want := []string{"0.0.1", "0.9.0", "0.10.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.1.x", "1.0.0-alpha.2", "1.0.0-alpha.10",
		"1.0.0-alpha.beta", "1.0.0-alpha-x", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0", "10.0.0"}
	got := slices.Clone(want)
	rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, func(a, b string) int { return strings.Compare(version(t, a).SortKey(), version(t, b).SortKey()) })
	if !slices.Equal(got, want) {
		t.Errorf("by sort key:\n got %v\nwant %v", got, want)
	}
	for _, a := range want {
		for _, b := range want {
			k, c := strings.Compare(version(t, a).SortKey(), version(t, b).SortKey()), version(t, a).Compare(version(t, b))
			if k != c {
				t.Errorf("%s and %s: key %d, semver %d", a, b, k, c)
			}
		}
	}
}

func TestVersionsAreStrict(t *testing.T) {
	if version(t, "v1.0.0").String() != "1.0.0" {
		t.Error("v1.0.0 is not 1.0.0")
	}
	for _, bad := range []string{"", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-01", "1.0.0+build", "latest", "vv1.0.0", "1.0.0-", " 1.0.0", "1.0.0\x00"} {
		if _, err := ParseVersion(bad); CodeOf(err) != InvalidArgument {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestBumpsRaiseOnePart(t *testing.T) {
	for _, c := range []struct {
		from, want string
		bump       Bump
	}{{"1.2.3", "2.0.0", BumpMajor}, {"1.2.3", "1.3.0", BumpMinor}, {"1.2.3", "1.2.4", BumpPatch}, {"1.2.3-rc.1", "1.2.3", BumpPatch}} {
		got, err := version(t, c.from).Next(c.bump)
		if err != nil || got.String() != c.want {
			t.Errorf("%s %s: %s, %v; want %s", c.from, c.bump, got, err, c.want)
		}
	}
	if v, _ := (Version{}).Next(BumpMajor); v.String() != "1.0.0" {
		t.Errorf("the first major is %s", v)
	}
}

// TestTheLifecycleMatchesItsTable repeats the table, so that nobody changes it by
// accident.
func TestTheLifecycleMatchesItsTable(t *testing.T) {
	allowed := map[Stage]string{Development: "STAGING ARCHIVED", Staging: "CANARY PRODUCTION DEVELOPMENT ARCHIVED", Canary: "PRODUCTION STAGING ARCHIVED",
		Production: "DEPRECATED CANARY", Deprecated: "PRODUCTION ARCHIVED", Archived: "DEVELOPMENT"}
	for _, from := range Stages() {
		for _, to := range Stages() {
			want := slices.Contains(strings.Fields(allowed[from]), string(to))
			err := CheckTransition(from, to, false)
			if (err == nil) != want {
				t.Errorf("%s → %s: %v; allowed %v", from, to, err, want)
			}
			if err != nil && CodeOf(err) != FailedPrecondition {
				t.Errorf("%s → %s: code %s", from, to, CodeOf(err))
			}
			if !want && from != to {
				for _, a := range strings.Fields(allowed[from]) {
					if !strings.Contains(err.Error(), a) {
						t.Errorf("%s → %s: the error does not name %s: %v", from, to, a, err)
					}
				}
			}
			if err := CheckTransition(from, to, true); (err == nil) != (from != to) {
				t.Errorf("%s → %s with force: %v", from, to, err)
			}
		}
	}
	if CodeOf(CheckTransition(Development, "LIVE", true)) != InvalidArgument {
		t.Error("an unknown stage is accepted")
	}
}

func TestInvalidNamesAreRefused(t *testing.T) {
	for _, bad := range []string{"", ".", "..", "a/b", "a:b", "a\x00b", "a\nb", "a\u202eb\u2028", "\xff", strings.Repeat("x", 256)} {
		if err := CheckName("name", bad); CodeOf(err) != InvalidArgument || !strings.HasPrefix(err.Error(), "name: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, good := range []string{"a", "Ünïcode-名前", "x y", "...", "a.b", strings.Repeat("é", 255)} {
		if err := CheckName("name", good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

func TestIDsDifferForKeysWithEqualConcatenation(t *testing.T) {
	if NewID(KindDataset, "a", "bc") == NewID(KindDataset, "ab", "c") || NewID(KindDataset, "a") == NewID(KindModel, "a") {
		t.Error("two keys share an id")
	}
	id := NewID(KindModelVersion, "x")
	if back, err := ParseID(string(id)); err != nil || back != id || id.Kind() != KindModelVersion {
		t.Errorf("%s: %v, %v", id, back, err)
	}
	for _, bad := range []string{"", "mv", "mv_short", "zz_" + string(id[3:]), "restricted_" + string(id[3:]), string(id) + "0", "mv_" + strings.Repeat("!", 26)} {
		if _, err := ParseID(bad); err == nil {
			t.Errorf("%q is accepted as an id", bad)
		}
	}
}

func TestEdgesConnectOnlyAllowedKinds(t *testing.T) {
	good := 0
	for _, k := range EdgeKinds() {
		for _, from := range Kinds() {
			for _, to := range Kinds() {
				if CheckEdge(k, from, to) == nil {
					good++
					if !from.Walked() || !to.Walked() {
						t.Errorf("%s joins %s to %s, which lineage does not walk", k, from, to)
					}
				}
			}
		}
	}
	// Counted by hand: USED 3, GENERATED_BY 2, DERIVED_FROM 4, the other seven 1 each.
	if good != 3+2+4+7 {
		t.Errorf("%d combinations of kinds may have an edge", good)
	}
	if CheckEdge(EdgeUsed, KindDatasetVersion, KindRun) == nil || CheckEdge("LIKES", KindRun, KindRun) == nil {
		t.Error("a wrong edge is accepted")
	}
}

func TestCardsReportMissingAndInvalidFields(t *testing.T) {
	empty := (&ModelCard{}).Completeness()
	if empty.Complete || empty.Filled != 0 || len(empty.Missing) != empty.Total {
		t.Errorf("an empty card: %+v", empty)
	}
	f := func(v float64) *float64 { return &v }
	n := func(v int64) *int64 { return &v }
	for field, c := range map[string]*ModelCard{
		"performance.accuracy":        {Performance: &Performance{Accuracy: f(1.01)}},
		"performance.f1Score":         {Performance: &Performance{F1Score: f(-0.1)}},
		"training.samplesUsed":        {Training: &TrainingInfo{SamplesUsed: n(-1)}},
		"training.trainingTimeHours":  {Training: &TrainingInfo{TrainingTimeHours: f(-1)}},
		"limitations[0]":              {Limitations: []string{" "}},
		"performance.metrics[1].name": {Performance: &Performance{Metrics: []Metric{{Name: "auc", Value: 1}, {Name: "auc", Value: 2}}}},
	} {
		err := c.Check()
		e, ok := err.(*Error)
		if !ok || e.Code != InvalidArgument || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if err := (&ModelCard{Performance: &Performance{Accuracy: f(1), Recall: f(0)}}).Check(); err != nil {
		t.Errorf("the ends of the range: %v", err)
	}
}

func TestCanonicalJSONHasOneForm(t *testing.T) {
	var a, b JSON
	if err := a.UnmarshalJSON([]byte(`{"b": [1.50, {"y":1,"x":"<&>"}], "a": 12345678901234567890}`)); err != nil {
		t.Fatal(err)
	}
	if err := b.UnmarshalJSON([]byte("{\"a\":12345678901234567890,\n\"b\":[1.50,{\"x\":\"<&>\",\"y\":1}]}")); err != nil {
		t.Fatal(err)
	}
	if string(a) != string(b) || string(a) != `{"a":12345678901234567890,"b":[1.50,{"x":"<&>","y":1}]}` {
		t.Errorf("%s\n%s", a, b)
	}
}

// TestALogEntryKeepsItsHash compares with a known hash: the hashes of old entries must
// never change.
func TestALogEntryKeepsItsHash(t *testing.T) {
	e := LogEntry{Seq: 7, At: entryTime, Actor: "ada", Action: LogModelRegistered, Objects: []ID{"model_x"}, Model: "model_x", Detail: JSON(`{"name":"m"}`)}
	e.Seal()
	// Computed from the description of Canonical, in another language.
	if want := "2e23f58e4ab0009d4a2fdf9199b2d904ffb5081d64680b548f899cf105529790"; e.LeafHash != want {
		t.Fatalf("the hash of a known entry is %s, not %s", e.LeafHash, want)
	}
	moved := e
	moved.Actor, moved.Reason = "", "ada" // The same text in another field.
	moved.Seal()
	if moved.LeafHash == e.LeafHash {
		t.Error("two entries share a hash")
	}
}

func TestTheFieldTableHasOneRowPerField(t *testing.T) {
	columns := map[Index]bool{IndexName: true, IndexValidFrom: true}
	for _, c := range IndexColumns() {
		columns[c.Name] = true
	}
	for _, n := range Nouns() {
		seen := map[string]bool{}
		for i, f := range n.Fields {
			if seen[f.Name] || f.Noun != n.Name || !slices.Contains(Classes(), f.Class) || Bit(n.Name, f.Name) != i {
				t.Errorf("%s: row %d is wrong", f.Coordinate(), i)
			}
			if f.Column != "" && !columns[f.Column] {
				t.Errorf("%s: no store has a column %s", f.Coordinate(), f.Column)
			}
			seen[f.Name] = true
		}
	}
	if Bit("Model", "nonsense") != -1 || AllFields.Has(-1) {
		t.Error("an unknown field is readable")
	}
}
