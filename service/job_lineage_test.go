package service_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/events"
	"pedigree/service/facts"
)

// arrows lists the jobs of a lineage with what they read and wrote, and what is missing.
func arrows(g *events.JobLineage) (out []string) {
	for _, j := range g.Jobs {
		line := j.Name.Name + " " + string(j.Latest.Status) + ":"
		for _, n := range j.Inputs {
			line += " " + n.Name
		}
		line += " →"
		for _, n := range j.Outputs {
			line += " " + n.Name
		}
		out = append(out, line)
	}
	for _, reason := range g.Reasons {
		out = append(out, string(reason))
	}
	return out
}

func (k *kit) jobLineage(ctx context.Context, id string, depth ...int) *events.JobLineage {
	k.Helper()
	var most *int
	if len(depth) > 0 {
		most = &depth[0]
	}
	g, err := k.JobLineage(ctx, id, most)
	if err != nil {
		k.Fatalf("%s: %v", id, err)
	}
	return g
}

func (k *kit) wantArrows(g *events.JobLineage, want ...string) {
	k.Helper()
	if diff := cmp.Diff(want, arrows(g)); diff != "" {
		k.Errorf("the jobs are (- wanted, + got)\n%s", diff)
	}
}

// jobEvent is an event of the nth run of a job, that began and ended at the nth hour. Ports are names,
// separated by blanks; one with a version is name@version.
func jobEvent(job string, n int, kind, inputs, outputs string) []byte {
	ports := func(names string) string {
		var all []string
		for _, name := range strings.Fields(names) {
			name, version, named := strings.Cut(name, "@")
			facets := ""
			if named {
				facets = fmt.Sprintf(`,"facets":{"version":{"datasetVersion":%q}}`, version)
			}
			all = append(all, fmt.Sprintf(`{"namespace":"lake","name":%q%s}`, name, facets))
		}
		return strings.Join(all, ",")
	}
	run := fmt.Sprintf("0190a1b2-0000-7000-%04d-%012d", 8000+len(job), n)
	return fmt.Appendf(nil, `{"eventTime":%q,"eventType":%q,"producer":"p","run":{"runId":%q},"job":{"namespace":"jobs","name":%q},"inputs":[%s],"outputs":[%s]}`,
		time.Date(2026, 1, 1, n, 0, 0, 0, time.UTC).Format(time.RFC3339), kind, run, job, ports(inputs), ports(outputs))
}

// TestALineageOfJobsIsThatOfTheSamples asks for the lineage of the jobs and datasets in the traffic of
// openlineage-python and of Spark, from each of them: it is the same graph.
func TestALineageOfJobsIsThatOfTheSamples(t *testing.T) { lineageOfSamples(t, newEventKit(t)) }

// TestALineageOfJobsOnNeo4jIsThatOfTheSamples does so on Neo4j.
func TestALineageOfJobsOnNeo4jIsThatOfTheSamples(t *testing.T) {
	lineageOfSamples(t, newNeo4jEventKit(t))
}

