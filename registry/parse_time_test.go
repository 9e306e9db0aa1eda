package registry

import (
	"testing"
	"time"
)

func TestParseTimeReadsRFC3339AndNothingElse(t *testing.T) {
	for text, want := range map[string]string{
		"2024-01-01":                     "2024-01-01T00:00:00Z",
		"2024-01-01T00:00:00Z":           "2024-01-01T00:00:00Z",
		"2024-01-01t00:00:00z":           "2024-01-01T00:00:00Z",
		"2024-01-01T00:00:00.5z":         "2024-01-01T00:00:00.5Z",
		"2024-01-01T00:00:00+23:59":      "2023-12-31T00:01:00Z",
		"2024-01-01T12:00:00-00:00":      "2024-01-01T12:00:00Z",
		"2024-02-29T23:59:59.123456789Z": "2024-02-29T23:59:59.123456789Z",
	} {
		got, err := ParseTime(text)
		if err != nil || got.Format(time.RFC3339Nano) != want || got.Location() != time.UTC {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "now", "2024", "2024-1-1", "2024-01-01T00:00:00", "2024-01-01 00:00:00Z", "2024-01-01T00:00:00,5Z", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00+24:00",
		"2024-01-01T00:00:00+23:60", "2024-01-01T00:00:00+0100", "2024-01-01T0:00:00Z", "2024-01-01T24:00:00Z", "2024-02-30", "2023-02-29T00:00:00Z", "20240101T000000Z", "1704067200", " 2024-01-01"} {
		if got, err := ParseTime(text); err == nil || CodeOf(err) != InvalidArgument {
			t.Errorf("%q is taken as %v; error %v", text, got, err)
		}
	}
}
