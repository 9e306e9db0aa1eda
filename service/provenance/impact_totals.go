package provenance

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/core"
)

// ImpactCounts has the number of all descendants, and what is missing from it.
type ImpactCounts struct {
	Total        int
	Environments []*EnvironmentCount
	Truncation   Truncation
}

// EnvironmentCount is the number of descendants in an environment; nil means no environment.
type EnvironmentCount struct {
	Environment *string
	Count       int
}

// ImpactModels lists the models that are affected.
type ImpactModels struct {
	Models     []*ModelImpact
	Truncation Truncation
}

// ModelImpact counts the versions and live deployments of a model among the descendants. Model
// is nil when the caller does not see it.
type ModelImpact struct {
	Model           *registry.Model
	Versions        int
	LiveDeployments int
}

// maxModels is the largest number of models in one answer.
const maxModels = 1000

// impactTotals counts the descendants of all pages, at the instant of one page. Fields of an
// answer that need the same totals share one walk.
type impactTotals struct {
	*view
	in     ImpactInput
	filter nodeFilter
	at     core.ResolvedInstant

	countOnce, groupOnce sync.Once
	counted              *ImpactCounts
	grouped              *ImpactModels
	countErr             error
	groupErr             error
}

// walk visits all descendants of some kinds.
func (t *impactTotals) walk(ctx context.Context, targets []registry.Kind, withDocuments bool, visit func(lineage.Descendant) error) (*view, Truncation, error) {
	walkCtx, cancel := core.WithAnswerReserve(ctx)
	defer cancel()
	v := &view{explorer: t.explorer, ctx: ctx, scope: t.scope, at: t.at}
	w, err := lineage.NewImpact(walkCtx, t.scope, t.in.Of, targets, t.at.StoreInstant())
	if err != nil {
		return v, Truncation{}, err
	}
	t.under.narrow(w)
	var visitErr error
	_, _, err = w.Rows(walkCtx, lineage.RowPosition{}, withDocuments, lineage.MaxNodes, func(d lineage.Descendant) bool {
		visitErr = visit(d)
		return visitErr == nil
	})
	if err = core.FirstError(visitErr, err); err != nil {
		return v, Truncation{}, err
	}
	v.registerHidden(w.Hidden()...)
	return v, v.truncation(w.Truncation()), nil
}

func (t *impactTotals) counts(ctx context.Context) (*ImpactCounts, error) {
	t.countOnce.Do(func() {
		out, byEnvironment := &ImpactCounts{Environments: []*EnvironmentCount{}}, map[string]int{}
		_, truncation, err := t.walk(ctx, t.in.Targets, t.in.Where.readsDocuments(), func(d lineage.Descendant) error {
			ok, err := t.matches(t.in, t.filter, d)
			if ok {
				out.Total++
				byEnvironment[d.Node.Text(registry.IndexEnvironment)]++
			}
			return err
		})
		out.Truncation = truncation
		for env, n := range byEnvironment {
			c := &EnvironmentCount{Count: n}
			if env != "" {
				c.Environment = &env
			}
			out.Environments = append(out.Environments, c)
		}
		slices.SortFunc(out.Environments, func(a, b *EnvironmentCount) int {
			return cmp.Compare(stringOrEmpty(a.Environment), stringOrEmpty(b.Environment))
		})
		t.counted, t.countErr = out, err
	})
	return t.counted, t.countErr
}

// stringOrEmpty returns *s, "" for nil.
func stringOrEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (t *impactTotals) models(ctx context.Context) (*ImpactModels, error) {
	t.groupOnce.Do(func() { t.grouped, t.groupErr = t.byModel(ctx) })
	return t.grouped, t.groupErr
}

// byModel groups the versions and live deployments among the descendants by model.
func (t *impactTotals) byModel(ctx context.Context) (*ImpactModels, error) {
	byModel := map[registry.ID]*ModelImpact{}
	of := func(version *graph.Node) *ModelImpact { // The parent of a version is its model.
		m := byModel[version.Parent]
		if m == nil {
			m = &ModelImpact{}
			byModel[version.Parent] = m
		}
		return m
	}
	v, truncation, err := t.walk(ctx, []registry.Kind{registry.KindModelVersion, registry.KindDeployment}, false, func(d lineage.Descendant) error {
		path := d.Path()
		switch predecessor := path[len(path)-2]; {
		case d.Node.Deleted: // It is in the lineage, and no version of its model any more.
		case d.Node.Kind == registry.KindModelVersion:
			of(d.Node).Versions++
		case predecessor.Kind == registry.KindModelVersion && !predecessor.Hidden && t.isLive(d.Node):
			of(predecessor).LiveDeployments++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return v.modelImpacts(ctx, byModel, truncation)
}

// modelImpacts reads the models of an answer and sorts them by name.
func (v *view) modelImpacts(ctx context.Context, byModel map[registry.ID]*ModelImpact, truncation Truncation) (*ImpactModels, error) {
	out := &ImpactModels{Models: []*ModelImpact{}, Truncation: truncation}
	ids := make([]registry.ID, 0, len(byModel))
	for id := range byModel {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	nodes, err := lineage.Nodes(ctx, v.scope, v.at.StoreInstant(), ids...)
	if err != nil {
		return nil, err
	}
	for i, n := range nodes {
		m := byModel[ids[i]]
		if m.Model, err = core.NounAs[*registry.Model](v.explorer.core.Decode(n, v.at.NounInstant())); err != nil {
			return nil, err
		}
		out.Models = append(out.Models, m)
	}
	slices.SortStableFunc(out.Models, func(a, b *ModelImpact) int { return cmp.Compare(modelName(a.Model), modelName(b.Model)) })
	if len(out.Models) > maxModels {
		out.Models, out.Truncation.Truncated = out.Models[:maxModels], true
		if !slices.Contains(out.Truncation.Reasons, lineage.ReasonNodes) {
			out.Truncation.Reasons = append(out.Truncation.Reasons, lineage.ReasonNodes)
		}
	}
	models := make([]*registry.Model, len(out.Models))
	for i, m := range out.Models {
		models[i] = m.Model
	}
	core.Siblings(ctx, models)
	return out, nil
}

func modelName(m *registry.Model) string {
	if m == nil {
		return ""
	}
	return m.Name
}
