package compliance

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pedigree/registry"
)

// rounds is how much of what is too long for every run is tried.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("PEDIGREE_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return 3
}

// TestAPackHolds makes a pack twice: it has the same bytes, and holds with and without the key.
func TestAPackHolds(t *testing.T) {
	key := testKey(t)
	one := zipOf(t, testPack(t, key))
	if !bytes.Equal(one, zipOf(t, testPack(t, key))) {
		t.Error("the same facts give other bytes")
	}
	for _, keys := range [][]string{nil, {key.Public}} {
		v, err := Verify(one, keys)
		if err != nil {
			t.Fatal(err)
		}
		if v.Entries != 3 || v.Partial != 1 || v.Derived != 14 || v.Checkpoint == nil || v.Checkpoint.Size != 9 {
			t.Errorf("%+v", v)
		}
	}
	if _, err := Verify(one, []string{testKey(t).Public}); registry.CodeOf(err) != registry.FailedPrecondition {
		t.Errorf("with the key of another log: %v", err)
	}
}

// refused reports whether a pack is refused as one that does not hold.
func refused(t *testing.T, pack []byte, keys []string, what string) {
	t.Helper()
	_, err := Verify(pack, keys)
	if code := registry.CodeOf(err); code != registry.FailedPrecondition && code != registry.InvalidArgument {
		t.Fatalf("%s: %v", what, err)
	}
}

// offsets returns the places of a file that are changed: all of a small one, a sample of a large one.
func offsets(n int, g *rand.Rand) []int {
	if n <= 100*rounds() {
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		return all
	}
	var out []int
	for range 100 * rounds() {
		out = append(out, g.IntN(n))
	}
	return out
}

// TestEveryByteOfEveryFileCounts changes bytes of every file, and packs the files again.
func TestEveryByteOfEveryFileCounts(t *testing.T) {
	key := testKey(t)
	p := testPack(t, key)
	g := rand.New(rand.NewPCG(1, 2))
	changed := 0
	for i, f := range p.Files {
		for _, at := range offsets(len(f.Body), g) {
			body := slices.Clone(f.Body)
			body[at] ^= byte(1 + g.IntN(255))
			files := slices.Clone(p.Files)
			files[i] = File{f.Name, body}
			var b bytes.Buffer
			if err := writeZip(&b, files, p.Manifest.ReadAt); err != nil {
				t.Fatal(err)
			}
			refused(t, b.Bytes(), []string{key.Public}, f.Name+" byte "+strconv.Itoa(at))
			changed++
		}
	}
	t.Logf("%d changes of %d files refused", changed, len(p.Files))
}

// TestEveryByteOfTheZipCounts changes bytes of the zip file itself, cuts it and adds to it.
func TestEveryByteOfTheZipCounts(t *testing.T) {
	key := testKey(t)
	pack := zipOf(t, testPack(t, key))
	g := rand.New(rand.NewPCG(3, 4))
	places := offsets(len(pack), g)
	directory := bytes.Index(pack, []byte("PK\x01\x02")) // From here on the zip has no contents of files: all of it.
	for at := directory; at < len(pack); at++ {
		places = append(places, at)
	}
	for _, at := range places {
		b := slices.Clone(pack)
		b[at] ^= byte(1 + g.IntN(255))
		refused(t, b, nil, "zip byte "+strconv.Itoa(at))
	}
	for _, n := range []int{0, 1, len(pack) / 2, len(pack) - 1} {
		refused(t, pack[:n], nil, "cut")
	}
	refused(t, append(slices.Clone(pack), 0), nil, "a byte more at the end")
	refused(t, append([]byte{0}, pack...), nil, "a byte more at the start")
	t.Logf("%d changes refused", len(places))
}

