package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	engine "zombiezen.com/go/sqlite"
)

// maxStatements limits the prepared statements of a connection, because callers can
// cause any number of different Find statements.
const maxStatements = 600

// conn is a connection and its prepared statements. Only one goroutine may use it at
// a time. It has no interrupt: a goroutine per query costs a third of the throughput,
// and every statement here is bounded by a LIMIT or by a key.
type conn struct {
	raw   *engine.Conn
	stmts map[string]*engine.Stmt
	// pendingEntries are the full-text entries that the writer must write before its
	// next commit. Only the writer's connection has any.
	pendingEntries indexEntries
	// wrote is set by every statement that is not a SELECT.
	wrote bool
}

func openConn(path string, flags engine.OpenFlags, pragmas ...string) (*conn, error) {
	raw, err := engine.OpenConn(path, flags)
	if err != nil {
		return nil, err
	}
	c := &conn{raw: raw, stmts: map[string]*engine.Stmt{}, pendingEntries: indexEntries{}}
	raw.SetBusyTimeout(5 * time.Second)
	for _, p := range pragmas {
		if err := c.execOnce("PRAGMA " + p); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func (c *conn) close() error {
	for _, st := range c.stmts {
		st.Finalize()
	}
	return c.raw.Close()
}

// execOnce runs a statement without caching it.
func (c *conn) execOnce(sql string) error {
	c.wrote = true
	st, _, err := c.raw.PrepareTransient(sql)
	if err != nil {
		return err
	}
	defer st.Finalize()
	for {
		if more, err := st.Step(); err != nil || !more {
			return err
		}
	}
}

// prepare returns a cached or new prepared statement, ready to be bound.
func (c *conn) prepare(sql string) (*engine.Stmt, error) {
	c.wrote = c.wrote || !strings.HasPrefix(sql, "SELECT ")
	if st := c.stmts[sql]; st != nil {
		return st, nil
	}
	if len(c.stmts) >= maxStatements {
		if err := c.finalizeAll(); err != nil {
			return nil, err
		}
	}
	st, trailing, err := c.raw.PrepareTransient(sql)
	if err != nil {
		return nil, err
	}
	if trailing != 0 {
		st.Finalize()
		return nil, fmt.Errorf("sqlite: a second statement in %q", sql)
	}
	c.stmts[sql] = st
	return st, nil
}

// finalizeAll gives up all prepared statements.
func (c *conn) finalizeAll() error {
	for t, st := range c.stmts {
		if err := st.Finalize(); err != nil {
			return err
		}
		delete(c.stmts, t)
	}
	return nil
}

func bind(st *engine.Stmt, args []any) error {
	for i, a := range args {
		switch v := a.(type) {
		case int64:
			st.BindInt64(i+1, v)
		case int:
			st.BindInt64(i+1, int64(v))
		case string:
			st.BindText(i+1, v)
		case bool:
			st.BindBool(i+1, v)
		case nil:
			st.BindNull(i + 1)
		case []byte:
			st.BindText(i+1, string(v))
		default:
			return fmt.Errorf("sqlite: cannot bind a %T", a)
		}
	}
	return nil
}

// query runs a statement and calls row for every row. row must not run the same
// statement.
func (c *conn) query(sql string, row func(st *engine.Stmt) error, args ...any) error {
	st, err := c.prepare(sql)
	if err != nil {
		return err
	}
	if err := bind(st, args); err != nil {
		return err
	}
	return stepAll(st, row)
}

// errLastRow is what a function returns that needs no further row.
var errLastRow = errors.New("sqlite: no further row is needed")

// stepAll steps a bound statement to its end and resets it, so that it holds no read
// lock.
func stepAll(st *engine.Stmt, row func(st *engine.Stmt) error) error {
	for {
		more, err := st.Step()
		if err == nil && more {
			err = row(st)
		}
		if err == errLastRow || err == nil && !more {
			return st.Reset()
		}
		if err != nil {
			st.Reset()
			return err
		}
	}
}

func (c *conn) exec(sql string, args ...any) error {
	return c.query(sql, func(*engine.Stmt) error { return nil }, args...)
}

// execIfSet runs a statement, or nothing when sql is "".
func (c *conn) execIfSet(sql string) error {
	if sql == "" {
		return nil
	}
	return c.exec(sql)
}

// queryInt returns the first column of the only row, or 0 when there is none.
func (c *conn) queryInt(sql string, args ...any) (n int64, err error) {
	err = c.query(sql, func(st *engine.Stmt) error { n = st.ColumnInt64(0); return nil }, args...)
	return n, err
}

// lockTimeout is how long a writer waits for the writer of another process.
const lockTimeout = 10 * time.Second

// beginImmediate begins a write transaction. It polls instead of using SQLite's busy
// timeout, whose pauses grow to 100 ms, so that a busier process always gets the lock
// first.
func (c *conn) beginImmediate() error {
	c.raw.SetBusyTimeout(0)
	defer c.raw.SetBusyTimeout(5 * time.Second)
	return retryWhileBusy(func() error { return c.exec("BEGIN IMMEDIATE") })
}

// retryWhileBusy runs fn until it is not busy or lockTimeout has passed.
func retryWhileBusy(fn func() error) error {
	for start, pause := time.Now(), 200*time.Microsecond; ; pause = min(2*pause, 8*time.Millisecond) {
		err := fn()
		if !isBusy(err) || time.Since(start) > lockTimeout {
			return err
		}
		time.Sleep(pause/2 + rand.N(pause))
	}
}

// jsonArray encodes values for json_each.
func jsonArray[T any](values []T) string {
	if len(values) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(values)
	return string(b)
}
