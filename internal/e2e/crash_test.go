package e2e

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const writers = 8

// TestAcknowledgedWritesOutliveAKilledServer kills the server with SIGKILL while
// clients write, starts it again and reads every acknowledged write.
func TestAcknowledgedWritesOutliveAKilledServer(t *testing.T) {
	t.Parallel()
	for name, flags := range stores {
		t.Run(name, func(t *testing.T) {
			f := flags(t)
			n, total, lost := rounds(40), 0, 0
			for round := range n {
				p := start(t, f...)
				acked := writeUntilKilled(t, p, round)
				total += len(acked)
				again := start(t, f...)
				lost += countLost(again, acked)
				again.kill()
			}
			if lost > 0 {
				t.Errorf("%d of %d acknowledged writes were lost", lost, total)
			}
			if total < n {
				t.Errorf("only %d writes in %d rounds: the test proves nothing", total, n)
			}
			t.Logf("PROOF %s: %d rounds of kill -9 during writes: %d acknowledged, %d lost", name, n, total, lost)
		})
	}
}

// writeUntilKilled writes with concurrent clients and kills the server after some
// acknowledged writes. It returns the names of the acknowledged datasets.
func writeUntilKilled(t *testing.T, p *process, round int) (acked []string) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var count atomic.Int64
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	enoughWritten := make(chan struct{})
	enough := int64(10 + 7*round%40)
	var once sync.Once
	for w := range writers {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				dataset := fmt.Sprintf("kill/%d/%d/%d", round, w, i)
				a, err := p.ask(ctx, `mutation($d:String!){recordDatasetVersion(input:{dataset:$d,version:"1"}){created}}`, map[string]any{"d": dataset})
				if err != nil {
					return // The server was killed.
				}
				if len(a.Errors) > 0 {
					t.Errorf("refused: %+v", a.Errors)
					return
				}
				mu.Lock()
				acked = append(acked, dataset)
				mu.Unlock()
				if count.Add(1) == enough {
					once.Do(func() { close(enoughWritten) })
				}
			}
		})
	}
	select {
	case <-enoughWritten:
	case <-ctx.Done():
	}
	p.kill()
	wg.Wait()
	return acked
}

func countLost(p *process, acked []string) (lost int) {
	for _, d := range acked {
		var got struct {
			DatasetVersion *struct{ ID string }
		}
		p.must(`query($d:String!){datasetVersion(dataset:$d,version:"1"){id}}`, map[string]any{"d": d}, &got)
		if got.DatasetVersion == nil {
			lost++
		}
	}
	return lost
}
