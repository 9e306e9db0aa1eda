package service_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pedigree/registry"
)

// facetEvent is an event of one run, with facets of the run, the job, an input and an output.
func facetEvent(minute int, run, input, output string) []byte {
	return fmt.Appendf(nil, `{"eventTime":"2026-11-23T04:%02d:00Z","eventType":"COMPLETE","producer":"p","run":{"runId":"0190a1b2-0000-7000-8000-00000000f001","facets":{%s}},
		"job":{"namespace":"n","name":"etl","facets":{"sourceCode":{"_producer":"p","language":"py"},"jobType":{"integration":"SPARK","processingType":"BATCH"}}},
		"inputs":[{"namespace":"file","name":"in","inputFacets":{%s}}],"outputs":[{"namespace":"file","name":"out","facets":{"version":{"datasetVersion":"1"},%s}}]}`, minute, run, input, output)
}

// shown lists facets in a readable form.
func shown(all []*registry.KeptFacet) (out []string) {
	for _, f := range all {
		value := string(f.Value)
		if len(value) > 60 {
			value = fmt.Sprintf("%d bytes", len(value))
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s=%s %s", f.Holder, f.Namespace, f.Dataset, f.Name, value, f.ToldAt.Format("15:04"))))
	}
	return out
}

// TestKeptFacetsAreGivenBack sends facets that nothing is made of, in both orders: the last one by time
// is given back, one that was taken back is not, and mapped ones are not.
func TestKeptFacetsAreGivenBack(t *testing.T) {
	early := facetEvent(1, `"test":{"n":1},"gone":{"n":1},"tags":{"tags":[{"key":"k","value":"v"}]}`, `"subset":{"a":"b"}`, `"house":{"n":1}`)
	late := facetEvent(2, `"test":{"n":2},"gone":{"_deleted":true}`, `"subset":{"a":"c"}`, `"house":{"n":2}`)
	for _, order := range [][][]byte{{early, late}, {late, early}} {
		k := newEventKit(t)
		k.send(order...)
		run := must[*registry.Run](k)(k.Recorder.Run(k.admin, nil, new("openlineage"), new("0190a1b2-0000-7000-8000-00000000f001")))
		of := func(n registry.Node) []string { return shown(must[[]*registry.KeptFacet](k)(k.FacetsOf(k.admin, n))) }
		if diff := cmp.Diff([]string{`RUN   test={"n":2} 04:02`, `JOB   sourceCode={"_producer":"p","language":"py"} 04:02`, `INPUT file in subset={"a":"c"} 04:02`}, of(run)); diff != "" {
			t.Errorf("run (- wanted, + got)\n%s", diff)
		}
		out := must[*registry.DatasetVersion](k)(k.DatasetVersion(k.admin, "out", "1", "file"))
		if diff := cmp.Diff([]string{`DATASET   house={"n":2} 04:02`}, of(out)); diff != "" {
			t.Errorf("dataset version (- wanted, + got)\n%s", diff)
		}
		d := must[*registry.Dataset](k)(k.Dataset(k.admin, "out", "file"))
		if diff := cmp.Diff([]string{`DATASET   house={"n":2} 04:02`}, of(d)); diff != "" {
			t.Errorf("dataset (- wanted, + got)\n%s", diff)
		}
		d.Mask = 0
		if got := of(d); got != nil {
			t.Errorf("a caller who does not see the field gets %v", got)
		}
	}
}

// TestLargeFacetsAreNamedOnly sends facets that are too large together: the last ones have no value.
func TestLargeFacetsAreNamedOnly(t *testing.T) {
	k := newEventKit(t)
	half := strings.Repeat("x", registry.MaxKeptFacetBytes*2/3)
	k.send(facetEvent(1, fmt.Sprintf(`"a":{"v":%q},"b":{"v":%q}`, half, half), `"subset":{"a":"b"}`, `"house":{"n":1}`))
	run := must[*registry.Run](k)(k.Recorder.Run(k.admin, nil, new("openlineage"), new("0190a1b2-0000-7000-8000-00000000f001")))
	all := must[[]*registry.KeptFacet](k)(k.FacetsOf(k.admin, run))
	if len(all) != 4 || all[0].Value == nil || all[1].Value != nil || all[1].SizeBytes < len(half) || all[3].Value != nil {
		t.Errorf("%v", shown(all))
	}
	if all[0].ToldAt != time.Date(2026, 11, 23, 4, 1, 0, 0, time.UTC) {
		t.Error(all[0].ToldAt)
	}
}
