package service_test

import (
	"fmt"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
)

// aliases records aliases of version 1.0.0 of the model m, from number first on.
func (k *kit) aliases(first, n int) {
	k.Helper()
	for ; n > 0; n -= 500 {
		var batch []bulk.FactInput
		for i := range min(n, 500) {
			batch = append(batch, bulk.FactInput{Alias: &catalog.SetAliasInput{Model: "m", Alias: fmt.Sprintf("a%05d", first+i), Version: "1.0.0", At: k.now}})
		}
		first += len(batch)
		must[*bulk.RecordFactsPayload](k)(k.RecordFacts(k.admin, bulk.RecordFactsInput{Facts: batch}))
	}
}

// TestALongListOfAliasesIsRefusedAndNotCut also shows that aliases which are gone do not count,
// and that a version lists only its own.
func TestALongListOfAliasesIsRefusedAndNotCut(t *testing.T) {
	k := newKit(t)
	must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, catalog.RegisterModelInput{Name: "m"}))
	for _, version := range []string{"1.0.0", "1.0.1"} {
		must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: &version}))
	}
	k.now = k.now.Add(time.Hour)
	k.aliases(0, 999)
	m := must[*registry.Model](k)(k.Model(k.admin, "m"))
	if all, err := k.AliasesOf(k.admin, m); err != nil || len(all) != 999 {
		t.Fatalf("%d aliases, %v", len(all), err)
	}
	k.aliases(999, 1)
	_, err := k.AliasesOf(k.admin, m)
	k.wantCode(registry.ResourceExhausted, err)
	first, second := must[*registry.ModelVersion](k)(k.ModelVersion(k.admin, "m", "1.0.0")), must[*registry.ModelVersion](k)(k.ModelVersion(k.admin, "m", "1.0.1"))
	_, err = k.AliasesOfVersion(k.admin, first)
	k.wantCode(registry.ResourceExhausted, err)

	k.now = k.now.Add(time.Hour)
	must[*catalog.SetAliasPayload](k)(k.SetAlias(k.admin, catalog.SetAliasInput{Model: "m", Alias: "a00007", Version: "1.0.1"}))
	if _, err := k.DeleteAlias(k.admin, catalog.DeleteAliasInput{Model: "m", Alias: "a00008"}); err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]int{"1.0.0": 998, "1.0.1": 1, "the model": 999} {
		all, err := k.AliasesOfVersion(k.admin, map[string]*registry.ModelVersion{"1.0.0": first, "1.0.1": second, "the model": second}[what])
		if what == "the model" {
			all, err = k.AliasesOf(k.admin, m)
		}
		if err != nil || len(all) != want {
			t.Errorf("%s: %d aliases, %v; want %d", what, len(all), err, want)
		}
	}
	must[*catalog.SetAliasPayload](k)(k.SetAlias(k.admin, catalog.SetAliasInput{Model: "m", Alias: "a00008", Version: "1.0.1"}))
	if all, err := k.AliasesOfVersion(k.admin, second); err != nil || len(all) != 2 {
		t.Errorf("set again: %d aliases, %v", len(all), err)
	}
}

// TestTheLatestVersionIsFoundBehindManyPreReleases goes on past the first page of versions.
func TestTheLatestVersionIsFoundBehindManyPreReleases(t *testing.T) {
	k := newKit(t)
	must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, catalog.RegisterModelInput{Name: "m"}))
	register := func(version string) {
		must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: &version}))
	}
	register("1.0.0")
	for batch := range 3 {
		var facts []bulk.FactInput
		for i := range 400 {
			version := fmt.Sprintf("2.0.0-rc.%d", batch*400+i)
			facts = append(facts, bulk.FactInput{ModelVersion: &catalog.RegisterModelVersionInput{Model: "m", Version: &version, CreatedDate: k.now}})
		}
		must[*bulk.RecordFactsPayload](k)(k.RecordFacts(k.admin, bulk.RecordFactsInput{Facts: facts}))
	}
	for _, want := range []string{"1.0.0", "2.0.0"} {
		if want == "2.0.0" {
			register(want)
		}
		if v := must[*registry.ModelVersion](k)(k.LatestVersion(k.admin, must[*registry.Model](k)(k.Model(k.admin, "m")))); v == nil || v.Version != want {
			t.Errorf("%v, want %s", v, want)
		}
	}
}
