// Package neo4j is a graph.Store on a Neo4j server, for those who share a graph
// or outgrow one machine.
package neo4j

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync/atomic"
	"time"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"
	"github.com/neo4j/neo4j-go-driver/v5/neo4j/config"

	"pedigree/graph"
	"pedigree/registry"
)

// Store is a graph.Store on a Neo4j database. Its reads see at least what its own
// updates wrote, also behind a cluster's router.
type Store struct {
	driver    driver.DriverWithContext
	bookmarks driver.BookmarkManager
	database  string
	ns        string
	fault     func() error
	clock     func() time.Time
	// trace, which tests set, sees every text that is run.
	trace func(text string, params map[string]any)
	// way, which tests set, leaves out the faster ways to answer a closure.
	way    way
	heads  heads
	closed atomic.Bool
}

// way is how a closure may be answered: in any way, by a search at best, or level by
// level alone.
type way int

const (
	anyWay way = iota
	bySearch
	byLevel
)

var _ graph.Store = (*Store)(nil)

// Option changes how a Store is opened.
type Option func(*Store)

// WithNamespace keeps the store's nodes apart from those of other namespaces in
// the same database: every unique key starts with it. Tests share a server so.
func WithNamespace(ns string) Option { return func(s *Store) { s.ns = ns } }

// WithClock sets the clock that stamps log entries which come without a time.
func WithClock(now func() time.Time) Option { return func(s *Store) { s.clock = now } }

// WithFault calls f when an Update is about to commit. An error of it that has a
// method Retryable that says true throws the run away and the closure runs again,
// as after a deadlock; any other fails the Update. Tests prove with it that
// closures may run twice.
func WithFault(f func() error) Option { return func(s *Store) { s.fault = f } }

// How long a server may be silent before it counts as away.
const (
	connectTimeout = 3 * time.Second
	retryTime      = 5 * time.Second
)

// Open connects to a database and brings its schema up to date. A server that
// does not answer is UNAVAILABLE within seconds, a database of a newer release
// FAILED_PRECONDITION. No error holds the password.
func Open(ctx context.Context, url string, opts ...Option) (*Store, error) {
	target, auth, database, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	s := &Store{database: database, clock: time.Now, bookmarks: driver.NewBookmarkManager(driver.BookmarkManagerConfig{})}
	for _, o := range opts {
		o(s)
	}
	s.driver, err = driver.NewDriverWithContext(target, auth, func(c *config.Config) {
		c.SocketConnectTimeout = connectTimeout
		c.ConnectionAcquisitionTimeout = retryTime
		c.MaxTransactionRetryTime = retryTime
		c.ConnectionLivenessCheckTimeout = 30 * time.Second
		c.UserAgent = "pedigree"
		c.TelemetryDisabled = true
	})
	if err != nil {
		return nil, badURL()
	}
	start, cancel := context.WithTimeout(ctx, 2*connectTimeout)
	err = s.driver.VerifyConnectivity(start)
	cancel()
	if err == nil {
		err = s.migrate(ctx)
	}
	if err != nil {
		s.driver.Close(ctx)
		return nil, storeError(err)
	}
	go s.prepare()
	return s, nil
}

// prepare has the server plan the texts of Link over nothing, beside what the store is
// asked first: that is a good part of what edges cost a server that has just started.
// Where it fails, Link tells.
func (s *Store) prepare() {
	ctx, cancel := context.WithTimeout(context.Background(), retryTime)
	defer cancel()
	session := s.driver.NewSession(ctx, driver.SessionConfig{AccessMode: driver.AccessModeWrite, DatabaseName: s.database})
	defer session.Close(ctx)
	none := map[string]any{"in": map[string]any{"keys": []any{}, "rows": []any{}}}
	for _, text := range append(slices.Collect(maps.Values(createEdges)), readEnds) {
		result, err := session.Run(ctx, text, none)
		if err == nil {
			_, err = result.Consume(ctx)
		}
		if err != nil {
			return
		}
	}
}

