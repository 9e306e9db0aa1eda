package dvc

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"pedigree/connect/git"
	"pedigree/connect/gto"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// gtoRecorder records the versions, stages and deployments that GTO tags describe.
type gtoRecorder struct {
	ctx     context.Context
	s       Registry
	rec     *recorder
	repo    *git.Repository
	report  *git.Report
	commits map[string]git.Commit
	// taggedDeployments holds the deployments that the present tags describe.
	taggedDeployments map[registry.ID]bool
	// nonModels holds the artifacts whose type is not model.
	nonModels map[string]bool
}

// events returns the events of the repository's tags, in order. Two artifacts whose models would
// have one name are not told apart in the registry, so one of them is left out.
func (g *gtoRecorder) events(prefix string) (out []gto.Event) {
	for _, t := range g.repo.Tags() {
		e, ok := gto.Parse(t.Name)
		if !ok {
			continue
		}
		e.Commit, e.At, e.Message, e.Prefix = t.SHA, t.At, t.Message, prefix
		if !t.Annotated {
			e.At = g.commits[t.SHA].At // A lightweight tag has no date of its own.
			g.report.AddProblem(git.Remark, "tag "+t.Name, "it is a lightweight tag, which gto does not read; it is taken as written at the time of its commit")
		}
		out = append(out, e)
	}
	gto.Sort(out)
	first := map[string]gto.Event{} // by model
	for _, e := range out {
		if f, ok := first[e.Model()]; !ok || cmp.Or(cmp.Compare(e.Dir, f.Dir), cmp.Compare(e.Name, f.Name)) < 0 {
			first[e.Model()] = e
		}
	}
	return slices.DeleteFunc(out, func(e gto.Event) bool {
		f := first[e.Model()]
		if f.Dir == e.Dir && f.Name == e.Name {
			return false
		}
		g.report.AddProblem(git.NotRecorded, "tag "+e.Tag, "its artifact would be the model %s, which the artifact of the tag %s is already", e.Model(), f.Tag)
		return true
	})
}

// record records the events in order: first versions and stages, because an event may
// depend on the one before it, then the deployments and their ends.
func (g *gtoRecorder) record(t *gto.Timeline) error {
	g.nonModels = map[string]bool{}
	for i, e := range t.Events {
		g.repo.Progress("following GTO tags", i+1, len(t.Events))
		var err error
		switch e.Action {
		case gto.Register:
			err = g.register(e)
		case gto.Deregister:
			err = g.transition(e, e.Version, registry.Archived)
		case gto.Assign:
			stage, mapped := gto.RegistryStage(e.Stage)
			if higher, by, found := t.HigherStage(e); mapped && found && !g.nonModels[e.Model()] {
				g.report.AddProblem(git.Remark, "tag "+e.Tag, "%s %s stays in %s, where %s put it; the deployment is recorded", e.Model(), t.VersionOf(e), higher, by)
			} else if mapped {
				err = g.transition(e, t.VersionOf(e), stage)
			}
		}
		if err != nil {
			return err
		}
	}
	for _, d := range t.Deployments {
		if err := g.deploy(d); err != nil {
			return err
		}
	}
	for _, u := range t.Skipped {
		g.report.AddProblem(git.NotRecorded, "tag "+u.Tag, "%s", u.Why)
	}
	return g.endOrphanedDeployments(t)
}

// transition makes a forced transition with the tag as its reason. It does nothing when the
// transition was made before. It reports, and does not make, a transition that is older
// than the present stage of the version.
func (g *gtoRecorder) transition(e gto.Event, version string, to registry.Stage) error {
	if g.nonModels[e.Model()] {
		return nil
	}
	v, err := g.s.ModelVersion(g.ctx, e.Model(), version)
	if err != nil {
		return err
	}
	if v == nil {
		g.report.AddProblem(git.NotDone, "tag "+e.Tag, "there is no version %s of %s to move to %s", version, e.Model(), to)
		return nil
	}
	done, last, err := g.findTransition(v, e.Tag)
	if err != nil || done || v.Stage == to {
		return err
	}
	if last.After(e.At) {
		g.report.AddProblem(git.NotDone, "tag "+e.Tag, "%s %s moved on at %s, after the tag; it stays in %s", v.ModelName, v.Version, last.Format(time.RFC3339), v.Stage)
		return nil
	}
	if overtaken, err := g.superseded(e, v, to); err != nil || overtaken {
		return err
	}
	_, err = g.s.TransitionModelVersion(g.ctx, catalog.TransitionModelVersionInput{ID: &v.ID, To: to, Reason: e.Tag, Force: true, At: e.At})
	if err != nil {
		return g.report.AddRefusal(git.NotDone, "tag "+e.Tag+" to "+string(to), err)
	}
	g.report.Add("transitions", 1)
	return nil
}

