package export_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pedigree/internal/validators"
	"pedigree/lineage/export"
	"pedigree/registry"
)

// graphContent is what every format must agree on: the ids of the nodes, and the edges as
// "from KIND to", sorted.
type graphContent struct{ Nodes, Edges []string }

func (s graphContent) sorted() graphContent {
	slices.Sort(s.Nodes)
	slices.Sort(s.Edges)
	return s
}

func contentOf(d *export.Document) (s graphContent) {
	for _, n := range d.Nodes {
		s.Nodes = append(s.Nodes, string(n.ID()))
	}
	for _, e := range d.Edges {
		s.Edges = append(s.Edges, fmt.Sprintf("%s %s %s", e.From, e.Kind, e.To))
	}
	return s.sorted()
}

// without is the content without edges of some kinds and nodes with some id prefixes.
func (s graphContent) without(kinds []registry.EdgeKind, prefixes ...string) (out graphContent) {
	for _, e := range s.Edges {
		if !slices.ContainsFunc(kinds, func(k registry.EdgeKind) bool { return strings.Contains(e, " "+string(k)+" ") }) {
			out.Edges = append(out.Edges, e)
		}
	}
	for _, n := range s.Nodes {
		if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(n, p) }) {
			out.Nodes = append(out.Nodes, n)
		}
	}
	return out
}

func encode(t *testing.T, d *export.Document, f export.Format) string {
	t.Helper()
	file, err := export.Encode(d, f)
	if err != nil {
		t.Fatal(err)
	}
	return string(file.Body)
}

// parsedDocument is what the parsers of the formats read from one document.
type parsedDocument struct {
	contents           map[export.Format]graphContent
	prov, dot, mermaid validators.Result
}

// parse gives the texts of documents to their parsers, and starts each parser once. A
// text that its parser refuses fails the test.
func parse(t *testing.T, documents ...map[export.Format]string) (out []parsedDocument) {
	t.Helper()
	order := []struct {
		format export.Format
		kind   string
	}{{export.ProvJSON, "prov"}, {export.CycloneDX, "cyclonedx"}, {export.DOT, "dot"}, {export.Mermaid, "mermaid"}}
	var cases []validators.Case
	for _, texts := range documents {
		for _, o := range order {
			cases = append(cases, validators.Case{Kind: o.kind, Text: texts[o.format]})
		}
	}
	results := validators.Read(t, cases...)
	for i, r := range results {
		if !r.OK {
			t.Fatalf("%s: %s\n%.3000s", cases[i].Kind, r.Error, cases[i].Text)
		}
	}
	for i, texts := range documents {
		r := results[i*len(order):]
		if !r[0].RoundTrips {
			t.Error("PROV-JSON changes when it is read and written again")
		}
		if !r[1].RoundTrips {
			t.Error("a BOM changes when it is read and written again")
		}
		contents := map[export.Format]graphContent{export.ProvJSON: provContent(r[0]), export.CycloneDX: bomContent(t, texts[export.CycloneDX]),
			export.DOT: dotContent(r[2]), export.Mermaid: mermaidContent(texts[export.Mermaid], r[3]), export.OpenLineage: eventContent(t, texts[export.OpenLineage])}
		out = append(out, parsedDocument{contents, r[0], r[2], r[3]})
	}
	return out
}

func provContent(r validators.Result) (s graphContent) {
	for id, e := range r.Elements {
		if e.Kind != "agent" && id != "id:export" {
			s.Nodes = append(s.Nodes, strings.TrimPrefix(id, "id:"))
		}
	}
	for _, rel := range r.Relations {
		for _, kind := range rel.Types {
			s.Edges = append(s.Edges, fmt.Sprintf("%s %s %s", strings.TrimPrefix(rel.From, "id:"), strings.TrimPrefix(kind, "pedigree:"), strings.TrimPrefix(rel.To, "id:")))
		}
	}
	return s.sorted()
}

func dotContent(r validators.Result) (s graphContent) {
	for id := range r.Nodes {
		s.Nodes = append(s.Nodes, id)
	}
	for _, e := range r.Edges {
		s.Edges = append(s.Edges, fmt.Sprintf("%s %s %s", e.From, e.Text, e.To))
	}
	return s.sorted()
}

