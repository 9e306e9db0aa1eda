package governance

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
)

func guard(profile registry.ApprovalProfile, needed, days int, approvers ...string) *registry.TransitionGuard {
	g := &registry.TransitionGuard{Profile: profile, Needed: needed, ExpiryDays: days, Approvers: approvers}
	if profile == registry.ProfileGuarded {
		g.Stages = []registry.Stage{registry.Production}
	}
	return g
}

func TestTheRuleOfAModel(t *testing.T) {
	open, one, three := guard(registry.ProfileOpen, 0, 0), guard(registry.ProfileGuarded, 1, 14), guard(registry.ProfileGuarded, 3, 7, "a", "b", "c")
	canary := guard(registry.ProfileGuarded, 2, 30)
	canary.Stages = []registry.Stage{registry.Canary}
	for name, c := range map[string]struct {
		whole, model *registry.TransitionGuard
		tags         []*registry.TransitionGuard
		needed, days int
		stages       []registry.Stage
		approvers    []string
	}{
		"nothing is set":                          {},
		"the registry":                            {whole: one, needed: 1, days: 14, stages: one.Stages},
		"the model alone":                         {whole: three, model: one, tags: []*registry.TransitionGuard{three}, needed: 1, days: 14, stages: one.Stages},
		"an open model":                           {whole: three, model: open},
		"a tag is stricter":                       {whole: one, tags: []*registry.TransitionGuard{nil, three}, needed: 3, days: 7, stages: one.Stages, approvers: three.Approvers},
		"a tag does not open":                     {whole: one, tags: []*registry.TransitionGuard{open}, needed: 1, days: 14, stages: one.Stages},
		"a tag guards another stage":              {whole: one, tags: []*registry.TransitionGuard{canary}, needed: 2, days: 14, stages: []registry.Stage{registry.Production, registry.Canary}},
		"two guards with some common approvers":   {whole: three, tags: []*registry.TransitionGuard{guard(registry.ProfileGuarded, 1, 9, "c", "d")}, needed: 3, days: 7, stages: one.Stages, approvers: []string{"c"}},
		"two guards that no approver could match": {whole: three, tags: []*registry.TransitionGuard{guard(registry.ProfileGuarded, 1, 9, "d")}, needed: 3, days: 7, stages: one.Stages, approvers: []string{noApprover}},
	} {
		r := RuleOf(c.whole, c.model, c.tags)
		if r.Needed != c.needed || r.Expiry != time.Duration(c.days)*24*time.Hour || !slices.Equal(r.Stages, c.stages) || !slices.Equal(r.Approvers, c.approvers) {
			t.Errorf("%s: %+v", name, r)
		}
		if r.Covers(registry.Production) != (c.needed > 0) {
			t.Errorf("%s: covers PRODUCTION: %v", name, r.Covers(registry.Production))
		}
	}
}

func TestWhoCounts(t *testing.T) {
	r := &registry.TransitionRequest{RequestedBy: "ada", Registrant: "ci"}
	for _, by := range []string{"ada", "ci", "bob", "bob", "gone", "cleo"} {
		r.Approvals = append(r.Approvals, registry.TransitionApproval{By: by})
	}
	holds := func(a registry.TransitionApproval) (bool, error) { return a.By != "gone", nil }
	tally, err := Count(r, nil, holds)
	if err != nil || !slices.Equal(tally.Counted, []string{"bob", "cleo"}) || len(tally.NotCounted) != 3 {
		t.Errorf("%+v %v", tally, err)
	}
	if tally.Check(2) != nil {
		t.Error("two of two are too few")
	}
	if err := tally.Check(3); registry.CodeOf(err) != registry.FailedPrecondition || !strings.Contains(err.Error(), "2 of 3 approvals count: ") || !strings.Contains(err.Error(), "gone may no longer approve") {
		t.Errorf("%v", err)
	}
	if tally, _ = Count(r, []string{"cleo", "ada"}, holds); !slices.Equal(tally.Counted, []string{"cleo"}) {
		t.Errorf("%+v among the named approvers", tally)
	}
}

