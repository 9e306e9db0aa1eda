package governance

import (
	"context"
	"slices"
	"time"

	"pedigree/governance"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// SetReviewPlanInput says how often a model is reviewed, by whom, and when next. An interval
// of 0 ends the reviews.
type SetReviewPlanInput struct {
	Model *string      `json:"model,omitzero"`
	ID    *registry.ID `json:"id,omitzero"`
	// IntervalDays and Reviewers stay as they are when they are nil.
	IntervalDays   *int      `json:"intervalDays,omitzero"`
	Reviewers      []string  `json:"reviewers,omitzero"`
	NextReview     time.Time `json:"nextReview,omitzero"`
	IfRevision     *int      `json:"ifRevision,omitzero"`
	IdempotencyKey *string   `json:"-"`
}

// SetReviewPlan sets how often a model is reviewed, by whom, and when next. Without a date the
// next review is due an interval after the last one, or from now.
func (g *Governance) SetReviewPlan(ctx context.Context, in SetReviewPlanInput) (*catalog.ModelPayload, error) {
	if _, err := core.CheckRange("intervalDays", in.IntervalDays, 0, 0, registry.MaxReviewDays); err != nil {
		return nil, err
	}
	if err := core.FirstError(checkSubjects("reviewers", in.Reviewers), core.CheckTime("nextReview", in.NextReview)); err != nil {
		return nil, err
	}
	next := in.NextReview
	in.NextReview = time.Time{} // A plan lies ahead, other times of an input must not.
	keyed := struct {
		SetReviewPlanInput
		Next string `json:"next"`
	}{in, next.UTC().Format(time.RFC3339Nano)}
	result, err := g.core.Write(ctx, registry.ReviewPlan, core.Idempotent("setReviewPlan", in.IdempotencyKey, keyed), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		m, n, err := catalog.FindModel(ctx, tx, in.Model, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		if err := core.CheckRevision(in.IfRevision, n.Revision); err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{m.ID}, Created: true}, planReviews(ctx, tx, m, in, next)
	})
	if err != nil {
		return nil, err
	}
	m, err := core.NounAs[*registry.Model](g.core.ReadBack(ctx, result, result.IDs[0]))
	return &catalog.ModelPayload{Model: m}, err
}

func planReviews(ctx context.Context, tx *policies.Tx, m *registry.Model, in SetReviewPlanInput, next time.Time) error {
	if in.Reviewers != nil {
		m.Reviewers = in.Reviewers
	}
	if in.IntervalDays != nil {
		m.ReviewIntervalDays, m.NextReview = *in.IntervalDays, time.Time{}
	}
	switch {
	case !next.IsZero():
		m.NextReview = core.StoredTime(next, next)
	case m.NextReview.IsZero() && m.ReviewIntervalDays > 0:
		from := tx.Now()
		last, err := tx.LastChild(ctx, registry.KindReview, registry.IndexName, m.ID)
		if err != nil {
			return err
		}
		if last != nil {
			from = last.ValidFrom
		}
		m.NextReview = governance.NextReview(from, time.Time{}, m.ReviewIntervalDays)
	}
	m.UpdatedAt = tx.Now()
	if err := catalog.PutModel(ctx, tx, m); err != nil {
		return err
	}
	return tx.Log(ctx, registry.LogEntry{Action: registry.LogReviewPlanned, Objects: []registry.ID{m.ID}, Model: m.ID,
		Detail: core.LogDetail("intervalDays", m.ReviewIntervalDays, "reviewers", m.Reviewers, "nextReview", dateText(m.NextReview))})
}

// dateText formats a time for a log entry, "" for none.
func dateText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// RecordReviewInput is the outcome of a review of a model.
type RecordReviewInput struct {
	Model    *string                 `json:"model,omitzero"`
	ID       *registry.ID            `json:"id,omitzero"`
	Version  *string                 `json:"version,omitzero"`
	Findings string                  `json:"findings,omitzero"`
	Decision registry.ReviewDecision `json:"decision"`
	// NextReview is when the next review is due; zero means an interval from now.
	NextReview     time.Time `json:"nextReview,omitzero"`
	IdempotencyKey *string   `json:"-"`
}

// RecordReviewPayload has the review and its model.
type RecordReviewPayload struct {
	Review *registry.Review
	Model  *registry.Model
}

func (in *RecordReviewInput) check() error {
	if !slices.Contains(registry.ReviewDecisions(), in.Decision) {
		return registry.Invalid("decision", "%q is no decision; use one of %v", in.Decision, registry.ReviewDecisions())
	}
	if in.Decision != registry.ReviewApproved && in.Findings == "" {
		return registry.Invalid("findings", "are needed with %s", in.Decision)
	}
	return core.FirstError(core.CheckText("findings", &in.Findings), core.CheckTime("nextReview", in.NextReview))
}

