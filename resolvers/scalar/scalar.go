// Package scalar converts between Go values and GraphQL scalars. Empty values are
// written as null. Input of another type is an error: it is never converted.
package scalar

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
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

// UnmarshalString accepts strings of valid UTF-8 without NUL.
func UnmarshalString(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", registry.Errorf(registry.InvalidArgument, "a text is wanted, not %T", v)
	}
	if !utf8.ValidString(s) {
		return "", registry.Errorf(registry.InvalidArgument, "a text is not valid UTF-8")
	}
	for _, r := range s {
		if r == 0 {
			return "", registry.Errorf(registry.InvalidArgument, "a text contains a NUL character")
		}
	}
	return s, nil
}

// MarshalInt64 writes a 64-bit integer.
func MarshalInt64(i int64) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { io.WriteString(w, strconv.FormatInt(i, 10)) })
}

// UnmarshalInt64 accepts whole numbers of 64 bits, but no strings and no fractions.
func UnmarshalInt64(v any) (int64, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case int:
		return int64(v), nil
	case json.Number:
		i, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil {
			return 0, registry.Errorf(registry.InvalidArgument, "%s is no 64-bit integer", registry.Shorten(string(v), 40))
		}
		return i, nil
	}
	return 0, registry.Errorf(registry.InvalidArgument, "a whole number is wanted, not %T", v)
}

// MarshalFloat writes a finite number.
func MarshalFloat(f float64) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { fmt.Fprintf(w, "%v", json.Number(strconv.FormatFloat(f, 'g', -1, 64))) })
}

// UnmarshalFloat accepts finite numbers.
func UnmarshalFloat(v any) (float64, error) {
	var f float64
	switch v := v.(type) {
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

// UnmarshalDateTime accepts RFC 3339, or a date, which means midnight UTC. It
// truncates times to microseconds.
func UnmarshalDateTime(v any) (time.Time, error) {
	s, _ := v.(string)
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(time.Microsecond), nil
		}
	}
	return time.Time{}, registry.Errorf(registry.InvalidArgument, "%q is no time; write RFC 3339, for example 2024-01-01T00:00:00Z", registry.Shorten(fmt.Sprint(v), 40))
}
