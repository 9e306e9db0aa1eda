package export_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"pedigree/lineage"
	"pedigree/lineage/export"
	"pedigree/registry"
)

// hostileNames are texts that would end a quote, a label, a comment, a tag or a line in
// one of the formats, or that look like its syntax. The registry refuses names with
// control characters; exports must escape them nevertheless.
func hostileNames() []string {
	return []string{
		`quote " and 'single' and ` + "`tick`", `back\slash\`, `\"`, `\N \G \l`, "line\nbreak\r\nand\ttab", `]`, `]]`, `)]`, `}}`, `-->`, `--`, `|pipe|`, `a --> b`,
		`"]; evil[label="`, `"]:::x`, `end`, `subgraph x`, `graph TD`, `click n0 href "javascript:alert(1)"`, `%% comment`, `%%{init: {}}%%`, `// comment`, `/* comment */`, `# hash #quot; #35;`,
		`style: red;`, `style:#a;b`, `classDef x:#1;`, `&amp; &lt; &#34; &`, `<script>alert(1)</script>`, `<b>bold</b>`, `<br/>`, `</script>`, `{{ template }}`, `${x}`, `{"json": true}`,
		"ünïcödé ñ", "日本語の名前", "עברית", "🤖 robot", "e\u0301 combining", "zero\u200bwidth", "right\u202eto left", "\u2028line separator", "nul\x00byte", "bell\x07", "\x1b[31mred", "bad \xff utf8", "",
		" leading and trailing ", `prov:entity`, `xsd:string`, `urn:uuid:x`, `a=b`, `*markdown* _under_ **bold**`, "```code```", `www.example.com https://example.com?a=b&c=d#e`, `ﬂ°34¶ß`, `ﬂ°°34¶ß`,
		`C:\path\new`, `%s %d %n`, `' OR 1=1 --`, `..`, `-`, `1`, `1e400`, `true`, `null`, `n0`, `x ; y`,
	}
}

// fixedTime is the time of everything in the test document.
var fixedTime = time.Date(2024, 2, 29, 23, 59, 59, 123456000, time.UTC)

func meta(kind registry.Kind, name string) registry.Meta {
	return registry.Meta{ID: registry.NewID(kind, name), Kind: kind, Mask: registry.AllFields, ValidFrom: fixedTime}
}

func n64(n int64) *int64     { return &n }
func f64(f float64) *float64 { return &f }
func flag(b bool) *bool      { return &b }

// parametersOf is a JSON object with a text as key and value.
func parametersOf(s string) registry.JSON {
	b, err := json.Marshal(map[string]any{s: s, "n": []int{1}})
	if err != nil {
		panic(err)
	}
	return b
}

// nodeChain is one node of each kind with a hostile name, and the edges between them:
// deployment → version → run, feature, tag → data, commit → older commit.
type nodeChain struct {
	nodes []export.Node
	edges []export.Edge
}

func (c *nodeChain) edge(kind registry.EdgeKind, from, to registry.ProvenanceNode) {
	f, t := from.NodeMeta().ID, to.NodeMeta().ID
	c.edges = append(c.edges, export.Edge{ID: registry.HashID("edge", string(kind), string(f), string(t)), From: f, To: t, Kind: kind, ValidFrom: fixedTime})
}

// hostileDocument is a document in which every text is one of hostileNames.
func hostileDocument() *export.Document {
	d := &export.Document{Direction: lineage.Both, AsOf: fixedTime, KnownAt: fixedTime.Add(time.Hour), Reasons: []lineage.Reason{lineage.ReasonDepth, lineage.ReasonAccess}, HistoryCut: true}
	for i, name := range hostileNames() {
		c := &nodeChain{}
		c.addNodes(name, i)
		d.Nodes, d.Edges = append(d.Nodes, c.nodes...), append(d.Edges, c.edges...)
		d.Frontier = append(d.Frontier, c.nodes[len(c.nodes)-1].ID())
		d.Redacted++
	}
	d.Root = d.Nodes[0].ID()
	for i := range d.Nodes[1:] {
		if d.Nodes[i+1].Depth == 0 {
			d.Nodes[i+1].Depth = 1
		}
		if d.Nodes[i+1].TreeParent == "" {
			d.Nodes[i+1].TreeParent = d.Root
		}
	}
	return d
}

