// Package neo4j is a graph.Store on a Neo4j server, for registries that several servers
// share or that outgrow one machine. Every Cypher text is composed of constants; values
// are parameters only. No error contains the password.
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
	mustExist bool
	faultHook func() error
	clock     func() time.Time
	// onQuery is called with every text that is run. Only tests set it.
	onQuery func(text string, params map[string]any)
	// closureMethod restricts how closures are answered. Only tests set it.
	closureMethod closureMethod
	headTracker   headTracker
	closed        atomic.Bool
}

// closureMethod is how a closure may be answered: by any method, by a search in the
// server or level by level, or only level by level.
type closureMethod int

const (
	anyMethod closureMethod = iota
	searchMethod
	levelMethod
)

var _ graph.Store = (*Store)(nil)

// Option changes how a Store is opened.
type Option func(*Store)

// WithNamespace keeps the store's nodes apart from those of other namespaces in the
// same database: every unique key starts with it. Tests use it to share a server.
func WithNamespace(ns string) Option { return func(s *Store) { s.ns = ns } }

// MustExist makes Open return NOT_FOUND when the database holds no registry in the namespace,
// instead of creating one.
func MustExist() Option { return func(s *Store) { s.mustExist = true } }

// WithClock sets the clock for log entries that come without a time.
func WithClock(now func() time.Time) Option { return func(s *Store) { s.clock = now } }

// WithFaultHook calls f when an Update is about to commit. When f's error has a method
// Retryable that returns true, the run is rolled back and the closure runs again, as
// after a deadlock; any other error fails the Update. Tests use it to prove that
// closures may run twice.
func WithFaultHook(f func() error) Option { return func(s *Store) { s.faultHook = f } }

// A server that is silent for longer than these counts as unavailable.
const (
	connectTimeout = 3 * time.Second
	retryTimeout   = 5 * time.Second
)

// Open connects to a database and brings its schema up to date. A server that does not
// answer is UNAVAILABLE within seconds, a database of a newer release
// FAILED_PRECONDITION. No error contains the password.
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
		c.ConnectionAcquisitionTimeout = retryTimeout
		c.MaxTransactionRetryTime = retryTimeout
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
	if err == nil && s.mustExist {
		err = s.checkExists(ctx)
	}
	if err == nil {
		err = s.migrate(ctx)
	}
	if err != nil {
		s.driver.Close(ctx)
		return nil, storeError(err)
	}
	go s.planLinkQueries()
	return s, nil
}

// planLinkQueries has the server plan the texts of Link with no rows, while the store
// answers its first calls: planning is a good part of the cost of edges on a server
// that has just started. It ignores errors, because Link reports them.
func (s *Store) planLinkQueries() {
	ctx, cancel := context.WithTimeout(context.Background(), retryTimeout)
	defer cancel()
	session := s.driver.NewSession(ctx, driver.SessionConfig{AccessMode: driver.AccessModeWrite, DatabaseName: s.database})
	defer session.Close(ctx)
	none := map[string]any{"in": map[string]any{"keys": []any{}, "rows": []any{}}}
	for _, text := range append(slices.Collect(maps.Values(createEdges)), readEndpoints) {
		result, err := session.Run(ctx, text, none)
		if err == nil {
			_, err = result.Consume(ctx)
		}
		if err != nil {
			return
		}
	}
}

// Close ends the connections. Closing twice is the same as closing once.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), retryTimeout)
	defer cancel()
	return storeError(s.driver.Close(ctx))
}

