package croissant

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/connect/git"
	"pedigree/connect/jsonlines"
	"pedigree/internal/registrytest"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/bulk"
	"pedigree/service/core"
)

func newRegistry(t *testing.T) (*service.Service, context.Context) {
	t.Helper()
	return registrytest.Empty(t), as(t.Context(), registry.RoleAdmin)
}

func as(ctx context.Context, role string) context.Context {
	return service.As(ctx, registry.Actor{Subject: "ann", Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, "test")
}

func everything(t *testing.T, s *service.Service, ctx context.Context) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := s.ExportFacts(ctx, func(f bulk.FactInput) error { return jsonlines.Encode(&out, f) }); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func told(r *git.Report) string {
	out := ""
	for _, p := range r.Problems {
		out += string(p.Kind) + " " + p.Where + ": " + p.What + "\n"
	}
	return out
}

func valueOf(tags []registry.KeyValue, key string) string {
	for _, t := range tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

// TestRealDescriptionsBecomeDatasets imports descriptions that real projects publish.
func TestRealDescriptionsBecomeDatasets(t *testing.T) {
	for _, c := range []struct {
		file, namespace, name, version string
		added, columns                 int
		column                         registry.Column
		tags                           map[string]string
		files                          []string
		told                           string
	}{
		{"titanic", "https://www.openml.org", "Titanic", "1.0.0", 4, 19, registry.Column{Name: "passengers.age", Type: "Text", Description: "Age of passenger at time of death. It's a string, because some values can be `?`."},
			map[string]string{"croissant.license": "afl-3.0"}, []string{"sha256:c617db2c7470716250f6f001be51304c76bcc8815527ab8bae734bdca0735737", "sha256:3b0d1ce9ffb5224626105c50a0f9e5fbf941bcbcd913e5567aba25936333c3b8", "sha256:38dc364ac098f39ecb5c108c8911ef47a7256a146aef3c26c85e7cc01efdd047"}, ""},
		{"huggingface-mnist", "https://huggingface.co", "ylecun/mnist", "1.0.0", 2, 4, registry.Column{Name: "default.label", Type: "Integer", Description: "Column from Hugging Face parquet file."},
			map[string]string{"croissant.license": "mit"}, []string{""}, "the set of files parquet-files names no single file"},
		{"credit-g", "https://www.openml.org", "credit-g", "1.0.0", 2, 35, registry.Column{Name: "data-file-description.duration", Type: "Float, Integer", Description: "duration - a field."},
			map[string]string{"croissant.creator": "Dr. Hans Hofmann", "croissant.license": "Public"}, []string{"md5:9a475053fed0c26ee95cd4525e50074c"}, ""},
	} {
		s, ctx := newRegistry(t)
		report, err := Import(ctx, s, "testdata/"+c.file+".json")
		if err != nil || report.Added("datasets") != c.added || !strings.Contains(told(report), c.told) {
			t.Errorf("%s: %+v %v", c.file, report, err)
			continue
		}
		v, err := s.DatasetVersion(ctx, c.name, c.version, c.namespace)
		if err != nil || v == nil {
			t.Errorf("%s: %v %v\n%s", c.file, v, err, everything(t, s, ctx))
			continue
		}
		if len(v.Columns) != c.columns || !slices.ContainsFunc(v.Columns, func(have registry.Column) bool {
			return have.Name == c.column.Name && have.Type == c.column.Type && have.Description == c.column.Description
		}) {
			t.Errorf("%s: %d columns %+v", c.file, len(v.Columns), v.Columns)
		}
		for key, want := range c.tags {
			if got := valueOf(v.Tags, key); got != want {
				t.Errorf("%s: %s is %q, want %q", c.file, key, got, want)
			}
		}
		page, err := s.Upstream(ctx, v, core.Paging{})
		if err != nil {
			t.Fatal(err)
		}
		var digests []string
		for _, e := range page.Edges {
			digests = append(digests, e.Node.(*registry.DatasetVersion).Digest)
		}
		slices.Sort(digests)
		slices.Sort(c.files)
		if !slices.Equal(digests, c.files) {
			t.Errorf("%s: made of %v, want %v", c.file, digests, c.files)
		}
		before := everything(t, s, ctx)
		if again, err := Import(ctx, s, "testdata/"+c.file+".json"); err != nil || again.Total() != 0 || everything(t, s, ctx) != before {
			t.Errorf("%s again: %+v %v", c.file, again, err)
		}
	}
}

// TestAFileInAnArchiveIsMadeOfTheArchive has an archive that stands after its file, as JSON allows.
func TestAFileInAnArchiveIsMadeOfTheArchive(t *testing.T) {
	s, ctx := newRegistry(t)
	file := filepath.Join(t.TempDir(), "a.json")
	text := `{"@type":"sc:Dataset","name":"d","version":"2","url":"https://Data.example.com/d","unheard":1,"distribution":[
		{"@type":"cr:FileObject","@id":"in.csv","contentUrl":"in.csv","containedIn":{"@id":"all.zip"},"sha256":"` + strings.Repeat("ab", 32) + `"},
		{"@type":"cr:FileObject","@id":"all.zip","contentUrl":"https://ann:secret@data.example.com/all.zip?token=secret","contentSize":"12 KB","sha256":"` + strings.Repeat("cd", 32) + `"}]}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := Import(ctx, s, file)
	if err != nil || report.Added("datasets") != 3 || !strings.Contains(told(report), "the field unheard has no place here") {
		t.Fatalf("%+v %v", report, err)
	}
	inside, err := s.DatasetVersion(ctx, "d/in.csv", "sha256:"+strings.Repeat("ab", 32), "https://data.example.com")
	if err != nil || inside == nil {
		t.Fatal(inside, err)
	}
	page, err := s.Upstream(ctx, inside, core.Paging{})
	if err != nil || len(page.Edges) != 1 {
		t.Fatalf("%+v %v", page, err)
	}
	archive := page.Edges[0].Node.(*registry.DatasetVersion)
	if archive.Name != "all.zip" || *archive.SizeBytes != 12000 || strings.Contains(everything(t, s, ctx), "secret") {
		t.Errorf("%+v\n%s", archive, everything(t, s, ctx))
	}
}

// TestAURLIsReadByItsRules reads from a server, follows no redirect and reads no folder.
func TestAURLIsReadByItsRules(t *testing.T) {
	s, ctx := newRegistry(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/croissant", http.StatusMovedPermanently)
			return
		}
		body, _ := os.ReadFile("testdata/titanic.json")
		w.Write(body)
	}))
	defer server.Close()
	if report, err := Import(ctx, s, server.URL+"/croissant"); err != nil || report.Added("datasets") != 4 {
		t.Errorf("%+v %v", report, err)
	}
	if _, err := Import(ctx, s, server.URL+"/moved?token=secret"); registry.CodeOf(err) != registry.FailedPrecondition || strings.Contains(err.Error(), "secret") {
		t.Errorf("a redirect: %v", err)
	}
	for from, want := range map[string]registry.Code{"testdata": registry.InvalidArgument, "nothing.json": registry.NotFound, "https://ann:secret@x/": registry.InvalidArgument} {
		if _, err := Import(ctx, s, from); registry.CodeOf(err) != want || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", from, err)
		}
	}
	if _, err := Import(as(ctx, registry.RoleViewer), s, "testdata/titanic.json"); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("a viewer: %v", err)
	}
}

// TestMutatedDescriptionsAreRefusedOrTold breaks real descriptions with a seed: each is refused
// with its file, or imported; a second import adds nothing.
func TestMutatedDescriptionsAreRefusedOrTold(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 6))
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	s, ctx := newRegistry(t)
	refused, imported, dir := 0, 0, t.TempDir()
	for round := range 200 {
		body, err := os.ReadFile(files[round%len(files)])
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal(body, &doc); err != nil {
			t.Fatal(err)
		}
		for range 1 + random.IntN(3) {
			doc = breakValue(random, doc)
		}
		if body, err = json.Marshal(doc); err != nil {
			t.Fatal(err)
		}
		if random.IntN(5) == 0 {
			body = body[:random.IntN(len(body))]
		}
		name := fmt.Sprintf("m%d.json", round)
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = Import(ctx, s, filepath.Join(dir, name))
		if err != nil {
			refused++
			if !git.Refused(err) || !strings.Contains(err.Error(), name) && !strings.Contains(err.Error(), "input.facts") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		imported++
		if again, err := Import(ctx, s, filepath.Join(dir, name)); err != nil || again.Total() != 0 {
			t.Errorf("%s again: %+v %v", name, again, err)
		}
	}
	if refused < 20 || imported < 20 {
		t.Errorf("%d refused, %d imported", refused, imported)
	}
	t.Logf("PROOF 200 mutated descriptions: %d refused, %d imported, all with a second import that adds nothing", refused, imported)
}

func breakValue(random *rand.Rand, v any) any {
	odd := []any{nil, 1.5, true, "", "..", "\x01", strings.Repeat("y", 3000), []any{}, []any{"a", 1.0}, map[string]any{}, map[string]any{"name": "n"}}
	switch v := v.(type) {
	case map[string]any:
		var keys []string
		for k := range v {
			keys = append(keys, k)
		}
		if slices.Sort(keys); len(keys) > 0 {
			key := keys[random.IntN(len(keys))]
			v[key] = breakValue(random, v[key])
			return v
		}
	case []any:
		if len(v) > 0 {
			at := random.IntN(len(v))
			v[at] = breakValue(random, v[at])
			return v
		}
	}
	return odd[random.IntN(len(odd))]
}

func TestSizesAndTimes(t *testing.T) {
	for text, want := range map[string]int64{"117743 B": 117743, "12 KB": 12000, "3 MiB": 3 << 20, "77": 77, "1.5 GB": -1, "many": -1, "-3 B": -1, "": -1} {
		got := int64(-1)
		if n := sizeOf(text); n != nil {
			got = *n
		}
		if got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
	d := &description{document: &document{Published: "1994-11-17T00:00:00", Created: "1900"}}
	if at := d.time(); !at.Equal(time.Date(1994, 11, 17, 0, 0, 0, 0, time.UTC)) {
		t.Error(at)
	}
}
