package service_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// made registers a model with versions 1.0.0, 1.0.1, … and returns their ids.
func (k *kit) made(model string, n int) (ids []registry.ID) {
	k.Helper()
	must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, catalog.RegisterModelInput{Name: model}))
	for i := range n {
		v := must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: model, Version: new(fmt.Sprintf("1.0.%d", i))}))
		ids = append(ids, v.ModelVersion.ID)
	}
	return ids
}

// TestAModelIsRenamed renames a model: its id and versions stay, the old name is free, grants by
// name follow the name, and the past tells the name of then.
func TestAModelIsRenamed(t *testing.T) {
	k := newKit(t)
	ids := k.made("churn", 1)
	before := must[*registry.Model](k)(k.Model(k.admin, "churn"))
	byName := k.assign("ada", registry.RoleDataScientist, "model:churn")
	_, err := k.RenameModel(byName, catalog.RenameModelInput{Model: new("churn"), Name: "other"})
	k.wantCode(registry.Forbidden, err)
	k.made("taken", 0)
	_, err = k.RenameModel(k.admin, catalog.RenameModelInput{Model: new("churn"), Name: "taken"})
	k.wantCode(registry.AlreadyExists, err)
	_, err = k.RenameModel(k.admin, catalog.RenameModelInput{Model: new("churn"), Name: "a/b"})
	k.wantCode(registry.InvalidArgument, err)
	then := core.PointInTime{AsOf: k.now}
	k.now = k.now.Add(time.Hour)
	after := must[*catalog.ModelPayload](k)(k.RenameModel(k.admin, catalog.RenameModelInput{Model: new("churn"), Name: "attrition", Reason: "clearer"})).Model
	if e := k.lastLog(); after.ID != before.ID || after.Name != "attrition" || after.FirstName != "churn" || e.Action != registry.LogModelRenamed || e.Reason != "clearer" || !strings.Contains(string(e.Detail), `"from":"churn"`) {
		t.Errorf("%+v %+v", after, e)
	}
	if v := must[*registry.ModelVersion](k)(k.ModelVersion(k.admin, "attrition", "1.0.0")); v == nil || v.ID != ids[0] {
		t.Errorf("%+v", v)
	}
	if m := must[*registry.Model](k)(k.Model(k.admin, "churn")); m != nil {
		t.Errorf("the old name: %+v", m)
	}
	for name, want := range map[string]bool{"churn": true, "attrition": false} {
		if m := must[*registry.Model](k)(k.Model(k.admin, name, then)); (m != nil) != want {
			t.Errorf("before, %s was %+v", name, m)
		}
	}
	if m := must[*registry.Model](k)(k.Model(k.admin, "attrition", core.PointInTime{AsOf: k.now})); m == nil || m.ID != before.ID {
		t.Errorf("now as a time: %+v", m)
	}
	k.wantNames(k.stored("ada")) // Her grant names a model that is not there.
	again := k.made("churn", 1)
	if again[0] == ids[0] {
		t.Error("a new model of the old name has the old ids")
	}
	k.wantNames(k.stored("ada"), "churn")
	back := must[*catalog.ModelPayload](k)(k.RenameModel(k.admin, catalog.RenameModelInput{Model: new("churn"), Name: "x"})).Model
	if back = must[*catalog.ModelPayload](k)(k.RenameModel(k.admin, catalog.RenameModelInput{ID: &back.ID, Name: "churn"})).Model; back.FirstName != "" {
		t.Errorf("%+v", back)
	}
}

// TestARenamedModelIsExported loads the facts of a renamed model into another registry, and again
// into its own: the ids are the same.
func TestARenamedModelIsExported(t *testing.T) {
	k := newKit(t)
	ids := k.made("churn", 2)
	must[*catalog.TransitionModelVersionPayload](k)(k.TransitionModelVersion(k.admin, catalog.TransitionModelVersionInput{ID: &ids[0], To: registry.Staging}))
	must[*catalog.SetAliasPayload](k)(k.SetAlias(k.admin, catalog.SetAliasInput{Model: "churn", Alias: "best", Version: "1.0.1"}))
	must[*catalog.ModelPayload](k)(k.RenameModel(k.admin, catalog.RenameModelInput{Model: new("churn"), Name: "attrition"}))
	k.made("churn", 1) // The name is used again.
	var exported []bulk.FactInput
	if _, err := k.ExportFacts(k.admin, func(f bulk.FactInput) error { exported = append(exported, f); return nil }); err != nil {
		t.Fatal(err)
	}
	other := newKit(t)
	for _, into := range []*kit{other, k} {
		for _, f := range exported {
			if _, err := into.RecordFacts(into.admin, bulk.RecordFactsInput{Facts: []bulk.FactInput{f}}); err != nil {
				t.Fatalf("%+v: %v", f, err)
			}
		}
	}
	for i, id := range ids {
		v := must[*registry.ModelVersion](other)(other.ModelVersion(other.admin, "attrition", fmt.Sprintf("1.0.%d", i)))
		if v == nil || v.ID != id || v.Stage != []registry.Stage{registry.Staging, registry.Development}[i] {
			t.Errorf("%+v", v)
		}
	}
	if v := must[*registry.ModelVersion](other)(other.ModelVersion(other.admin, "attrition", "best")); v == nil || v.ID != ids[1] {
		t.Errorf("%+v", v)
	}
}