// Ping reads the head of the log.
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
		if err := checkMigrated(rows[0]); err != nil {
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

// read runs fn to read. Each of its queries is a transaction of its own, which saves a
// round trip to the server: Neo4j reads what is committed, row by row, whether in one
// transaction or in several. When the server was unavailable for a moment, fn runs
// again, in a transaction that the driver repeats until the server is back.
func (s *Store) read(ctx context.Context, fn func(*view) error) error {
	if s.closed.Load() {
		return errClosed()
	}
	session := s.session(ctx, driver.AccessModeRead)
	defer session.Close(context.WithoutCancel(ctx))
	v := &view{s: s, tx: sessionRunner{session}}
	err := v.outcome(fn(v))
	v.end()
	if v.failure == nil || !driver.IsRetryable(v.failure) {
		return storeError(err)
	}
	_, err = session.ExecuteRead(ctx, func(tx driver.ManagedTransaction) (any, error) {
		v := &view{s: s, tx: tx}
		defer v.end()
		return nil, v.outcome(fn(v))
	})
	return storeError(err)
}

// Update runs fn in one write transaction that holds the lock on the log's head from
// its first statement.
func (s *Store) Update(ctx context.Context, fn func(graph.Tx) error) error {
	return s.retryOnFault(func() error {
		return s.write(ctx, func(t *txn) error {
			err := t.migration.CheckFinished()
			if err == nil {
				err = recoverPanic(fn, t)
			}
			if err == nil {
				err = t.finish(ctx)
			}
			return err
		})
	})
}

// retryOnFault runs a write again while its fault is retryable.
func (s *Store) retryOnFault(write func() error) error {
	for try := 0; ; try++ {
		err := write()
		var again *retryableFault
		if !errors.As(err, &again) {
			return err
		}
		if try == 50 {
			return &registry.Error{Code: registry.Unavailable, Message: "the store is busy; try again", Err: again.err}
		}
	}
}

// retryableFault is an error of the fault hook after which the write runs again.
type retryableFault struct{ err error }

// Error is the fault.
func (e *retryableFault) Error() string { return e.err.Error() }

// runFaultHook calls the fault hook, after the closure and before the commit.
func (s *Store) runFaultHook() error {
	if s.faultHook == nil {
		return nil
	}
	err := s.faultHook()
	var r interface{ Retryable() bool }
	if errors.As(err, &r) && r.Retryable() {
		return &retryableFault{err}
	}
	return err
}

// commitTimeout bounds a write as a whole, including its commit.
const commitTimeout = time.Minute

// write runs fn in one transaction that holds the head's lock.
func (s *Store) write(ctx context.Context, fn func(*txn) error) error {
	if s.closed.Load() {
		return errClosed()
	}
	if err := ctx.Err(); err != nil {
		return storeError(err)
	}
	// The caller's deadline ends the closure, never the commit: an interrupted commit
	// may have happened, and its caller would get an error.
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	session := s.session(whole, driver.AccessModeWrite)
	defer session.Close(whole)
	ended := func() {} // ends the commit
	head, err := session.ExecuteWrite(whole, func(dtx driver.ManagedTransaction) (any, error) {
		ended()
		ended = func() {}
		t := &txn{view: &view{s: s, tx: dtx, holdsLock: true}}
		defer t.end()
		if err := t.begin(ctx); err != nil {
			return nil, t.outcome(err)
		}
		s.headTracker.markVisible(t.head)
		err := fn(t)
		if err == nil {
			err = s.runFaultHook()
		}
		if err == nil {
			err = ctx.Err()
		}
		if err = t.outcome(err); err == nil {
			ended = s.headTracker.beginCommit()
		}
		return t.head, err
	})
	if err == nil {
		s.headTracker.markVisible(head.(int64))
	}
	ended()
	if out := storeError(err); registry.CodeOf(out) != registry.Internal || ctx.Err() == nil {
		return out
	}
	return storeError(ctx.Err())
}

// recoverPanic runs a closure. A panic becomes an error, and rolls back.
func recoverPanic(fn func(graph.Tx) error, t *txn) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = internal(fmt.Errorf("an update panicked: %v", r))
		}
	}()
	return fn(t)
}

func errClosed() error { return registry.Errorf(registry.Unavailable, "the store is closed") }

// runner runs Cypher texts: a transaction, or a session in which each text is a
// transaction of its own.
type runner interface {
	Run(ctx context.Context, text string, params map[string]any) (driver.ResultWithContext, error)
}

// sessionRunner is a session as a runner.
type sessionRunner struct{ session driver.SessionWithContext }

// Run runs one text in a transaction of its own.
func (a sessionRunner) Run(ctx context.Context, text string, params map[string]any) (driver.ResultWithContext, error) {
	return a.session.Run(ctx, text, params)
}

// view reads in one transaction, or in one transaction after the other.
type view struct {
	s  *Store
	tx runner
	// holdsLock is true when the transaction holds the head's lock, so that only the
	// transaction itself changes anything.
	holdsLock bool
	// head is the newest sequence within an Update.
	head int64
	// failure is the driver's error after which the transaction is void.
	failure error
	// ended is true when the transaction has ended.
	ended bool
}

func (v *view) end() { v.ended = true }

// key is the unique key of an id in the store's namespace.
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

// records is query for results that are read by position, which costs less.
func (v *view) records(ctx context.Context, text string, params map[string]any) ([]*driver.Record, error) {
	if v.ended {
		return nil, internal(errors.New("the transaction is over"))
	}
	if v.failure != nil {
		return nil, storeError(v.failure)
	}
	if v.s.onQuery != nil {
		v.s.onQuery(text, params)
	}
	result, err := v.tx.Run(ctx, text, params)
	var records []*driver.Record
	if err == nil {
		records, err = result.Collect(ctx)
	}
	if err != nil {
		v.failure = err
		return nil, storeError(err)
	}
	return records, nil
}

// outcome turns the result of a closure into what the driver should see: the driver's
// own error when the transaction failed, so that the driver retries a transient one;
// else the closure's error, wrapped so that the driver never retries it.
func (v *view) outcome(err error) error {
	if v.failure != nil && (err == nil || driver.IsRetryable(v.failure)) {
		return v.failure
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

const maxInstant = math.MaxInt64
