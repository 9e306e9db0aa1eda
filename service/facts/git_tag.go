package facts

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// RecordTagInput describes a git tag. Without TaggedAt the time of its commit is used.
type RecordTagInput struct {
	Repository RepositoryInput `json:"repository,omitzero"`
	Name       string          `json:"name,omitzero"`
	SHA        string          `json:"sha,omitzero"`
	Annotated  bool            `json:"annotated,omitzero"`
	Message    string          `json:"message,omitzero"`
	Tagger     string          `json:"tagger,omitzero"`
	TaggedAt   time.Time       `json:"taggedAt,omitzero"`
	// MovedAt, if set, is when the tag was moved to another commit. Such a tag does not take
	// the name. It is used by facts of a batch.
	MovedAt        time.Time `json:"movedAt,omitzero"`
	IdempotencyKey *string   `json:"-"`
}

// RecordTagPayload has the tag, whether it is new, and the names of told fields that were not
// taken; see core.Written.
type RecordTagPayload struct {
	Tag      *registry.Tag
	Created  bool
	NotTaken []string
}

func (in *RecordTagInput) check() error {
	if err := core.FirstError(in.Repository.check(), core.CheckKey("name", &in.Name), core.CheckSHA("sha", &in.SHA), core.CheckText("message", &in.Message), core.CheckText("tagger", &in.Tagger),
		core.CheckTime("taggedAt", in.TaggedAt), core.CheckTime("movedAt", in.MovedAt)); err != nil {
		return err
	}
	switch {
	case in.Name == "":
		return registry.Invalid("name", "must not be empty")
	case !in.MovedAt.IsZero() && in.MovedAt.Before(in.TaggedAt):
		return registry.Invalid("movedAt", "lies before taggedAt")
	}
	return nil
}

