package governance

import (
	"slices"
	"time"

	"pedigree/registry"
)

// A deprecation goes from PLANNED over ANNOUNCED to RETIRED and CLEANED_UP. While it is
// announced the version is supported. A plan, or an announcement, can be withdrawn.
// What is over can begin anew, when the version is in use again. A version that never served is
// retired without a plan.
var deprecationSteps = map[registry.DeprecationStep][]registry.DeprecationStep{
	"":                            {registry.DeprecationPlanned, registry.DeprecationRetired},
	registry.DeprecationPlanned:   {registry.DeprecationAnnounced, registry.DeprecationRetired, registry.DeprecationWithdrawn},
	registry.DeprecationAnnounced: {registry.DeprecationRetired, registry.DeprecationWithdrawn},
	registry.DeprecationRetired:   {registry.DeprecationCleanedUp, registry.DeprecationPlanned, registry.DeprecationRetired},
	registry.DeprecationCleanedUp: {registry.DeprecationPlanned, registry.DeprecationRetired},
	registry.DeprecationWithdrawn: {registry.DeprecationPlanned, registry.DeprecationRetired},
}

// CheckDeprecationStep returns FAILED_PRECONDITION when a deprecation cannot go from one step to
// another; "" is the step of a version that has none.
func CheckDeprecationStep(from, to registry.DeprecationStep) error {
	switch {
	case slices.Contains(deprecationSteps[from], to):
		return nil
	case from == "":
		return registry.Errorf(registry.FailedPrecondition, "no deprecation of this version is planned; plan one with planDeprecation")
	case to == registry.DeprecationPlanned:
		return registry.Errorf(registry.FailedPrecondition, "a deprecation of this version is %s already; go on with that one, or withdraw it", from)
	}
	return registry.Errorf(registry.FailedPrecondition, "the deprecation is %s; from there it can go to %v, not to %s", from, deprecationSteps[from], to)
}

// MinimumNotice is how many calendar months lie at least between an announcement and the sunset.
const MinimumNotice = 3

// EarliestSunset returns the first day that an announcement may name: three calendar months
// later, on the same day of the month or the last one of a shorter month, in UTC.
func EarliestSunset(announced time.Time) time.Time {
	y, m, d := announced.UTC().Date()
	first := time.Date(y, m+MinimumNotice, 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(d, last)-1)
}

// SunsetDay returns the day, in UTC, of a time that names a sunset.
func SunsetDay(t time.Time) time.Time {
	y, m, d := t.UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// CheckSunset returns INVALID_ARGUMENT for a sunset that comes too early after an announcement.
func CheckSunset(announced, sunset time.Time) error {
	if earliest := EarliestSunset(announced); SunsetDay(sunset).Before(earliest) {
		return registry.Invalid("sunset", "must lie at least %d calendar months after the announcement: on %s or later", MinimumNotice, earliest.Format(time.DateOnly))
	}
	return nil
}

// Retirement is what the rules of a retirement look at.
type Retirement struct {
	Stage registry.Stage
	// Step and Sunset are those of the version's last deprecation.
	Step   registry.DeprecationStep
	Sunset time.Time
	Now    time.Time
	// Force and Reason are what the caller gave.
	Force  bool
	Reason string
}

// Early reports whether the retirement comes before the sunset, or without an announcement of
// a version that was in use.
func (r Retirement) Early() bool {
	if r.Step == registry.DeprecationAnnounced {
		return SunsetDay(r.Now).Before(r.Sunset)
	}
	return slices.Contains(registry.ServedStages(), r.Stage)
}

// Check returns FAILED_PRECONDITION for a retirement that comes too early and is not forced. A
// version that never served needs no announcement: nobody relies on it.
func (r Retirement) Check() error {
	switch {
	case r.Force && r.Reason == "":
		return registry.Invalid("force", "needs a reason: say why the version cannot wait for its sunset")
	case r.Force || !r.Early():
		return nil
	case r.Step == registry.DeprecationAnnounced:
		return registry.Errorf(registry.FailedPrecondition, "its sunset is on %s; wait for it, or pass force with a reason", r.Sunset.Format(time.DateOnly))
	}
	return registry.Errorf(registry.FailedPrecondition, "no deprecation of this version is announced; announce one with announceDeprecation, or pass force with a reason")
}

// RetiredOnly reports whether a version reaches ARCHIVED only by a retirement: under an announced
// deprecation, and wherever a guard is set.
func RetiredOnly(step registry.DeprecationStep, rule Rule) bool {
	return step == registry.DeprecationAnnounced || rule.Needed > 0
}

// KeepUntil returns the day, in UTC, until which the records of a version are kept that is retired
// at a time.
func KeepUntil(retired time.Time, days int) time.Time { return SunsetDay(retired).AddDate(0, 0, days) }

// CheckCleanup returns FAILED_PRECONDITION while the records of a retired version are kept, and
// when it is in use again.
func CheckCleanup(d *registry.Deprecation, stage registry.Stage, now time.Time) error {
	if stage != registry.Archived {
		return registry.Errorf(registry.FailedPrecondition, "the version is in %s, not in ARCHIVED; retire it first with retireModelVersion", stage)
	}
	if now.Before(d.KeepUntil) {
		return registry.Errorf(registry.FailedPrecondition, "the records of this version are kept until %s", d.KeepUntil.Format(time.DateOnly))
	}
	return nil
}

// CheckWithdrawal returns FORBIDDEN when a caller may not withdraw a deprecation: who may plan
// withdraws a plan, who may announce also an announcement.
func CheckWithdrawal(step registry.DeprecationStep, mayAnnounce bool) error {
	if step == registry.DeprecationAnnounced && !mayAnnounce {
		return registry.Errorf(registry.Forbidden, "an announced deprecation is withdrawn by who may do %s; ask an administrator", registry.DeprecationAnnounce)
	}
	return nil
}
