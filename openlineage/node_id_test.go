package openlineage

import (
	"slices"
	"strings"
	"testing"

	"pedigree/registry"
)

func TestTheIDOfANodeIsCutWhereItsNameCanBegin(t *testing.T) {
	for id, want := range map[string][]Name{
		"job:food:etl":                             {{"food", "etl"}},
		"dataset:s3://lake:raw/orders":             {{"s3://lake", "raw/orders"}, {"s3", "//lake:raw/orders"}},
		"dataset:postgres://db:5432:lake.t":        {{"postgres://db:5432", "lake.t"}, {"postgres", "//db:5432:lake.t"}, {"postgres://db", "5432:lake.t"}},
		"job:airflow:dag:task":                     {{"airflow", "dag:task"}, {"airflow:dag", "task"}},
		"dataset:file:/tmp/a.csv":                  {{"file", "/tmp/a.csv"}},
		"dataset:ns:2024":                          {{"ns", "2024"}},
		NodeID(DatasetNode, Name{"gs://b", "p:q"}): {{"gs://b", "p:q"}, {"gs://b:p", "q"}, {"gs", "//b:p:q"}},
	} {
		kind, names, err := ParseNodeID(id)
		if err != nil || !strings.HasPrefix(id, kind+":") || !slices.Equal(names, want) {
			t.Errorf("%s: %s %v %v, want %v", id, kind, names, err, want)
		}
	}
}

func TestWhatIsNoIDOfANodeIsRefused(t *testing.T) {
	for _, id := range []string{"", "dataset", "dataset:", "dataset:ns", "dataset::n", "dataset:ns:", "run:1", "datasetField:a:b:c", "Dataset:a:b", "job:a:b\x00",
		"job:" + strings.Repeat("a:", 31) + "b", "job:ns:" + strings.Repeat("x", 2048), "dataset:a:\xff"} {
		if _, names, err := ParseNodeID(id); registry.CodeOf(err) != registry.InvalidArgument {
			t.Errorf("%q: %v %v", id, names, err)
		}
	}
}
