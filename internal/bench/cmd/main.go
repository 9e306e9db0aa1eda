// Command cmd is the bench: it builds graphs, starts the contenders, measures
// them in turn and writes a table. See docs/performance.md.
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
	sizes := flag.String("sizes", "10000,100000,1000000", "how many nodes the graphs have")
	only := flag.String("only", strings.Join(bench.Contenders(), ","), "contenders, by commas")
	parts := flag.String("parts", strings.Join(bench.Parts(), ","), "what to measure, by commas")
	flag.StringVar(&c.Dir, "dir", "build/bench", "where graphs and the result are kept")
	flag.StringVar(&c.Server, "server", "build/bench/pedigree", "the server's binary")
	flag.StringVar(&c.PeerDir, "peer", "bench/peer", "the folder of the peer")
	flag.IntVar(&c.Rounds, "rounds", 3, "how often everything is measured")
	flag.DurationVar(&c.Least, "least", 3*time.Second, "how long a measurement takes at least")
	flag.DurationVar(&c.Most, "most", time.Minute, "how long a measurement takes at most")
	flag.DurationVar(&c.Step, "step", 5*time.Minute, "how long to wait for a server")
	flag.IntVar(&c.Batch, "batch", 10000, "how many nodes an Update takes while loading")
	flag.Uint64Var(&c.Seed, "seed", 1, "makes the graph")
	flag.BoolVar(&c.Fresh, "fresh", false, "make graphs anew")
	flag.Parse()
	c.Contenders, c.Parts = strings.Split(*only, ","), strings.Split(*parts, ",")
	for _, s := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("%q is no size", s)
		}
		c.Sizes = append(c.Sizes, n)
	}
	r, err := bench.Run(ctx, c)
	if err != nil {
		return err
	}
	table := r.Table()
	fmt.Print(table)
	if err := os.WriteFile(filepath.Join(c.Dir, "result.md"), []byte(table), 0o644); err != nil {
		return err
	}
	if n := len(r.Failed); n > 0 {
		return fmt.Errorf("%d shapes were not answered as promised; see the table", n)
	}
	return nil
}
