package neo4j

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"
)

// A server must know the newest state of the store before it answers from memory, and asking
// costs a round trip. Most databases have one server. So a server can hold the read lease, which
// the head of the log names: as long as it does, no other server writes, and what this server
// knows is the newest state.
//
// The holder learns that it still is from each read of the head, and counts on that for
// leaseLife from when it sent the read. Another server that wants to write, and finds the lease
// under the lock, marks it as ended, commits that, waits leaseWait, removes it, and writes. So
// the holder has stopped by then: its last read that named it was sent before the mark. Whoever
// finds the mark waits as long. A server takes the lease when there is none and no other
// server has written for a while, which doubles each time that it loses the lease. A holder
// that was killed costs the next writer one wait.
//
// While a commit of this server is under way, the lease is not used: others may see the commit
// before this server knows of it.
type readLease struct {
	// id names this Store as the holder.
	id string
	// off is true when the Store never takes the lease. ignored is true when it writes although
	// another one holds it. Only tests set them.
	off, ignored bool
	// quiet is how long no other server must have written before the lease is taken.
	quiet time.Duration
	now   func() time.Time
	wait  func(ctx context.Context, d time.Duration) error

	mu sync.Mutex
	// named is when the last read of the head was sent that named this Store; zero when the
	// lease is not held.
	named time.Time
	// foreign is when another server's write or lease was last seen, lost how often the lease
	// was lost, tried when it was last tried to take it.
	foreign, tried time.Time
	lost           int
	// taking is true while this Store tries to take the lease.
	taking bool
}

// endedMark is what the head has before the name of a holder whose lease has ended.
const endedMark = "ended "

// leaseLife is how long a read of the head that names the holder is good for. leaseWait is how
// long a writer waits after it has taken the lease away; it is longer, because clocks differ in
// their rate. leaseQuiet is the first value of quiet.
const leaseLife, leaseWait, leaseQuiet = 100 * time.Millisecond, 150 * time.Millisecond, time.Second

// maxQuietDoublings bounds the time after which a lost lease is taken again, 17 minutes.
const maxQuietDoublings = 10

func newReadLease() readLease {
	return readLease{id: rand.Text(), quiet: leaseQuiet, now: time.Now, wait: sleep, foreign: time.Now()}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// elapsed is how long ago a time was, by the clock that advances longest: the monotonic clock
// stops while the machine sleeps.
func elapsed(since, now time.Time) time.Duration {
	wall := now.Round(0).Sub(since.Round(0))
	if wall < 0 { // The clock was set back, which says nothing.
		wall = 0
	}
	return max(wall, now.Sub(since))
}

// holds reports whether this Store is the only one that can have written.
func (l *readLease) holds() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.named.IsZero() && elapsed(l.named, l.now()) < leaseLife
}

// told is told whom the head named in a read, when that was sent, and whether the memory of the
// Store covers the state that came with it. It reports whether to take the lease now.
func (l *readLease) told(holder string, sent time.Time, covered bool) (take bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if holder == l.id {
		if covered && sent.After(l.named) { // Else the read met a commit of this Store that it does not know of yet.
			l.named = sent
		}
		return false
	}
	if !l.named.IsZero() {
		l.named, l.lost, l.foreign = time.Time{}, min(l.lost+1, maxQuietDoublings), now
	}
	if holder != "" || !covered {
		l.foreign = now
		return false
	}
	wait := l.quiet << l.lost
	if l.off || l.taking || elapsed(l.foreign, now) < wait || elapsed(l.tried, now) < l.quiet {
		return false
	}
	l.tried, l.taking = now, true
	return true
}

// sawForeign records that another server has written.
func (l *readLease) sawForeign() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.foreign = l.now()
}

const (
	// takeLease follows lockHead in its transaction, so that what it reads stays true.
	takeLease = "MATCH (h:Head {key: $key}) USING INDEX SEEK h:Head(key) WHERE coalesce(h.lease, '') = '' AND h.seq = $seq SET h.lease = $lease"
	// endLease marks the lease of another server as ended, and returns the mark.
	endLease = "MATCH (h:Head {key: $key}) USING INDEX SEEK h:Head(key) WHERE h.lease <> '' AND h.lease <> $lease\n" +
		"SET h.lease = CASE WHEN h.lease STARTS WITH $mark THEN h.lease ELSE $mark + h.lease END RETURN h.lease AS lease"
	removeLease = "MATCH (h:Head {key: $key}) USING INDEX SEEK h:Head(key) WHERE h.lease = $lease SET h.lease = ''"
)

// takeLease takes the lease, unless there is one or somebody has written since a sequence. The next
// read of the head tells whether that worked.
func (s *Store) takeLease(seq int64) {
	ctx, cancel := context.WithTimeout(context.Background(), retryTimeout)
	defer cancel()
	_, _ = s.changeLease(ctx, takeLease, map[string]any{"key": s.key(""), "seq": seq, "lease": s.lease.id})
	s.lease.mu.Lock()
	defer s.lease.mu.Unlock()
	s.lease.taking = false
}

// endForeignLease ends the lease of another server, and waits until that does not count on it any
// more.
func (s *Store) endForeignLease(ctx context.Context) error {
	rows, err := s.changeLease(ctx, endLease, map[string]any{"key": s.key(""), "lease": s.lease.id, "mark": endedMark})
	if err != nil || len(rows) == 0 {
		return storeError(err)
	}
	if err := s.lease.wait(ctx, leaseWait); err != nil {
		return storeError(err)
	}
	_, err = s.changeLease(ctx, removeLease, map[string]any{"key": s.key(""), "lease": text(rows[0], "lease")})
	return storeError(err)
}

// giveLease gives the lease back, so that the next writer does not wait. The Store answers nothing
// any more.
func (s *Store) giveLease(ctx context.Context) {
	if s.lease.holds() {
		_, _ = s.changeLease(ctx, removeLease, map[string]any{"key": s.key(""), "lease": s.lease.id})
	}
}

// changeLease runs a text on the head under its lock, and returns its rows.
func (s *Store) changeLease(ctx context.Context, change string, params map[string]any) ([]row, error) {
	session := s.session(ctx, driver.AccessModeWrite)
	defer session.Close(context.WithoutCancel(ctx))
	rows, err := session.ExecuteWrite(ctx, func(tx driver.ManagedTransaction) (any, error) {
		v := &view{s: s, tx: tx}
		_, err := v.query(ctx, lockHead, params)
		if err != nil {
			return nil, v.outcome(err)
		}
		rows, err := v.query(ctx, change, params)
		return rows, v.outcome(err)
	})
	if err != nil {
		return nil, err
	}
	return rows.([]row), nil
}

// errLeased ends a transaction that found the lease of another server.
var errLeased = errors.New("neo4j: another server holds the read lease")

// checkLease returns errLeased when the head, read under its lock, names another server. What this
// one writes it knows, whether its lease has been ended or not.
func (s *Store) checkLease(head row) error {
	switch holder := text(head, "lease"); holder {
	case "", s.lease.id, endedMark + s.lease.id:
		return nil
	}
	if s.lease.ignored {
		return nil
	}
	return errLeased
}