func lineageOfSamples(t *testing.T, k *kit) {
	raw, err := os.ReadFile("../testdata/spark/events.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	k.send(slices.Concat(sampleEvents(t), bytes.Split(bytes.TrimSpace(raw), []byte("\n")))...)
	for id, want := range map[string][]string{
		"dataset:s3://lake:raw/churn.csv": {
			"churn.etl COMPLETE: raw/churn.csv → ml.public.churn_clean",
			"churn.train FAILED: ml.public.churn_clean → churn/v1.0.0/model.json",
		},
		"dataset:file:/tmp/churn/raw_calls.csv": {
			"churn.adaptive_spark_plan.churn_customer_features COMPLETE: /tmp/churn/clean_calls → /tmp/churn/customer_features",
			"churn.collect_limit COMPLETE: /tmp/churn/raw_calls.csv →",
			"churn.deserialize_to_object COMPLETE: /tmp/churn/raw_calls.csv →",
			"churn.execute_insert_into_hadoop_fs_relation_command.churn_clean_calls COMPLETE: /tmp/churn/raw_calls.csv → /tmp/churn/clean_calls",
			"churn.map_partitions_parallel_collection RUNNING: /tmp/churn/clean_calls →",
		},
	} {
		whole := k.jobLineage(k.admin, id)
		k.wantArrows(whole, want...)
		for _, j := range whole.Jobs {
			k.wantArrows(k.jobLineage(k.admin, "job:"+j.Namespace+":"+j.Name.Name), want...)
		}
		for _, d := range whole.Datasets {
			k.wantArrows(k.jobLineage(k.admin, "dataset:"+d.Namespace+":"+d.Name.Name), want...)
		}
	}
}

// TestAJobReadsWhatItsLastCompleteRunRead changes what a job reads: the old dataset is not connected any
// more, and neither a run that goes on nor one that failed says what the job does.
func TestAJobReadsWhatItsLastCompleteRunRead(t *testing.T) {
	k := newEventKit(t)
	k.send(jobEvent("etl", 1, "COMPLETE", "old", "clean"), jobEvent("etl", 2, "COMPLETE", "raw", "clean"), jobEvent("etl", 3, "FAIL", "raw", "broken"), jobEvent("etl", 4, "START", "other", "else"))
	for _, id := range []string{"job:jobs:etl", "dataset:lake:raw", "dataset:lake:clean"} {
		k.wantArrows(k.jobLineage(k.admin, id), "etl UNKNOWN: raw → clean")
	}
	if g := k.jobLineage(k.admin, "dataset:lake:old"); len(g.Jobs) != 0 || len(g.Datasets) != 1 {
		t.Errorf("the old dataset is connected with %v", arrows(g))
	}
	k.send(jobEvent("first", 1, "START", "raw", ""))
	k.wantArrows(k.jobLineage(k.admin, "job:jobs:first"), "etl UNKNOWN: raw → clean", "first UNKNOWN: raw →")
}

// TestALineageOfJobsGoesAsDeepAsItIsAsked walks a chain of jobs.
func TestALineageOfJobsGoesAsDeepAsItIsAsked(t *testing.T) {
	k := newEventKit(t)
	for i := range 5 {
		k.send(jobEvent(fmt.Sprint("job", i), i+1, "COMPLETE", fmt.Sprint("t", i), fmt.Sprint("t", i+1)))
	}
	k.wantArrows(k.jobLineage(k.admin, "job:jobs:job2", 0), "job2 COMPLETE: t2 → t3", "DEPTH")
	k.wantArrows(k.jobLineage(k.admin, "dataset:lake:t2", 0), "job1 COMPLETE: t1 → t2", "job2 COMPLETE: t2 → t3", "DEPTH")
	k.wantArrows(k.jobLineage(k.admin, "job:jobs:job2", 1), "job1 COMPLETE: t1 → t2", "job2 COMPLETE: t2 → t3", "job3 COMPLETE: t3 → t4", "DEPTH")
	if whole := k.jobLineage(k.admin, "job:jobs:job2"); len(whole.Jobs) != 5 || len(whole.Datasets) != 6 || whole.Reasons != nil {
		t.Errorf("%v", arrows(whole))
	}
}

// TestALineageOfJobsIsBounded records a run that writes more datasets than an answer has.
func TestALineageOfJobsIsBounded(t *testing.T) {
	k := newEventKit(t)
	var names []string
	for i := range 520 {
		names = append(names, fmt.Sprint("t", i))
	}
	k.send(jobEvent("wide", 1, "COMPLETE", "raw", strings.Join(names, " ")))
	g := k.jobLineage(k.admin, "job:jobs:wide")
	if n := len(g.Jobs) + len(g.Datasets); n != 500 || !slices.Equal(g.Reasons, []lineage.Reason{lineage.ReasonNodes}) {
		t.Errorf("%d jobs and datasets, %v", n, g.Reasons)
	}
}

// TestTheLastReadersOfMuchReadDataAreFound records a thousand runs of one job that read a dataset, and
// then one of another job.
func TestTheLastReadersOfMuchReadDataAreFound(t *testing.T) {
	k := newEventKit(t)
	k.send(jobEvent("early", 1, "COMPLETE", "raw", "clean"))
	raw := registry.DatasetVersionID(registry.DatasetID("lake", "raw"), registry.Unversioned)
	for batch := range 3 {
		var in bulk.RecordFactsInput
		for i := range 400 {
			in.Facts = append(in.Facts, bulk.FactInput{Run: &facts.RecordRunInput{Producer: "p", RunID: fmt.Sprint(batch, i), Name: "reader", Inputs: []registry.ID{raw}, StartedAt: time.Date(2026, 1, 2, 0, batch, i, 0, time.UTC)}})
		}
		if _, err := k.RecordFacts(k.admin, in); err != nil {
			t.Fatal(err)
		}
	}
	k.send(jobEvent("late", 90, "COMPLETE", "raw", "report"))
	k.wantArrows(k.jobLineage(k.admin, "dataset:lake:raw"), "early COMPLETE: raw → clean", "late COMPLETE: raw → report", "reader COMPLETE: raw →", "FANOUT")
}

// TestALineageOfJobsKnowsADatasetByAllItsNames asks by a name that a symlink gave, and in another
// spelling.
func TestALineageOfJobsKnowsADatasetByAllItsNames(t *testing.T) {
	k := newEventKit(t)
	k.send([]byte(`{"eventTime":"2026-01-01T00:00:00Z","eventType":"COMPLETE","producer":"p","run":{"runId":"0190a1b2-0000-7000-8000-000000000001"},"job":{"namespace":"jobs","name":"etl"},
		"outputs":[{"namespace":"postgres://db","name":"lake.public.orders","facets":{"symlinks":{"identifiers":[{"namespace":"s3://lake","name":"orders","type":"TABLE"}]}}}]}`))
	for _, id := range []string{"dataset:postgres://db:5432:lake.public.orders", "dataset:postgresql://DB:lake.public.orders", "dataset:s3://lake:orders", "dataset:s3a://lake:/orders/"} {
		k.wantArrows(k.jobLineage(k.admin, id), "etl COMPLETE: → lake.public.orders")
	}
}

// TestALineageOfJobsHasModels makes a model from data by a run that another tool recorded: the job is
// named by its producer, and the model stands in the namespace of models.
func TestALineageOfJobsHasModels(t *testing.T) {
	k := newEventKit(t)
	k.send([]byte(`{"eventTime":"2026-01-01T00:00:00Z","eventType":"COMPLETE","producer":"p","run":{"runId":"0190a1b2-0000-7000-8000-000000000001"},"job":{"namespace":"jobs","name":"train"},
		"inputs":[{"namespace":"lake","name":"features"}],"outputs":[{"namespace":"lake","name":"file","outputFacets":{"pedigree_modelVersion":{"model":"churn","version":"1.0.0"}}}]}`))
	raw := registry.DatasetVersionID(registry.DatasetID("lake", "features"), registry.Unversioned)
	if _, err := k.RecordRun(k.admin, facts.RecordRunInput{Producer: "dvc", RunID: "1", Name: "report", Inputs: []registry.ID{raw}}); err != nil {
		t.Fatal(err)
	}
	want := []string{"report COMPLETE: features →", "train COMPLETE: features → file churn"}
	k.wantArrows(k.jobLineage(k.admin, "dataset:pedigree://models:churn"), want...)
	k.wantArrows(k.jobLineage(k.admin, "job:dvc:report"), want...)
}

// TestWhoSeesNoNamespacesSeesNoLineageOfJobs asks as a viewer, for unknown nodes, and for what is no node.
func TestWhoSeesNoNamespacesSeesNoLineageOfJobs(t *testing.T) {
	k := newEventKit(t)
	k.send(jobEvent("etl", 1, "COMPLETE", "raw", "clean"))
	none := 51
	for _, c := range []struct {
		ctx   context.Context
		id    string
		depth *int
		want  registry.Code
	}{
		{k.as("v", registry.RoleViewer), "job:jobs:etl", nil, registry.Forbidden}, {k.as("v", registry.RoleViewer), "job:jobs:none", nil, registry.Forbidden},
		{k.as("d", registry.RoleDeveloper), "job:jobs:etl", nil, registry.NotFound}, {k.as("d", registry.RoleDeveloper), "dataset:lake:raw", nil, registry.NotFound},
		{k.admin, "job:jobs:none", nil, registry.NotFound}, {k.admin, "job:else:etl", nil, registry.NotFound}, {k.admin, "dataset:lake:none", nil, registry.NotFound},
		{k.admin, "dataset:pedigree://models:none", nil, registry.NotFound}, {k.admin, "run:1", nil, registry.InvalidArgument}, {k.admin, "job:jobs:etl", &none, registry.InvalidArgument},
	} {
		if g, err := k.JobLineage(c.ctx, c.id, c.depth); registry.CodeOf(err) != c.want {
			t.Errorf("%s: %v %v, want %s", c.id, g, err, c.want)
		}
	}
}
