package registry_test

import (
	"strings"
	"testing"

	"pedigree/registry"
)

func TestNamesThatLookAlikeAreRefused(t *testing.T) {
	for _, name := range []string{"churn ", " churn", "churn\u200b", "  ", "\u3164", "ch\u00adurn", "churn\u00a0"} {
		if err := registry.CheckName("name", name); registry.CodeOf(err) != registry.InvalidArgument {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"churn", "churn model", "модель", "モデル", "eu=churn"} {
		if err := registry.CheckName("name", name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestNoVersionComesAfterTheLast(t *testing.T) {
	v, err := registry.ParseVersion("18446744073709551615.0.0")
	if err != nil {
		t.Fatal(err)
	}
	if next, err := v.Next(registry.BumpMajor); registry.CodeOf(err) != registry.FailedPrecondition {
		t.Errorf("%v, %v", next, err)
	}
	if next, err := v.Next(registry.BumpMinor); err != nil || next.String() != "18446744073709551615.1.0" {
		t.Errorf("%v, %v", next, err)
	}
}

func TestNumbersOutOfRangeAreRefused(t *testing.T) {
	var j registry.JSON
	if err := j.UnmarshalJSON([]byte(`{"a": [{"lr": 1E400}]}`)); registry.CodeOf(err) != registry.InvalidArgument || !strings.Contains(err.Error(), "1E400") {
		t.Errorf("%v", err)
	}
	if err := j.UnmarshalJSON([]byte(`{"n": 123456789012345678901234567890}`)); err != nil || string(j) != `{"n":123456789012345678901234567890}` {
		t.Errorf("%s, %v", j, err)
	}
}

func TestTheFirstInstantIsNoTimeThatIsLeftOut(t *testing.T) {
	for _, text := range []string{"0001-01-01T00:00:00Z", "0001-01-01", "0001-01-01T01:00:00+01:00"} {
		if at, err := registry.ParseTime(text); registry.CodeOf(err) != registry.InvalidArgument {
			t.Errorf("%s: %v, %v", text, at, err)
		}
	}
}
