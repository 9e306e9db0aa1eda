package service_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
)

// BenchmarkWrites measures the daily writes of a registry on SQLite (synchronous=FULL, with
// log entries), from 1 and from 16 clients, over 500 models of three versions.
func BenchmarkWrites(b *testing.B) {
	const models = 500
	name := func(n int) string { return fmt.Sprintf("model-%03d", n%models) }
	one := "0.1.0"
	for _, w := range []struct {
		name  string
		write func(ctx context.Context, s *service.Service, n int) error
	}{
		{"SetAlias", func(ctx context.Context, s *service.Service, n int) error {
			_, err := s.SetAlias(ctx, catalog.SetAliasInput{Model: name(n), Alias: "champion", Version: fmt.Sprintf("0.%d.0", 1+n/models%2)})
			return err
		}},
		{"Transition", func(ctx context.Context, s *service.Service, n int) error {
			m, to := name(n), registry.Staging
			if n/models%2 == 1 {
				to = registry.Development
			}
			_, err := s.TransitionModelVersion(ctx, catalog.TransitionModelVersionInput{Model: &m, Version: &one, To: to})
			return err
		}},
		{"Register", func(ctx context.Context, s *service.Service, n int) error {
			minor := registry.BumpMinor
			_, err := s.RegisterModelVersion(ctx, catalog.RegisterModelVersionInput{Model: name(n), Bump: &minor, Description: fmt.Sprint("number ", n)})
			return err
		}},
		{"UpdateCard", func(ctx context.Context, s *service.Service, n int) error {
			m, text := name(n), fmt.Sprint("number ", n)
			_, err := s.UpdateModelCard(ctx, catalog.UpdateModelCardInput{Model: &m, Version: &one, Card: &catalog.ModelCardInput{Description: &text}})
			return err
		}},
	} {
		for _, clients := range []int{1, 16} {
			b.Run(fmt.Sprint(w.name, "/", clients), func(b *testing.B) {
				s, ctx := benchService(b)
				for n := range models {
					if _, err := s.RegisterModel(ctx, catalog.RegisterModelInput{Name: name(n), Owner: "ada"}); err != nil {
						b.Fatal(err)
					}
					for v := 1; v <= 3; v++ {
						number := fmt.Sprintf("0.%d.0", v)
						if _, err := s.RegisterModelVersion(ctx, catalog.RegisterModelVersionInput{Model: name(n), Version: &number}); err != nil {
							b.Fatal(err)
						}
					}
				}
				var next atomic.Int64
				next.Store(-1)
				b.SetParallelism((clients + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
				b.ReportAllocs()
				b.ResetTimer()
				if clients == 1 {
					for range b.N {
						if err := w.write(ctx, s, int(next.Add(1))); err != nil {
							b.Fatal(err)
						}
					}
					return
				}
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := w.write(ctx, s, int(next.Add(1))); err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
}
