package bench

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"pedigree/internal/bench/graphs"
)

// writingQuerier writes some bytes for each question.
type writingQuerier struct {
	*os.File
	bytes int
}

func (w writingQuerier) query(graphs.Question) (int, int, error) {
	_, err := w.Write(make([]byte, w.bytes))
	return 0, 0, err
}

func (w writingQuerier) close() { w.Close() }

func TestASampleHasTheBytesWritten(t *testing.T) {
	const each = 10_000
	c := &contender{name: "self", pids: []int{os.Getpid()}, open: func() (querier, error) {
		f, err := os.Create(filepath.Join(t.TempDir(), "out"))
		return writingQuerier{f, each}, err
	}}
	s, err := c.measure(workload{questions: make([]graphs.Question, 200), workers: 1, maxTime: time.Minute})
	if err != nil || s.Written < each || s.Written > 1.1*each {
		t.Errorf("%.0f bytes were written for each answer, %v", s.Written, err)
	}
	if m := median([]Sample{{Written: 1}, s, {Written: 1e9}}); m.Written != s.Written {
		t.Errorf("the median is %.0f", m.Written)
	}
}

func TestProcessFieldsAreRead(t *testing.T) {
	self := os.Getpid()
	if n := residentMemory([]int{self}); n < 1<<20 {
		t.Errorf("%d bytes of resident memory", n)
	}
	if n := anonymousMemory(self); n < 1<<20 {
		t.Errorf("%d bytes of anonymous memory", n)
	}
	for _, gone := range []int64{procField(0, "status", "RssAnon"), procField(self, "status", "No"), procField(self, "nothing", "Rss")} {
		if gone != 0 {
			t.Errorf("%d", gone)
		}
	}
}