var mermaidID = regexp.MustCompile(`(?m)^  %% (n\d+) is (\S+)$`)

// mermaidIDs maps n0, n1, … to ids, from the comments of a flowchart.
func mermaidIDs(text string) map[string]string {
	out := map[string]string{}
	for _, m := range mermaidID.FindAllStringSubmatch(text, -1) {
		out[m[1]] = m[2]
	}
	return out
}

func mermaidContent(text string, r validators.Result) (s graphContent) {
	id := mermaidIDs(text)
	for n := range r.Nodes {
		s.Nodes = append(s.Nodes, id[n])
	}
	for _, e := range r.Edges {
		s.Edges = append(s.Edges, fmt.Sprintf("%s %s %s", id[e.From], e.Text, id[e.To]))
	}
	return s.sorted()
}

// bomPart is the part of components, services and workflows that the test reads.
type bomPart struct {
	Ref        string `json:"bom-ref"`
	Name       string
	Properties []struct{ Name, Value string }
}

// bomContent reads an ML-BOM, and compares its dependencies with its edges.
func bomContent(t *testing.T, text string) (s graphContent) {
	t.Helper()
	var b struct {
		Metadata             struct{ Component *bomPart }
		Components, Services []bomPart
		Formulation          []struct{ Workflows []bomPart }
		Dependencies         []struct {
			Ref       string
			DependsOn []string
		}
	}
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		t.Fatal(err)
	}
	parts := append(b.Components, b.Services...)
	if b.Metadata.Component != nil {
		parts = append(parts, *b.Metadata.Component)
	}
	for _, f := range b.Formulation {
		parts = append(parts, f.Workflows...)
	}
	causes, runs := map[string][]string{}, map[string]bool{}
	for _, f := range b.Formulation {
		for _, w := range f.Workflows {
			runs[w.Ref] = true
		}
	}
	for _, p := range parts {
		s.Nodes = append(s.Nodes, p.Ref)
		for _, x := range p.Properties {
			if kind, ok := strings.CutPrefix(x.Name, "pedigree:edge:"); ok {
				s.Edges = append(s.Edges, fmt.Sprintf("%s %s %s", p.Ref, kind, x.Value))
				causes[p.Ref] = append(causes[p.Ref], x.Value)
			}
		}
	}
	got, want := map[string][]string{}, map[string][]string{}
	for _, d := range b.Dependencies {
		got[d.Ref] = d.DependsOn
	}
	for _, p := range parts {
		if runs[p.Ref] {
			continue
		}
		var on []string
		for _, c := range causes[p.Ref] {
			if runs[c] {
				on = append(on, causes[c]...)
			} else {
				on = append(on, c)
			}
		}
		slices.Sort(on)
		want[p.Ref] = slices.Compact(on)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the dependencies are not the edges (- want, + got)\n%s", diff)
	}
	return s.sorted()
}

// TestTheSameGraphGivesTheSameBytes shuffles the lists of a document.
func TestTheSameGraphGivesTheSameBytes(t *testing.T) {
	d := hostileDocument()
	for _, f := range export.Formats() {
		want := encode(t, d, f)
		for seed := range uint64(5) {
			g, other := rand.New(rand.NewPCG(seed, 1)), hostileDocument()
			g.Shuffle(len(other.Nodes), func(i, j int) { other.Nodes[i], other.Nodes[j] = other.Nodes[j], other.Nodes[i] })
			g.Shuffle(len(other.Edges), func(i, j int) { other.Edges[i], other.Edges[j] = other.Edges[j], other.Edges[i] })
			g.Shuffle(len(other.Frontier), func(i, j int) { other.Frontier[i], other.Frontier[j] = other.Frontier[j], other.Frontier[i] })
			if encode(t, other, f) != want {
				t.Errorf("%s: the text changes with the order, seed %d", f, seed)
			}
		}
		d2 := hostileDocument()
		d2.Nodes[0].Noun.(*registry.ModelVersion).ModelName += "x"
		if encode(t, d2, f) == want {
			t.Errorf("%s does not change with a name", f)
		}
	}
}