func (c *nodeChain) addNodes(s string, i int) {
	key := fmt.Sprint(i)
	tags := []registry.KeyValue{{Key: s, Value: s}}
	repo := &registry.Repository{Name: s, URL: s}
	mv := &registry.ModelVersion{Meta: meta(registry.KindModelVersion, key), ModelName: s, Version: s, Label: s, Description: s, Owner: s, Creator: s, Tags: tags,
		Stage: registry.Staging, CreatedDate: fixedTime}
	dv := &registry.DatasetVersion{Meta: meta(registry.KindDatasetVersion, key), Name: s, Namespace: s, Version: s, Digest: s, Description: s, URI: s, SizeBytes: n64(7),
		Rows: n64(8), Role: registry.RawData, Columns: []registry.Column{{Name: s, Type: s, Description: s}}, Tags: tags, CreatedAt: fixedTime}
	run := &registry.Run{Meta: meta(registry.KindRun, key), Name: s, Producer: s, RunID: s, RunKind: registry.RunTraining, Status: registry.RunComplete, Command: s,
		Description: s, Parameters: parametersOf(s), Metrics: []registry.Metric{{Name: s, Value: 0.5}}, Tags: tags, Actor: s, StartedAt: fixedTime, EndedAt: fixedTime}
	commit := &registry.Commit{Meta: meta(registry.KindCommit, key), Name: s, SHA: s, Message: s, Author: s, Email: s, CommittedAt: fixedTime, AuthoredAt: fixedTime}
	tag := &registry.Tag{Meta: meta(registry.KindTag, key), Name: s, SHA: s, Tagger: s, Message: s, TaggedAt: fixedTime}
	feature := &registry.Feature{Meta: meta(registry.KindFeature, key), Name: s, Type: s, Description: s, Owner: s, Column: s, CreatedAt: fixedTime}
	deployment := &registry.Deployment{Meta: meta(registry.KindDeployment, key), Name: s, Environment: s, Endpoint: s, Owner: s, Description: s, Version: s, ModelName: s,
		TrafficPercent: f64(12.5), StartedAt: fixedTime, Live: true}
	hidden := &registry.Restricted{Meta: registry.Meta{ID: registry.ID("restricted_" + key), Kind: registry.KindRun}}
	card := &registry.ModelCard{Description: s, ModelDetails: &registry.ModelDetails{Algorithm: s, Framework: s, Hyperparameters: parametersOf(s)},
		Training:    &registry.TrainingInfo{TrainingDataVersion: s, TrainingDate: fixedTime, TrainingTimeHours: f64(1.5), SamplesUsed: n64(9)},
		Performance: &registry.Performance{Accuracy: f64(0.9), Metrics: []registry.Metric{{Name: s, Value: 1e300}}},
		Features:    []string{s}, DataPreprocessing: []string{s}, Limitations: []string{s},
		EthicalConsiderations: &registry.Ethics{FairnessChecked: flag(true), BiasAuditDone: flag(false), ProtectedGroups: []string{s}}}
	artifacts := []*registry.Artifact{{Name: s, URI: s, Digest: s, Format: s}, {Name: s, URI: "s3://bucket/" + key, Digest: "sha256:" + strings.Repeat("0a", 32)}}
	c.nodes = []export.Node{{Noun: mv, Card: card, Artifacts: artifacts}, {Noun: deployment}, {Noun: run}, {Noun: dv}, {Noun: feature, Of: s},
		{Noun: commit, Repository: repo}, {Noun: tag, Repository: repo}, {Noun: hidden}}
	c.edge(registry.EdgeDeploys, deployment, mv)
	c.edge(registry.EdgeGeneratedBy, mv, run)
	c.edge(registry.EdgeUsesFeature, mv, feature)
	c.edge(registry.EdgeReleasedFrom, mv, tag)
	c.edge(registry.EdgeUsed, run, dv)
	c.edge(registry.EdgeRanCode, run, commit)
	c.edge(registry.EdgeDefinedOn, feature, dv)
	c.edge(registry.EdgePointsAt, tag, commit)
	c.edge(registry.EdgeGeneratedBy, dv, hidden)
}
