package notify

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service/facts"
	"pedigree/service/lineageout"
)

// listSink keeps events. It takes none while err is set, and refuses what refuse says.
type listSink struct {
	err    error
	refuse func(lineageout.LineageEvent) bool
	taken  []lineageout.LineageEvent
	tries  int
}

func (l *listSink) Send(_ context.Context, events []lineageout.LineageEvent) (int, error) {
	for i, e := range events {
		l.tries++
		switch {
		case l.err != nil:
			return i, l.err
		case l.refuse != nil && l.refuse(e):
			return i, &EventRefused{400}
		}
		l.taken = append(l.taken, e)
	}
	return len(events), nil
}

// lineageSite is a site with a sender of OpenLineage events.
func lineageSite(t *testing.T, sink LineageSink) (*site, *LineageWorker) {
	s := newSite(t, Config{})
	return s, NewLineageWorker(s, LineageConfig{Address: "there", Role: registry.RoleDataScientist, Sink: sink})
}

func (s *site) runs(names ...string) {
	s.Helper()
	for _, n := range names {
		if _, err := s.RecordRun(s.admin, facts.RecordRunInput{Producer: "p", RunID: n, Name: n, Status: registry.RunRunning, StartedAt: s.clock.now()}); err != nil {
			s.Fatal(err)
		}
	}
}

func (s *site) position() int64 {
	s.Helper()
	p, _, err := s.EventPosition(s.system, "there")
	if err != nil {
		s.Fatal(err)
	}
	return p
}

// TestEventsWaitForTheirReceiver sends to a receiver that is away: the position stays, and all comes
// in order when it is back.
func TestEventsWaitForTheirReceiver(t *testing.T) {
	sink := &listSink{err: errors.New("away")}
	s, w := lineageSite(t, sink)
	s.runs("a", "b")
	for range 2 {
		if err := w.Once(s.system); err == nil || s.position() != 0 {
			t.Errorf("the position is %d after %v", s.position(), err)
		}
	}
	if sink.err = nil; w.Once(s.system) != nil || len(sink.taken) != 2 || !strings.Contains(string(sink.taken[0].Line), `"runId":"a"`) {
		t.Errorf("%d events were taken", len(sink.taken))
	}
	if _, head, err := s.EventPosition(s.system, "there"); err != nil || s.position() != head || w.State() != (LineageState{Sent: 2}) {
		t.Errorf("at %d of %d: %+v", s.position(), head, w.State())
	}
	s.runs("c")
	if err := w.Once(s.system); err != nil || len(sink.taken) != 3 {
		t.Errorf("%d events were taken, %v", len(sink.taken), err)
	}
	if p, _, err := s.EventPosition(s.system, "elsewhere"); err != nil || p != 0 {
		t.Errorf("another receiver is at %d, %v", p, err)
	}
}

// TestARefusedEventIsLeftOut sends an event that the receiver never takes: after some attempts the
// others go on.
func TestARefusedEventIsLeftOut(t *testing.T) {
	sink := &listSink{refuse: func(e lineageout.LineageEvent) bool { return strings.Contains(string(e.Line), `"runId":"b"`) }}
	s, w := lineageSite(t, sink)
	s.runs("a", "b", "c")
	failed := 0
	for range refusals {
		if err := w.Once(s.system); err != nil {
			failed++
		}
	}
	if failed != refusals-1 || len(sink.taken) != 2 || w.State().Refused != 1 || w.State().Behind != 0 {
		t.Errorf("%d failures, %d taken: %+v", failed, len(sink.taken), w.State())
	}
}

// TestOneServerSendsEvents has two servers on one store: the second one sends nothing while the first
// has the right to, and goes on where it stopped.
func TestOneServerSendsEvents(t *testing.T) {
	first, second := &listSink{}, &listSink{}
	s, w := lineageSite(t, first)
	other := openSite(t, s.file, s.clock, Config{})
	v := NewLineageWorker(other, LineageConfig{Address: "there", Role: registry.RoleDataScientist, Sink: second})
	s.runs("a")
	if err := w.Once(s.system); err != nil || len(first.taken) != 1 {
		t.Fatal(err, len(first.taken))
	}
	s.runs("b")
	if err := v.Once(other.system); err != nil || len(second.taken) != 0 {
		t.Errorf("the second server sent %d events while the first has the right to, %v", len(second.taken), err)
	}
	s.clock.advance(leaseTime + time.Second)
	if err := v.Once(other.system); err != nil || len(second.taken) != 1 || !strings.Contains(string(second.taken[0].Line), `"runId":"b"`) {
		t.Errorf("the second server sent %d events when the first was gone, %v", len(second.taken), err)
	}
}

// TestAnEventTellsWhatTheRoleSees sends what a viewer sees: no run that nothing served came from.
func TestAnEventTellsWhatTheRoleSees(t *testing.T) {
	for role, want := range map[string]int{registry.RoleDataScientist: 1, "viewer": 0} {
		sink := &listSink{}
		s := newSite(t, Config{})
		w := NewLineageWorker(s, LineageConfig{Address: "there", Role: role, Sink: sink})
		s.runs("a")
		if err := w.Once(s.system); err != nil || len(sink.taken) != want {
			t.Errorf("%s is told %d events, %v", role, len(sink.taken), err)
		}
	}
	s, _ := lineageSite(t, nil)
	if err := NewLineageWorker(s, LineageConfig{Address: "there", Role: "nobody", Sink: &listSink{}}).Once(s.system); err != nil {
		t.Errorf("without anything to tell: %v", err)
	}
	s.runs("a")
	if err := NewLineageWorker(s, LineageConfig{Address: "there", Role: "nobody", Sink: &listSink{}}).Once(s.system); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("a role that is none: %v", err)
	}
}

// TestAFileOfEventsHasWholeLines opens a file that a killed server left with a part of a line.
func TestAFileOfEventsHasWholeLines(t *testing.T) {
	name := filepath.Join(t.TempDir(), "events.jsonl")
	for _, before := range []string{"", "{}\n", "{}\n{\"half", "{\"half", strings.Repeat("x", 200<<10), "{}\n" + strings.Repeat("x", 200<<10)} {
		if err := os.WriteFile(name, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		sink, _, err := NewLineageSink(name, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := sink.Send(t.Context(), []lineageout.LineageEvent{{Line: []byte("1")}, {Line: []byte("2")}}); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if err := sink.(*lineFile).Close(); err != nil {
			t.Error(err)
		}
		want := before[:strings.LastIndexByte(before, '\n')+1] + "1\n2\n"
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%.20q became %.40q, %v", before, got, err)
		}
	}
}

// TestAddressesOfReceivers names receivers well and badly.
func TestAddressesOfReceivers(t *testing.T) {
	for in, want := range map[string]string{"https://x": "https://x/api/v1/lineage", "http://127.0.0.1:5000/": "http://127.0.0.1:5000/api/v1/lineage", "https://x/in?a=b": "https://x/in?a=b", "-": "-"} {
		if _, got, err := NewLineageSink(in, "", nil); err != nil || got != want {
			t.Errorf("%s is %s, %v", in, got, err)
		}
	}
	for _, in := range []string{"ftp://x", "https://user:secret@x", "https://", "https://x/#y"} {
		if _, _, err := NewLineageSink(in, "", nil); registry.CodeOf(err) != registry.InvalidArgument || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", in, err)
		}
	}
}
