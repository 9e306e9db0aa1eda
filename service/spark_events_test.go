package service_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"pedigree/registry"
	"pedigree/service/provenance"
)

// TestEventsThatSparkSent records the events that Spark 4.0.1 with the listener 1.53.0 sent of the job in
// testdata/spark: in their order, in reverse, and twice. The graph is the same: features of customers come
// from the raw file by two runs, column by column.
func TestEventsThatSparkSent(t *testing.T) {
	raw, err := os.ReadFile("../testdata/spark/events.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	events := bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
	reversed := slices.Clone(events)
	slices.Reverse(reversed)
	var graphs []string
	for _, order := range [][][]byte{events, reversed, slices.Concat(events, events)} {
		k := newEventKit(t)
		k.send(order...)
		graphs = append(graphs, k.wholeGraph())
		checkSparkGraph(k)
	}
	sameGraph(t, "in reverse", graphs[0], graphs[1])
	sameGraph(t, "twice", graphs[0], graphs[2])
	t.Logf("PROOF %d events that Spark sent", len(events))
}

func checkSparkGraph(k *kit) {
	k.Helper()
	dataset := registry.DatasetID("file", "/tmp/churn/customer_features")
	var features *registry.DatasetVersion
	for _, e := range must[*provenance.LineageGraph](k)(k.Lineage(k.admin, provenance.LineageInput{Of: registry.DatasetVersionID(registry.DatasetID("file", "/tmp/churn/raw_calls.csv"), registry.Unversioned), Direction: "DOWNSTREAM"})).Nodes {
		if v, ok := must[registry.ProvenanceNode](k)(e.Node()).(*registry.DatasetVersion); ok && v.Parent == dataset {
			features = v
		}
	}
	if features == nil {
		k.Fatal("nothing comes of the raw file")
	}
	var columns []string
	for _, c := range features.Columns {
		text := c.Name + " " + c.Type
		for _, s := range c.DerivedFrom {
			text += " <- " + s.Column
		}
		columns = append(columns, text)
	}
	if got := strings.Join(columns, ", "); !strings.HasPrefix(got, "customer_id integer <- ") || !strings.Contains(got, "calls long") {
		k.Errorf("the columns are %s", got)
	}
}
