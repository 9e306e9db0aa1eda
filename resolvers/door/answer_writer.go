package door

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"pedigree/registry"
	"pedigree/service/core"
)

// answerWriter writes objects by a plan. Its bytes equal those of gqlgen's executor.
type answerWriter struct {
	b []byte
	// root is the path of the root field; steps are the response keys and list indexes from
	// there to the object that is being written.
	root  ast.Path
	steps []pathStep
	// hidden collects the fields that the caller may not see; found has those of this answer.
	hidden *hiddenFields
	found  []hiddenPlace
}

// pathStep is a response key, or an index when the key is "".
type pathStep struct {
	key   string
	index int
}

// hiddenPlace is a hidden field at a place in the answer.
type hiddenPlace struct {
	coordinate string
	path       ast.Path
}

// object writes an object. It calls fn for the value of each field.
func (w *answerWriter) object(fields []plannedField, typename string, fn func(f *plannedField)) {
	w.b = append(w.b, '{')
	w.steps = append(w.steps, pathStep{})
	for i := range fields {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(w.b, fields[i].key...)
		if fields[i].field == "__typename" {
			w.b = appendString(w.b, typename)
			continue
		}
		w.steps[len(w.steps)-1].key = keyOf(&fields[i])
		fn(&fields[i])
	}
	w.steps = w.steps[:len(w.steps)-1]
	w.b = append(w.b, '}')
}

// noun writes an object with a mask. A field that the mask hides is null, and is reported.
func (w *answerWriter) noun(fields []plannedField, typename string, mask registry.Mask, fn func(f *plannedField)) {
	w.object(fields, typename, func(f *plannedField) {
		if mask.Has(f.bit) {
			fn(f)
			return
		}
		w.null()
		w.addHidden(typename + "." + f.field)
	})
}

// array writes an array of n items with fn.
func (w *answerWriter) array(n int, fn func(i int)) {
	w.b = append(w.b, '[')
	w.steps = append(w.steps, pathStep{})
	for i := range n {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.steps[len(w.steps)-1].index = i
		fn(i)
	}
	w.steps = w.steps[:len(w.steps)-1]
	w.b = append(w.b, ']')
}

// addHidden notes a hidden field at the place that is being written.
func (w *answerWriter) addHidden(coordinate string) {
	path := append(make(ast.Path, 0, len(w.root)+len(w.steps)), w.root...)
	for _, s := range w.steps {
		if s.key == "" {
			path = append(path, ast.PathIndex(s.index))
		} else {
			path = append(path, ast.PathName(s.key))
		}
	}
	w.found = append(w.found, hiddenPlace{coordinate, path})
}

// reportHidden adds the hidden fields of this answer to those of the response.
func (w *answerWriter) reportHidden() {
	if w.hidden == nil {
		return
	}
	for _, h := range w.found {
		w.hidden.add(h.coordinate, h.path)
	}
}

func (w *answerWriter) text(s string) { w.b = appendString(w.b, s) }

// optional writes a text, or null when it is empty.
func (w *answerWriter) optional(s string) {
	if s == "" {
		w.null()
		return
	}
	w.text(s)
}

func (w *answerWriter) null()       { w.b = append(w.b, "null"...) }
func (w *answerWriter) int(i int)   { w.b = strconv.AppendInt(w.b, int64(i), 10) }
func (w *answerWriter) bool(v bool) { w.b = strconv.AppendBool(w.b, v) }

// number writes a number, or null for nil.
func (w *answerWriter) number(i *int) {
	if i == nil {
		w.null()
		return
	}
	w.int(*i)
}

// time writes a DateTime, or null for the zero time.
func (w *answerWriter) time(t time.Time) {
	if t.IsZero() {
		w.null()
		return
	}
	w.b = append(w.b, '"')
	w.b = t.UTC().AppendFormat(w.b, time.RFC3339Nano)
	w.b = append(w.b, '"')
}

// texts writes a list of texts, or null for nil.
func (w *answerWriter) texts(list []string) {
	if list == nil {
		w.null()
		return
	}
	w.array(len(list), func(i int) { w.text(list[i]) })
}

// keyValues writes a list of keys and values, or null for nil.
func (w *answerWriter) keyValues(p *selectionPlan, list []registry.KeyValue) {
	if list == nil {
		w.null()
		return
	}
	w.array(len(list), func(i int) {
		w.object(p.fields, "KeyValue", func(f *plannedField) {
			switch f.field {
			case "key":
				w.text(list[i].Key)
			case "value":
				v, _ := json.Marshal(list[i].Value) // As registry.Verbatim writes it.
				w.b = append(w.b, v...)
			}
		})
	})
}

func (w *answerWriter) pageInfo(fields []plannedField, p *core.PageInfo) {
	w.object(fields, "PageInfo", func(f *plannedField) {
		switch f.field {
		case "hasNextPage":
			w.bool(p.HasNextPage)
		case "hasPreviousPage":
			w.bool(p.HasPreviousPage)
		case "startCursor":
			w.optional(p.StartCursor)
		case "endCursor":
			w.optional(p.EndCursor)
		}
	})
}

// appendString appends a text as gqlgen encodes it. It copies texts that need no escapes,
// which are nearly all.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			buf := bytes.NewBuffer(b)
			graphql.MarshalString(s).MarshalGQL(buf)
			return buf.Bytes()
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// keyOf returns the response key of a field. Names of GraphQL need no escapes.
func keyOf(f *plannedField) string { return f.key[1 : len(f.key)-2] }
