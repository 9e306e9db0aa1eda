package export

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"pedigree/registry"
)

// label is the text of a node in a drawing.
type label struct{ kind, title, note, date string }

// labelOf makes the label of a node from its visible fields.
func labelOf(n *Node) label {
	m := n.Noun.NodeMeta()
	l := label{kind: strings.ToLower(strings.ReplaceAll(string(m.Kind), "_", " "))}
	switch x := n.Noun.(type) {
	case *registry.ModelVersion:
		l.title, l.note = joinWords(x.ModelName, x.Version), bracketed("[", string(x.Stage), "]")
	case *registry.DatasetVersion:
		l.title = joinWords(x.Name, registry.Shorten(x.Version, 16))
	case *registry.Run:
		l.title, l.note = x.Name, bracketed("(", string(x.RunKind), ")")
	case *registry.Commit:
		subject, _, _ := strings.Cut(x.Message, "\n")
		l.title, l.note = x.Name, subject
	case *registry.Tag:
		l.title = x.Name
	case *registry.Feature:
		l.title = x.Name
	case *registry.Deployment:
		l.title = x.Name
		if m.Mask.Has(registry.Bit("Deployment", "live")) {
			l.note = "(ended)"
		}
		if x.Live {
			l.note = "(live)"
		}
	case *registry.Restricted:
		l.kind = "restricted " + l.kind
	}
	if m.Deleted {
		l.note = joinWords(l.note, "(deleted)")
	}
	if t := startTime(n); !t.IsZero() {
		l.date = t.UTC().Format(time.DateOnly)
	}
	l.title, l.note = escapeControls(l.title), escapeControls(l.note)
	return l
}

// startTime is when a node began to exist. It reads the field for it and not
// Meta.ValidFrom, because a policy may hide that field.
func startTime(n *Node) time.Time {
	switch x := n.Noun.(type) {
	case *registry.ModelVersion:
		return x.CreatedDate
	case *registry.DatasetVersion:
		return x.CreatedAt
	case *registry.Run:
		return x.StartedAt
	case *registry.Commit:
		return x.CommittedAt
	case *registry.Tag:
		return x.TaggedAt
	case *registry.Feature:
		return x.CreatedAt
	case *registry.Deployment:
		return x.StartedAt
	}
	return time.Time{}
}

// singleLine is the label in one line.
func (c label) singleLine() string {
	out := joinWords(c.kind, c.title, c.note)
	if c.kind == "model version" && c.title != "" {
		out = joinWords(c.title, c.note)
	}
	if c.date != "" {
		out += "  " + c.date
	}
	return out
}

// lines are the label for a box: the kind, the title and the note.
func (c label) lines() (out []string) {
	for _, s := range []string{c.kind, c.title, c.note} {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func joinWords(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, " ")
}

func bracketed(open, s, end string) string {
	if s == "" {
		return ""
	}
	return open + s + end
}

// escapeControls escapes control and formatting characters, so that no name moves a
// terminal's cursor, breaks a line or reorders the text beside it.
func escapeControls(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == ' ' || unicode.IsGraphic(r) && !unicode.Is(unicode.Cf, r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "\\u{%04X}", r)
		}
	}
	return b.String()
}
