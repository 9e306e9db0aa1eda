package sqlite

import (
	"errors"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// Slots of the small memory that each connection has for itself: their size in bytes and their
// number. The engine's default of 40 is for a statement that opens a few indexes. One that
// inserts a node opens them all, and fetched a piece of common memory for most.
const slotBytes, slotsPerConn = 1200, 160

// slotsErr is nil when the engine has taken the settings, which it does before the first connection of the
// program is opened. Only a test looks at it: without them, writes are slower and as right.
var slotsErr = func() error {
	tls := libc.NewTLS()
	defer tls.Close()
	args := libc.NewVaList(int32(slotBytes), int32(slotsPerConn))
	if args == 0 {
		return errors.New("sqlite: no memory for the settings of the engine")
	}
	defer libc.Xfree(tls, args)
	if code := lib.Xsqlite3_config(tls, lib.SQLITE_CONFIG_LOOKASIDE, args); code != lib.SQLITE_OK {
		return errors.New("sqlite: the engine was in use before its settings were made")
	}
	return nil
}()
