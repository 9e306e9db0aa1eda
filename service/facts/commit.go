package facts

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// CommitInput describes a commit.
type CommitInput struct {
	SHA         string    `json:"sha,omitzero"`
	Parents     []string  `json:"parents,omitzero"`
	Message     string    `json:"message,omitzero"`
	Author      string    `json:"author,omitzero"`
	Email       string    `json:"email,omitzero"`
	Committer   string    `json:"committer,omitzero"`
	Role        string    `json:"role,omitzero"`
	Signature   string    `json:"signature,omitzero"`
	AuthoredAt  time.Time `json:"authoredAt,omitzero"`
	CommittedAt time.Time `json:"committedAt,omitzero"`
}

// RecordCommitsInput describes 1 to registry.MaxFacts commits of a repository.
type RecordCommitsInput struct {
	Repository     RepositoryInput `json:"repository,omitzero"`
	Commits        []CommitInput   `json:"commits,omitzero"`
	IdempotencyKey *string         `json:"-"`
}

// RecordCommitsPayload has the repository, the commits in the order of the input, how many of
// them were new, and the names of told fields that were not taken; see core.Written.
type RecordCommitsPayload struct {
	Repository *registry.Repository
	Commits    []*registry.Commit
	Created    int
	NotTaken   []string
}

func (c *CommitInput) check(field string) error {
	if err := core.CheckSHA(field+".sha", &c.SHA); err != nil {
		return err
	}
	if len(c.Parents) > 100 {
		return registry.Invalid(field+".parents", "has more than 100 entries")
	}
	for i := range c.Parents {
		if err := core.CheckSHA(field+".parents", &c.Parents[i]); err != nil {
			return err
		}
	}
	return core.FirstError(core.CheckText(field+".message", &c.Message), core.CheckText(field+".author", &c.Author), core.CheckText(field+".email", &c.Email), core.CheckText(field+".committer", &c.Committer),
		core.CheckKey(field+".role", &c.Role), core.CheckKey(field+".signature", &c.Signature), core.CheckTime(field+".authoredAt", c.AuthoredAt), core.CheckTime(field+".committedAt", c.CommittedAt))
}