// Close ends the connections. Closing twice is closing once.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), retryTime)
	defer cancel()
	return storeError(s.driver.Close(ctx))
}

// Ping asks for the head of the log.
func (s *Store) Ping(ctx context.Context) (graph.Info, error) {
	info := graph.Info{Engine: "neo4j"}
	err := s.read(ctx, func(v *view) error {
		rows, err := v.query(ctx, readHead, map[string]any{"key": v.key("")})
		if err != nil {
			return err
		}
		if len(rows) != 1 {
			return internal(errors.New("the log head is gone"))
		}
		if err := opens(rows[0]); err != nil {
			return err
		}
		info.Schema, info.Head = int(rows[0]["schema"].(int64)), rows[0]["seq"].(int64)
		info.Secret, _ = rows[0]["secret"].([]byte)
		return nil
	})
	return info, err
}

func (s *Store) session(ctx context.Context, mode driver.AccessMode) driver.SessionWithContext {
	return s.driver.NewSession(ctx, driver.SessionConfig{AccessMode: mode, DatabaseName: s.database, BookmarkManager: s.bookmarks})
}

// read runs fn to read. Each of its queries is a transaction of its own, which
// saves a way to the server and back: Neo4j reads what is committed, row by row, in
// one transaction as in several. Where the server was away for a moment fn runs
// again, in a transaction that the driver repeats until it is back.
func (s *Store) read(ctx context.Context, fn func(*view) error) error {
	if s.closed.Load() {
		return errClosed()
	}
	session := s.session(ctx, driver.AccessModeRead)
	defer session.Close(context.WithoutCancel(ctx))
	v := &view{s: s, tx: alone{session}}
	err := v.settle(fn(v))
	v.end()
	if v.broken == nil || !driver.IsRetryable(v.broken) {
		return storeError(err)
	}
	_, err = session.ExecuteRead(ctx, func(tx driver.ManagedTransaction) (any, error) {
		v := &view{s: s, tx: tx}
		defer v.end()
		return nil, v.settle(fn(v))
	})
	return storeError(err)
}

// Update runs fn in one write transaction that holds the lock on the log's head
// from its first statement.
func (s *Store) Update(ctx context.Context, fn func(graph.Tx) error) error {
	return s.retried(func() error {
		return s.write(ctx, func(t *txn) error {
			err := t.filling.Open()
			if err == nil {
				err = guarded(fn, t)
			}
			if err == nil {
				err = t.finish(ctx)
			}
			return err
		})
	})
}

// retried runs a write again while a fault says of itself that it passes.
func (s *Store) retried(write func() error) error {
	for try := 0; ; try++ {
		err := write()
		var again *faultError
		if !errors.As(err, &again) {
			return err
		}
		if try == 50 {
			return &registry.Error{Code: registry.Unavailable, Message: "the store is busy; try again", Err: again.err}
		}
	}
}

// faultError is a fault that says of itself that it passes.
type faultError struct{ err error }

// Error is the fault.
func (e *faultError) Error() string { return e.err.Error() }

// injected asks the fault hook, after the closure and before the commit.
func (s *Store) injected() error {
	if s.fault == nil {
		return nil
	}
	err := s.fault()
	var r interface{ Retryable() bool }
	if errors.As(err, &r) && r.Retryable() {
		return &faultError{err}
	}
	return err
}

// commitTime bounds a write as a whole, its commit included.
const commitTime = time.Minute

