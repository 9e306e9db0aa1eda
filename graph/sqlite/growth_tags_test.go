package sqlite_test

import (
	"context"
	"maps"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// tagsOf are the tags of the ith model or version: one that all have, one that three
// have, and one of its own.
func tagsOf(i int) []registry.KeyValue {
	out := []registry.KeyValue{{Key: "team", Value: "risk"}, {Key: "own", Value: string(registry.HashID("own", string(rune(i))))}}
	if i >= 3 && i < 6 {
		out = append(out, registry.KeyValue{Key: "rare", Value: "yes"})
	}
	return out
}

// pageOfTwo is the page of these lists: so many has a developer left on the small store when all
// mutations are done.
var pageOfTwo = core.Paging{First: ptr(2)}

func taggedModels(name string, want int, f *catalog.ModelFilter, o *core.ModelOrder) useCase {
	return get("models with "+name+" by "+string(o.Field), want, func(ctx context.Context, g *grown) (int, error) {
		c, err := g.Models(ctx, pageOfTwo, f, o)
		if err != nil {
			return 0, err
		}
		return len(c.Edges), nil
	})
}

// tagLists are the lists that are filtered by a tag.
func tagLists() (out []useCase) {
	all, rare, none := &registry.KeyValue{Key: "team", Value: "risk"}, &registry.KeyValue{Key: "rare", Value: "yes"}, &registry.KeyValue{Key: "team", Value: "nobody"}
	for _, field := range []core.ModelOrderField{"NAME", "CREATED_AT", "OWNER"} {
		o := &core.ModelOrder{Field: field}
		out = append(out, taggedModels("a tag of all", 2, &catalog.ModelFilter{Tag: all}, o),
			taggedModels("a rare tag", 2, &catalog.ModelFilter{Tag: rare}, o),
			taggedModels("no such tag", 0, &catalog.ModelFilter{Tag: none}, o),
			taggedModels("a tag of all and no owner", 0, &catalog.ModelFilter{Tag: all, Owner: "nobody"}, o),
			taggedModels("a tag of all and a prefix", 1, &catalog.ModelFilter{Tag: all, NamePrefix: "m000003"}, o),
			taggedModels("a tag of all of no time", 0, &catalog.ModelFilter{Tag: all, CreatedBefore: ptr(minute(-1))}, o),
			taggedModels("a rare tag and an owner", 2, &catalog.ModelFilter{Tag: rare, Owner: "bob"}, o),
			taggedModels("a rare tag and a stage, none", 0, &catalog.ModelFilter{Tag: rare, Stage: ptr(registry.Canary)}, o))
	}
	for _, field := range []core.ModelOrderField{"NAME", "CREATED_AT"} {
		out = append(out, taggedModels("a tag of all, from the end,", 2, &catalog.ModelFilter{Tag: all}, &core.ModelOrder{Field: field, Direction: "DESC"}))
	}
	for _, field := range []core.ModelVersionOrderField{"VERSION", "NUMBER", "CREATED_DATE", "OWNER"} {
		o := &core.ModelVersionOrder{Field: field, Direction: "DESC"}
		out = append(out, versionList("versions with a tag of all by "+string(field), 5, &catalog.ModelVersionFilter{Tag: all}, o),
			versionList("versions with a rare tag by "+string(field), 3, &catalog.ModelVersionFilter{Tag: rare}, o),
			versionList("versions with no such tag by "+string(field), 0, &catalog.ModelVersionFilter{Tag: none}, o))
	}
	selected := catalog.Selection{Where: []catalog.Condition{{Of: catalog.OfTag, Key: "rare", Compare: catalog.Equal, Values: []string{"yes"}}}}
	return append(out, selectedModels("selected by a rare tag", 3, selected), get("the second page of models with a tag of all", 1, func(ctx context.Context, g *grown) (int, error) {
		f := &catalog.ModelFilter{Tag: all}
		c, err := g.Models(ctx, core.Paging{First: ptr(1)}, f, nil)
		if err != nil {
			return 0, err
		}
		second, err := g.Models(ctx, core.Paging{First: ptr(1), After: &c.PageInfo.EndCursor}, f, nil)
		if err != nil {
			return 0, err
		}
		return len(second.Edges), nil
	}))
}

// probedTags are the lists of probed that are filtered by a tag. In the order by owner, a
// developer's 893 models with a tag are looked up and sorted.
var probedTags = map[string]int{
	"models with a tag of all and no owner by NAME":       50,
	"models with a tag of all and no owner by CREATED_AT": 50,
	"models with a tag of all and no owner by OWNER":      50,
	"models with a tag of all and a prefix by NAME":       50,
	"models with a tag of all and a prefix by CREATED_AT": 50,
	"models with a tag of all and a prefix by OWNER":      50,
	"models with a tag of all of no time by NAME":         50,
	"models with a tag of all of no time by OWNER":        50,
	"models with a tag of all by OWNER":                   1900,
	"versions with a tag of all by VERSION":               1050,
	"versions with a tag of all by NUMBER":                1050,
	"versions with a tag of all by OWNER":                 1050,
}

func init() { maps.Copy(probed, probedTags) }
