// Package sqlite implements graph.Store in one SQLite file, without a server. Reads
// run in parallel on a few connections, each in its own snapshot. One goroutine does
// all writes: it commits all waiting updates in one transaction. Errors must not
// reveal SQL or the path of the file.
package sqlite

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"pedigree/graph"
	"pedigree/graph/readmemory"
	"pedigree/graph/updatequeue"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// Store is a graph.Store on one SQLite file. Several Stores, also in several
// processes, may have the same file open.
type Store struct {
	path      string
	file      os.FileInfo
	clock     func() time.Time
	faultHook func() error
	codes     codes
	// subjectNames caches the committed names of the table subject, by number.
	subjectNames sync.Map
	// edgeSQLCache maps edgeSQLKey to *edgeSQL.
	edgeSQLCache sync.Map

	// oneByOne is set by tests, and reads the children of each parent by themselves. afterCommit is set by
	// tests, and called with what the memory was told; checkLookup with what it answered in an update.
	oneByOne    bool
	afterCommit func(readmemory.Writes)
	checkLookup func(*tx, registry.ID, *storedNode)

	readers chan *conn
	closing chan struct{}
	closed  atomic.Bool
	jobs    *updatequeue.Queue[*tx]
	// recent belongs to the writer, which runs one update at a time.
	recent recentNodes
	// frontier is that of the log after the newest update, zero when it is not known. It
	// belongs to the writer too.
	frontier registry.LogFrontier
	// newest is the newest entry of the log that this Store has written. It belongs to the writer.
	newest *registry.LogEntry
	// memory remembers what was read. committing is not 0 while what is being committed is not
	// told to it. writes belongs to the writer.
	memory     readmemory.Memory
	committing atomic.Int32
	writes     batchWrites
	// left is the state that the writer's last commit left. What the writer remembers besides the memory is true in it.
	left       readmemory.State
	held       heldBlocks
	writerDone chan struct{}
}

var _ graph.Store = (*Store)(nil)

// Option changes how a Store is opened.
type Option func(*Store)

// WithClock sets the clock for log entries without a time.
func WithClock(now func() time.Time) Option { return func(s *Store) { s.clock = now } }

// WithFaultHook is for tests. The store calls fn in every Update, between its closure and
// the commit. An error with a method Retryable() bool that returns true makes the
// closure run again; any other error fails the Update.
func WithFaultHook(fn func() error) Option { return func(s *Store) { s.faultHook = fn } }

// WithReaders sets how many reads can run in parallel. The default is 4 to 8,
// depending on the number of cores.
func WithReaders(n int) Option {
	return func(s *Store) { s.readers = make(chan *conn, max(1, n)) }
}

// WithoutMemory makes the store read everything from its file. Tests use it to see what that
// costs.
func WithoutMemory() Option { return func(s *Store) { s.memory.Off = true } }

// Open opens the store in a file and upgrades it to this program's schema. It creates
// a missing file with mode 0600 and a missing folder with mode 0700. A file with a
// newer schema is FAILED_PRECONDITION.
func Open(ctx context.Context, path string, opts ...Option) (*Store, error) {
	if path == "" || path == ":memory:" {
		return nil, registry.Errorf(registry.InvalidArgument, "the SQLite store needs the path of a file")
	}
	if ctx.Err() != nil {
		return nil, contextError(ctx)
	}
	s := &Store{path: path, clock: time.Now, closing: make(chan struct{}), jobs: updatequeue.New[*tx](maxBatch), writerDone: make(chan struct{})}
	s.memory.MaxBytes = memoryBytes
	s.readers = make(chan *conn, min(max(4, 2*runtime.GOMAXPROCS(0)), 8))
	for _, o := range opts {
		o(s)
	}
	if err := s.createFile(); err != nil {
		return nil, &registry.Error{Code: registry.Unavailable, Message: "the store's file cannot be opened", Err: err}
	}
	w, err := s.openWriter()
	if err != nil {
		return nil, publicError(err)
	}
	for range cap(s.readers) {
		s.readers <- nil
	}
	s.held = holdBlocks()
	go s.writeLoop(w)
	return s, nil
}

func (s *Store) createFile() error {
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	s.file, err = f.Stat()
	return errors.Join(err, f.Close())
}

// writerSettings are the settings of the writer's connection. A write changes a few bytes on each of
// some pages, and these are written whole: so pages are smaller than the engine's default of 4 KiB.
// A store that exists keeps its size. The cache is small, because each commit may search all of
// it. The log is moved to the file when it has 8 MiB.
var writerSettings = []string{"page_size=2048", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=0", "secure_delete=FAST",
	"temp_store=MEMORY", "cache_size=-8192", "journal_size_limit=67108864", "wal_autocheckpoint=4000"}

