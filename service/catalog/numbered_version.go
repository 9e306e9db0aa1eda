package catalog

import (
	"context"
	"slices"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// VersionByNumber returns the version of a model with a number, 0 for the highest number; nil
// when there is none that the caller sees.
func (c *Catalog) VersionByNumber(ctx context.Context, model string, number int) (*registry.ModelVersion, error) {
	if number < 0 {
		return nil, registry.Invalid("number", "must be 1 or more")
	}
	m, err := c.Model(ctx, model)
	if err != nil || m == nil {
		return nil, err
	}
	vs, err := c.versions(ctx, m, core.ChildQuery{Kind: registry.KindModelVersion, Order: registry.IndexNumber, Desc: true, Number: number, Limit: 1, At: m.ReadAt})
	if err != nil || len(vs) == 0 {
		return nil, err
	}
	return vs[0], nil
}

// newestRead is how many of the newest versions of a model are read to find the newest in each
// stage. Most models have a version of each stage that they use among these.
const newestRead = 5

// newestField is the field of the newest versions of a model by stage.
type newestField struct{}

// NewestByStage returns, for each stage of a model that has versions, the one with the highest
// number that the caller sees. It reads those of sibling models with it.
func (c *Catalog) NewestByStage(ctx context.Context, m *registry.Model) (map[registry.Stage]*registry.ModelVersion, error) {
	scope, err := c.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	return core.Batch(ctx, m, newestField{}, func(ctx context.Context, all []*registry.Model) ([]map[registry.Stage]*registry.ModelVersion, error) {
		return c.newestByStage(ctx, scope, all)
	})
}

// newestByStage reads the newest versions of models. Where a model has more versions and no
// version of some stage is among them, it asks for the newest of that stage.
func (c *Catalog) newestByStage(ctx context.Context, scope *policies.Scope, models []*registry.Model) ([]map[registry.Stage]*registry.ModelVersion, error) {
	q := core.ChildQuery{Kind: registry.KindModelVersion, Order: registry.IndexNumber, Desc: true, Limit: newestRead, At: models[0].ReadAt}
	byModel, full, err := core.FirstOfStages[*registry.ModelVersion](ctx, c.core, scope, models, q)
	if err != nil {
		return nil, err
	}
	long := slices.DeleteFunc(slices.Clone(models), func(m *registry.Model) bool { return !full[m.ID] })
	for _, stage := range registry.Stages() {
		missing := slices.DeleteFunc(slices.Clone(long), func(m *registry.Model) bool { return byModel[m.ID][stage] != nil })
		if len(missing) == 0 || !scope.SeesStage(stage) {
			continue
		}
		q.Stages, q.Limit = string(stage), 1
		found, err := core.ChildrenOf[*registry.ModelVersion](ctx, c.core, scope, missing, q)
		if err != nil {
			return nil, err
		}
		for _, m := range missing {
			if len(found[m.ID]) > 0 {
				byModel[m.ID][stage] = found[m.ID][0]
			}
		}
	}
	out := make([]map[registry.Stage]*registry.ModelVersion, len(models))
	var siblings []*registry.ModelVersion
	for i, m := range models {
		out[i] = byModel[m.ID]
		for _, stage := range registry.Stages() {
			if v := out[i][stage]; v != nil {
				siblings = append(siblings, v)
			}
		}
	}
	core.Siblings(ctx, siblings)
	return out, nil
}
