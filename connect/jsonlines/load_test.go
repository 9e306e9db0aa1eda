package jsonlines

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pedigree/graph"
	"pedigree/internal/registrytest"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/bulk"
)

// newRegistry returns an empty registry, its store, and a context of an administrator.
func newRegistry(t *testing.T) (*service.Service, graph.Store, context.Context) {
	t.Helper()
	store := registrytest.Store(t)
	admin := registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}
	return registrytest.Open(t, store, nil), store, service.As(t.Context(), admin, "test")
}

// countingRecorder records the number of facts of each transaction.
type countingRecorder struct {
	Recorder
	sizes []int
}

func (c *countingRecorder) RecordFacts(ctx context.Context, in bulk.RecordFactsInput) (*bulk.RecordFactsPayload, error) {
	out, err := c.Recorder.RecordFacts(ctx, in)
	if err == nil {
		c.sizes = append(c.sizes, len(in.Facts))
	}
	return out, err
}

func datasetLine(name string) string {
	return `{"datasetVersion":{"dataset":"` + name + `","version":"1"}}` + "\n"
}

func TestDocumentedLinesAreAccepted(t *testing.T) {
	page, err := os.ReadFile("../../docs/facts.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```json\n")
	block, _, _ = strings.Cut(block, "```")
	kinds := map[registry.FactKind]bool{}
	for _, line := range strings.Split(strings.TrimSpace(block), "\n") {
		f, err := Decode([]byte(line))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		c, err := f.Check()
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		kinds[c.Kind()] = true
		var back bytes.Buffer
		if err := Encode(&back, f); err != nil {
			t.Fatal(err)
		}
		if again, err := Decode(bytes.TrimSpace(back.Bytes())); err != nil || fmt.Sprint(again) == "" {
			t.Errorf("%s: %v", &back, err)
		}
	}
	if len(kinds) != 14 {
		t.Errorf("the page shows %d of 14 kinds of facts: %v", len(kinds), kinds)
	}
	s, _, ctx := newRegistry(t)
	sum, err := Load(ctx, strings.NewReader(block), s, Options{Refused: func(r Refusal, line []byte) error {
		t.Errorf("%s: %+v", line, r)
		return nil
	}})
	if err != nil || sum.Accepted != int64(strings.Count(block, "\n")) {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestALineIsReadStrictly(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	for line, want := range map[string]string{
		``:                          "no JSON object",
		`not json`:                  "no JSON object",
		`null`:                      "no JSON object",
		`7`:                         "no JSON object",
		`[{"model":{"name":"m"}}]`:  "cannot hold a list",
		`{"model":{"name":"m"}} {}`: "more than one JSON object",
		`{"model":{"name":"m"}`:     "no JSON object",
		`{"model":{"name":"m"},"model":{"name":"n"}}`:   "model: is given twice",
		`{"model":{"name":"m","name":"n"}}`:             "model.name: is given twice",
		`{"Model":{"name":"m"}}`:                        "Model: there is no such field",
		`{"model":{"NAME":"m"}}`:                        "model.NAME: there is no such field",
		`{"model":{"idempotencyKey":"k","name":"m"}}`:   "model.idempotencyKey: there is no such field",
		`{"modelVersion":{"CreateModel":true}}`:         "modelVersion.CreateModel: there is no such field",
		`{"model":{"name":7}}`:                          "cannot hold a number",
		`{"model":"m"}`:                                 "cannot hold a string",
		`{"model":{"name":{"a":1}}}`:                    "model.name: cannot hold an object",
		`{"model":{"name":["m"]}}`:                      "model.name: cannot hold a list",
		`{"run":{"inputs":{"a":1}}}`:                    "run.inputs: cannot hold an object",
		`{"run":{"startedAt":"yesterday"}}`:             `run.startedAt: "yesterday" is no time`,
		`{"run":{"startedAt":7}}`:                       "run.startedAt: is no time",
		`{"run":{"startedAt":{}}}`:                      "run.startedAt: is no time",
		`{"datasetVersion":{"rows":1.5}}`:               "cannot hold a number",
		`{"datasetVersion":{"rows":99999999999999999}}`: "",
		`{"run":{"parameters":` + deep + `}}`:           "deeper than 32 levels",
		"{\"model\":{\"name\":\"\xff\"}}":               "not valid UTF-8",
		"{\"model\":{\"name\":\"a\x00b\"}}":             "no JSON object",
		`{"run":{"parameters":{"a":[1,{"b":null}]}}}`:   "",
	} {
		_, err := Decode([]byte(line))
		if want == "" && err != nil || want != "" && (registry.CodeOf(err) != registry.InvalidArgument || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.80s: %v, want %q", line, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "Go ") {
			t.Errorf("%.80s: the error mentions Go: %v", line, err)
		}
	}
}

func TestARefusedLineDoesNotStopTheOthers(t *testing.T) {
	s, store, ctx := newRegistry(t)
	lines := datasetLine("a") + `{"model":{"name":"x\u0000y"}}` + "\n" + datasetLine("b") + "\n\n" + `{"link":{"from":"dv_00000000000000000000000000","to":"dv_00000000000000000000000000","kind":"DERIVED_FROM"}}` + "\n" +
		`{"ref":"c","datasetVersion":{"dataset":"c","version":"1"}}` + "\r\n" + `{"ref":"c","datasetVersion":{"dataset":"d","version":"1"}}` + "\n" +
		`{"link":{"from":"@c","to":"@nobody","kind":"DERIVED_FROM"}}` + "\n" + "\xff\n" + datasetLine("a")
	to := &countingRecorder{Recorder: s}
	var refused []string
	var refusedBytes []string
	sum, err := Load(ctx, strings.NewReader(lines), to, Options{Refused: func(r Refusal, line []byte) error {
		refused = append(refused, fmt.Sprint(r.Line, " ", r.Code, " ", r.Field))
		refusedBytes = append(refusedBytes, string(line))
		return nil
	}})
	want := []string{"2 INVALID_ARGUMENT name", "6 NOT_FOUND ", "8 INVALID_ARGUMENT ref", "9 INVALID_ARGUMENT ", "10 INVALID_ARGUMENT "}
	if err != nil || !slices.Equal(refused, want) {
		t.Errorf("%q, %v", refused, err)
	}
	if sum != (Summary{Accepted: 4, Created: 3, Unchanged: 1, Refused: 5, LastLine: 11, Offset: int64(len(lines)), Refs: true}) {
		t.Errorf("%+v", sum)
	}
	if len(refusedBytes) == 5 && refusedBytes[4] != "\xff" {
		t.Errorf("%q", refusedBytes)
	}
	if !slices.Equal(to.sizes, []int{2, 1, 1}) && !slices.Equal(to.sizes, []int{2, 2}) {
		t.Errorf("transactions of %v facts", to.sizes)
	}
	info, err := store.Ping(t.Context())
	if err != nil || info.Head == 0 {
		t.Error(info, err)
	}
}

// When lines of one transaction close several cycles, the store may report any of them,
// even one that exists only because of a line that is refused itself.
func TestLinesThatCloseACycleAreRefused(t *testing.T) {
	s, _, ctx := newRegistry(t)
	several := 0
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 4))
		var lines strings.Builder
		reach := [5][5]bool{} // reach[i][j]: there is a path from effect i to cause j
		for i := range reach {
			lines.WriteString(datasetLine(fmt.Sprint("d", seed, "-", i)))
			reach[i][i] = true
		}
		id := func(i int) registry.ID {
			return registry.DatasetVersionID(registry.DatasetID("default", fmt.Sprint("d", seed, "-", i)), "1")
		}
		var want, got []int64
		for n := range int64(12) {
			from, to := random.IntN(5), random.IntN(5)
			fmt.Fprintf(&lines, `{"link":{"from":%q,"to":%q,"kind":"DERIVED_FROM"}}`+"\n", id(from), id(to))
			if reach[to][from] {
				want = append(want, n+6)
				continue
			}
			for i := range reach {
				for j := range reach {
					reach[i][j] = reach[i][j] || reach[i][from] && reach[to][j]
				}
			}
		}
		_, err := Load(ctx, strings.NewReader(lines.String()), s, Options{Refused: func(r Refusal, _ []byte) error {
			if got = append(got, r.Line); r.Code != registry.FailedPrecondition {
				t.Errorf("seed %d: %+v", seed, r)
			}
			return nil
		}})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("seed %d: lines %v are refused, %v close a cycle, %v\n%s", seed, got, want, err, &lines)
		}
		if len(want) > 1 {
			several++
		}
	}
	if several < 20 {
		t.Errorf("only %d streams close several cycles", several)
	}
}