// TestOtherZipsOfTheSameFiles packs the files in other ways: sorted otherwise, with one more, one less,
// one twice, compressed.
func TestOtherZipsOfTheSameFiles(t *testing.T) {
	key := testKey(t)
	p := testPack(t, key)
	write := func(files []File) []byte {
		var b bytes.Buffer
		if err := writeZip(&b, files, p.Manifest.ReadAt); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	reversed := slices.Clone(p.Files)
	slices.Reverse(reversed)
	refused(t, write(reversed), nil, "sorted otherwise")
	refused(t, write(append(slices.Clone(p.Files), File{"zz.txt", []byte("more")})), nil, "one more")
	for i := range p.Files {
		refused(t, write(slices.Delete(slices.Clone(p.Files), i, i+1)), nil, "without "+p.Files[i].Name)
		refused(t, write(append(slices.Clone(p.Files), p.Files[i])), nil, "twice "+p.Files[i].Name)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	for _, f := range p.Files {
		w, err := z.Create(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.Body); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	refused(t, b.Bytes(), nil, "compressed")
}

// TestWhoHasTheKeyCannotLie seals packs again after a change, as only who has the log's key can. What
// does not follow from the facts, and what the log does not hold, is refused all the same.
func TestWhoHasTheKeyCannotLie(t *testing.T) {
	key := testKey(t)
	reseal := func(name string, change func([]byte) []byte) []byte {
		p := testPack(t, key)
		m := p.Manifest
		m.Files = nil
		var files []File
		for _, f := range p.Files {
			if f.Name == ManifestFile || f.Name == SealFile {
				continue
			}
			if f.Name == name {
				f.Body = change(slices.Clone(f.Body))
			}
			files, m.Files = append(files, f), append(m.Files, digestOf(f))
		}
		manifest, err := marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		seal, err := key.Seal(sealedAs, sha256.Sum256(manifest))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, File{ManifestFile, manifest}, File{SealFile, []byte(seal)})
		sortFiles(files)
		return zipOf(t, &Pack{Manifest: m, Files: files})
	}
	if _, err := Verify(reseal("", nil), []string{key.Public}); err != nil {
		t.Fatalf("sealed again without a change: %v", err)
	}
	replace := func(old, with string) func([]byte) []byte {
		return func(b []byte) []byte {
			if !bytes.Contains(b, []byte(old)) {
				t.Fatalf("there is no %q to change", old)
			}
			return bytes.Replace(b, []byte(old), []byte(with), 1)
		}
	}
	for name, change := range map[string]func([]byte) []byte{
		"model-card.html":  replace("ada", "eve"),
		"model-card.md":    replace("ada", "eve"),
		"checklist.json":   replace("NOT_RECORDED", "RECORDED"),
		"transitions.json": replace("STAGING", "CANARY"),
		"lineage.svg":      replace("training", "nothing"),
		FactsFile:          replace(`"admin"`, `"viewer"`),
		LogFile:            replace(`"actor":"ada"`, `"actor":"eve"`),
		CheckpointFile:     replace("\n9\n", "\n8\n"),
	} {
		refused(t, reseal(name, change), []string{key.Public}, name)
	}
	refused(t, reseal(LogFile, func(b []byte) []byte { return b[bytes.IndexByte(b, '\n')+1:] })[:0], nil, "empty")
	without := reseal(LogFile, func(b []byte) []byte { return b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1] })
	refused(t, without, []string{key.Public}, "without the newest entry, which the facts name")
}

// TestTextsOfUsersStayTexts looks for the hostile name in what people read.
func TestTextsOfUsersStayTexts(t *testing.T) {
	p := testPack(t, testKey(t))
	for _, f := range p.Files {
		text := string(f.Body)
		var bad []string
		switch {
		case strings.HasSuffix(f.Name, ".html"), strings.HasSuffix(f.Name, ".svg"):
			bad = []string{"<script", "\x1b", "\u202e", `src="`, `href="`, "@import", "url("}
		case strings.HasSuffix(f.Name, ".md"):
			text = escaped.ReplaceAllString(text, "")
			bad = []string{"<script", "\x1b", "\u202e", "](http", "://", "`", "@team", "#1"}
		}
		for _, b := range bad {
			if strings.Contains(text, b) {
				t.Errorf("%s has %q", f.Name, b)
			}
		}
	}
}

// escaped matches a character that a backslash makes a plain one.
var escaped = regexp.MustCompile(`\\.`)

// TestTheFormOfPacks holds the digests of all that is derived. When one differs, Format must be raised:
// packs of the old form could not be derived again.
func TestTheFormOfPacks(t *testing.T) {
	files, err := derive(testFacts())
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	for _, f := range files {
		h.Write([]byte(f.Name + "\x00"))
		h.Write(f.Body)
	}
	const want = "2 ded32c6d5d3a59a768bf81a9eaed68b71d33afc72c119b161ffae0791a7d8cfa"
	if got := strconv.Itoa(Format) + " " + hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("the form is %q, and %q was kept", got, want)
	}
}

