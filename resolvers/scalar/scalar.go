// Package scalar converts between Go values and GraphQL scalars. Empty values are
// written as null. Input of another type is an error: it is never converted, except a text of
// digits for Int64.
package scalar

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"pedigree/registry"
)

// MarshalString writes a string; an empty one is null.
func MarshalString(s string) graphql.Marshaler {
	if s == "" {
		return graphql.Null
	}
	return graphql.MarshalString(s)
}

// UnmarshalString accepts strings of valid UTF-8 without NUL. Null is the empty string.
func UnmarshalString(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	s, ok := v.(string)
	if !ok {
		return "", registry.Errorf(registry.InvalidArgument, "a text is wanted, not %T", v)
	}
	if !utf8.ValidString(s) {
		return "", registry.Errorf(registry.InvalidArgument, "a text is not valid UTF-8")
	}
	if strings.ContainsRune(s, 0) {
		return "", registry.Errorf(registry.InvalidArgument, "a text contains a NUL character")
	}
	return s, nil
}

// MarshalInt64 writes a 64-bit integer.
func MarshalInt64(i int64) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { io.WriteString(w, strconv.FormatInt(i, 10)) })
}

// UnmarshalInt64 accepts whole numbers of 64 bits, also as a string of digits: JavaScript
// writes numbers above 2^53 inexactly. Null is 0.
func UnmarshalInt64(v any) (int64, error) {
	switch v := v.(type) {
	case nil:
		return 0, nil
	case int64:
		return v, nil
	case int:
		return int64(v), nil
	case json.Number:
		return parseInt64(string(v))
	case string:
		return parseInt64(v)
	}
	return 0, registry.Errorf(registry.InvalidArgument, "a whole number is wanted, not %T", v)
}

// parseInt64 reads a whole number as JSON writes it.
func parseInt64(text string) (int64, error) {
	i, err := strconv.ParseInt(text, 10, 64)
	if digits := strings.TrimPrefix(text, "-"); err != nil || text[0] == '+' || len(digits) > 1 && digits[0] == '0' {
		return 0, registry.Errorf(registry.InvalidArgument, "%q is no 64-bit integer", registry.Shorten(text, 40))
	}
	return i, nil
}

// MarshalFloat writes a finite number.
func MarshalFloat(f float64) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { fmt.Fprintf(w, "%v", json.Number(strconv.FormatFloat(f, 'g', -1, 64))) })
}

// UnmarshalFloat accepts finite numbers. Null is 0.
func UnmarshalFloat(v any) (float64, error) {
	var f float64
	switch v := v.(type) {
	case nil:
	case float64:
		f = v
	case int64:
		f = float64(v)
	case int:
		f = float64(v)
	case json.Number:
		var err error
		if f, err = strconv.ParseFloat(string(v), 64); err != nil {
			return 0, registry.Errorf(registry.InvalidArgument, "%s is no number that can be kept", registry.Shorten(string(v), 40))
		}
	default:
		return 0, registry.Errorf(registry.InvalidArgument, "a number is wanted, not %T", v)
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, registry.Errorf(registry.InvalidArgument, "a finite number is wanted")
	}
	return f, nil
}

// MarshalDateTime writes a time as RFC 3339 in UTC; the zero time is null.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	if t.IsZero() {
		return graphql.Null
	}
	return graphql.WriterFunc(func(w io.Writer) { io.WriteString(w, strconv.Quote(t.UTC().Format(time.RFC3339Nano))) })
}

// UnmarshalDateTime accepts RFC 3339, or a date, which means midnight UTC. It truncates
// times to microseconds. Null is the zero time.
func UnmarshalDateTime(v any) (time.Time, error) {
	if v == nil {
		return time.Time{}, nil
	}
	s, ok := v.(string)
	if !ok {
		return time.Time{}, registry.Errorf(registry.InvalidArgument, "a time is wanted as a text, not %T", v)
	}
	t, err := registry.ParseTime(s)
	return t.Truncate(time.Microsecond), err
}

// Check returns the error that a value has as a scalar of this schema, nil when it has none
// or when the scalar is unknown here.
func Check(name string, v any) error {
	var err error
	switch name {
	case "DateTime":
		_, err = UnmarshalDateTime(v)
	case "Int64":
		_, err = UnmarshalInt64(v)
	}
	return err
}
