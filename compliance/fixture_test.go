package compliance

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"pedigree/audit"
	"pedigree/registry"
)

// hostile is a name that would do harm in Markdown, HTML, SVG and on a terminal.
const hostile = "<script>alert(1)</script>|`x` [a](http://e.example) @team #1 \"'&\n\x1b[31m\u202e"

var testTime = time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC)

// testFacts are facts with something of everything.
func testFacts() *Facts {
	yes, hours, samples, traffic := true, 3.5, int64(1000), 25.0
	version, run, raw, commit := registry.ID("mv_1"), registry.ID("run_1"), registry.ID("dv_1"), registry.ID("commit_1")
	return &Facts{Format: Format, MadeFor: Reader{"ada", []string{"admin"}}, ReadAt: testTime, LogSize: 9, ReadFrom: 9,
		Version: Version{ID: version, Revision: 2, Model: "credit", Version: "1.0.0", Stage: registry.Production, Owner: hostile, Creator: "ada", CreatedDate: testTime, RecallState: registry.IsRecalled},
		Model:   Model{ID: "model_1", Name: "credit", Description: hostile, ReviewEveryDays: 90, NextReview: testTime},
		Card: &registry.ModelCard{Description: hostile, ModelDetails: &registry.ModelDetails{Algorithm: "trees", Hyperparameters: registry.JSON(`{"depth":6}`)},
			Training: &registry.TrainingInfo{TrainingTimeHours: &hours, SamplesUsed: &samples}, Performance: &registry.Performance{F1Score: &traffic, Metrics: []registry.Metric{{Name: hostile, Value: 1}}},
			Limitations: []string{hostile, "second"}, EthicalConsiderations: &registry.Ethics{FairnessChecked: &yes}},
		Missing:    []string{"features"},
		Artifacts:  []Artifact{{ID: "art_1", Name: hostile, Digest: "sha256:aa", SizeBytes: &samples}},
		Signatures: []Signature{{ID: "sig_1", Kind: registry.SignatureOfModel, Status: "SIGNED", Signer: hostile}},
		Lineage: Lineage{Nodes: []Node{{ID: version, Kind: registry.KindModelVersion, Title: hostile}, {ID: run, Kind: registry.KindRun, Title: "training", Depth: 1, Fields: []registry.KeyValue{{Key: "runKind", Value: "TRAINING"}}, Parameters: registry.JSON(`{"a":"<b>"}`)},
			{ID: raw, Kind: registry.KindDatasetVersion, Title: hostile, Depth: 2, Source: true, Tags: []registry.KeyValue{{Key: "license", Value: "CC-BY"}}},
			{ID: commit, Kind: registry.KindCommit, Title: "fix", Depth: 2}, {ID: "restricted_1", Kind: registry.KindRun, Depth: 3, Restricted: true}},
			Edges: []Edge{{version, run, registry.EdgeGeneratedBy}, {run, raw, registry.EdgeUsed}, {run, commit, registry.EdgeRanCode}, {raw, "restricted_1", registry.EdgeGeneratedBy}}, Redacted: 1},
		People: []string{"ada", hostile}, Gaps: []Gap{{Code: "RUN_WITHOUT_CODE", Node: run, Message: hostile}},
		Transitions: []Transition{{ID: "tr_1", From: registry.Staging, To: registry.Production, At: testTime, By: "ada", Reason: hostile,
			Gates: []Gate{{Name: "licences", Answer: registry.GatePass, ReadAgain: true, Saw: []GateFact{{Path: "sources[0].licence", State: "KNOWN", Node: raw, Name: hostile, Value: "CC-BY"}}}}}},
		Requests: []Request{{ID: "treq_1", To: registry.Production, Status: registry.RequestExecuted, RequestedBy: "ada", RequestedAt: testTime, Approvals: []Approval{{"bob", testTime, hostile}}}},
		Reviews:  []Review{{ID: "rev_1", By: "bob", At: testTime, Decision: registry.ReviewApproved, Findings: hostile}}, Recalls: []Recall{{ID: "rec_1", Number: 1, State: registry.RecallOpen, Nodes: []registry.ID{raw}, Reason: hostile}},
		Deployments: []Deployment{{ID: "dep_1", Environment: "prod", Endpoint: hostile, TrafficPercent: &traffic, StartedAt: testTime}}, Deprecations: []Deprecation{{ID: "dpr_1", Step: registry.DeprecationPlanned, Guide: hostile}},
		Hidden: []string{"ModelCard.features"}, Cut: []string{"reviews beyond the first 1000"}, LogSeqs: map[registry.ID]int64{version: 9, "tr_1": 9}}
}

// testKey signs the packs of tests.
func testKey(t testing.TB) *audit.Key {
	t.Helper()
	private, err := audit.NewKey("pedigree.example/log")
	if err != nil {
		t.Fatal(err)
	}
	key, err := audit.ParseKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// testSources are exports and a log of nine entries, of which three are in the pack.
func testSources(t testing.TB, key *audit.Key) Sources {
	t.Helper()
	var entries []registry.LogEntry
	var hashes []audit.EntryHashes
	var tree registry.LogFrontier
	for i := int64(1); i <= 9; i++ {
		e := registry.LogEntry{Seq: i, At: testTime.Add(time.Duration(i) * time.Second), Actor: "ada", Action: registry.LogVersionUpdated, Objects: []registry.ID{"mv_1"}, Reason: hostile, Detail: registry.JSON(`{"a":"<b>"}`)}
		if i == 9 {
			e.Objects = append(e.Objects, "tr_1")
		}
		e.Seal()
		completed, err := tree.Append(e.LeafHash)
		if err != nil {
			t.Fatal(err)
		}
		h, err := audit.ParseEntryHashes(e.LeafHash, completed)
		if err != nil {
			t.Fatal(err)
		}
		entries, hashes = append(entries, e), append(hashes, h)
	}
	read := audit.Hashes(func(seqs []int64) (out []audit.EntryHashes, err error) {
		for _, s := range seqs {
			out = append(out, hashes[s-1])
		}
		return out, nil
	})
	s := Sources{Exports: []File{{ProvFile, []byte("{\"prov\": 1}\n")}, {CycloneDXFile, []byte("{\"bom\": 1}\n")}}, Seal: key.Seal, Log: key.Origin(), PublicKey: key.Public}
	for _, i := range []int64{2, 5, 9} {
		p, err := read.Prove(i, 9)
		if err != nil {
			t.Fatal(err)
		}
		e := ProvenEntry{Entry: entries[i-1], Leaf: hex.EncodeToString(p.Leaf[:]), Partial: i == 5}
		if e.Partial { // The reader does not see why.
			e.Entry.Reason = ""
		}
		for _, h := range p.Proof {
			e.Proof = append(e.Proof, fmt.Sprintf("%x", h[:]))
		}
		s.Entries = append(s.Entries, e)
	}
	root, err := read.Root(9)
	if err != nil {
		t.Fatal(err)
	}
	if s.Checkpoint, err = key.Sign(9, root); err != nil {
		t.Fatal(err)
	}
	return s
}

// zipOf returns the bytes of a pack.
func zipOf(t testing.TB, p *Pack) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func testPack(t testing.TB, key *audit.Key) *Pack {
	t.Helper()
	p, err := New(testFacts(), testSources(t, key))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
