package service_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/governance"
	"pedigree/service/provenance"
)

// deployed records a deployment of a version of credit.
func (w *recallWorld) deployed(version, environment string) registry.ID {
	w.Helper()
	w.now = w.now.Add(time.Hour)
	p := must[*facts.RecordDeploymentPayload](w.kit)(w.RecordDeployment(w.admin, facts.RecordDeploymentInput{Environment: environment, Model: ptr("credit"), Version: &version, StartedAt: w.now}))
	return p.Deployment.ID
}

func (w *recallWorld) affected(ctx func() *provenance.AffectedConnection) (ids []registry.ID) {
	for _, e := range ctx().Edges {
		ids = append(ids, e.Node.NodeMeta().ID)
	}
	return ids
}

// TestPagesOfWhatARecallConcernsAddUp reads the affected deployments page by page, with what was done
// about them, and those that have ended since.
func TestPagesOfWhatARecallConcernsAddUp(t *testing.T) {
	w := newRecallWorld(t)
	var want []registry.ID
	for i := range 5 {
		want = append(want, w.deployed("1.0.0", fmt.Sprint("prod", i)))
	}
	w.deployed("2.0.0", "prod") // Nothing bad made it.
	before := w.deployed("1.0.0", "old")
	w.now = w.now.Add(time.Hour)
	must[*facts.EndDeploymentPayload](w.kit)(w.EndDeployment(w.admin, facts.EndDeploymentInput{ID: before, EndedAt: w.now}))
	w.now = w.now.Add(time.Hour)
	r := w.recall(w.data)
	read := func(live bool, p core.Paging) *provenance.AffectedConnection {
		t.Helper()
		return must[*provenance.AffectedConnection](w.kit)(w.AffectedBy(w.as("root", registry.RoleAdmin), r.ID, &live, p))
	}
	all := func(live bool, size int) (ids []registry.ID) {
		t.Helper()
		for p := (core.Paging{First: &size}); ; {
			page := read(live, p)
			ids = append(ids, w.affected(func() *provenance.AffectedConnection { return page })...)
			if !page.PageInfo.HasNextPage {
				slices.Sort(ids)
				return ids
			}
			p.After = &page.PageInfo.EndCursor
		}
	}
	slices.Sort(want)
	for _, size := range []int{1, 2, 5, 200} {
		if got := all(true, size); !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v, want %v", size, got, want)
		}
	}
	w.now = w.now.Add(time.Hour)
	must[*facts.EndDeploymentPayload](w.kit)(w.EndDeployment(w.admin, facts.EndDeploymentInput{ID: want[0], EndedAt: w.now}))
	if got := all(true, 200); !slices.Equal(got, want[1:]) {
		t.Errorf("live ones are %v, want %v", got, want[1:])
	}
	if got := all(false, 2); !slices.Equal(got, want) {
		t.Errorf("with those that ended since: %v, want %v", got, want)
	}
	var streamed []registry.ID
	live := false
	missing, err := w.EachAffected(w.as("root", registry.RoleAdmin), r.ID, &live, func(part []*provenance.AffectedEdge) error {
		for _, e := range part {
			streamed = append(streamed, e.Node.NodeMeta().ID)
		}
		return nil
	})
	if slices.Sort(streamed); err != nil || missing.Truncated || !slices.Equal(streamed, want) {
		t.Errorf("the stream has %v, %+v %v", streamed, missing, err)
	}
	w.endStream(r.ID)
	counts, err := read(true, core.Paging{}).Counts(w.admin)
	if err != nil || counts.Total != 4 {
		t.Errorf("counts are %+v %v", counts, err)
	}
	w.resolveAffected(r.ID, want)
	if _, err := w.AffectedBy(w.admin, registry.RecallID(99), nil, core.Paging{}); registry.CodeOf(err) != registry.NotFound {
		t.Errorf("of no recall: %v", err)
	}
	one := 1
	page := read(true, core.Paging{First: &one})
	other := w.recall(w.run)
	_, err = w.AffectedBy(w.admin, other.ID, nil, core.Paging{After: &page.PageInfo.EndCursor})
	w.wantCode(registry.InvalidArgument, err)
}

// endStream ends streams by an error and by a panic of who takes the rows: it comes back to who asked, and
// the places of streams are free again.
func (w *recallWorld) endStream(recall registry.ID) {
	w.Helper()
	broken := errors.New("the receiver hung up")
	for range 3 {
		_, err := w.EachAffected(w.as("root", registry.RoleAdmin), recall, nil, func([]*provenance.AffectedEdge) error { return broken })
		if !errors.Is(err, broken) {
			w.Errorf("an error of the receiver came back as %v", err)
		}
		func() {
			defer func() {
				if got := recover(); got != broken {
					w.Errorf("a panic of the receiver came back as %v", got)
				}
			}()
			w.EachAffected(w.as("root", registry.RoleAdmin), recall, nil, func([]*provenance.AffectedEdge) error { panic(broken) })
		}()
	}
}

// resolveAffected notes how deployments were dealt with; the first one of ids has ended.
func (w *recallWorld) resolveAffected(recall registry.ID, ids []registry.ID) {
	w.Helper()
	resolve := func(id registry.ID, handling registry.RecallHandling, reason string) error {
		_, err := w.ResolveRecallDeployment(w.admin, governance.ResolveRecallDeploymentInput{Recall: recall, Deployment: id, Handling: handling, Reason: reason})
		return err
	}
	w.wantCode(registry.InvalidArgument, resolve(ids[1], registry.HandledAccepted, ""))
	w.wantCode(registry.FailedPrecondition, resolve(ids[1], registry.HandledReplaced, "")) // It is live.
	for id, handling := range map[registry.ID]registry.RecallHandling{ids[0]: registry.HandledReplaced, ids[1]: registry.HandledAccepted} {
		if err := resolve(id, handling, "as agreed"); err != nil {
			w.Error(err)
		}
	}
	live := false
	for _, e := range must[*provenance.AffectedConnection](w.kit)(w.AffectedBy(w.as("root", registry.RoleAdmin), recall, &live, core.Paging{})).Edges {
		done := e.Node.NodeMeta().ID == ids[0] || e.Node.NodeMeta().ID == ids[1]
		if done != (e.Resolution != nil) {
			w.Errorf("%s was dealt with: %+v", e.Node.NodeMeta().ID, e.Resolution)
		}
	}
}

// TestWhoSeesLessIsToldSoOfARecall reads the affected deployments as one who does not see the recalled
// data of another model.
func TestWhoSeesLessIsToldSoOfARecall(t *testing.T) {
	w := newRecallWorld(t)
	w.deployed("1.0.0", "prod")
	other := w.kit.data("secret", nil)
	r := w.recall(w.data, other)
	viewer := w.as("vic", registry.RoleDeveloper)
	found, err := w.AffectedBy(viewer, r.ID, nil, core.Paging{})
	switch {
	case registry.CodeOf(err) == registry.NotFound: // None of the recalled nodes is seen.
	case err != nil:
		t.Error(err)
	case !found.Truncation.Truncated || !slices.Contains(found.Truncation.Reasons, lineage.ReasonAccess):
		t.Errorf("nothing tells that something is hidden: %+v", found.Truncation)
	}
}