func TestChunksAreBoundedByLinesAndBytes(t *testing.T) {
	s, _, ctx := newRegistry(t)
	var lines strings.Builder
	for i := range 1203 {
		lines.WriteString(datasetLine(fmt.Sprint("d", i)))
	}
	to := &countingRecorder{Recorder: s}
	var places []int64
	sum, err := Load(ctx, strings.NewReader(lines.String()), to, Options{Committed: func(s Summary) error {
		places = append(places, s.LastLine)
		if s.Offset != int64(strings.LastIndex(lines.String()[:s.Offset], "\n")+1) {
			t.Errorf("offset %d is no end of a line", s.Offset)
		}
		return nil
	}})
	if err != nil || sum.Created != 1203 || !slices.Equal(to.sizes, []int{500, 500, 203}) || !slices.Equal(places, []int64{500, 1000, 1203}) {
		t.Errorf("%+v %v: %v at %v", sum, err, to.sizes, places)
	}
	long := func(name string) string {
		return `{"datasetVersion":{"dataset":"` + name + `","version":"1","columns":[{"name":"c","description":"` + strings.Repeat("x", 60<<10) + `"}]}}` + "\n"
	}
	lines.Reset()
	for i := range 40 {
		lines.WriteString(long(fmt.Sprint("long", i)))
	}
	to = &countingRecorder{Recorder: s}
	if sum, err = Load(ctx, strings.NewReader(lines.String()), to, Options{}); err != nil || sum.Created != 40 || len(to.sizes) < 3 {
		t.Errorf("%+v %v: %v", sum, err, to.sizes)
	}
}

