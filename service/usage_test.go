package service_test

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
)

// TestUsesOnTwoServersAddUp uses a version through two servers of one store, which write at the same
// time. The consumer becomes known once.
func TestUsesOnTwoServersAddUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p.db")
	h := newSunsetHouse(t, openSQLite(t, file))
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), openSQLite(t, file), table, func() time.Time { return h.now })
	if err != nil {
		t.Fatal(err)
	}
	servers := []*service.Service{h.Service, service.New(gate)}
	head := h.head()
	for day := range 2 {
		h.now = h.now.AddDate(0, 0, day)
		for i := range 7 {
			if _, err := servers[i%2].ModelVersion(h.as("eve", registry.RoleDeveloper), "churn", "1.0.0"); err != nil {
				t.Fatal(err)
			}
		}
		var both sync.WaitGroup
		for _, s := range servers {
			both.Go(func() {
				if err := s.FlushUsage(h.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
	}
	if got := h.head(); got != head+1 {
		t.Errorf("the log went from %d to %d", head, got)
	}
	if c := h.consumers()["eve"]; c == nil || c.Uses != 14 || len(c.Days) != 2 || c.Days[0].Gets != 7 || c.Days[1].Gets != 7 || !c.LastUsedAt.Equal(h.now) {
		t.Errorf("%+v", c)
	}
}

// TestOldDaysAreNotShown counts uses on a day that is too long ago to be shown; they are in the sum.
func TestOldDaysAreNotShown(t *testing.T) {
	h := newSunsetHouse(t, sqliteStore(t))
	for range 2 {
		h.use("eve")
		if err := h.FlushUsage(h.Context()); err != nil {
			t.Fatal(err)
		}
		h.now = h.now.AddDate(0, 0, registry.MaxUsageDays+1)
	}
	h.now = h.now.AddDate(0, 0, -1)
	if c := h.consumers()["eve"]; c == nil || c.Uses != 2 || len(c.Days) != 1 || c.Since.Format(time.DateOnly) != "2027-03-01" {
		t.Errorf("%+v", c)
	}
}
