package modelcard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pedigree/connect/git"
	"pedigree/connect/jsonlines"
	"pedigree/internal/registrytest"
	"pedigree/lineage"
	"pedigree/lineage/export"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/provenance"
)

// newRegistry returns a registry with the version 1.0.0 of the model m.
func newRegistry(t *testing.T) (*service.Service, context.Context) {
	t.Helper()
	s, ctx := registrytest.Open(t, registrytest.Store(t), func() time.Time { return time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC) }), as(t.Context(), registry.RoleAdmin)
	register(t, s, ctx, "m", "1.0.0", "")
	return s, ctx
}

func register(t *testing.T, s *service.Service, ctx context.Context, model, version, label string) {
	t.Helper()
	if _, err := s.RegisterModelVersion(ctx, catalog.RegisterModelVersionInput{Model: model, Version: &version, Label: label, CreateModel: true}); err != nil {
		t.Fatal(err)
	}
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

var version1 = Options{Model: "m", Version: "1.0.0"}

// causes returns the lineage of the version m 1.0.0 as a tree.
func causes(t *testing.T, s *service.Service, ctx context.Context) string {
	t.Helper()
	v, err := s.ModelVersion(ctx, "m", "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Export(ctx, provenance.ExportInput{Of: v.ID, Format: export.Tree, Direction: lineage.Upstream})
	if err != nil {
		t.Fatal(err)
	}
	return out.Body
}

// TestRealCardsFillACard imports cards that real projects publish.
func TestRealCardsFillACard(t *testing.T) {
	for _, c := range []struct {
		file          string
		fields        int
		tags          map[string]string
		framework     string
		performance   string
		hyper         string
		limits, about string
		causes        []string
	}{
		{"model-index", 3, map[string]string{"card.language": "en", "card.license": "mit", "card.tags": "pytorch, image-classification", "card.metrics": "accuracy", "card.datasets": "beans"},
			"timm", `{"accuracy":0.9,"f1Score":0.66}`, "", "", "# my-cool-model", []string{"beans"}},
		{"deberta-large-finetuned-cola", 3, map[string]string{"card.license": "mit"}, "", `{"metrics":[{"name":"matthews_correlation","value":0.6405601442104573}]}`,
			`"learning_rate":0.00002,"lr_scheduler_type":"linear","num_epochs":3`, "", "# deberta-large-finetuned-cola", []string{"glue"}},
		{"lora-adapter", 2, map[string]string{"card.base_model": "meta-llama/Llama-3.2-3B-Instruct"}, "peft", "null", "", "", "# Model Card for Model ID", []string{"meta-llama--Llama-3.2-3B-Instruct 0.1.0"}},
		{"distilbert-base-uncased", 2, map[string]string{"card.license": "apache-2.0"}, "", "null", "", "You can use the raw model", "# DistilBERT base model", []string{"bookcorpus", "wikipedia"}},
	} {
		s, ctx := newRegistry(t)
		report, err := Import(ctx, s, "testdata/"+c.file+".md", version1)
		if err != nil || report.Added("card fields") != c.fields || report.Added("causes") != len(c.causes) || len(report.Problems) != 0 {
			t.Errorf("%s: %+v %v", c.file, report, err)
			continue
		}
		v, err := s.ModelVersion(ctx, "m", "1.0.0")
		if err != nil {
			t.Fatal(err)
		}
		tags := map[string]string{}
		for _, tag := range v.Tags {
			tags[tag.Key] = tag.Value
		}
		for key, want := range c.tags {
			if tags[key] != want {
				t.Errorf("%s: %s is %q, want %q", c.file, key, tags[key], want)
			}
		}
		card, err := s.CardOf(ctx, v)
		if err != nil {
			t.Fatal(err)
		}
		details := card.ModelDetails
		if details == nil {
			details = &registry.ModelDetails{}
		}
		if got, _ := json.Marshal(card.Performance); string(got) != c.performance || details.Framework != c.framework || !strings.Contains(string(details.Hyperparameters), c.hyper) ||
			!strings.HasPrefix(card.Description, c.about) || strings.Contains(card.Description, "<!--") || !strings.HasPrefix(strings.Join(card.Limitations, "|"), c.limits) || c.limits == "" && card.Limitations != nil {
			t.Errorf("%s: %s %+v %s %q %q", c.file, got, details, details.Hyperparameters, card.Limitations, card.Description)
		}
		for _, want := range c.causes {
			if tree := causes(t, s, ctx); !strings.Contains(tree, want) {
				t.Errorf("%s: %q is no cause:\n%s", c.file, want, tree)
			}
		}
		before, size := everything(t, s, ctx), v.Revision
		if again, err := Import(ctx, s, "testdata/"+c.file+".md", version1); err != nil || again.Total() != 0 || everything(t, s, ctx) != before {
			t.Errorf("%s again: %+v %v", c.file, again, err)
		}
		if v, err := s.ModelVersion(ctx, "m", "1.0.0"); err != nil || v.Revision != size {
			t.Errorf("%s again: a new revision of the version", c.file)
		}
		if after, err := s.CardOf(ctx, v); err != nil || after.Revision != card.Revision {
			t.Errorf("%s again: a new revision of the card", c.file)
		}
	}
}

// TestAnIndexThatNamesNoDataIsStillRead has a real card whose model-index does not say on what
// data its metric was measured.
func TestAnIndexThatNamesNoDataIsStillRead(t *testing.T) {
	s, ctx := newRegistry(t)
	report, err := Import(ctx, s, "testdata/invalid-model-index.md", version1)
	v, _ := s.ModelVersion(ctx, "m", "1.0.0")
	card, _ := s.CardOf(ctx, v)
	if err != nil || report.Added("tags") != 5 || card.Performance == nil || len(card.Performance.Metrics) != 1 || card.Performance.Metrics[0] != (registry.Metric{Name: "acc", Value: 0.9}) {
		t.Errorf("%+v %v %+v", report, err, card.Performance)
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestOddFieldsAreKeptOrTold has what cards hold beside their main fields.
func TestOddFieldsAreKeptOrTold(t *testing.T) {
	s, ctx := newRegistry(t)
	report, err := Import(ctx, s, write(t, "\xef\xbb\xbf---\r\nlanguage: [no, en]\r\nwidget:\r\n- text: hi\r\nco2: 1.5\r\ndate: 2024-05-01\r\nempty:\r\nmodel-index:\r\n- name: x\r\n  results:\r\n"+
		"  - dataset: {name: A, type: a}\r\n    metrics: [{type: accuracy, value: 93.5}, {type: wer, value: 1e-3}, {type: rouge, value: many}]\r\n"+
		"  - dataset: {name: B, type: b}\r\n    metrics: [{type: accuracy, value: 0.5}, {type: wer, value: 0.2}]\r\n---\r\nhello https://ann:secret@example.com/x\r\n"), version1)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := s.ModelVersion(ctx, "m", "1.0.0")
	card, _ := s.CardOf(ctx, v)
	if got, _ := json.Marshal(card.Performance); string(got) != `{"metrics":[{"name":"accuracy","value":93.5},{"name":"wer","value":0.001},{"name":"accuracy (B)","value":0.5},{"name":"wer (B)","value":0.2}]}` {
		t.Errorf("%s", got)
	}
	text := everything(t, s, ctx)
	for _, want := range []string{`{"key":"card.language","value":"no, en"}`, `{"key":"card.co2","value":"1.5"}`, `{"key":"card.date","value":"2024-05-01T00:00:00Z"}`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "secret") || strings.Contains(text, "\r") {
		t.Error(text)
	}
	for _, want := range []string{"not recorded README.md: the field widget has no place here", "the metric rouge has no place here", "changed README.md: the user and password of a URL"} {
		if !strings.Contains(told(report), want) {
			t.Errorf("%q is not told:\n%s", want, told(report))
		}
	}
}

// TestABaseModelIsTheVersionThatIsMeant: of a model that stands in the registry, no version is
// made up.
func TestABaseModelIsTheVersionThatIsMeant(t *testing.T) {
	file := write(t, "---\nbase_model: [acme/base, acme/base]\n---\n")
	s, ctx := newRegistry(t)
	register(t, s, ctx, "acme--base", "3.0.0", "")
	report, err := Import(ctx, s, file, version1)
	if err != nil || report.Added("causes") != 0 || !strings.Contains(told(report), "the base model acme/base has no version main; name one with --base-version") {
		t.Errorf("%+v %v", report, err)
	}
	o := version1
	o.Base = "3.0.0"
	if report, err := Import(ctx, s, file, o); err != nil || report.Added("causes") != 1 || !strings.Contains(causes(t, s, ctx), "acme--base 3.0.0") {
		t.Errorf("%+v %v", report, err)
	}
	o.Base = "9.0.0"
	if report, err := Import(ctx, s, write(t, "---\nbase_model: acme/other\n---\n"), o); err != nil || report.Total() != 1 || strings.Contains(everything(t, s, ctx), `"acme--other"`) {
		t.Errorf("%+v %v", report, err)
	}
}

func TestWhatIsNoCardIsRefused(t *testing.T) {
	s, ctx := newRegistry(t)
	before := everything(t, s, ctx)
	for text, want := range map[string]string{"---\n- a\n---\n": "README.md: its front matter is no list of fields", "---\na: [\n---\n": "README.md: yaml", "---\na: 1\n---\nb": ""} {
		o := version1
		if want == "" {
			o.Version, want = "7.0.0", "there is no version 7.0.0 of m"
		}
		if _, err := Import(ctx, s, write(t, text), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Import(as(ctx, registry.RoleDeveloper), s, "testdata/model-index.md", version1); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("a developer: %v", err)
	}
	if everything(t, s, ctx) != before {
		t.Error("something was recorded")
	}
}

// TestMutatedCardsAreRefusedOrImported breaks real cards with a seed. Nothing panics, and a second
// import of what was imported changes nothing.
func TestMutatedCardsAreRefusedOrImported(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 7))
	files, err := filepath.Glob("testdata/[a-z]*.md")
	if err != nil || len(files) < 5 {
		t.Fatal(err, files)
	}
	s, ctx := newRegistry(t)
	refused, imported := 0, 0
	pieces := []string{"\n---\n", ": ", "[", "- ", "\x00", "\n", "{}", "null", "base_model: a/b\n", strings.Repeat("x", 3000), "\xff", "1e999", "!!binary aa", "&a *a"}
	for round := range 200 {
		body, err := os.ReadFile(files[round%len(files)])
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + random.IntN(4) {
			at := random.IntN(min(len(body), 700))
			body = append(body[:at:at], append([]byte(pieces[random.IntN(len(pieces))]), body[at+random.IntN(2):]...)...)
		}
		file := filepath.Join(t.TempDir(), fmt.Sprintf("m%d.md", round))
		if err := os.WriteFile(file, body, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Import(ctx, s, file, version1); err != nil {
			if refused++; !git.Refused(err) {
				t.Errorf("%s: %v", body, err)
			}
			continue
		}
		imported++
		if again, err := Import(ctx, s, file, version1); err != nil || again.Total() != 0 {
			t.Errorf("again: %+v %v\n%s", again, err, body)
		}
	}
	if refused < 20 || imported < 20 {
		t.Errorf("%d refused, %d imported", refused, imported)
	}
	t.Logf("PROOF 200 mutated cards: %d refused, %d imported, all with a second import that changes nothing", refused, imported)
}
