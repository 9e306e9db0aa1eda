// Command cmd runs the benchmark: it builds graphs, starts the contenders,
// measures them in turn and writes a table. See docs/performance.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"pedigree/internal/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	c := bench.Config{Progress: os.Stderr}
	sizes := flag.String("sizes", "10000,100000,1000000", "numbers of nodes of the graphs, separated by commas")
	only := flag.String("only", strings.Join(bench.Contenders(), ","), "contenders to measure, separated by commas")
	parts := flag.String("parts", strings.Join(bench.Parts(), ","), "parts to measure, separated by commas")
	flag.StringVar(&c.Dir, "dir", "build/bench", "folder of the graphs and of the result")
	flag.StringVar(&c.Server, "server", "build/bench/pedigree", "path of the server's binary")
	flag.StringVar(&c.PeerDir, "peer", "bench/peer", "folder of the peer")
	flag.StringVar(&c.MLflowDir, "mlflow", "bench/mlflow", "folder of MLflow's requirements file")
	growth := flag.String("growth", "100,1000,10000,100000", "numbers of siblings in the part growth, separated by commas")
	fileMiB := flag.Int64("file-mib", 1024, "size of each of the eight files in the part artifacts, in MiB")
	flag.IntVar(&c.Models, "models", 1000, "number of models in the part registry")
	flag.IntVar(&c.Rounds, "rounds", 3, "number of rounds; the result holds medians")
	flag.DurationVar(&c.MinTime, "least", 3*time.Second, "minimum time of a measurement")
	flag.DurationVar(&c.MaxTime, "most", time.Minute, "maximum time of a measurement")
	flag.DurationVar(&c.StartTimeout, "step", 5*time.Minute, "maximum time for a server to start")
	flag.IntVar(&c.BatchSize, "batch", 10000, "number of nodes in one Update while loading")
	flag.Uint64Var(&c.Seed, "seed", 1, "seed of the graphs")
	flag.BoolVar(&c.Rebuild, "fresh", false, "rebuild graphs that exist already")
	flag.Parse()
	var err error
	if c.GrowthSizes, err = numbers(*growth); err != nil {
		return err
	}
	if c.Sizes, err = numbers(*sizes); err != nil {
		return err
	}
	c.FileBytes = *fileMiB << 20
	c.Contenders, c.Parts = strings.Split(*only, ","), strings.Split(*parts, ",")
	r, err := bench.Run(ctx, c)
	if err != nil {
		return err
	}
	table := r.Table()
	fmt.Print(table)
	if err := os.WriteFile(filepath.Join(c.Dir, "result.md"), []byte(table), 0o644); err != nil {
		return err
	}
	if n := r.Failures(); n > 0 {
		return fmt.Errorf("%d measurements failed; see the table", n)
	}
	return nil
}

// numbers reads numbers that are separated by commas.
func numbers(text string) (out []int, err error) {
	for s := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(s)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", s)
		}
		out = append(out, n)
	}
	return out, nil
}