func (s *Store) openWriter() (*conn, error) {
	var w *conn
	err := retryWhileBusy(func() (err error) {
		w, err = openConn(s.path, engine.OpenReadWrite, writerSettings...)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.upgradeSchema(w); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// checkFile returns UNAVAILABLE when the path no longer names the file that was
// opened. Writes to a deleted or replaced file would be lost, and reads stale.
func (s *Store) checkFile() error {
	now, err := os.Stat(s.path)
	if err == nil && !os.SameFile(now, s.file) {
		err = errors.New("sqlite: another file is in its place")
	}
	if err != nil {
		return &registry.Error{Code: registry.Unavailable, Message: "the store's file is gone", Err: err}
	}
	return nil
}

// infoSQL reads all of a Ping in one statement, without a transaction. Ping must be
// fast, because it runs before every answer from the cache in memory.
const infoSQL = "SELECT (SELECT max(seq) FROM log), (SELECT value FROM meta WHERE key = 'secret'), (SELECT value FROM meta WHERE key = 'migration')"

// Ping describes the store; see graph.Store. It returns UNAVAILABLE when the file is
// gone or locked.
func (s *Store) Ping(ctx context.Context) (graph.Info, error) {
	info := graph.Info{Engine: "sqlite", Schema: len(schemaSteps)}
	if err := s.checkFile(); err != nil {
		return graph.Info{}, err
	}
	err := s.withReader(ctx, func(c *conn) error {
		return c.query(infoSQL, func(st *engine.Stmt) (err error) {
			info.Head = st.ColumnInt64(0)
			if info.Secret, err = parseSecret(st.ColumnText(1)); err == nil {
				err = checkMigrated(st.ColumnText(2))
			}
			return err
		})
	})
	if err != nil {
		return graph.Info{}, err
	}
	return info, nil
}

// Close waits for the running reads and the queued updates, then closes the file.
func (s *Store) Close() error {
	first := !s.closed.Swap(true)
	if first {
		close(s.closing)
	}
	s.jobs.Close()
	<-s.writerDone
	if !first {
		return nil
	}
	var errs []error
	for range cap(s.readers) {
		if c := <-s.readers; c != nil {
			errs = append(errs, c.close())
		}
	}
	s.held.release()
	return publicError(errors.Join(errs...))
}

// acquireReader returns a reader connection for exclusive use.
func (s *Store) acquireReader(ctx context.Context) (c *conn, err error) {
	select {
	case <-s.closing:
		return nil, closedError()
	default:
	}
	select {
	case c = <-s.readers:
	default:
		// Look at the context only when there is no free connection: a walk whose deadline
		// has passed still returns what it has found.
		select {
		case c = <-s.readers:
		case <-ctx.Done():
			return nil, contextError(ctx)
		}
	}
	if c == nil {
		if c, err = openConn(s.path, engine.OpenReadWrite, "query_only=1", "temp_store=MEMORY", "cache_size=-8192"); err != nil {
			s.readers <- nil
			return nil, publicError(err)
		}
	}
	return c, nil
}

// read runs fn in one snapshot.
func (s *Store) read(ctx context.Context, fn func(v *view) error) error {
	return s.withReader(ctx, func(c *conn) error {
		if err := c.exec("BEGIN"); err != nil {
			return &connError{err}
		}
		err := fn(&view{c: c, s: s})
		if ending := c.exec("COMMIT"); ending != nil {
			return &connError{cmp.Or(err, ending)}
		}
		return err
	})
}

// connError is an error after which the connection must not be used again.
type connError struct{ error }

// Unwrap returns the cause.
func (u *connError) Unwrap() error { return u.error }

// withReader runs fn with a reader connection for its exclusive use.
func (s *Store) withReader(ctx context.Context, fn func(c *conn) error) error {
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return contextError(ctx)
	}
	c, err := s.acquireReader(ctx)
	if err != nil {
		return err
	}
	reusable := false
	defer func() {
		if !reusable {
			c.close()
			c = nil
		}
		s.readers <- c
	}()
	err = fn(c)
	var broken *connError
	reusable = !errors.As(err, &broken)
	return publicError(err)
}

// Neighbors reads one hop of many nodes; see graph.Reader.
func (s *Store) Neighbors(ctx context.Context, q graph.NeighborQuery) (out []graph.Neighbors, err error) {
	err = s.read(ctx, func(v *view) error { out, err = v.neighbors(ctx, q); return err })
	return out, err
}

// Closure returns the nodes within several hops; see graph.Reader.
func (s *Store) Closure(ctx context.Context, q graph.ClosureQuery) (out graph.Closure, err error) {
	err = s.read(ctx, func(v *view) error { out, err = v.closure(ctx, q); return err })
	return out, err
}

// Log reads the audit log; see graph.Reader.
func (s *Store) Log(ctx context.Context, q graph.LogQuery) (out []registry.LogEntry, err error) {
	err = s.read(ctx, func(v *view) error { out, err = v.log(ctx, q); return err })
	return out, err
}