// TestHostileNames gives a document of hostile texts to the parsers of its formats. They
// must read the graph that was written, and every label must be the name and nothing
// else.
func TestHostileNames(t *testing.T) {
	d := hostileDocument()
	texts := map[export.Format]string{}
	for _, f := range export.Formats() {
		texts[f] = encode(t, d, f)
		if !utf8.ValidString(texts[f]) {
			t.Errorf("%s is not UTF-8", f)
		}
		for _, r := range texts[f] {
			if r != '\n' && unicode.IsControl(r) || f != export.ProvJSON && f != export.OpenLineage && f != export.CycloneDX && unicode.Is(unicode.Cf, r) {
				t.Fatalf("%s has an unescaped U+%04X", f, r)
			}
		}
	}
	want := contentOf(d)
	r := parse(t, texts)[0]
	for f, got := range r.contents {
		want := want
		if f == export.OpenLineage {
			want = want.openLineage()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s is another graph (-want +got):\n%.2000s", f, diff)
		}
	}
	checkLabels(t, d, mermaidIDs(texts[export.Mermaid]), r)
}

// checkLabels compares what parsers read of each node with its label.
func checkLabels(t *testing.T, d *export.Document, mermaidNames map[string]string, r parsedDocument) {
	t.Helper()
	named := map[string][]string{}
	for n, id := range mermaidNames {
		named[id] = r.mermaid.Nodes[n]
	}
	for i := range d.Nodes {
		n := &d.Nodes[i]
		want := export.LabelLines(n)
		if diff := cmp.Diff(want, named[string(n.ID())]); diff != "" {
			t.Errorf("Mermaid shows of %s: %s", n.ID(), diff)
		}
		got := r.dot.Nodes[string(n.ID())]
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Graphviz shows of %s: %s", n.ID(), diff)
		}
		if label := r.prov.Elements["id:"+string(n.ID())].Label; !n.Restricted() && label != export.Title(n) {
			t.Errorf("prov reads %q of %q", label, export.Title(n))
		}
	}
}

// TestATreeHasOneLinePerNode checks that no name breaks a line.
func TestATreeHasOneLinePerNode(t *testing.T) {
	d := hostileDocument()
	lines := strings.Split(strings.TrimRight(encode(t, d, export.Tree), "\n"), "\n")
	if want := len(d.Nodes) + 2; len(lines) != want {
		t.Errorf("%d lines for %d nodes and two notes", len(lines), len(d.Nodes))
	}
	if !strings.Contains(lines[len(lines)-1], "DEPTH, ACCESS") || !strings.Contains(lines[len(lines)-2], "older commit history") {
		t.Errorf("%q", lines[len(lines)-2:])
	}
}

// TestTruncationIsReported checks that every format says in its own way what is missing,
// and says nothing when the document is complete.
func TestTruncationIsReported(t *testing.T) {
	cut, whole := hostileDocument(), hostileDocument()
	whole.Reasons, whole.Frontier, whole.HistoryCut = nil, nil, false
	behind := string(cut.Frontier[0])
	for f, signs := range map[export.Format][]string{
		export.ProvJSON:    {`"pedigree:truncated": true`, `"DEPTH"`, `"pedigree:historyCut": true`, "id:" + behind},
		export.OpenLineage: {`"truncated":true`, `"reasons":["DEPTH","ACCESS"]`, `"historyCut":true`, `"moreBehind":true`},
		export.CycloneDX:   {`"aggregate": "incomplete"`, `"DEPTH,ACCESS"`, "pedigree:historyCut", behind},
		export.DOT:         {"// Truncated: DEPTH, ACCESS.", "label=\"truncated: DEPTH, ACCESS\"", "Older commit history", "More lies behind " + behind},
		export.Mermaid:     {"%% Truncated: DEPTH, ACCESS.", "Older commit history", "More lies behind " + behind},
		export.Tree:        {"(not all is shown: DEPTH, ACCESS)", "(older commit history is not shown)"},
	} {
		yes, no := encode(t, cut, f), encode(t, whole, f)
		for i, sign := range signs {
			if !strings.Contains(yes, sign) {
				t.Errorf("%s does not say %q", f, sign)
			}
			if strings.Contains(no, sign) && (i < 3 || f == export.Tree) {
				t.Errorf("%s says %q of a whole graph", f, sign)
			}
		}
	}
}