// RecordReview keeps the outcome of a review, and sets when the next one is due.
func (g *Governance) RecordReview(ctx context.Context, in RecordReviewInput) (*RecordReviewPayload, error) {
	if _, err := g.core.Gate.Read(ctx, registry.ReviewRecord); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	next := in.NextReview
	in.NextReview = time.Time{} // It lies ahead, other times of an input must not.
	keyed := struct {
		RecordReviewInput
		Next string `json:"next"`
	}{in, next.UTC().Format(time.RFC3339Nano)}
	result, err := g.core.Write(ctx, registry.ReviewRecord, core.Idempotent("recordReview", in.IdempotencyKey, keyed), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		m, _, err := catalog.FindModel(ctx, tx, in.Model, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		id, err := writeReview(ctx, tx, m, in, next)
		return core.WriteResult{IDs: []registry.ID{id, m.ID}, Created: true}, err
	})
	if err != nil {
		return nil, err
	}
	nouns, err := g.core.ReadBackAll(ctx, result, result.IDs...)
	out := &RecordReviewPayload{}
	if err != nil || len(nouns) < 2 {
		return out, err
	}
	out.Review, _ = nouns[0].(*registry.Review)
	out.Model, _ = nouns[1].(*registry.Model)
	return out, nil
}

func writeReview(ctx context.Context, tx *policies.Tx, m *registry.Model, in RecordReviewInput, next time.Time) (registry.ID, error) {
	if !tx.May(registry.ReviewRecord, m.ID) {
		return "", registry.Errorf(registry.Forbidden, "you may not do %s in this model; ask an administrator", registry.ReviewRecord)
	}
	if err := governance.CheckReviewer(m, tx.Subject()); err != nil {
		return "", err
	}
	if !next.IsZero() && !next.After(tx.Now()) {
		return "", registry.Invalid("nextReview", "must lie ahead")
	}
	ordinal, err := core.NextOrdinal(ctx, tx, registry.KindReview, m.ID)
	if err != nil {
		return "", err
	}
	r := &registry.Review{OfModel: m.ID, ModelName: m.Name, By: tx.Subject(), At: tx.Now(), Findings: in.Findings, Decision: in.Decision,
		NextReview: governance.NextReview(tx.Now(), core.StoredTime(next, next), m.ReviewIntervalDays), Ordinal: ordinal}
	r.ID, r.Parent, r.ValidFrom = registry.ReviewID(m.ID, ordinal), m.ID, r.At
	if in.Version != nil {
		v, _, err := catalog.FindVersion(ctx, tx, &m.Name, in.Version, nil)
		if err != nil {
			return "", err
		}
		r.VersionID, r.Version = v.ID, v.Version
	}
	n, err := core.EncodeNode(r, core.OrdinalName(ordinal), r.At)
	if err != nil {
		return "", err
	}
	if err := tx.Put(ctx, n); err != nil {
		return "", err
	}
	m.NextReview, m.UpdatedAt = r.NextReview, tx.Now()
	if err := catalog.PutModel(ctx, tx, m); err != nil {
		return "", err
	}
	return r.ID, tx.Log(ctx, registry.LogEntry{Action: registry.LogReviewRecorded, Objects: []registry.ID{r.ID, m.ID}, Model: m.ID,
		Detail: core.LogDetail("decision", r.Decision, "version", r.Version, "nextReview", dateText(r.NextReview))})
}

// ReviewEdge is a review in a page.
type ReviewEdge struct {
	Cursor string
	Node   *registry.Review
}

// ReviewConnection is a page of reviews.
type ReviewConnection struct{ core.Connection[*ReviewEdge] }

// ReviewsOf returns one page of the reviews of a model, newest first.
func (g *Governance) ReviewsOf(ctx context.Context, m *registry.Model, p core.Paging) (*ReviewConnection, error) {
	conn, err := core.ListChildren(ctx, g.core, m, core.ChildQuery{Kind: registry.KindReview, Desc: true, At: m.ReadAt}, p,
		func(cursor string, r *registry.Review) *ReviewEdge { return &ReviewEdge{cursor, r} })
	if err != nil {
		return nil, err
	}
	return &ReviewConnection{*conn}, nil
}

// ModelOfReview returns the model that was reviewed.
func (g *Governance) ModelOfReview(ctx context.Context, r *registry.Review) (*registry.Model, error) {
	return core.Related[*registry.Model](ctx, g.core, r, "model", func(r *registry.Review) core.NodeRef { return core.NodeRef{ID: r.OfModel, At: r.ReadAt} })
}

// VersionOfReview returns the version that was looked at, nil when none was named.
func (g *Governance) VersionOfReview(ctx context.Context, r *registry.Review) (*registry.ModelVersion, error) {
	return core.Related[*registry.ModelVersion](ctx, g.core, r, "version", func(r *registry.Review) core.NodeRef { return core.NodeRef{ID: r.VersionID, At: r.ReadAt} })
}

// ReviewsDue returns one page of the models whose review is due by a time, the one that is due
// first first. A zero time means now.
func (g *Governance) ReviewsDue(ctx context.Context, p core.Paging, at time.Time) (*catalog.ModelConnection, error) {
	if err := core.CheckTime("at", at); err != nil {
		return nil, err
	}
	scope, err := g.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	bindings := []any{"reviewsDue", at}
	if at.IsZero() {
		at = g.core.Now()
	}
	due := graph.Query{Kinds: []registry.Kind{registry.KindModel}, Order: registry.IndexEnded, Where: []graph.Predicate{
		{Column: registry.IndexEnded, Op: graph.Greater, Values: []any{int64(0)}}, {Column: registry.IndexEnded, Op: graph.AtMost, Values: []any{at.UnixMicro()}}}}
	page, err := core.FindPage(ctx, g.core, scope, due, bindings, p, func(cursor string, m *registry.Model) *catalog.ModelEdge {
		return &catalog.ModelEdge{Cursor: cursor, Node: m}
	})
	if err != nil {
		return nil, err
	}
	return &catalog.ModelConnection{Connection: *page}, nil
}
