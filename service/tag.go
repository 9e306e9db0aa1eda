package service

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// RecordTagInput are the facts of a git tag.
type RecordTagInput struct {
	Repository     RepositoryInput
	Name           string
	SHA            string
	Annotated      bool
	Message        string
	Tagger         string
	TaggedAt       time.Time
	IdempotencyKey *string `json:"-"`
}

// RecordTagPayload carries the tag and whether it is new.
type RecordTagPayload struct {
	Tag     *registry.Tag
	Created bool
}

// RecordTag records a tag as it points at a commit. When the name pointed
// elsewhere, that node ends and a new one begins.
func (s *Service) RecordTag(ctx context.Context, in RecordTagInput) (*RecordTagPayload, error) {
	if err := first(in.Repository.check(), key("name", &in.Name), checkSHA("sha", &in.SHA), text("message", &in.Message), text("tagger", &in.Tagger),
		checkTime("taggedAt", in.TaggedAt)); err != nil {
		return nil, err
	}
	if in.Name == "" {
		return nil, registry.Invalid("name", "must not be empty")
	}
	r, err := s.write(ctx, registry.TagRecord, idempotent{"recordTag", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (result, error) {
		return s.recordTag(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	t, err := one[*registry.Tag](s.after(ctx, r.IDs[0]))
	return &RecordTagPayload{t, r.Created}, err
}

func (s *Service) recordTag(ctx context.Context, tx *policies.Tx, in RecordTagInput) (result, error) {
	repo, changed, err := s.repository(ctx, tx, in.Repository)
	if err != nil {
		return result{}, err
	}
	commits, err := tx.Nodes(ctx, registry.CommitID(in.SHA))
	if err != nil {
		return result{}, err
	}
	if commits[0] == nil {
		return result{}, registry.Errorf(registry.NotFound, "there is no commit %s for the tag to point at; record it first with recordCommits", in.SHA)
	}
	t := &registry.Tag{Name: in.Name, Repository: string(repo), SHA: in.SHA, Annotated: in.Annotated, Message: in.Message, Tagger: in.Tagger, RecordedAt: tx.Now()}
	t.ID, t.Parent = registry.TagID(repo, in.Name, in.SHA), repo
	if in.TaggedAt.IsZero() {
		in.TaggedAt, t.DateInferred = commits[0].ValidFrom, true
	}
	slot := registry.TagSlot(repo, in.Name)
	holder, err := tx.Holder(ctx, slot)
	if err != nil {
		return result{}, err
	}
	if holder != nil && holder.ID != t.ID {
		if err := endTag(ctx, tx, holder); err != nil {
			return result{}, err
		}
	}
	found, err := tx.House(ctx, t.ID)
	if err != nil {
		return result{}, err
	}
	wrote, err := putFact(ctx, tx, found[0], t, in.TaggedAt, func(at time.Time) { t.TaggedAt = at })
	if err != nil {
		return result{}, err
	}
	if holder == nil || holder.ID != t.ID {
		// It takes the name, also when it is moved back to where it once was.
		t.ValidTo, t.MovedAt, wrote = time.Time{}, time.Time{}, true
		if err := putNoun(ctx, tx, t, tx.Now(), slot); err != nil {
			return result{}, err
		}
	}
	return finishFact(ctx, tx, found[0] == nil, wrote || changed, t.ID, []*graph.Edge{{Kind: registry.EdgePointsAt, From: t.ID, To: registry.CommitID(in.SHA)}},
		registry.LogEntry{Action: registry.LogTagRecorded, Objects: []registry.ID{t.ID}, Detail: detail("tag", t.Name, "sha", t.SHA, "repository", in.Repository.key())})
}

// endTag ends the node of a tag that now points elsewhere.
func endTag(ctx context.Context, tx *policies.Tx, n *graph.Node) error {
	old, err := load(n, &registry.Tag{})
	if err != nil {
		return err
	}
	old.MovedAt, old.ValidTo = tx.Now(), tx.Now()
	return putNoun(ctx, tx, old, tx.Now())
}

// TagEdge is a tag in a page.
type TagEdge struct {
	Cursor string
	Node   *registry.Tag
}

// TagConnection is a page of tags.
type TagConnection struct{ Connection[*TagEdge] }

// TagsOf lists the tags of a repository by name.
func (s *Service) TagsOf(ctx context.Context, r *registry.Repository, p Paging) (*TagConnection, error) {
	c, err := children(ctx, s, r.ID, childQuery{kind: registry.KindTag, order: registry.IndexName, at: r.ReadAt}, p,
		func(cursor string, t *registry.Tag) *TagEdge { return &TagEdge{cursor, t} })
	if err != nil {
		return nil, err
	}
	return &TagConnection{*c}, nil
}