func TestGuardsAreChecked(t *testing.T) {
	g := &registry.TransitionGuard{Profile: registry.ProfileGuarded}
	if err := CheckGuard(g); err != nil || g.Needed != 1 || g.ExpiryDays != 14 || !slices.Equal(g.Stages, []registry.Stage{registry.Production}) {
		t.Errorf("%+v %v", g, err)
	}
	for name, g := range map[string]*registry.TransitionGuard{
		"no profile":            {},
		"open with approvals":   {Profile: registry.ProfileOpen, Needed: 1},
		"a stage twice":         {Profile: registry.ProfileGuarded, Stages: []registry.Stage{registry.Canary, registry.Canary}},
		"no stage":              {Profile: registry.ProfileGuarded, Stages: []registry.Stage{"LOST"}},
		"too many approvals":    {Profile: registry.ProfileGuarded, Needed: 21},
		"a negative number":     {Profile: registry.ProfileGuarded, Needed: -1},
		"too long":              {Profile: registry.ProfileGuarded, ExpiryDays: 367},
		"fewer than are needed": {Profile: registry.ProfileGuarded, Needed: 2, Approvers: []string{"a"}},
	} {
		if err := CheckGuard(g); registry.CodeOf(err) != registry.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// upstream returns the evidence of these nodes and links.
func upstream(truncated bool, nodes []registry.UpstreamNode, links ...UpstreamLink) registry.TransitionEvidence {
	return Snapshot(nodes, links, truncated)
}

func TestTheDigestOfWhatAVersionWasMadeFrom(t *testing.T) {
	a, b := registry.UpstreamNode{ID: "dv_a", Kind: registry.KindDatasetVersion, Digest: "md5:1"}, registry.UpstreamNode{ID: "run_b", Kind: registry.KindRun}
	ab, ba := UpstreamLink{registry.EdgeUsed, "run_b", "dv_a"}, UpstreamLink{registry.EdgeUsed, "mv_c", "run_b"}
	base := upstream(false, []registry.UpstreamNode{a, b}, ab, ba)
	if again := upstream(false, []registry.UpstreamNode{b, a}, ba, ab); len(Changes(base, again)) != 0 {
		t.Error("the order changes the digest")
	}
	changed := a
	changed.Digest = "md5:2"
	for says, now := range map[string]registry.TransitionEvidence{
		"1 DATASET_VERSION with another digest": upstream(false, []registry.UpstreamNode{changed, b}, ab, ba),
		"1 DATASET_VERSION gone":                upstream(false, []registry.UpstreamNode{b}, ba),
		"1 COMMIT new":                          upstream(false, []registry.UpstreamNode{a, b, {ID: "commit_d", Kind: registry.KindCommit}}, ab, ba),
		"it had 2 nodes and has 2":              upstream(false, []registry.UpstreamNode{a, b}, ab),
	} {
		got := Changes(base, now)
		if len(got) != 1 || !strings.Contains(got[0], "made from changed since: ") || !strings.Contains(got[0], says) {
			t.Errorf("%v, want %q", got, says)
		}
		for _, id := range []string{"dv_a", "commit_d"} {
			if strings.Contains(got[0], id) {
				t.Errorf("%q names a node that not everyone may see", got[0])
			}
		}
	}
	cut := upstream(true, []registry.UpstreamNode{a, b}, ab, ba)
	if got := Changes(cut, upstream(true, []registry.UpstreamNode{b})); len(got) != 0 {
		t.Errorf("a truncated digest decided: %v", got)
	}
	revised := cut
	revised.VersionRevision, revised.CardRevision = 2, 3
	if got := Changes(cut, revised); len(got) != 2 {
		t.Errorf("%v, want the version and its card", got)
	}
	var many []registry.UpstreamNode
	for range registry.MaxEvidenceNodes + 1 {
		many = append(many, registry.UpstreamNode{ID: registry.ID("run_" + strings.Repeat("x", len(many)))})
	}
	if e := upstream(false, many); len(e.Upstream) != registry.MaxEvidenceNodes || e.UpstreamCount != len(many) {
		t.Errorf("%d of %d nodes are listed", len(e.Upstream), e.UpstreamCount)
	}
}

func TestRequestsExpire(t *testing.T) {
	at := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	r := &registry.TransitionRequest{Status: registry.RequestPending, ExpiresAt: at, Needed: 1}
	if err := CheckDecidable(r, at.Add(-1)); err != nil {
		t.Error(err)
	}
	if err := CheckDecidable(r, at); registry.CodeOf(err) != registry.FailedPrecondition || !strings.Contains(err.Error(), "expired at 2027-01-01") {
		t.Error(err)
	}
	if err := CheckExecutable(r, at.Add(-1)); registry.CodeOf(err) != registry.FailedPrecondition || !strings.Contains(err.Error(), "0 of 1") {
		t.Error(err)
	}
	for _, status := range registry.RequestStatuses() {
		r.Status = status
		if open := CheckDecidable(r, at.Add(-1)) == nil; open != r.Open() {
			t.Errorf("%s is decidable: %v", status, open)
		}
	}
}

func TestTheNextReview(t *testing.T) {
	at := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	if got := NextReview(at, time.Time{}, 0); !got.IsZero() {
		t.Error(got)
	}
	if got := NextReview(at, time.Time{}, 30); !got.Equal(time.Date(2027, 3, 2, 0, 0, 0, 0, time.UTC)) {
		t.Error(got)
	}
	if got := NextReview(at, at.AddDate(1, 0, 0), 30); got.Year() != 2028 {
		t.Error(got)
	}
}