func (in *RecordCommitsInput) check() error {
	if len(in.Commits) == 0 || len(in.Commits) > registry.MaxFacts {
		return registry.Invalid("commits", "must be 1 to %d commits, not %d", registry.MaxFacts, len(in.Commits))
	}
	if err := in.Repository.check(); err != nil {
		return err
	}
	for i := range in.Commits {
		if err := in.Commits[i].check(fmt.Sprintf("commits[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

// CommitRole returns the role of a commit and the text that it was read from: the trailer
// Model-Role in the last paragraph of the message, or else the Conventional Commits type.
func CommitRole(message string) (role, evidence string) {
	paragraphs := strings.Split(strings.TrimSpace(strings.ReplaceAll(message, "\r\n", "\n")), "\n\n")
	for _, line := range strings.Split(paragraphs[len(paragraphs)-1], "\n") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(k), "Model-Role") && strings.TrimSpace(v) != "" && len(paragraphs) > 1 {
			return strings.ToLower(strings.TrimSpace(v)), "trailer " + strings.TrimSpace(line)
		}
	}
	subject, _, _ := strings.Cut(message, "\n")
	head, _, ok := strings.Cut(subject, ": ")
	if !ok {
		return "", ""
	}
	head = strings.TrimSuffix(head, "!")
	if kind, scope, scoped := strings.Cut(head, "("); scoped {
		if !strings.HasSuffix(scope, ")") {
			return "", ""
		}
		head = kind
	}
	if head == "" || strings.Trim(head, "abcdefghijklmnopqrstuvwxyz-") != "" {
		return "", ""
	}
	return head, "type of " + registry.Shorten(subject, 100)
}

// RecordCommits records commits with their parents. The edge to a parent that is not recorded
// yet is added when that parent is recorded.
func (r *Recorder) RecordCommits(ctx context.Context, in RecordCommitsInput) (*RecordCommitsPayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	result, err := r.core.Write(ctx, registry.CommitRecord, core.Idempotent("recordCommits", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return writeCommits(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	out := &RecordCommitsPayload{Created: result.Count, Commits: make([]*registry.Commit, len(in.Commits)), NotTaken: result.NotTaken}
	nouns, err := r.core.ReadBackAll(ctx, result, result.IDs...)
	if err != nil || len(nouns) == 0 {
		return out, err
	}
	out.Repository, _ = nouns[0].(*registry.Repository)
	for i, n := range nouns[1:] {
		out.Commits[i], _ = n.(*registry.Commit)
	}
	return out, nil
}

func writeCommits(ctx context.Context, tx *policies.Tx, in RecordCommitsInput) (core.WriteResult, error) {
	repo := registry.RepositoryID(in.Repository.key())
	ids := []registry.ID{repo}
	parents := []registry.ID{}
	for _, c := range in.Commits {
		ids = append(ids, registry.CommitID(c.SHA))
		for _, p := range c.Parents {
			parents = append(parents, registry.CommitID(p))
		}
	}
	found, err := tx.NodesUnfiltered(ctx, append(ids[1:len(ids):len(ids)], parents...)...)
	if err != nil {
		return core.WriteResult{}, err
	}
	known := map[registry.ID]*graph.Node{}
	for _, n := range found {
		if n != nil {
			known[n.ID] = n
		}
	}
	// A repository begins with its first commit or tag: one whose commits all belong to another
	// repository, as in a fresh fork, is not recorded.
	earliest := earliestNew(in.Commits, known, tx.Now())
	ofRepo, err := ensureRepository(ctx, tx, in.Repository, earliest)
	if err != nil {
		return core.WriteResult{}, err
	}
	result := core.WriteResult{IDs: ids, Created: ofRepo.Created, NotTaken: ofRepo.NotTaken}
	changed := ofRepo.Changed
	var created []registry.ID
	var told []string
	for i, c := range in.Commits {
		id := registry.CommitID(c.SHA)
		written, err := putCommit(ctx, tx, known[id], repo, c)
		if err != nil {
			return core.WriteResult{}, commitError(i, err)
		}
		if written.Created {
			result.Count++
			result.Created = true
			created = append(created, id)
		}
		if written.Changed {
			changed, known[id] = true, &graph.Node{ID: id}
			told = append(told, c.SHA)
		}
		for _, field := range written.NotTaken {
			result.NotTaken = append(result.NotTaken, fmt.Sprintf("commits[%d].%s", i, field))
		}
	}
	if !earliest.IsZero() {
		if err := core.BackdateContainer(ctx, tx, repo, earliest); err != nil {
			return core.WriteResult{}, err
		}
	}
	edges, addedPending, err := parentEdges(ctx, tx, in.Commits, known, created)
	if err != nil {
		return core.WriteResult{}, err
	}
	changed = changed || addedPending
	if err := tx.Link(ctx, edges...); err != nil {
		return core.WriteResult{}, err
	}
	for _, e := range edges {
		changed = changed || e.Created
	}
	if result.Changed = changed; !changed {
		return result, nil
	}
	detail := []any{"repository", in.Repository.key(), "commits", len(in.Commits), "new", result.Count}
	if len(told) > 0 && len(told) <= maxToldCommits {
		detail = append(detail, "shas", told)
	}
	return result, tx.Log(ctx, registry.LogEntry{Action: registry.LogCommitsRecorded, Objects: []registry.ID{repo}, Detail: core.LogDetail(detail...)})
}

// maxToldCommits is the most commits that an entry of the log lists. A history that is imported has
// more, and would make the log as long as itself.
const maxToldCommits = 100

// EnsureCommit records a commit of which only its sha, its repository and a time when it was there
// are known, if it is not recorded yet. Of several such times the earliest is kept.
func EnsureCommit(ctx context.Context, tx *policies.Tx, in RecordCommitsInput) error {
	if err := in.check(); err != nil {
		return err
	}
	c := in.Commits[0]
	found, err := tx.NodesUnfiltered(ctx, registry.CommitID(c.SHA))
	if err != nil {
		return err
	}
	if found[0] == nil {
		_, err := writeCommits(ctx, tx, in)
		return err
	}
	known, err := core.DecodeWhole(found[0], &registry.Commit{})
	at := core.StoredTime(c.CommittedAt, tx.Now())
	if err != nil || known.Deleted || !known.Bare() || !at.Before(known.ValidFrom) {
		return err
	}
	known.CommittedAt, known.ValidFrom = at, at
	if err := core.PutNoun(ctx, tx, known, at); err != nil {
		return err
	}
	return core.BackdateContainer(ctx, tx, known.Parent, at)
}

// earliestNew returns the time of the earliest commit that is not known, zero when all are.
func earliestNew(commits []CommitInput, known map[registry.ID]*graph.Node, now time.Time) (earliest time.Time) {
	for _, c := range commits {
		if known[registry.CommitID(c.SHA)] != nil {
			continue
		}
		if at := core.StoredTime(c.CommittedAt, now); earliest.IsZero() || at.Before(earliest) {
			earliest = at
		}
	}
	return earliest
}

// RoleGivenBy starts the evidence of a role that the caller gave, followed by the subject.
const RoleGivenBy = "given by "

// putCommit records a commit. old is its stored node; a node without a document was written
// by this call, because the commit stands in the input twice, and is read again.
func putCommit(ctx context.Context, tx *policies.Tx, old *graph.Node, repo registry.ID, c CommitInput) (core.Written, error) {
	if old != nil && old.Doc == nil {
		again, err := tx.NodesUnfiltered(ctx, old.ID)
		if err != nil {
			return core.Written{}, err
		}
		old = again[0]
	}
	commit := &registry.Commit{Name: c.SHA[:12], SHA: c.SHA, Message: c.Message, Author: c.Author, Email: c.Email, Committer: c.Committer,
		Repository: string(repo), ParentSHAs: c.Parents, Role: c.Role, Signature: c.Signature, AuthoredAt: core.StoredTime(c.AuthoredAt, time.Time{}), RecordedAt: tx.Now()}
	commit.ID, commit.Parent = registry.CommitID(c.SHA), repo
	known := &registry.Commit{}
	if old != nil {
		if err := core.DecodeDoc(old, known); err != nil {
			return core.Written{}, err
		}
		commit.Parent, commit.Repository = old.Parent, string(old.Parent)
	}
	told := core.ToldFact{Old: old, Noun: commit, At: c.CommittedAt, SetTime: func(at time.Time) { commit.CommittedAt = at }}
	if old != nil && known.Bare() && c.Author != "" { // The repository itself tells, and knows better.
		told.Defaults = map[string]string{"committedAt": known.CommittedAt.Format(time.RFC3339Nano)}
	}
	switch {
	case c.Role == "" && known.Role == "":
		commit.Role, commit.RoleEvidence = CommitRole(c.Message)
	case c.Role != "":
		commit.RoleEvidence = RoleGivenBy + tx.Subject()
		if !strings.HasPrefix(known.RoleEvidence, RoleGivenBy) { // A given role replaces one that was read from the message.
			if told.Defaults == nil {
				told.Defaults = map[string]string{}
			}
			told.Defaults["role"], told.Defaults["roleEvidence"] = known.Role, known.RoleEvidence
		}
	}
	return core.PutFact(ctx, tx, told)
}

// commitError names the commit of the input that an error is about.
func commitError(i int, err error) error {
	known, ok := err.(*registry.Error)
	if !ok || known.Field == "" {
		return err
	}
	out := *known
	out.Field = fmt.Sprintf("commits[%d].%s", i, strings.Replace(known.Field, "parentShas", "parents", 1))
	return &out
}

// parentEdges returns the edges from commits to recorded parents. For other parents it stores
// pending nodes. It also returns the edges of earlier commits whose pending parent is one of
// those that were created: told again, a parent does not bring back an edge that was retracted.
// addedPending reports whether it stored a pending node.
func parentEdges(ctx context.Context, tx *policies.Tx, commits []CommitInput, known map[registry.ID]*graph.Node, created []registry.ID) (edges []*graph.Edge, addedPending bool, err error) {
	ids := make([]registry.ID, len(commits))
	var pending []*graph.Node
	for i, c := range commits {
		ids[i] = registry.CommitID(c.SHA)
		for _, p := range c.Parents {
			parent := registry.CommitID(p)
			switch {
			case parent == ids[i]:
				return nil, false, registry.Errorf(registry.FailedPrecondition, "commit %s names itself as its parent", c.SHA)
			case known[parent] != nil:
				edges = append(edges, &graph.Edge{Kind: registry.EdgeParent, From: ids[i], To: parent})
			default:
				doc, err := registry.Canonical(pendingParent{ids[i]})
				if err != nil {
					return nil, false, err
				}
				pending = append(pending, &graph.Node{ID: registry.NewID(registry.KindPending, p, c.SHA), Kind: registry.KindPending, Parent: parent,
					Name: c.SHA, ValidFrom: tx.Now(), Doc: doc})
			}
		}
	}
	if pending, err = notStored(ctx, tx, pending); err != nil {
		return nil, false, err
	}
	if len(pending) > 0 {
		if err := tx.Put(ctx, pending...); err != nil {
			return nil, false, err
		}
	}
	if len(created) == 0 {
		return edges, len(pending) > 0, nil
	}
	pendingChildren, err := tx.ChildrenUnfiltered(ctx, registry.KindPending, registry.IndexName, created...)
	if err != nil {
		return nil, false, err
	}
	for _, n := range pendingChildren {
		var w pendingParent
		if err := core.DecodeDoc(n, &w); err != nil {
			return nil, false, err
		}
		edges = append(edges, &graph.Edge{Kind: registry.EdgeParent, From: w.Child, To: n.Parent})
	}
	return edges, len(pending) > 0, nil
}

// pendingParent is the document of a KindPending node: a commit that has an edge to the node's
// parent as soon as that is recorded.
type pendingParent struct {
	Child registry.ID `json:"child"`
}

// notStored returns the nodes that are not stored yet.
func notStored(ctx context.Context, tx *policies.Tx, nodes []*graph.Node) (out []*graph.Node, err error) {
	ids := make([]registry.ID, len(nodes))
	for i, n := range nodes {
		ids[i] = n.ID
	}
	found, err := tx.NodesUnfiltered(ctx, ids...)
	for i, n := range nodes {
		if err == nil && found[i] == nil {
			out = append(out, n)
		}
	}
	return out, err
}

// CommitEdge is a commit in a page.
type CommitEdge struct {
	Cursor string
	Node   *registry.Commit
}

// CommitConnection is a page of commits.
type CommitConnection struct{ core.Connection[*CommitEdge] }

// CommitFilter selects commits; empty fields match all.
type CommitFilter struct {
	Role       string
	Repository *registry.ID
	// CommittedFrom (inclusive) and CommittedBefore (exclusive) bound the commit time.
	CommittedFrom, CommittedBefore *time.Time
}

func commitEdge(cursor string, c *registry.Commit) *CommitEdge { return &CommitEdge{cursor, c} }

// Commits returns one page of the commits that the caller sees, newest first unless o gives
// another order.
func (r *Recorder) Commits(ctx context.Context, p core.Paging, f *CommitFilter, o *core.CommitOrder) (*CommitConnection, error) {
	scope, err := r.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindCommit}, Order: registry.IndexValidFrom, Desc: true}
	if f != nil {
		q.Where = append(core.EqualTo("role", f.Role), core.BeganWithin(core.TimeRange{From: f.CommittedFrom, Before: f.CommittedBefore})...)
		if f.Repository != nil {
			q.Parents = []registry.ID{*f.Repository}
		}
	}
	if o != nil {
		core.SortBy(&q, o.Field, o.Direction)
	}
	conn, err := core.FindPage(ctx, r.core, scope, q, []any{"commits", f}, p, commitEdge)
	if err != nil {
		return nil, err
	}
	return &CommitConnection{*conn}, nil
}

// Commit returns a commit by its sha, optionally at a point in time; nil when there is none
// that the caller sees.
func (r *Recorder) Commit(ctx context.Context, sha string, past ...core.PointInTime) (*registry.Commit, error) {
	if err := core.CheckSHA("sha", &sha); err != nil {
		return nil, err
	}
	return core.GetNoun[*registry.Commit](ctx, r.core, registry.CommitID(sha), past)
}

// CommitsOf returns one page of the commits of a repository, newest first.
func (r *Recorder) CommitsOf(ctx context.Context, repo *registry.Repository, p core.Paging) (*CommitConnection, error) {
	conn, err := core.ListChildren(ctx, r.core, repo, core.ChildQuery{Kind: registry.KindCommit, Order: registry.IndexValidFrom, Desc: true, At: repo.ReadAt}, p, commitEdge)
	if err != nil {
		return nil, err
	}
	return &CommitConnection{*conn}, nil
}

// FactKind returns registry.FactCommits.
func (*RecordCommitsInput) FactKind() registry.FactKind { return registry.FactCommits }

// FactAction returns the action that recording needs permission for.
func (*RecordCommitsInput) FactAction() registry.Action { return registry.CommitRecord }

// CheckFact checks the input as one fact of a batch.
func (in *RecordCommitsInput) CheckFact() error {
	return core.FirstError(core.RefuseIdempotencyKey(in.IdempotencyKey), in.check())
}

// ResolveFact returns the input unchanged: it has no ids.
func (in *RecordCommitsInput) ResolveFact(_ core.References) core.Fact {
	return in
}

// FactReads returns the nodes, and the effects of edges, that WriteFact will read.
func (in *RecordCommitsInput) FactReads() (ids, effects []registry.ID) {
	ids = append(ids, registry.RepositoryID(in.Repository.key()))
	for _, c := range in.Commits {
		effects = append(effects, registry.CommitID(c.SHA))
		for _, p := range c.Parents {
			ids = append(ids, registry.CommitID(p))
			ids = append(ids, registry.NewID(registry.KindPending, p, c.SHA))
		}
	}
	return ids, effects
}

// WriteFact writes the fact in a transaction.
func (in *RecordCommitsInput) WriteFact(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
	return writeCommits(ctx, tx, *in)
}
