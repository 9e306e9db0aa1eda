package service_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/facts"
)

// BenchmarkEvents records runs that each read one table and write another, in two calls: as the
// events START and COMPLETE, and by recordRun and recordDatasetVersion.
func BenchmarkEvents(b *testing.B) {
	const table = `{"namespace":"postgres://db:5432","name":%q,"facets":{%s}}`
	version := `"version":{"_producer":"p","_schemaURL":"s","datasetVersion":"1"}`
	event := func(kind string, second, n int, outputs string) []byte {
		at := time.Date(2020, 1, 1, 0, 0, 2*n+second, 0, time.UTC).Format(time.RFC3339)
		return fmt.Appendf(nil, `{"eventTime":%q,"eventType":%q,"producer":"p","run":{"runId":"0190a1b2-0000-7000-8000-%012d"},"job":{"namespace":"n","name":"etl"},"inputs":[`+table+`],"outputs":[%s]}`,
			at, kind, n, "raw", version, outputs)
	}
	raw := registry.DatasetVersionID(registry.DatasetID("postgres://db:5432", "raw"), "1")
	for _, c := range []struct {
		name   string
		record func(ctx context.Context, s *service.Service, n int) error
	}{
		{"Events", func(ctx context.Context, s *service.Service, n int) error {
			if _, err := s.RecordLineageEvent(ctx, event("START", 0, n, "")); err != nil {
				return err
			}
			_, err := s.RecordLineageEvent(ctx, event("COMPLETE", 1, n, fmt.Sprintf(table, "clean", "")))
			return err
		}},
		{"Mutations", func(ctx context.Context, s *service.Service, n int) error {
			out, err := s.RecordRun(ctx, facts.RecordRunInput{Producer: "p", RunID: fmt.Sprint(n), Name: "etl", RunKind: registry.RunETL, Inputs: []registry.ID{raw}})
			if err == nil {
				_, err = s.RecordDatasetVersion(ctx, facts.RecordDatasetVersionInput{Dataset: "clean", Namespace: "postgres://db:5432", GeneratedBy: &out.Run.ID})
			}
			return err
		}},
	} {
		for _, clients := range []int{1, 16} {
			b.Run(fmt.Sprint(c.name, "/", clients), func(b *testing.B) {
				s, ctx := benchService(b)
				if _, err := s.RecordDatasetVersion(ctx, facts.RecordDatasetVersionInput{Dataset: "raw", Namespace: "postgres://db:5432", Version: "1"}); err != nil {
					b.Fatal(err)
				}
				var next atomic.Int64
				record := func() {
					if err := c.record(ctx, s, int(next.Add(1))); err != nil {
						b.Error(err)
					}
				}
				if clients == 1 {
					for b.Loop() {
						record()
					}
					return
				}
				b.SetParallelism((clients + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						record()
					}
				})
			})
		}
	}
}
