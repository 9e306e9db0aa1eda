package service_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

func TestListsAreFilteredByATag(t *testing.T) {
	k := newKit(t)
	tag := func(key, value string) *registry.KeyValue { return &registry.KeyValue{Key: key, Value: value} }
	for i, name := range []string{"b", "a", "c", "d"} {
		tags := []registry.KeyValue{*tag("team", []string{"risk", "risk", "fraud", "risk"}[i]), *tag("own", name)}
		must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, catalog.RegisterModelInput{Name: name, Owner: []string{"y", "x", "y", "y"}[i], Tags: tags}))
		for j, v := range []string{"1.0.0", "2.0.0"} {
			must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: name, Version: &v, Tags: []registry.KeyValue{*tag("half", fmt.Sprint(j))}}))
		}
	}
	k.move("a", "1.0.0", registry.Staging, registry.Production)
	list := func(ctx context.Context, f *catalog.ModelFilter, o *core.ModelOrder) string {
		return titles(must[*catalog.ModelConnection](k)(k.Models(ctx, core.Paging{}, f, o)).Edges, func(e *catalog.ModelEdge) string { return e.Node.Name })
	}
	risk, newest := tag("team", "risk"), &core.ModelOrder{Field: "CREATED_AT", Direction: "DESC"}
	developer := k.as("dev", registry.RoleDeveloper)
	for what, c := range map[string][2]string{
		"by name":               {list(k.admin, &catalog.ModelFilter{Tag: risk}, nil), "a b d"},
		"by time":               {list(k.admin, &catalog.ModelFilter{Tag: tag("team", "fraud")}, newest), "c"},
		"with an owner":         {list(k.admin, &catalog.ModelFilter{Tag: risk, Owner: "y"}, nil), "b d"},
		"with a stage":          {list(k.admin, &catalog.ModelFilter{Tag: risk, Stage: ptr(registry.Production)}, nil), "a"},
		"nothing":               {list(k.admin, &catalog.ModelFilter{Tag: tag("team", "ris")}, nil), ""},
		"another key":           {list(k.admin, &catalog.ModelFilter{Tag: tag("risk", "team")}, nil), ""},
		"what a developer sees": {list(developer, &catalog.ModelFilter{Tag: risk}, nil), "a"},
		"hidden from them":      {list(developer, &catalog.ModelFilter{Tag: tag("own", "b")}, nil), ""},
		"not composed":          {list(k.admin, &catalog.ModelFilter{Tag: tag("own", "b\u0301")}, nil), ""},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %q, want %q", what, c[0], c[1])
		}
	}
	_, err := k.Models(k.as("view", registry.RoleViewer), core.Paging{}, &catalog.ModelFilter{Tag: risk}, nil)
	k.wantCode(registry.Forbidden, err)
	_, err = k.Models(k.admin, core.Paging{}, &catalog.ModelFilter{Tag: tag("", "x")}, nil)
	k.wantCode(registry.InvalidArgument, err)

	page := must[*catalog.ModelConnection](k)(k.Models(k.admin, core.Paging{First: ptr(2)}, &catalog.ModelFilter{Tag: risk}, nil))
	if n := must[*int](k)(page.TotalCount(t.Context())); n == nil || *n != 3 || !page.PageInfo.HasNextPage {
		t.Errorf("the first page: %+v, total %v", page.PageInfo, n)
	}
	_, err = k.Models(k.admin, core.Paging{After: &page.PageInfo.EndCursor}, &catalog.ModelFilter{Tag: tag("team", "fraud")}, nil)
	k.wantCode(registry.InvalidArgument, err) // A cursor is of one list.

	m := must[*registry.Model](k)(k.Model(k.admin, "a"))
	versions := func(p core.PointInTime, f *catalog.ModelVersionFilter) string {
		ctx := k.WithLoaders(k.admin)
		of := must[*registry.Model](k)(k.Model(ctx, "a", p))
		return titles(must[*catalog.ModelVersionConnection](k)(k.VersionsOf(ctx, of, core.Paging{}, f, nil)).Edges, func(e *catalog.ModelVersionEdge) string { return e.Node.Version })
	}
	half := &catalog.ModelVersionFilter{Tag: tag("half", "1")}
	if got := versions(core.PointInTime{}, half); got != "2.0.0" {
		t.Errorf("versions with a tag: %q", got)
	}
	before := k.now.Add(time.Minute)
	k.now = k.now.Add(time.Hour)
	must[*catalog.UpdateModelVersionPayload](k)(k.UpdateModelVersion(k.admin, catalog.UpdateModelVersionInput{Model: ptr("a"), Version: ptr("1.0.0"), TagEdits: catalog.TagEdits{SetTags: []registry.KeyValue{*tag("half", "1")}}}))
	must[*catalog.ModelPayload](k)(k.UpdateModel(k.admin, catalog.UpdateModelInput{ID: &m.ID, TagEdits: catalog.TagEdits{RemoveTags: []string{"team"}}}))
	k.now = k.now.Add(time.Hour)
	if got := versions(core.PointInTime{}, half); got != "2.0.0 1.0.0" {
		t.Errorf("versions with a new tag: %q", got)
	}
	if got := versions(core.PointInTime{AsOf: before}, half); got != "2.0.0" {
		t.Errorf("versions that had the tag then: %q", got)
	}
	if got := list(k.admin, &catalog.ModelFilter{Tag: risk}, nil); got != "b d" {
		t.Errorf("after a tag is gone: %q", got)
	}
	must[*core.DeletePayload](k)(k.DeleteModel(k.admin, catalog.DeleteModelInput{Model: ptr("d"), Reason: "r"}))
	if got := list(k.admin, &catalog.ModelFilter{Tag: risk}, nil); got != "b" {
		t.Errorf("after a model is gone: %q", got)
	}
}

