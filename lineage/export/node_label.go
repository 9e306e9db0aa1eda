package export

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"pedigree/registry"
)

// caption is what a drawing says of a node.
type caption struct{ kind, title, note, date string }

// captionOf reads the caption of a node from what is seen of it.
func captionOf(n *Node) caption {
	m := n.Noun.NodeMeta()
	c := caption{kind: strings.ToLower(strings.ReplaceAll(string(m.Kind), "_", " "))}
	switch x := n.Noun.(type) {
	case *registry.ModelVersion:
		c.title, c.note = join(x.ModelName, x.Version), enclosed("[", string(x.Stage), "]")
	case *registry.DatasetVersion:
		c.title = join(x.Name, registry.Shorten(x.Version, 16))
	case *registry.Run:
		c.title, c.note = x.Name, enclosed("(", string(x.RunKind), ")")
	case *registry.Commit:
		subject, _, _ := strings.Cut(x.Message, "\n")
		c.title, c.note = x.Name, subject
	case *registry.Tag:
		c.title = x.Name
	case *registry.Feature:
		c.title = x.Name
	case *registry.Deployment:
		c.title = x.Name
		if m.Mask.Has(registry.Bit("Deployment", "live")) {
			c.note = "(ended)"
		}
		if x.Live {
			c.note = "(live)"
		}
	case *registry.Restricted:
		c.kind = "restricted " + c.kind
	}
	if m.Deleted {
		c.note = join(c.note, "(deleted)")
	}
	if t := began(n); !t.IsZero() {
		c.date = t.UTC().Format(time.DateOnly)
	}
	c.title, c.note = printable(c.title), printable(c.note)
	return c
}

// began is when a node came to be, from the field that says so: what a policy hides
// is not told by another way.
func began(n *Node) time.Time {
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

// line is the caption in one line.
func (c caption) line() string {
	out := join(c.kind, c.title, c.note)
	if c.kind == "model version" && c.title != "" {
		out = join(c.title, c.note)
	}
	if c.date != "" {
		out += "  " + c.date
	}
	return out
}

// lines are the caption for a box: what it is, its name, and what there is to note.
func (c caption) lines() (out []string) {
	for _, s := range []string{c.kind, c.title, c.note} {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func join(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, " ")
}

func enclosed(open, s, end string) string {
	if s == "" {
		return ""
	}
	return open + s + end
}

// printable makes control and direction characters visible, so that no name moves
// a terminal's cursor, breaks a line or reorders what stands beside it.
func printable(s string) string {
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