// write runs fn in one transaction that holds the head's lock.
func (s *Store) write(ctx context.Context, fn func(*txn) error) error {
	if s.closed.Load() {
		return errClosed()
	}
	if err := ctx.Err(); err != nil {
		return storeError(err)
	}
	// The caller's deadline ends the closure, never the commit: a commit that is cut
	// off may have happened, and its caller would be told that it failed.
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	session := s.session(whole, driver.AccessModeWrite)
	defer session.Close(whole)
	ended := func() {} // of the commit
	head, err := session.ExecuteWrite(whole, func(dtx driver.ManagedTransaction) (any, error) {
		ended()
		ended = func() {}
		t := &txn{view: &view{s: s, tx: dtx, own: true}}
		defer t.end()
		if err := t.begin(ctx); err != nil {
			return nil, t.settle(err)
		}
		s.heads.settle(t.head)
		err := fn(t)
		if err == nil {
			err = s.injected()
		}
		if err == nil {
			err = ctx.Err()
		}
		if err = t.settle(err); err == nil {
			ended = s.heads.commit()
		}
		return t.head, err
	})
	if err == nil {
		s.heads.settle(head.(int64))
	}
	ended()
	if out := storeError(err); registry.CodeOf(out) != registry.Internal || ctx.Err() == nil {
		return out
	}
	return storeError(ctx.Err())
}

// guarded runs a closure; a panic in it is an error like any other, and rolls
// back.
func guarded(fn func(graph.Tx) error, t *txn) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = internal(fmt.Errorf("an update panicked: %v", r))
		}
	}()
	return fn(t)
}

func errClosed() error { return registry.Errorf(registry.Unavailable, "the store is closed") }

// runner runs Cypher texts: a transaction, or a session where each is its own.
type runner interface {
	Run(ctx context.Context, text string, params map[string]any) (driver.ResultWithContext, error)
}

// alone is a session as a runner.
type alone struct{ session driver.SessionWithContext }

// Run runs one text in a transaction of its own.
func (a alone) Run(ctx context.Context, text string, params map[string]any) (driver.ResultWithContext, error) {
	return a.session.Run(ctx, text, params)
}

// view reads within one transaction, or by one after the other.
type view struct {
	s  *Store
	tx runner
	// own tells that the transaction holds the head's lock, so that nothing changes
	// under it but by itself.
	own bool
	// head is the newest sequence within an Update.
	head int64
	// broken is the driver's error after which the transaction is void.
	broken error
	// over tells that the transaction has ended.
	over bool
}

func (v *view) end() { v.over = true }

// key is the unique key of a thing in the store's namespace.
func (v *view) key(id string) string { return v.s.ns + "|" + id }

func keysOf[T ~string](v *view, ids []T) []string {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = v.key(string(id))
	}
	return keys
}

type row = map[string]any

// query runs one Cypher text and returns all of its rows.
func (v *view) query(ctx context.Context, text string, params map[string]any) ([]row, error) {
	records, err := v.records(ctx, text, params)
	if err != nil {
		return nil, err
	}
	rows := make([]row, len(records))
	for i, r := range records {
		rows[i] = r.AsMap()
	}
	return rows, nil
}

// records is query for answers that are read by place, which costs less.
func (v *view) records(ctx context.Context, text string, params map[string]any) ([]*driver.Record, error) {
	if v.over {
		return nil, internal(errors.New("the transaction is over"))
	}
	if v.broken != nil {
		return nil, storeError(v.broken)
	}
	if v.s.trace != nil {
		v.s.trace(text, params)
	}
	result, err := v.tx.Run(ctx, text, params)
	var records []*driver.Record
	if err == nil {
		records, err = result.Collect(ctx)
	}
	if err != nil {
		v.broken = err
		return nil, storeError(err)
	}
	return records, nil
}

// settle turns the outcome of a closure into what the driver should see: the
// driver's own error where the transaction broke, so that it retries what is
// passing, else the closure's error, wrapped so that it never does.
func (v *view) settle(err error) error {
	if v.broken != nil && (err == nil || driver.IsRetryable(v.broken)) {
		return v.broken
	}
	if err != nil {
		return &closureError{err}
	}
	return nil
}

// closureError carries an error past the driver, which looks for its own types.
type closureError struct{ err error }

// Error is the closure's error.
func (e *closureError) Error() string { return e.err.Error() }

const forever = math.MaxInt64