// TestAHeadingWithoutAFactSaysSo makes the checklist of a version of which nothing is recorded, for a
// reader who may not see the card.
func TestAHeadingWithoutAFactSaysSo(t *testing.T) {
	f := &Facts{Version: Version{ID: "mv_1"}, Hidden: []string{"ModelCard.limitations"}}
	shown := 0
	for _, r := range checklistOf(f).Rules {
		for _, h := range r.Headings {
			if len(h.Facts) > 0 || h.Status == Recorded {
				t.Errorf("%s %s has facts: %+v", r.Name, h.Number, h.Facts)
			}
			if h.Status == NotShown {
				shown++
			}
		}
	}
	if shown == 0 {
		t.Error("no heading says that something is hidden")
	}
	for _, r := range ruleTables {
		for _, row := range r.rows {
			for _, e := range row.evidence {
				if evidenceOf[e].find == nil {
					t.Errorf("%s %s looks for %q, which nothing finds", r.name, row.number, e)
				}
			}
		}
	}
}

// TestHeadingsAreThoseOfTheTexts holds the numbers of the headings against those that the texts have, and
// wants for each where it stands.
func TestHeadingsAreThoseOfTheTexts(t *testing.T) {
	has := map[string]map[string]bool{}
	for _, r := range checklistOf(&Facts{}).Rules {
		has[r.Name] = map[string]bool{}
		if !strings.Contains(r.Source, "http") {
			t.Errorf("%s does not say where it is published", r.Name)
		}
		sources := map[string]bool{}
		for _, h := range r.Headings {
			if has[r.Name][h.Number] = true; h.Title == "" || sources[h.Source] || !strings.Contains(h.Source, strings.SplitN(h.Number, ".", 2)[0]) {
				t.Errorf("%s: the heading %q, %q stands at %q", r.Name, h.Number, h.Title, h.Source)
			}
			sources[h.Source] = true
		}
	}
	wantNumbers := func(rule string, numbers ...string) {
		t.Helper()
		for _, n := range numbers {
			if !has[rule][n] {
				t.Errorf("%s has no %s", rule, n)
			}
			delete(has[rule], n)
		}
	}
	// Annex IV has the points 1 to 9; the first two have (a) to (h).
	for _, letter := range "abcdefgh" {
		wantNumbers(euAIActAnnexIV.name, "1("+string(letter)+")", "2("+string(letter)+")")
	}
	wantNumbers(euAIActAnnexIV.name, "3", "4", "5", "6", "7", "8", "9")
	// The core has so many categories of each function, and subcategories of these.
	subcategories := map[string][]int{"GOVERN": {7, 3, 2, 3, 2, 2}, "MAP": {6, 3, 5, 2, 2}, "MEASURE": {3, 13, 3, 3}, "MANAGE": {4, 4, 2, 3}}
	for function, counts := range subcategories {
		for i, n := range counts {
			category := fmt.Sprintf("%s %d", function, i+1)
			wantNumbers(nistAIRMF.name, category)
			for k := range n {
				delete(has[nistAIRMF.name], fmt.Sprintf("%s.%d", category, k+1))
			}
		}
	}
	wantNumbers(sr117.name, "IV", "V", "V.1", "V.2", "V.3", "VI")
	for rule, left := range has {
		for n := range left {
			t.Errorf("%s has no heading %s as it is published", rule, n)
		}
	}
}
