package governance

import (
	"strings"
	"testing"
	"time"

	"pedigree/registry"
)

func day(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04 -0700", text)
	if err != nil {
		t, err = time.Parse(time.DateOnly, text)
	}
	if err != nil {
		panic(err)
	}
	return t
}

// TestASunsetLiesThreeCalendarMonthsAhead compares with dates that were counted on a calendar.
func TestASunsetLiesThreeCalendarMonthsAhead(t *testing.T) {
	for announced, earliest := range map[string]string{
		"2027-03-01": "2027-06-01", "2027-11-30": "2028-02-29", "2026-11-30": "2027-02-28", "2027-11-29": "2028-02-29", "2027-12-31": "2028-03-31", "2027-03-31": "2027-06-30",
		"2027-01-31": "2027-04-30", "2027-10-15": "2028-01-15", "2027-02-28": "2027-05-28", "2028-02-29": "2028-05-29",
		"2027-03-01 23:30 -0500": "2027-06-02", "2027-03-01 00:30 +0200": "2027-05-28", // The day in UTC counts.
	} {
		got := EarliestSunset(day(announced))
		if got.Format(time.DateOnly) != earliest {
			t.Errorf("announced on %s: %s, want %s", announced, got.Format(time.DateOnly), earliest)
		}
		if err := CheckSunset(day(announced), got); err != nil {
			t.Errorf("%s: %v", announced, err)
		}
		if err := CheckSunset(day(announced), got.Add(-time.Second)); registry.CodeOf(err) != registry.InvalidArgument || !strings.Contains(err.Error(), earliest) {
			t.Errorf("%s: %v", announced, err)
		}
	}
}

// TestTheStepsOfADeprecation says for each pair of steps whether the one follows on the other.
func TestTheStepsOfADeprecation(t *testing.T) {
	follows := map[string]bool{" PLANNED": true, " RETIRED": true, "PLANNED ANNOUNCED": true, "PLANNED RETIRED": true, "PLANNED WITHDRAWN": true, "ANNOUNCED RETIRED": true, "ANNOUNCED WITHDRAWN": true,
		"RETIRED CLEANED_UP": true, "RETIRED PLANNED": true, "RETIRED RETIRED": true, "CLEANED_UP PLANNED": true, "CLEANED_UP RETIRED": true, "WITHDRAWN PLANNED": true, "WITHDRAWN RETIRED": true}
	for _, from := range append(registry.DeprecationSteps(), "") {
		for _, to := range registry.DeprecationSteps() {
			err := CheckDeprecationStep(from, to)
			if (err == nil) != follows[string(from)+" "+string(to)] || err != nil && registry.CodeOf(err) != registry.FailedPrecondition {
				t.Errorf("from %q to %s: %v", from, to, err)
			}
		}
	}
}

func TestWhenAVersionIsRetired(t *testing.T) {
	before, sunset := day("2027-05-31"), day("2027-06-01")
	for name, c := range map[string]struct {
		r     Retirement
		early bool
		code  registry.Code
	}{
		"before the sunset":          {Retirement{Stage: registry.Deprecated, Step: registry.DeprecationAnnounced, Now: before.Add(23 * time.Hour)}, true, registry.FailedPrecondition},
		"on the day of the sunset":   {Retirement{Stage: registry.Deprecated, Step: registry.DeprecationAnnounced, Now: sunset}, false, ""},
		"forced without a reason":    {Retirement{Stage: registry.Deprecated, Step: registry.DeprecationAnnounced, Now: before, Force: true}, true, registry.InvalidArgument},
		"forced with a reason":       {Retirement{Stage: registry.Deprecated, Step: registry.DeprecationAnnounced, Now: before, Force: true, Reason: "it leaks"}, true, ""},
		"served and planned":         {Retirement{Stage: registry.Deprecated, Step: registry.DeprecationPlanned, Now: sunset}, true, registry.FailedPrecondition},
		"in production":              {Retirement{Stage: registry.Production, Now: sunset}, true, registry.FailedPrecondition},
		"never served":               {Retirement{Stage: registry.Staging, Now: sunset}, false, ""},
		"never served and announced": {Retirement{Stage: registry.Staging, Step: registry.DeprecationAnnounced, Now: before}, true, registry.FailedPrecondition},
	} {
		c.r.Sunset = sunset
		if err := c.r.Check(); c.r.Early() != c.early || registry.CodeOf(err) != c.code && (err != nil || c.code != "") {
			t.Errorf("%s: early %v, %v", name, c.r.Early(), err)
		}
	}
}

