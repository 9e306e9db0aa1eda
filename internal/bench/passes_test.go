package bench

import (
	"runtime"
	"slices"
	"sync"
	"testing"
)

// TestNoWorkerGoesBeyondAPass lets many workers meet at the end of a pass, where one
// decision lets a pass begin and the next one lets none. Indexes beyond the last
// pass, left out or given twice would be questions that are not asked equally often.
func TestNoWorkerGoesBeyondAPass(t *testing.T) {
	const size, wanted = 10, 20
	for range 100 {
		p, begun := newPasses(size), 1
		more := func() bool { // Others run while one decides.
			runtime.Gosched()
			begun++
			return begun <= wanted
		}
		taken := make([][]int64, 16)
		var workers sync.WaitGroup
		for w := range taken {
			workers.Go(func() {
				for i, ok := p.take(more); ok; i, ok = p.take(more) {
					taken[w] = append(taken[w], i)
					runtime.Gosched()
				}
			})
		}
		workers.Wait()
		all := slices.Sorted(slices.Values(slices.Concat(taken...)))
		if len(all) != size*wanted || all[0] != 0 || all[len(all)-1] != size*wanted-1 || len(slices.Compact(all)) != size*wanted {
			t.Fatalf("%d indexes were taken, want each below %d once: %v", len(all), size*wanted, all)
		}
	}
}

func TestNothingIsTakenAfterAStop(t *testing.T) {
	p := newPasses(10)
	if i, ok := p.take(nil); i != 0 || !ok {
		t.Errorf("the first index is %d, %v", i, ok)
	}
	p.stop()
	if i, ok := p.take(nil); ok {
		t.Errorf("index %d was taken after a stop", i)
	}
}
