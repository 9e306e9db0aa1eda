package registry

import (
	"fmt"
	"math"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Version is a strict semantic version (semver.org 2.0.0) without build metadata;
// "v1.0.0" and "1.0.0" are the same.
type Version struct{ v *semver.Version }

// Bump is the part of a version to increase.
type Bump string

// The bumps of semver.
const (
	BumpMajor Bump = "MAJOR"
	BumpMinor Bump = "MINOR"
	BumpPatch Bump = "PATCH"
)

// ParseVersion reads a version with or without a leading v. Short forms such as
// "1.2", leading zeros and build metadata are INVALID_ARGUMENT.
func ParseVersion(s string) (Version, error) {
	v, err := semver.StrictNewVersion(strings.TrimPrefix(s, "v"))
	if err != nil || len(s) > 100 {
		return Version{}, Invalid("version", "%q is not a semantic version; write MAJOR.MINOR.PATCH, for example 1.0.0 or 1.0.0-rc.1", Shorten(s, 60))
	}
	if v.Metadata() != "" {
		return Version{}, Invalid("version", "%q carries build metadata, which does not tell versions apart; leave out what follows +", Shorten(s, 60))
	}
	return Version{v}, nil
}

// String returns the version without a leading v.
func (v Version) String() string {
	if v.v == nil {
		return ""
	}
	return v.v.String()
}

// IsPrerelease reports whether the version has a pre-release part.
func (v Version) IsPrerelease() bool { return v.v != nil && v.v.Prerelease() != "" }

// Compare orders by semver precedence: -1, 0 or 1.
func (v Version) Compare(w Version) int { return v.v.Compare(w.v) }

// Next returns the version after v. The next after the zero Version is 1.0.0
// for MAJOR, 0.1.0 for MINOR and 0.0.1 for PATCH.
func (v Version) Next(b Bump) (Version, error) {
	base := v.v
	if base == nil {
		base = semver.New(0, 0, 0, "", "")
	}
	var n semver.Version
	part := map[Bump]uint64{BumpMajor: base.Major(), BumpMinor: base.Minor(), BumpPatch: base.Patch()}[b]
	if part == math.MaxUint64 {
		return Version{}, Errorf(FailedPrecondition, "no %s version comes after %s; give the version", strings.ToLower(string(b)), v)
	}
	switch b {
	case BumpMajor:
		n = base.IncMajor()
	case BumpMinor:
		n = base.IncMinor()
	case BumpPatch:
		n = base.IncPatch()
	default:
		return Version{}, Invalid("bump", "%q is no bump; use MAJOR, MINOR or PATCH", b)
	}
	return Version{&n}, nil
}

// SortKey returns a text whose byte order is semver precedence: numbers have a length
// prefix, a release sorts after its pre-releases, numeric identifiers sort before
// alphanumeric ones, and fewer identifiers before more.
func (v Version) SortKey() string {
	var b strings.Builder
	for _, n := range []uint64{v.v.Major(), v.v.Minor(), v.v.Patch()} {
		b.WriteString(sortableNumber(fmt.Sprint(n)))
	}
	pre := v.v.Prerelease()
	if pre == "" {
		return b.String() + "~"
	}
	b.WriteByte('-')
	for _, id := range strings.Split(pre, ".") {
		if isDigits(id) {
			b.WriteString("0" + sortableNumber(id))
		} else {
			b.WriteString("1" + id)
		}
		b.WriteByte('!')
	}
	return b.String()
}

func sortableNumber(digits string) string { return string(rune('A'+len(digits))) + digits }

func isDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
