// Package neo4j is a graph.Store on a Neo4j server, for registries that several servers
// share or that outgrow one machine. Every Cypher text is composed of constants; values
// are parameters only. No error contains the password.
package neo4j

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"
	"github.com/neo4j/neo4j-go-driver/v5/neo4j/config"

	"pedigree/graph"
	"pedigree/graph/readmemory"
	"pedigree/graph/updatequeue"
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
	// onQuery is called with every text that is run. See WithQueryHook.
	onQuery func(text string, params map[string]any)
	// closureMethod restricts how closures are answered. Only tests set it.
	closureMethod closureMethod
	// unrehearsed lets closures run without a rehearsal. Only tests set it.
	unrehearsed bool
	headTracker headTracker
	heads       headReader
	lease       readLease
	memory      readmemory.Memory
	// newestEntry is the newest log entry that an Update of this Store has met.
	newestEntry atomic.Pointer[registry.LogEntry]
	closed      atomic.Bool
	jobs        *updatequeue.Queue[*txn]
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

// WithQueryHook calls f with every Cypher text that the store sends, and its parameters, from any
// goroutine. The begin and the end of a transaction are not texts. Tests use it to count
// round trips.
func WithQueryHook(f func(text string, params map[string]any)) Option {
	return func(s *Store) { s.onQuery = f }
}

// WithoutMemory makes the store ask the server for everything. Tests use it to see what that
// costs.
func WithoutMemory() Option { return func(s *Store) { s.memory.Off = true } }

// WithoutLease makes the store ask for the newest state also when no other server writes. Tests use
// it to count what a store sends.
func WithoutLease() Option { return func(s *Store) { s.lease.off = true } }

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
	s := &Store{database: database, clock: time.Now, bookmarks: driver.NewBookmarkManager(driver.BookmarkManagerConfig{}), lease: newReadLease()}
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
	s.jobs = updatequeue.New[*txn](maxBatch)
	go s.writeLoop()
	go s.planWriteQueries()
	return s, nil
}

// planWriteQueries has the server plan the texts of writes with no rows, while the store
// answers its first calls: planning is a good part of the cost of the first writes on a
// server that has just started. It ignores errors, because writes report them.
func (s *Store) planWriteQueries() {
	ctx, cancel := context.WithTimeout(context.Background(), retryTimeout)
	defer cancel()
	session := s.driver.NewSession(ctx, driver.SessionConfig{AccessMode: driver.AccessModeWrite, DatabaseName: s.database})
	defer session.Close(ctx)
	none := map[string]any{"keys": []any{}}
	for _, list := range pendingLists {
		none[list] = []any{}
	}
	none["nodes"], none["slots"] = []any{}, []any{}
	for _, text := range []string{lockAndReadHead, writePending, readEndpoints} {
		// No head has this key.
		result, err := session.Run(ctx, text, map[string]any{"in": none, "key": "", "seq": 0, "number": 0})
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
	s.jobs.Close()
	ctx, cancel := context.WithTimeout(context.Background(), retryTimeout)
	defer cancel()
	s.giveLease(ctx)
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
	// pending are the writes of the transaction that are not sent yet, and flush sends them;
	// both are nil outside of an Update.
	pending *pendingWrites
	flush   func(ctx context.Context) error
	// ended is true when the transaction has ended.
	ended bool
	// rehearsal takes notes of what is not known, and is nil in an Update that is no rehearsal.
	rehearsal *rehearsal
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

// query sends the pending writes, runs one Cypher text and returns all of its rows.
func (v *view) query(ctx context.Context, text string, params map[string]any) ([]row, error) {
	return rowsOf(v.records(ctx, text, params))
}

// queryNodes is query for a read of nodes by their keys, and of nothing else: it leaves
// writes pending that do not concern them.
func (v *view) queryNodes(ctx context.Context, keys []string, text string, params map[string]any) ([]row, error) {
	if v.pending != nil && v.pending.touchesNodes(keys) {
		return v.query(ctx, text, params)
	}
	return rowsOf(v.send(ctx, text, params))
}

func rowsOf(records []*driver.Record, err error) ([]row, error) {
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
	if v.flush != nil {
		if err := v.flush(ctx); err != nil {
			return nil, err
		}
	}
	return v.send(ctx, text, params)
}

// send runs one Cypher text, whatever is pending.
func (v *view) send(ctx context.Context, text string, params map[string]any) ([]*driver.Record, error) {
	if v.ended {
		return nil, internal(errors.New("the transaction is over"))
	}
	if v.failure != nil {
		return nil, storeError(v.failure)
	}
	if v.rehearsal != nil {
		return nil, errRehearsed
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
