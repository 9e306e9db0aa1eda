// Package markdown writes texts of users into Markdown so that they stay texts: no name makes a
// link, a picture, HTML, a table, a heading or a mention.
package markdown

import (
	"fmt"
	"strings"
	"unicode"
)

// Visible replaces what cannot be seen: a line end becomes a space, any other control or format
// character is written as its number.
func Visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			b.WriteByte(' ')
		case r == ' ' || unicode.IsGraphic(r) && !unicode.Is(unicode.Cf, r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "\\u{%04X}", r)
		}
	}
	return b.String()
}

// Code writes a text as a code span, also within a table. In a code span nothing is a link, a
// mention or a reference.
func Code(s string) string {
	s = strings.TrimSpace(Visible(s))
	if s == "" {
		return ""
	}
	longest, run := 0, 0
	for _, r := range s {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	// In a table a bar ends the cell, in code too, and a backslash before it does not show. Outside
	// a table the backslash would show: a bar that looks like a bar does no harm in either.
	return fence + strings.ReplaceAll(s, "|", "¦") + fence
}

// meaning are the characters that mean something to Markdown, or to the pages that show it, wherever
// they stand. Entities and HTML are written apart.
const meaning = "\\`*_[]|~!$"

// Text writes a text as one paragraph or cell: what means something to Markdown or HTML is escaped.
func Text(s string) string {
	var b strings.Builder
	text := strings.Join(strings.Fields(Visible(s)), " ")
	for i, r := range text {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '@' || r == '#':
			// An entity would still be a mention where the page is shown. A joiner after it makes it none.
			b.WriteString("\\" + string(r) + joiner)
		case strings.ContainsRune(meaning, r) || startsBlock(text, i):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	// An address that is written out is a link without any brackets, and so is the number of an issue.
	return strings.NewReplacer("://", ":"+joiner+"//", "www.", "www"+joiner+".", "WWW.", "WWW"+joiner+".", "GH-", "GH"+joiner+"-").Replace(b.String())
}

// joiner is a character that is not seen and keeps those beside it from being read together.
const joiner = "&#8288;"

// startsBlock reports whether the character at i would make the text a list or an underline.
func startsBlock(text string, i int) bool {
	switch text[i] {
	case '-', '+', '=':
		return i == 0
	case '.', ')':
		return i > 0 && strings.Trim(text[:i], "0123456789") == ""
	}
	return false
}
