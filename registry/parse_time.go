package registry

import (
	"regexp"
	"strings"
	"time"
)

// rfc3339 matches the form of a time. Parsing checks the numbers, besides those of the
// offset.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// ParseTime reads a time as RFC 3339, with T and Z in either case, or a date, which means
// midnight UTC. It is stricter than time.Parse, which takes a comma before the fraction, an
// hour of one digit and an offset of 24 hours.
func ParseTime(text string) (time.Time, error) {
	upper := strings.ToUpper(text)
	if t, err := time.Parse(time.RFC3339Nano, upper); err == nil && t.IsZero() { // It would be read as a time that is left out.
		return time.Time{}, Errorf(InvalidArgument, "%q lies before 1970; leave out a time that is not known", Shorten(text, 40))
	}
	if t, err := time.Parse(time.RFC3339Nano, upper); err == nil && rfc3339.MatchString(upper) {
		return t.UTC(), nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil && !t.IsZero() {
		return t, nil
	}
	return time.Time{}, Errorf(InvalidArgument, "%q is no time; write RFC 3339, for example 2024-01-01T00:00:00Z", Shorten(text, 40))
}
