package mlflow

import (
	"cmp"
	"context"
	"slices"

	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/facts"
)

// stageOf are the stages of the lifecycle by those of MLflow.
var stageOf = map[string]registry.Stage{"Staging": registry.Staging, "Production": registry.Production, "Archived": registry.Archived}

// shownAs reports whether a version that is in a stage is what MLflow calls by a name. A version
// that another one replaced in PRODUCTION stays DEPRECATED, also where MLflow has several.
func shownAs(stage, wanted registry.Stage) bool {
	switch stage {
	case registry.Canary:
		return wanted == registry.Staging
	case registry.Deprecated:
		return wanted == registry.Archived || wanted == registry.Production
	}
	return stage == wanted
}

// stages moves the versions of a model to their stages, in the order in which they changed last:
// MLflow keeps no other time.
func (im *importer) stages(ctx context.Context, versions []modelVersion, recorded map[integer]*registry.ModelVersion) error {
	inOrder := slices.Clone(versions)
	slices.SortStableFunc(inOrder, func(a, b modelVersion) int { return cmp.Compare(a.Updated, b.Updated) })
	productive := 0
	for _, v := range inOrder {
		to, known := stageOf[v.Stage], recorded[v.Version]
		if to == registry.Production {
			productive++
		}
		if to == "" || known == nil || shownAs(known.Stage, to) {
			continue
		}
		in := &catalog.TransitionModelVersionInput{ID: &known.ID, To: to, At: timeOf(v.Updated), Reason: "stage " + v.Stage + " in MLflow"}
		in.Force = registry.CheckTransition(known.Stage, to, false) != nil
		if in.At.Before(known.ValidFrom) {
			in.At = known.ValidFrom
		}
		out, err := im.to.RecordFacts(ctx, bulk.RecordFactsInput{Facts: []bulk.FactInput{{Transition: in}}})
		switch {
		case err != nil:
			if err := im.report.AddRefusal(git.NotDone, "stage of "+nameOf(v), err); err != nil {
				return err
			}
		case len(out.Facts[0].NotTaken) > 0:
			im.report.AddProblem(git.NotDone, "stage of "+nameOf(v), "the stage %s needs approvals here; ask for it with transitionModelVersion", to)
		case out.Facts[0].Created:
			im.report.Add("transitions", 1)
		}
	}
	if productive > 1 {
		im.report.AddProblem(git.Remark, "model "+versions[0].Name, "%d versions are in Production; here the one that changed last is, and the others are DEPRECATED", productive)
	}
	return nil
}

// linkOf is the fact that one version is derived from another.
func linkOf(from, to registry.ID) *facts.LinkLineageInput {
	return &facts.LinkLineageInput{From: from, To: to, Kind: registry.EdgeDerivedFrom, Reason: "copied in MLflow"}
}
