package export_test

import (
	"strings"
	"testing"

	"pedigree/internal/validators"
	"pedigree/lineage"
	"pedigree/lineage/export"
	"pedigree/registry"
	"pedigree/service/provenance"
)

// TestSPDXIsReadBack gives the demo story and a document of hostile texts to the bindings that are made
// from SPDX's model. Every node and every edge is there, names are the names, and broken documents are
// refused.
func TestSPDXIsReadBack(t *testing.T) {
	s, story, as := demoService(t)
	addHiddenVersion(t, as(registry.RoleAdmin), s, story.Raw)
	var documents []*export.Document
	for _, role := range []string{registry.RoleAdmin, registry.RoleViewer} {
		d, err := s.ExportDocument(as(role), provenance.ExportInput{Of: story.Version, Direction: lineage.Both})
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, d)
	}
	documents = append(documents, hostileDocument())
	var cases []validators.Case
	for _, d := range documents {
		b, err := export.SPDX(d)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := export.SPDX(d); err != nil || string(again) != string(b) {
			t.Errorf("the same document gives other bytes (%v)", err)
		}
		cases = append(cases, validators.Case{Kind: "spdx", Text: string(b)})
	}
	good := cases[0].Text
	for _, broken := range [][2]string{{`"ai_AIPackage"`, `"ai_Package"`}, {`"specVersion"`, `"version"`}, {`"hasInput"`, `"eats"`}, {`"name": "credit-approval"`, `"title": "credit-approval"`}, {`"dataset_datasetType"`, `"dataset_type"`}} {
		if !strings.Contains(good, broken[0]) {
			t.Fatalf("there is no %s to break", broken[0])
		}
		cases = append(cases, validators.Case{Kind: "spdx", Text: strings.Replace(good, broken[0], broken[1], 1)})
	}
	for i, r := range validators.Read(t, cases...) {
		if i >= len(documents) {
			if r.OK {
				t.Errorf("a broken document was read: %d", i)
			}
			continue
		}
		if !r.OK {
			t.Errorf("document %d: %s", i, r.Error)
			continue
		}
		kinds := map[string]int{}
		for k := range documents[i].Nodes {
			n := &documents[i].Nodes[k]
			e, ok := r.Elements["urn:pedigree:id:"+string(n.ID())]
			if want := export.Describe(n).Title; !ok || !n.Restricted() && n.Kind() != registry.KindModelVersion && want != "" && !strings.HasPrefix(want, e.Label) {
				t.Errorf("document %d: %s is %+v, and is called %q", i, n.ID(), e, want)
			}
			kinds[e.Kind]++
		}
		relations := map[string]int{}
		for _, rel := range r.Relations {
			relations[rel.Kind]++
		}
		if n := len(r.Relations) - relations["trainedOn"]; n != len(documents[i].Edges) {
			t.Errorf("document %d: %d relations, and %d edges", i, n, len(documents[i].Edges))
		}
		if i == 0 && (kinds["ai_AIPackage"] == 0 || kinds["dataset_DatasetPackage"] == 0 || kinds["build_Build"] == 0 || relations["trainedOn"] == 0) {
			t.Errorf("%v %v", kinds, relations)
		}
		t.Logf("document %d: %d elements, relations %v", i, len(r.Elements), relations)
	}
}
