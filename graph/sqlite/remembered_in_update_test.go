package sqlite

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

// ownerIn reads the owner of a model in an Update: by its id, and by a list.
func ownerIn(t *testing.T, tx graph.Tx) string {
	t.Helper()
	byID, err := tx.Nodes(t.Context(), graph.Instant{}, "m")
	if err != nil {
		t.Fatal(err)
	}
	listed, err := tx.Find(t.Context(), graph.Query{Kinds: []registry.Kind{registry.KindModel}, Limit: 5})
	if err != nil || len(listed.Nodes) != 1 {
		t.Fatal(len(listed.Nodes), err)
	}
	if byID[0].Text(registry.IndexOwner) != listed.Nodes[0].Text(registry.IndexOwner) {
		t.Errorf("by id %q, listed %q", byID[0].Text(registry.IndexOwner), listed.Nodes[0].Text(registry.IndexOwner))
	}
	return byID[0].Text(registry.IndexOwner)
}

// TestAnUpdateReadsTheNewestState: what an Update reads is remembered, but not what it has written itself,
// what an earlier one has, what another Store has, or what was undone. With a memory that ignores
// writes, an Update reads what has been overwritten.
func TestAnUpdateReadsTheNewestState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	s, other := openAt(t, path), openAt(t, path)
	put := func(tx graph.Tx, owner string) error {
		m := &graph.Node{ID: "m", Kind: registry.KindModel, Name: "m", Doc: []byte("{}"), Columns: map[registry.Index]any{registry.IndexOwner: owner}}
		return errors.Join(tx.Put(t.Context(), m), tx.Append(t.Context(), &registry.LogEntry{Actor: "a"}))
	}
	update := func(s *Store, fn func(tx graph.Tx) error) error { return s.Update(t.Context(), fn) }
	is := func(want string) {
		t.Helper()
		update(s, func(tx graph.Tx) error {
			if got := ownerIn(t, tx); got != want {
				t.Errorf("an Update reads the owner %q, not %q", got, want)
			}
			return nil
		})
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(update(s, func(tx graph.Tx) error { return put(tx, "ada") }))
	is("ada")
	must(update(other, func(tx graph.Tx) error { return put(tx, "bob") }))
	is("bob")
	must(update(s, func(tx graph.Tx) error {
		if err := put(tx, "eve"); err != nil || ownerIn(t, tx) != "eve" {
			return errors.New("an Update does not see its own write")
		}
		return nil
	}))
	is("eve")
	undone := errors.New("undone")
	if err := update(s, func(tx graph.Tx) error { return errors.Join(put(tx, "zoe"), undone) }); !errors.Is(err, undone) {
		t.Fatal(err)
	}
	is("eve")
	s.memory.IgnoreWrites = true
	must(update(s, func(tx graph.Tx) error { return put(tx, "new") }))
	update(s, func(tx graph.Tx) error {
		if got := ownerIn(t, tx); got != "eve" {
			t.Errorf("a memory that ignores writes answers %q: an Update does not read it", got)
		}
		return nil
	})
}

// TestTheNewestEntryIsReadAsItIsStored: in the Update that wrote it, in the next one, and when another Store
// has written the newest.
func TestTheNewestEntryIsReadAsItIsStored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	s, other := openAt(t, path), openAt(t, path)
	newest := graph.LogQuery{Desc: true, Limit: 1}
	read := func(tx graph.Reader) registry.LogEntry {
		t.Helper()
		entries, err := tx.Log(t.Context(), newest)
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		return entries[0]
	}
	for i, on := range []*Store{s, s, other, s} {
		var within registry.LogEntry
		err := on.Update(t.Context(), func(tx graph.Tx) error {
			if i > 0 && !reflect.DeepEqual(read(tx), read(s)) {
				t.Errorf("before entry %d: %+v, stored %+v", i, read(tx), read(s))
			}
			e := &registry.LogEntry{Actor: "a", Action: "b", Model: "m", Reason: "r", Objects: []registry.ID{"m", "n"}[:i%3], Detail: registry.JSON(`{"a":1}`)}
			if err := tx.Append(t.Context(), e); err != nil {
				return err
			}
			within = read(tx)
			e.Reason = "changed afterwards"
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if stored := read(on); !reflect.DeepEqual(within, stored) {
			t.Errorf("entry %d in its Update %+v, stored %+v", i, within, stored)
		}
	}
}

// TestANodeThatWasReadAndIsAbsentIsNotLookedUpAgain: the Put that creates it runs one statement less than a Put without the
// read. A second Put of the same Update, one of the next closure of the batch, and one by another Store change what is
// there by then.
func TestANodeThatWasReadAndIsAbsentIsNotLookedUpAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	s, other := openAt(t, path), openAt(t, path)
	node := func(id registry.ID, name string) *graph.Node {
		return &graph.Node{ID: id, Kind: registry.KindModel, Name: name, Doc: []byte("{}")}
	}
	read := func(tx graph.Tx, id registry.ID) *graph.Node {
		t.Helper()
		found, err := tx.Nodes(t.Context(), graph.Instant{}, id)
		if err != nil {
			t.Fatal(err)
		}
		return found[0]
	}
	put := func(s *Store, id registry.ID, readFirst bool) (revision int64) {
		t.Helper()
		err := s.Update(t.Context(), func(tx graph.Tx) error {
			if readFirst {
				read(tx, id)
			}
			for _, name := range []string{"first", "second"} {
				if err := tx.Put(t.Context(), node(id, name)); err != nil {
					return err
				}
			}
			n := read(tx, id)
			if revision = n.Revision; n.Name != "second" {
				t.Errorf("%s is called %q", id, n.Name)
			}
			return tx.Append(t.Context(), &registry.LogEntry{Actor: "a"})
		})
		if err != nil {
			t.Fatal(err)
		}
		return revision
	}
	put(s, "warm", true)
	runs := map[bool]int{}
	for _, readFirst := range []bool{false, true} {
		s.RunsSince(t.Context())
		id := registry.ID(fmt.Sprint("read first ", readFirst))
		if got := put(s, id, readFirst); got != 2 {
			t.Errorf("two Puts made revision %d", got)
		}
		runs[readFirst] = s.RunsSince(t.Context())
	}
	if runs[true] != runs[false] { // The read is one statement, and saves the look.
		t.Errorf("%d statements without a read before the Put, %d with one", runs[false], runs[true])
	}
	if got := put(other, "read first true", true); got != 4 {
		t.Errorf("two Puts of another Store made revision %d", got)
	}
	s.Update(t.Context(), func(tx graph.Tx) error { read(tx, "theirs"); return nil })
	put(other, "theirs", false)
	if got := put(s, "theirs", true); got != 4 {
		t.Errorf("after another Store created it, two Puts made revision %d", got)
	}
}