func TestALineOverTheSizeLimitIsRefused(t *testing.T) {
	s, _, ctx := newRegistry(t)
	head, tail := `{"datasetVersion":{"dataset":"d","version":"1"`, `}}`
	pad := func(n int) string { return head + strings.Repeat(" ", n-len(head)-len(tail)) + tail }
	lines := pad(registry.MaxFactBytes) + "\r\n" + pad(registry.MaxFactBytes+1) + "\n" + pad(3*registry.MaxFactBytes) + "\n" + datasetLine("behind")
	var refused []Refusal
	sum, err := Load(ctx, strings.NewReader(lines), s, Options{Refused: func(r Refusal, line []byte) error {
		refused = append(refused, r)
		if len(line) > 1000 {
			t.Error("a line over the limit is passed on whole")
		}
		return nil
	}})
	if err != nil || sum.Created != 2 || len(refused) != 2 || refused[0].Line != 2 || refused[1].Line != 3 || refused[0].Code != registry.ResourceExhausted {
		t.Errorf("%+v %+v %v", sum, refused, err)
	}
}

func TestRefsWorkAcrossChunks(t *testing.T) {
	s, _, ctx := newRegistry(t)
	lines := strings.Replace(datasetLine("root"), "{", `{"ref":"root",`, 1)
	for i := range 600 {
		lines += `{"datasetVersion":{"dataset":"of` + fmt.Sprint(i) + `","version":"1","derivedFrom":["@root"]}}` + "\n"
	}
	sum, err := Load(ctx, strings.NewReader(lines), s, Options{Refused: func(r Refusal, _ []byte) error { t.Errorf("%+v", r); return nil }})
	if err != nil || sum.Created != 601 || !sum.Refs {
		t.Errorf("%+v %v", sum, err)
	}
}