// TestInstantsAreThoseRequested checks that documents have the requested instants.
func TestInstantsAreThoseRequested(t *testing.T) {
	d := hostileDocument()
	known := "2024-03-01T00:59:59.123456Z"
	for _, f := range []export.Format{export.ProvJSON, export.OpenLineage, export.CycloneDX, export.DOT, export.Mermaid} {
		if !strings.Contains(encode(t, d, f), known) {
			t.Errorf("%s does not say as known at which time", f)
		}
	}
	d.AsOf, d.KnownAt = d.AsOf.AddDate(-1000, 0, 0), d.KnownAt.AddDate(-1000, 0, 0)
	d.AsOf = d.AsOf.AddDate(-1, 0, 0)
	if cdx := encode(t, d, export.CycloneDX); !strings.Contains(cdx, `"timestamp": "1023-`) {
		t.Error("the ML-BOM's timestamp is not the instant")
	}
}

func TestUnknownFormatsAreRefused(t *testing.T) {
	if _, err := export.Encode(hostileDocument(), "PDF"); registry.CodeOf(err) != registry.InvalidArgument {
		t.Error(err)
	}
	if _, err := export.ParseFormat("pdf"); registry.CodeOf(err) != registry.InvalidArgument || !strings.Contains(err.Error(), "prov-json, openlineage, cyclonedx, dot, mermaid, tree") {
		t.Error(err)
	}
	for _, f := range export.Formats() {
		if got, err := export.ParseFormat(f.Name()); got != f || err != nil {
			t.Errorf("%s: %s %v", f.Name(), got, err)
		}
	}
}

// TestParsersRefuse shows that the tests above can fail: each parser refuses a broken
// document.
func TestParsersRefuse(t *testing.T) {
	d := hostileDocument()
	replace := func(f export.Format, old, with string) string {
		s := encode(t, d, f)
		if !strings.Contains(s, old) {
			t.Fatalf("%s has no %q to break", f, old)
		}
		return strings.Replace(s, old, with, 1)
	}
	run := ""
	for _, n := range d.Nodes {
		if n.Kind() == registry.KindRun && !n.Restricted() {
			run = string(n.ID())
		}
	}
	broken := []validators.Case{
		{Kind: "prov", Text: replace(export.ProvJSON, `"id:`+run+`": {`, `"id:other": {`)},
		{Kind: "prov", Text: replace(export.ProvJSON, `"pedigree": "urn:pedigree:"`, `"else": "urn:pedigree:"`)},
		{Kind: "prov", Text: replace(export.ProvJSON, `"used": {`, `"used": [`)},
		{Kind: "cyclonedx", Text: replace(export.CycloneDX, `"machine-learning-model"`, `"model"`)},
		{Kind: "cyclonedx", Text: replace(export.CycloneDX, `"modelCard"`, `"card"`)},
		{Kind: "cyclonedx", Text: replace(export.CycloneDX, `"dependsOn": [`, `"dependsOn": [ "`+run+`",`)},
		{Kind: "cyclonedx", Text: replace(export.CycloneDX, `"timeStart": "2024`, `"timeStart": "yesterday`)},
		{Kind: "dot", Text: replace(export.DOT, `\"`, `"`)},
		{Kind: "dot", Text: replace(export.DOT, `digraph`, `digaph`)},
		{Kind: "mermaid", Text: replace(export.Mermaid, `#34;`, `"`)},
		{Kind: "mermaid", Text: replace(export.Mermaid, `-->`, `--`)},
	}
	for i, r := range validators.Read(t, broken...) {
		if r.OK {
			t.Errorf("document %d, %s, is accepted", i, broken[i].Kind)
		} else {
			t.Logf("%s: %.90s", broken[i].Kind, strings.ReplaceAll(r.Error, "\n", " "))
		}
	}
}