// RecordTag records that a tag points at a commit. If the name pointed at another commit
// before, the node of that tag ends and a new node begins.
func (r *Recorder) RecordTag(ctx context.Context, in RecordTagInput) (*RecordTagPayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	result, err := r.core.Write(ctx, registry.TagRecord, core.Idempotent("recordTag", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return writeTag(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	t, err := core.NounAs[*registry.Tag](r.core.ReadBack(ctx, result, result.IDs[0]))
	return &RecordTagPayload{t, result.Created, result.NotTaken}, err
}

func writeTag(ctx context.Context, tx *policies.Tx, in RecordTagInput) (core.WriteResult, error) {
	repo := registry.RepositoryID(in.Repository.key())
	commits, err := tx.Nodes(ctx, registry.CommitID(in.SHA))
	if err != nil {
		return core.WriteResult{}, err
	}
	if commits[0] == nil {
		return core.WriteResult{}, registry.Errorf(registry.NotFound, "there is no commit %s for the tag to point at; record it first with recordCommits", in.SHA)
	}
	t := &registry.Tag{Name: in.Name, Repository: string(repo), SHA: in.SHA, Annotated: in.Annotated, Message: in.Message, Tagger: in.Tagger, RecordedAt: tx.Now()}
	t.ID, t.Parent = registry.TagID(repo, in.Name, in.SHA), repo
	found, err := tx.NodesUnfiltered(ctx, t.ID)
	if err != nil {
		return core.WriteResult{}, err
	}
	if in.TaggedAt.IsZero() && (found[0] == nil || found[0].Deleted) { // A known tag keeps its date, and whether it is inferred.
		in.TaggedAt, t.DateInferred = commits[0].ValidFrom, true
	}
	ofRepo, err := ensureRepository(ctx, tx, in.Repository, core.StoredTime(in.TaggedAt, tx.Now()))
	if err != nil {
		return core.WriteResult{}, err
	}
	slot := registry.TagSlot(repo, in.Name)
	holder, err := tx.SlotHolder(ctx, slot)
	if err != nil {
		return core.WriteResult{}, err
	}
	movedAt := core.StoredTime(in.MovedAt, time.Time{})
	if holder != nil && holder.ID != t.ID && movedAt.IsZero() {
		// The former ends where the new one begins, so that the name has one target at a time.
		moved := core.StoredTime(in.TaggedAt, tx.Now())
		if !moved.After(holder.Since) {
			moved = tx.Now()
		}
		if err := endTag(ctx, tx, holder, moved); err != nil {
			return core.WriteResult{}, err
		}
	}
	written, err := core.PutFact(ctx, tx, core.ToldFact{Old: found[0], Noun: t, At: in.TaggedAt, SetTime: func(at time.Time) { t.TaggedAt = at }})
	if err == nil && written.Created {
		err = core.BackdateContainer(ctx, tx, repo, t.TaggedAt)
	}
	if err != nil {
		return core.WriteResult{}, err
	}
	switch {
	case !movedAt.IsZero() && !t.DateInferred && movedAt.Before(t.TaggedAt):
		return core.WriteResult{}, registry.Invalid("movedAt", "lies before taggedAt, %s", t.TaggedAt.Format(time.RFC3339))
	case !movedAt.IsZero() && (found[0] == nil || holder != nil && holder.ID == t.ID):
		t.ValidTo, t.MovedAt, written.Changed = movedAt, movedAt, true
		if err := core.PutNoun(ctx, tx, t, movedAt); err != nil {
			return core.WriteResult{}, err
		}
	case movedAt.IsZero() && (holder == nil || holder.ID != t.ID):
		// The tag takes the name, also when it moves back to an earlier commit.
		t.ValidTo, t.MovedAt, written.Changed = time.Time{}, time.Time{}, true
		if err := core.PutNoun(ctx, tx, t, tx.Now(), slot); err != nil {
			return core.WriteResult{}, err
		}
	}
	written.Changed = written.Changed || ofRepo.Changed
	written.NotTaken = append(ofRepo.NotTaken, written.NotTaken...)
	return core.LinkAndLog(ctx, tx, written, t.ID, []*graph.Edge{{Kind: registry.EdgePointsAt, From: t.ID, To: registry.CommitID(in.SHA)}},
		registry.LogEntry{Action: registry.LogTagRecorded, Objects: []registry.ID{t.ID}, Detail: core.LogDetail("tag", t.Name, "sha", t.SHA, "repository", in.Repository.key())})
}

// endTag ends the node of a tag that was moved.
func endTag(ctx context.Context, tx *policies.Tx, n *graph.Node, at time.Time) error {
	old, err := core.DecodeWhole(n, &registry.Tag{})
	if err != nil {
		return err
	}
	at = core.LaterTime(at, n.ValidFrom)
	old.MovedAt, old.ValidTo = at, at
	return core.PutNoun(ctx, tx, old, at)
}

// TagEdge is a tag in a page.
type TagEdge struct {
	Cursor string
	Node   *registry.Tag
}

// TagConnection is a page of tags.
type TagConnection struct{ core.Connection[*TagEdge] }

// TagsOf returns one page of the tags of a repository, by name.
func (r *Recorder) TagsOf(ctx context.Context, repo *registry.Repository, p core.Paging) (*TagConnection, error) {
	conn, err := core.ListChildren(ctx, r.core, repo, core.ChildQuery{Kind: registry.KindTag, Order: registry.IndexName, At: repo.ReadAt}, p,
		func(cursor string, t *registry.Tag) *TagEdge { return &TagEdge{cursor, t} })
	if err != nil {
		return nil, err
	}
	return &TagConnection{*conn}, nil
}

// FactKind returns registry.FactTag.
func (*RecordTagInput) FactKind() registry.FactKind { return registry.FactTag }

// FactAction returns the action that recording needs permission for.
func (*RecordTagInput) FactAction() registry.Action { return registry.TagRecord }

// CheckFact checks the input as one fact of a batch.
func (in *RecordTagInput) CheckFact() error {
	return core.FirstError(core.RefuseIdempotencyKey(in.IdempotencyKey), in.check())
}

// ResolveFact returns the input unchanged: it has no ids.
func (in *RecordTagInput) ResolveFact(_ core.References) core.Fact {
	return in
}

// FactReads returns the nodes, and the effects of edges, that WriteFact will read.
func (in *RecordTagInput) FactReads() (ids, effects []registry.ID) {
	repo := registry.RepositoryID(in.Repository.key())
	return []registry.ID{repo, registry.CommitID(in.SHA)}, []registry.ID{registry.TagID(repo, in.Name, in.SHA)}
}

// WriteFact writes the fact in a transaction.
func (in *RecordTagInput) WriteFact(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
	return writeTag(ctx, tx, *in)
}