// TestSingleTagsAreSet sets and removes single tags of a model and of a version, side by side with
// others.
func TestSingleTagsAreSet(t *testing.T) {
	k := newKit(t)
	ids := k.made("m", 1)
	kv := func(key, value string) registry.KeyValue { return registry.KeyValue{Key: key, Value: value} }
	model := func(e catalog.TagEdits) []registry.KeyValue {
		return must[*catalog.ModelPayload](k)(k.UpdateModel(k.admin, catalog.UpdateModelInput{Model: new("m"), TagEdits: e})).Model.Tags
	}
	version := func(e catalog.TagEdits) []registry.KeyValue {
		return must[*catalog.UpdateModelVersionPayload](k)(k.UpdateModelVersion(k.admin, catalog.UpdateModelVersionInput{ID: &ids[0], TagEdits: e})).ModelVersion.Tags
	}
	for _, edit := range []func(catalog.TagEdits) []registry.KeyValue{model, version} {
		edit(catalog.TagEdits{SetTags: []registry.KeyValue{kv("a", "1"), kv("b", "2")}})
		if got := edit(catalog.TagEdits{SetTags: []registry.KeyValue{kv("b", "3"), kv("c", "")}, RemoveTags: []string{"a"}}); !slices.Equal(got, []registry.KeyValue{kv("b", "3"), kv("c", "")}) {
			t.Errorf("%v", got)
		}
		head := k.lastLog().Seq
		if edit(catalog.TagEdits{SetTags: []registry.KeyValue{kv("b", "3")}, RemoveTags: []string{"a"}}); k.lastLog().Seq != head {
			t.Error("an edit that changes nothing was written")
		}
	}
	for _, in := range []catalog.UpdateModelVersionInput{{Tags: []registry.KeyValue{kv("a", "1")}, TagEdits: catalog.TagEdits{RemoveTags: []string{"b"}}},
		{TagEdits: catalog.TagEdits{SetTags: []registry.KeyValue{kv("a", "1")}, RemoveTags: []string{"a"}}}, {TagEdits: catalog.TagEdits{RemoveTags: []string{""}}},
		{TagEdits: catalog.TagEdits{SetTags: []registry.KeyValue{kv("a", strings.Repeat("x", registry.MaxTagValue+1))}}}, {TagEdits: catalog.TagEdits{SetTags: manyTags(201, 1)}},
		{TagEdits: catalog.TagEdits{SetTags: manyTags(12, 90_000)}}} {
		in.ID = &ids[0]
		_, err := k.UpdateModelVersion(k.admin, in)
		k.wantCode(registry.InvalidArgument, err)
	}
	_, err := k.UpdateModelVersion(k.admin, catalog.UpdateModelVersionInput{ID: &ids[0], Description: new("d"), IfRevision: new(1)})
	k.wantCode(registry.Conflict, err)
	v := must[*catalog.UpdateModelVersionPayload](k)(k.UpdateModelVersion(k.admin, catalog.UpdateModelVersionInput{Model: new("m"), Version: new("v1.0.0"), Description: new("d"), Owner: new("o")})).ModelVersion
	if v.Description != "d" || v.Owner != "o" || len(v.Tags) != 2 || v.Stage != registry.Development || k.lastLog().Action != registry.LogVersionUpdated {
		t.Errorf("%+v", v)
	}
}

func manyTags(n, size int) (out []registry.KeyValue) {
	for i := range n {
		out = append(out, registry.KeyValue{Key: fmt.Sprint("k", i), Value: strings.Repeat("x", size)})
	}
	return out
}

// TestPeersAreArchivedTogetherOrNotAtAll archives peers only for those who may, and writes nothing
// where a peer may not be archived.
func TestPeersAreArchivedTogetherOrNotAtAll(t *testing.T) {
	k := newKit(t)
	ids := k.made("m", 3)
	for _, id := range ids[:2] {
		must[*catalog.TransitionModelVersionPayload](k)(k.TransitionModelVersion(k.admin, catalog.TransitionModelVersionInput{ID: &id, To: registry.Staging}))
	}
	k.put("stager", "field:any", "READ")
	k.put("stager", "catalog.read", "DO")
	k.put("stager", "transition", "DO", access.PolicyCondition{Key: "TO", Values: []string{"STAGING"}})
	stager := k.assign("sue", "stager", "")
	in := catalog.TransitionModelVersionInput{ID: &ids[2], To: registry.Staging, ArchivePeers: true}
	head := k.lastLog().Seq
	_, err := k.TransitionModelVersion(stager, in)
	k.wantCode(registry.Forbidden, err)
	if v := must[*registry.ModelVersion](k)(k.ModelVersion(k.admin, "m", "1.0.2")); v.Stage != registry.Development || k.lastLog().Seq != head {
		t.Errorf("%+v", v)
	}
	in.ArchivePeers = false
	_, err = k.TransitionModelVersion(k.stored("sue"), in)
	k.wantCode("", err)
	_, err = k.TransitionModelVersion(k.admin, catalog.TransitionModelVersionInput{ID: &ids[2], To: registry.Archived, ArchivePeers: true})
	k.wantCode(registry.InvalidArgument, err)
}
