package registry

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// DocumentWriter writes a document in the form that Canonical gives it, without reflection and in one pass. It is for
// documents that are written for every event and hold much that is canonical already. The members of an
// object may come in any order; End sorts them. The zero value is ready.
type DocumentWriter struct {
	out     []byte
	members []writtenMember // of the objects that are open, the innermost last
	open    []openObject
	scratch []byte
	err     error
}

// writtenMember is a member of an open object: where its key begins and its value ends in the output.
type writtenMember struct {
	key        string
	start, end int
}

// openObject is an object or a list that has begun.
type openObject struct {
	start, members int
	list           bool
}

// Bytes returns the document, and the first error.
func (w *DocumentWriter) Bytes() ([]byte, error) { return w.out, w.err }

// Begin begins an object as a value.
func (w *DocumentWriter) Begin() {
	w.separate()
	w.out = append(w.out, '{')
	w.open = append(w.open, openObject{start: len(w.out), members: len(w.members)})
}

// Key begins a member of the innermost object. Its value must follow.
func (w *DocumentWriter) Key(name string) {
	w.endMember()
	if len(w.out) > w.open[len(w.open)-1].start {
		w.out = append(w.out, ',')
	}
	w.members = append(w.members, writtenMember{key: name, start: len(w.out)})
	w.text(name)
	w.out = append(w.out, ':')
}

// endMember notes where the last member of the innermost object ends.
func (w *DocumentWriter) endMember() {
	if o := w.open[len(w.open)-1]; len(w.members) > o.members {
		w.members[len(w.members)-1].end = len(w.out)
	}
}

// End ends the innermost object.
func (w *DocumentWriter) End() {
	w.endMember()
	o := w.open[len(w.open)-1]
	w.open = w.open[:len(w.open)-1]
	members := w.members[o.members:]
	w.members = w.members[:o.members]
	byKey := func(a, b writtenMember) int { return strings.Compare(a.key, b.key) }
	if !slices.IsSortedFunc(members, byKey) {
		slices.SortFunc(members, byKey)
		w.scratch = append(w.scratch[:0], w.out[o.start:]...)
		w.out = w.out[:o.start]
		for i, m := range members {
			if i > 0 {
				w.out = append(w.out, ',')
			}
			w.out = append(w.out, w.scratch[m.start-o.start:m.end-o.start]...)
		}
	}
	w.out = append(w.out, '}')
}

// BeginList begins a list as a value.
func (w *DocumentWriter) BeginList() {
	w.separate()
	w.out = append(w.out, '[')
	w.open = append(w.open, openObject{start: len(w.out), members: len(w.members), list: true})
}

// EndList ends the innermost list.
func (w *DocumentWriter) EndList() {
	w.open = w.open[:len(w.open)-1]
	w.out = append(w.out, ']')
}

// separate writes the comma before an element of a list that is not the first.
func (w *DocumentWriter) separate() {
	if n := len(w.open); n > 0 && w.open[n-1].list && len(w.out) > w.open[n-1].start {
		w.out = append(w.out, ',')
	}
}

// Text writes a text.
func (w *DocumentWriter) Text(s string) {
	w.separate()
	w.text(s)
}

func (w *DocumentWriter) text(s string) {
	for i := range len(s) {
		if b := s[i]; b < ' ' || b > '~' || b == '"' || b == '\\' {
			raw, err := Canonical(s)
			w.out = append(w.out, raw...)
			w.fail(err)
			return
		}
	}
	w.out = append(append(append(w.out, '"'), s...), '"')
}

// Time writes a time as time.Time.MarshalJSON does.
func (w *DocumentWriter) Time(t time.Time) {
	w.separate()
	out, err := t.AppendText(append(w.out, '"'))
	if w.fail(err); err == nil {
		w.out = append(out, '"')
	}
}

// Int writes a whole number.
func (w *DocumentWriter) Int(n int64) {
	w.separate()
	w.out = strconv.AppendInt(w.out, n, 10)
}

// True writes true.
func (w *DocumentWriter) True() { w.Canonical([]byte("true")) }

// Canonical writes a value that is canonical JSON already; null when it is empty.
func (w *DocumentWriter) Canonical(value []byte) {
	w.separate()
	if len(value) == 0 {
		value = []byte("null")
	}
	w.out = append(w.out, value...)
}

func (w *DocumentWriter) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}
