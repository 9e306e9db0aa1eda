package core

import (
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"

	"pedigree/registry"
)

// MaxAhead is how far a given time may lie ahead of the clock: the clocks of callers differ.
const MaxAhead = 5 * time.Minute

// CheckNotAhead answers INVALID_ARGUMENT for a time that lies more than MaxAhead after now.
func CheckNotAhead(field string, t, now time.Time) error {
	if t.After(now.Add(MaxAhead)) {
		return registry.Invalid(field, "%s has not come yet, it is %s; give a time that has come", t.UTC().Format(time.RFC3339), now.Format(time.RFC3339))
	}
	return nil
}

// CheckTimesNotAhead is CheckNotAhead for every time in an input of a mutation, at any depth.
// It finds them by reflection, so that no input can forget it.
func CheckTimesNotAhead(input any, now time.Time) error {
	path, t := timeAhead(reflect.ValueOf(input), now.Add(MaxAhead))
	return CheckNotAhead(path, t, now)
}

var timeType = reflect.TypeFor[time.Time]()

// timeAhead returns the path and the value of a time after limit; a zero time when there is
// none.
func timeAhead(v reflect.Value, limit time.Time) (path string, found time.Time) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return timeAhead(v.Elem(), limit)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return "", time.Time{}
		}
		for i := range v.Len() {
			if path, found = timeAhead(v.Index(i), limit); !found.IsZero() {
				return strings.TrimSuffix(fmt.Sprintf("[%d].%s", i, path), "."), found
			}
		}
	case reflect.Struct:
		if v.Type() == timeType {
			if t := v.Interface().(time.Time); t.After(limit) {
				return "", t
			}
			return "", time.Time{}
		}
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			if path, found = timeAhead(v.Field(i), limit); !found.IsZero() {
				return joinPath(inputName(v.Type().Field(i)), path), found
			}
		}
	}
	return "", time.Time{}
}

// joinPath joins the name of a field and the path within it.
func joinPath(name, path string) string {
	if path == "" || strings.HasPrefix(path, "[") {
		return name + path
	}
	return name + "." + path
}

// inputName is the name of a field in the API.
func inputName(f reflect.StructField) string {
	if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
		return name
	}
	return string(unicode.ToLower(rune(f.Name[0]))) + f.Name[1:]
}