func TestSearchByTagAndItsFacet(t *testing.T) {
	k := newKit(t)
	for i, name := range []string{"credit one", "credit two", "credit three"} {
		must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, catalog.RegisterModelInput{Name: name, Tags: []registry.KeyValue{{Key: "team", Value: []string{"risk", "risk", "fraud"}[i]}, {Key: "i", Value: fmt.Sprint(i)}}}))
	}
	must[*facts.RecordDatasetVersionPayload](k)(k.RecordDatasetVersion(k.admin, facts.RecordDatasetVersionInput{Dataset: "credit", Version: "1"}))
	search := func(ctx context.Context, tag *registry.KeyValue) (string, string) {
		c := must[*catalog.SearchConnection](k)(k.Search(ctx, catalog.SearchInput{Text: "credit", Tag: tag}, core.Paging{}))
		f := must[*catalog.SearchFacets](k)(c.Facets(t.Context()))
		var counts []string
		for _, n := range must[[]*catalog.SearchTagCount](k)(f.Tags(t.Context())) {
			counts = append(counts, fmt.Sprintf("%s=%s:%d", n.Tag.Key, n.Tag.Value, n.Count))
		}
		return titles(c.Edges, hitTitle), strings.Join(counts, " ")
	}
	if _, counts := search(k.admin, nil); counts != "team=risk:2 i=0:1 i=1:1 i=2:1 team=fraud:1" {
		t.Errorf("the facet: %s", counts)
	}
	found, counts := search(k.admin, &registry.KeyValue{Key: "team", Value: "risk"})
	if found != "credit one credit two" || counts != "team=risk:2 i=0:1 i=1:1" {
		t.Errorf("by a tag: %s; %s", found, counts)
	}
	if found, counts := search(k.as("dev", registry.RoleDeveloper), &registry.KeyValue{Key: "team", Value: "risk"}); found+counts != "" {
		t.Errorf("a developer finds %s; %s", found, counts)
	}
	_, err := k.Search(k.as("view", registry.RoleViewer), catalog.SearchInput{Text: "credit", Tag: &registry.KeyValue{Key: "team", Value: "risk"}}, core.Paging{})
	k.wantCode(registry.Forbidden, err)
}