// TestAnInterruptedLoadRecordsWholeChunks: an error of the stream, the store or a callback
// ends the load. The summary counts exactly what is recorded.
func TestAnInterruptedLoadRecordsWholeChunks(t *testing.T) {
	var lines strings.Builder
	for i := range 900 {
		lines.WriteString(datasetLine(fmt.Sprint("d", i)))
	}
	cut := errors.New("cut")
	recorded := func(s *service.Service, ctx context.Context) (n int64) {
		exported, err := s.ExportFacts(ctx, func(bulk.FactInput) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		return exported.Facts
	}
	for name, load := range map[string]func(context.Context, *service.Service) (Summary, error){
		"the stream": func(ctx context.Context, s *service.Service) (Summary, error) {
			return Load(ctx, io.MultiReader(strings.NewReader(lines.String()[:len(lines.String())-9]), iotest.ErrReader(cut)), s, Options{})
		},
		"the callback": func(ctx context.Context, s *service.Service) (Summary, error) {
			return Load(ctx, strings.NewReader(lines.String()), s, Options{Committed: func(Summary) error { return cut }})
		},
		"the store": func(ctx context.Context, s *service.Service) (Summary, error) {
			return Load(ctx, strings.NewReader(lines.String()), &failingRecorder{s, 1, cut}, Options{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, ctx := newRegistry(t)
			sum, err := load(ctx, s)
			if !errors.Is(err, cut) || sum.Created != 500 || sum.LastLine != 500 || recorded(s, ctx) != 500 {
				t.Errorf("%+v %v, %d recorded", sum, err, recorded(s, ctx))
			}
		})
	}
	s, _, ctx := newRegistry(t)
	bad := strings.Repeat("bad\n", 700)
	if sum, err := Load(ctx, strings.NewReader(datasetLine("a")+bad), s, Options{MaxRefused: 100}); !errors.Is(err, ErrTooManyRefused) || sum.Refused != 499 || sum.Accepted != 1 {
		t.Errorf("%+v %v", sum, err)
	}
}

// failingRecorder records a number of batches and then fails.
type failingRecorder struct {
	Recorder
	left int
	err  error
}

func (f *failingRecorder) RecordFacts(ctx context.Context, in bulk.RecordFactsInput) (*bulk.RecordFactsPayload, error) {
	if f.left--; f.left < 0 {
		return nil, f.err
	}
	return f.Recorder.RecordFacts(ctx, in)
}

func TestCallerWithoutPermissionRecordsNothing(t *testing.T) {
	s, store, _ := newRegistry(t)
	before, _ := store.Ping(t.Context())
	ctx := service.As(t.Context(), registry.Actor{Subject: "vera", Grants: []registry.Grant{{Role: registry.RoleViewer, Scope: "*"}}}, "r")
	sum, err := Load(ctx, strings.NewReader(datasetLine("a")), s, Options{})
	if registry.CodeOf(err) != registry.Forbidden || sum.Accepted != 0 {
		t.Errorf("%+v %v", sum, err)
	}
	if after, _ := store.Ping(t.Context()); after.Head != before.Head {
		t.Error("the store was changed")
	}
}

// TestDatesAndByteOrderMarksAreRead loads what GraphQL takes: dates without a time, times with a
// lower-case t or z, null for what
// is left out, and the mark with which some editors begin a file.
func TestDatesAndByteOrderMarksAreRead(t *testing.T) {
	s, _, ctx := newRegistry(t)
	lines := "\ufeff" + `{"ref":"x","datasetVersion":{"dataset":"d","version":"1","createdAt":"2026-01-31","rows":null,"tags":null,"role":null}}` + "\n" +
		"\ufeff\n" + `{"run":{"producer":"p","runId":"1","name":"n","startedAt":"2026-02-01","endedAt":"2026-02-02t01:00:00+01:00","inputs":["@x"],"parameters":{"day":"2026-01-31"}}}`
	sum, err := Load(ctx, strings.NewReader(lines), s, Options{Refused: func(r Refusal, line []byte) error {
		t.Errorf("%s: %+v", line, r)
		return nil
	}})
	if err != nil || sum.Created != 2 {
		t.Fatalf("%+v, %v", sum, err)
	}
	var out bytes.Buffer
	if _, err := s.ExportFacts(ctx, func(f bulk.FactInput) error { return Encode(&out, f) }); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"createdAt":"2026-01-31T00:00:00Z"`, `"startedAt":"2026-02-01T00:00:00Z","endedAt":"2026-02-02T00:00:00Z"`, `{"day":"2026-01-31"}`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is not in\n%s", want, &out)
		}
	}
	for _, bad := range []string{`{"model":{"name":"m","createdAt":"2026-02-30"}}`, `{"model":{"name":"m","createdAt":"2026-02-01T00:00:00,5Z"}}`,
		`{"model":{"name":"m","createdAt":"2026-02-01T00:00:00+24:00"}}`, `{"model":{"name":"m","createdAt":"2026-01-3\u0031x"}}`, `{"model":{"name":"m","tags":[null]}}`} {
		if _, err := Decode([]byte(bad)); registry.CodeOf(err) != registry.InvalidArgument {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestAChunkThatIsTooLargeIsSentInParts loads into a recorder that takes few facts at once.
func TestAChunkThatIsTooLargeIsSentInParts(t *testing.T) {
	s, _, ctx := newRegistry(t)
	var lines strings.Builder
	for i := range 40 {
		lines.WriteString(datasetLine(fmt.Sprint("d", i)))
	}
	few := &limitedRecorder{Recorder: s, most: 7}
	sum, err := Load(ctx, strings.NewReader(lines.String()), few, Options{})
	if err != nil || sum.Created != 40 || sum.Refused != 0 || few.refusals == 0 {
		t.Errorf("%+v, %v, %d times too many", sum, err, few.refusals)
	}
	sum, err = Load(ctx, strings.NewReader(lines.String()), &limitedRecorder{Recorder: s}, Options{})
	if err != nil || sum.Refused != 40 {
		t.Errorf("%+v, %v", sum, err)
	}
}

// limitedRecorder refuses batches of more than most facts as too large.
type limitedRecorder struct {
	Recorder
	most, refusals int
}

func (l *limitedRecorder) RecordFacts(ctx context.Context, in bulk.RecordFactsInput) (*bulk.RecordFactsPayload, error) {
	if len(in.Facts) > l.most {
		l.refusals++
		return nil, registry.Errorf(registry.ResourceExhausted, "too much at once")
	}
	return l.Recorder.RecordFacts(ctx, in)
}
