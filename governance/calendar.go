package governance

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// CalendarEvent is a day of a calendar. UID is stable, so that a calendar that reads the event
// again moves it and makes no second one.
type CalendarEvent struct {
	UID         string
	Day         time.Time
	Summary     string
	Description string
}

// Calendar returns events of a whole day each as iCalendar (RFC 5545). stamp is when it is made.
func Calendar(events []CalendarEvent, stamp time.Time) string {
	var b strings.Builder
	line := func(name, value string) { foldLine(&b, name+":"+value) }
	line("BEGIN", "VCALENDAR")
	line("VERSION", "2.0")
	line("PRODID", "-//Pedigree//Pedigree//EN")
	for _, e := range events {
		line("BEGIN", "VEVENT")
		line("UID", calendarText(e.UID))
		line("DTSTAMP", stamp.UTC().Format("20060102T150405Z"))
		line("DTSTART;VALUE=DATE", e.Day.UTC().Format("20060102"))
		line("DTEND;VALUE=DATE", e.Day.UTC().AddDate(0, 0, 1).Format("20060102"))
		line("SUMMARY", calendarText(e.Summary))
		if e.Description != "" {
			line("DESCRIPTION", calendarText(e.Description))
		}
		line("TRANSP", "TRANSPARENT") // It takes nobody's time.
		line("END", "VEVENT")
	}
	line("END", "VCALENDAR")
	return b.String()
}

// calendarText escapes a text (RFC 5545, 3.3.11). Control characters other than a line break are
// left out: the format has no way to write them.
func calendarText(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(s, ""))
	s = strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(s)
}

// maxCalendarLine is the most bytes of a line without its line break (RFC 5545, 3.1).
const maxCalendarLine = 75

// foldLine writes a content line. One that is too long goes on in further lines that begin with a
// blank; a character is never cut in two.
func foldLine(b *strings.Builder, s string) {
	for room := maxCalendarLine; len(s) > room; room = maxCalendarLine - 1 {
		n := room
		for !utf8.RuneStart(s[n]) {
			n--
		}
		fmt.Fprintf(b, "%s\r\n ", s[:n])
		s = s[n:]
	}
	b.WriteString(s + "\r\n")
}
