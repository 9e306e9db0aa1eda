package service_test

import (
	"strings"
	"testing"

	"pedigree/registry"
	"pedigree/service/catalog"
)

// TestANameMeansOneVersion gives versions labels and aliases that mean another version already: each is
// refused in words, and what a name meant it means afterwards.
func TestANameMeansOneVersion(t *testing.T) {
	k := newKit(t)
	must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, catalog.RegisterModelInput{Name: "m"}))
	must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, catalog.RegisterModelInput{Name: "other"}))
	register := func(model, version, label string) error {
		_, err := k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: model, Version: &version, Label: label})
		return err
	}
	alias := func(name, version string) error {
		_, err := k.SetAlias(k.admin, catalog.SetAliasInput{Model: "m", Alias: name, Version: version})
		return err
	}
	for _, c := range []struct {
		what string
		err  error
		want registry.Code
		says string
	}{
		{"a version", register("m", "1.0.0", ""), "", ""},
		{"a version with a label", register("m", "2.0.0", "blue"), "", ""},
		{"a label that is the version", register("m", "2.1.0", "v2.1.0"), "", ""},
		{"an alias", alias("champion", "1.0.0"), "", ""},
		{"an alias that is a label of the same version", alias("blue", "2.0.0"), "", ""},
		{"a label that is another version", register("m", "3.0.0", "1.0.0"), registry.InvalidArgument, "means version 1.0.0"},
		{"a label that would be a later version", register("m", "3.0.0", "9.0.0"), registry.InvalidArgument, "means version 9.0.0"},
		{"the label latest", register("m", "3.0.0", "latest"), registry.InvalidArgument, "latest"},
		{"a label of another version", register("m", "3.0.0", "blue"), registry.AlreadyExists, `has the label "blue" already`},
		{"a label that is an alias", register("m", "3.0.0", "champion"), registry.AlreadyExists, `"champion" is an alias of m`},
		{"an alias that is a label", alias("blue", "1.0.0"), registry.AlreadyExists, `"blue" is the label of another version`},
		{"an alias of another model", register("other", "1.0.0", "champion"), "", ""},
	} {
		if code := registry.CodeOf(c.err); c.err == nil && c.want != "" || c.err != nil && (code != c.want || !strings.Contains(c.err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q with %q", c.what, c.err, c.want, c.says)
		}
	}
	if _, err := k.DeleteAlias(k.admin, catalog.DeleteAliasInput{Model: "m", Alias: "champion"}); err != nil {
		t.Fatal(err)
	}
	if err := register("m", "3.0.0", "champion"); err != nil {
		t.Errorf("a label that was an alias: %v", err)
	}
	for name, want := range map[string]string{"1.0.0": "1.0.0", "blue": "2.0.0", "v2.1.0": "2.1.0", "champion": "3.0.0", "latest": "3.0.0"} {
		v := must[*registry.ModelVersion](k)(k.ModelVersion(k.admin, "m", name))
		if v == nil || v.Version != want {
			t.Errorf("%s means %+v, and not %s", name, v, want)
		}
	}
}
