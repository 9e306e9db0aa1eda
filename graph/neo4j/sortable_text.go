package neo4j

import "strings"

// Neo4j compares some texts by UTF-16 unit and some by code point. These orders differ
// for characters beyond U+FFFF. So text columns are stored with those characters after
// a U+FFFF, and with U+FFFF itself before a NUL: both orders are then code point order,
// and every other text stays as it is.
const lead = '\uFFFF'

// sortable is the stored form of a text column.
func sortable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= lead }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r >= lead {
			b.WriteRune(lead)
		}
		if r == lead {
			r = 0
		}
		b.WriteRune(r)
	}
	return b.String()
}

// unsortable is the text of a stored form.
func unsortable(s string) string {
	if !strings.ContainsRune(s, lead) {
		return s
	}
	var b strings.Builder
	escaped := false
	for _, r := range s {
		switch {
		case escaped && r == 0:
			b.WriteRune(lead)
		case escaped || r != lead:
			b.WriteRune(r)
		}
		escaped = !escaped && r == lead
	}
	return b.String()
}