func TestWhatIsRetiredOnly(t *testing.T) {
	guarded := Rule{Stages: []registry.Stage{registry.Production}, Needed: 1}
	for _, step := range append(registry.DeprecationSteps(), "") {
		if got := RetiredOnly(step, Rule{}); got != (step == registry.DeprecationAnnounced) {
			t.Errorf("%q without a guard: %v", step, got)
		}
		if !RetiredOnly(step, guarded) {
			t.Errorf("%q under a guard is archived otherwise", step)
		}
	}
}

func TestRecordsAreKept(t *testing.T) {
	d := &registry.Deprecation{KeepUntil: KeepUntil(day("2027-06-01 18:00 +0000"), 30)}
	if d.KeepUntil != day("2027-07-01") {
		t.Error(d.KeepUntil)
	}
	if err := CheckCleanup(d, registry.Archived, d.KeepUntil.Add(-1)); registry.CodeOf(err) != registry.FailedPrecondition {
		t.Error(err)
	}
	if err := CheckCleanup(d, registry.Archived, d.KeepUntil); err != nil {
		t.Error(err)
	}
	if err := CheckCleanup(d, registry.Development, d.KeepUntil); registry.CodeOf(err) != registry.FailedPrecondition {
		t.Error(err)
	}
}

// unfold reads the content lines of a calendar as RFC 5545 tells to.
func unfold(t *testing.T, text string) (lines []string) {
	t.Helper()
	for _, l := range strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		if len(l) > 75 || strings.ContainsAny(l, "\r\n") || strings.ToValidUTF8(l, "") != l {
			t.Errorf("%q is no line of 75 bytes", l)
		}
		if rest, folded := strings.CutPrefix(l, " "); folded {
			lines[len(lines)-1] += rest
			continue
		}
		lines = append(lines, l)
	}
	return lines
}

func TestACalendarOfSunsets(t *testing.T) {
	long := strings.Repeat("déjà vu, ", 40)
	text := Calendar([]CalendarEvent{{UID: "dpr_1@pedigree", Day: day("2027-12-31"), Summary: "Sunset of a;b\\c 1.0.0", Description: "first\nsecond\x07\r\nBEGIN:VEVENT"},
		{UID: "dpr_2@pedigree", Day: day("2028-02-29"), Summary: long}}, day("2027-03-01 12:00 +0100"))
	want := []string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Pedigree//Pedigree//EN",
		"BEGIN:VEVENT", "UID:dpr_1@pedigree", "DTSTAMP:20270301T110000Z", "DTSTART;VALUE=DATE:20271231", "DTEND;VALUE=DATE:20280101", `SUMMARY:Sunset of a\;b\\c 1.0.0`,
		`DESCRIPTION:first\nsecond\nBEGIN:VEVENT`, "TRANSP:TRANSPARENT", "END:VEVENT",
		"BEGIN:VEVENT", "UID:dpr_2@pedigree", "DTSTAMP:20270301T110000Z", "DTSTART;VALUE=DATE:20280229", "DTEND;VALUE=DATE:20280301", "SUMMARY:" + strings.ReplaceAll(long, ",", `\,`),
		"TRANSP:TRANSPARENT", "END:VEVENT", "END:VCALENDAR"}
	got := unfold(t, text)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("line %d:\n%q\nwant\n%q", i, got[i:min(i+2, len(got))], want[i:min(i+2, len(want))])
		}
	}
}