// superseded reports whether another version entered PRODUCTION after the tag.
func (g *gtoRecorder) superseded(e gto.Event, v *registry.ModelVersion, to registry.Stage) (bool, error) {
	if to != registry.Production {
		return false, nil
	}
	m, err := g.s.ModelOf(g.ctx, v)
	if err != nil || m == nil {
		return false, err
	}
	holder, err := g.s.ProductionVersion(g.ctx, m)
	if err != nil || holder == nil {
		return false, err
	}
	_, since, err := g.findTransition(holder, "")
	if err != nil || !since.After(e.At) {
		return false, err
	}
	g.report.AddProblem(git.NotDone, "tag "+e.Tag, "%s took PRODUCTION at %s, after the tag", holder.Name, since.Format(time.RFC3339))
	return true, nil
}

// findTransition reports whether a version has a transition with a reason, and returns the
// time of its last transition.
func (g *gtoRecorder) findTransition(v *registry.ModelVersion, reason string) (done bool, last time.Time, err error) {
	first := core.MaxPage
	for page := (core.Paging{First: &first}); ; {
		ts, err := g.s.TransitionsOf(g.ctx, v, page)
		if err != nil {
			return false, last, err
		}
		for _, edge := range ts.Edges {
			done = done || reason != "" && edge.Node.Reason == reason
			if edge.Node.At.After(last) {
				last = edge.Node.At
			}
		}
		if !ts.PageInfo.HasNextPage {
			return done, last, nil
		}
		page.After = &ts.PageInfo.EndCursor
	}
}

// assignedByTag is the start of the description of a deployment that a tag made. The names
// of the tag and the repository follow.
const assignedByTag = "assigned by the git tag "

func (g *gtoRecorder) tagDescription(tag string) string {
	return assignedByTag + tag + " of " + g.repo.Key()
}

// isOwn reports whether a tag of this repository made a deployment. The name of a tag has no
// spaces, so what follows it is the whole key of the repository.
func (g *gtoRecorder) isOwn(d *registry.Deployment) bool {
	rest, ok := strings.CutPrefix(d.Description, assignedByTag)
	tag, _, _ := strings.Cut(rest, " ")
	return ok && d.Description == g.tagDescription(tag)
}

// environment returns the name of the environment for a GTO stage.
func environment(stage string) string { return strings.ReplaceAll(stage, "/", "=") }

// deploy records a deployment, and its end when a tag ends it.
func (g *gtoRecorder) deploy(d gto.Deployment) error {
	if g.nonModels[d.Model] {
		return nil
	}
	where := "tag " + d.Event.Tag
	out, err := g.s.RecordDeployment(g.ctx, facts.RecordDeploymentInput{Model: &d.Model, Version: &d.Version, Environment: environment(d.Event.Stage),
		StartedAt: d.Event.At, Description: g.tagDescription(d.Event.Tag)})
	if err != nil {
		return g.report.AddRefusal(git.NotRecorded, where, err)
	}
	g.taggedDeployments[out.Deployment.ID] = true
	if out.Created {
		g.report.Add("deployments", 1)
	}
	if d.End.IsZero() || !out.Deployment.EndedAt.IsZero() {
		return nil
	}
	return g.end(out.Deployment, d.End, d.EndTag)
}

func (g *gtoRecorder) end(d *registry.Deployment, when time.Time, reason string) error {
	if _, err := g.s.EndDeployment(g.ctx, facts.EndDeploymentInput{ID: d.ID, EndedAt: when, Reason: reason}); err != nil {
		return g.report.AddRefusal(git.NotRecorded, "the end of "+d.Name, err)
	}
	g.report.Add("deployments ended", 1)
	return nil
}

// endOrphanedDeployments ends the live deployments of this repository whose tag was moved
// or deleted. Such a deployment ends when the next assignment of the stage starts, or now
// when there is none.
func (g *gtoRecorder) endOrphanedDeployments(t *gto.Timeline) error {
	first, live := core.MaxPage, true
	var orphaned []*registry.Deployment
	for page := (core.Paging{First: &first}); ; {
		found, err := g.s.Deployments(g.ctx, page, &facts.DeploymentFilter{Live: &live}, nil)
		if err != nil {
			return err
		}
		for _, e := range found.Edges {
			d := e.Node
			if g.isOwn(d) && !g.taggedDeployments[d.ID] {
				orphaned = append(orphaned, d)
			}
		}
		if !found.PageInfo.HasNextPage {
			break
		}
		page.After = &found.PageInfo.EndCursor
	}
	for _, d := range orphaned {
		var next time.Time
		for _, known := range t.Deployments {
			if known.Model == d.ModelName && environment(known.Event.Stage) == d.Environment && !known.Event.At.Before(d.StartedAt) && next.IsZero() {
				next = known.Event.At
			}
		}
		g.report.AddProblem(git.Remark, "deployment "+d.Name, "the tag behind it was moved or deleted, so it is ended")
		if err := g.end(d, next, "the tag was moved or deleted"); err != nil {
			return err
		}
	}
	return nil
}
