package git

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// batch is how many commits one call records; service.RecordCommits takes 500.
const batch = 500

// As returns a context that acts as the importer of a system with the caller's
// own grants: what an import may do is what its caller may do. A server knows its
// caller by the token alone, and logs that subject.
func As(ctx context.Context, s Registry, system string) (context.Context, error) {
	caller, err := s.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(caller.Subject, "import:") {
		return service.As(ctx, registry.Actor{Subject: "import:" + system, Grants: caller.Grants}, service.RequestID(ctx)), nil
	}
	request := strings.TrimSpace(service.RequestID(ctx) + " for " + caller.Subject)
	return service.As(ctx, registry.Actor{Subject: "import:" + system, Grants: caller.Grants}, request), nil
}

// Need answers FORBIDDEN for a caller who may not do one of some actions, so that
// an import that could record nothing ends before it begins.
func Need(ctx context.Context, s Registry, actions ...registry.Action) error {
	caller, err := s.Viewer(ctx)
	if err != nil {
		return err
	}
	for _, a := range actions {
		if !slices.Contains(caller.Actions, string(a)) {
			return registry.Errorf(registry.Forbidden, "this import needs the action %s, which you may not do; ask an administrator for a role that may", a)
		}
	}
	return nil
}

// Import opens a repository and records its commits and tags.
func Import(ctx context.Context, s Registry, from string, o Options) (*Report, error) {
	r, err := Open(ctx, from, o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	report := &Report{}
	return report, r.Record(ctx, s, report)
}

// Record records the commits that are not known yet, parents first, and every
// tag; doing it again adds nothing. It acts as import:git for its caller.
func (r *Repository) Record(ctx context.Context, s Registry, report *Report) error {
	if err := Need(ctx, s, registry.CatalogRead, registry.CommitRecord, registry.TagRecord); err != nil {
		return err
	}
	ctx, err := As(ctx, s, "git")
	if err != nil {
		return err
	}
	report.Repository = r.Key()
	report.Add("commits", 0)
	report.Add("tags", 0)
	known := 0
	have := counting(recorded(s), &known)
	fresh, err := r.unrecorded(ctx, have)
	if err != nil {
		return err
	}
	for at := 0; at < len(fresh); at += batch {
		part := fresh[at:min(at+batch, len(fresh))]
		r.options.Progress.tell("recording commits", at, len(fresh))
		if err := r.recordCommits(ctx, s, part, report); err != nil {
			return err
		}
	}
	if len(fresh) > 0 {
		r.options.Progress.tell("recording commits", len(fresh), len(fresh))
	}
	for _, p := range r.told {
		report.Tell(p.Kind, p.Where, "%s", p.What)
	}
	if known+report.Added("commits") == 0 {
		return registry.Errorf(registry.FailedPrecondition, "none of the repository's commits could be read and recorded; the list says why")
	}
	return r.recordTags(ctx, s, report)
}

// counting counts the commits that turn out to be known.
func counting(ask known, n *int) known {
	return func(ctx context.Context, shas []string) (map[string]bool, error) {
		found, err := ask(ctx, shas)
		*n += len(found)
		return found, err
	}
}

// unrecorded returns the commits that the registry lacks. It stops at known ones:
// batches are recorded parents first, so what lies behind is known too.
func (r *Repository) unrecorded(ctx context.Context, have known) ([]Commit, error) {
	if !r.options.All {
		return r.walk(ctx, have)
	}
	all, err := r.Commits(ctx)
	if err != nil {
		return nil, err
	}
	var out []Commit
	for part := range slices.Chunk(all, lookup) {
		shas := make([]string, len(part))
		for i, c := range part {
			shas[i] = c.SHA
		}
		there, err := have(ctx, shas)
		if err != nil {
			return nil, err
		}
		for _, c := range part {
			if !there[c.SHA] {
				out = append(out, c)
			}
		}
	}
	return out, nil
}

// recordCommits records commits in one call. When the registry refuses one of
// them, or so much at once, it halves the call until what is refused stands alone
// and is listed.
func (r *Repository) recordCommits(ctx context.Context, s Registry, commits []Commit, report *Report) error {
	in := facts.RecordCommitsInput{Repository: r.input}
	for _, c := range commits {
		facts, err := r.facts(c, report)
		if err != nil {
			report.Tell(NotRead, "commit "+Short(c.SHA), "%v", err)
			continue
		}
		in.Commits = append(in.Commits, facts)
	}
	if len(in.Commits) == 0 {
		return nil
	}
	out, err := s.RecordCommits(ctx, in)
	switch {
	case err == nil:
		report.Add("commits", out.Created)
		return nil
	case registry.CodeOf(err) == registry.Forbidden || !Refused(err):
		return err
	case len(commits) == 1:
		return report.List(NotRecorded, "commit "+Short(commits[0].SHA), err)
	}
	half := len(commits) / 2
	if err := r.recordCommits(ctx, s, commits[:half], report); err != nil {
		return err
	}
	return r.recordCommits(ctx, s, commits[half:], report)
}

// facts reads a commit as the registry takes it. The role is left to the service,
// which reads it from the message.
func (r *Repository) facts(c Commit, report *Report) (facts.CommitInput, error) {
	o, err := r.git.CommitObject(plumbing.NewHash(c.SHA))
	if err != nil {
		return facts.CommitInput{}, fmt.Errorf("it cannot be read again: %w", err)
	}
	clean := &cleaner{encoding: string(o.Encoding)}
	in := facts.CommitInput{SHA: c.SHA, Signature: signatureKind(o.PGPSignature),
		Message: strings.TrimRight(clean.text(o.Message, registry.MaxText), "\n"),
		Author:  clean.line(o.Author.Name, 255), Email: clean.line(o.Author.Email, 255), Committer: clean.line(o.Committer.Name, 255),
		AuthoredAt: clean.time(o.Author.When), CommittedAt: clean.time(o.Committer.When)}
	for _, p := range unique(c.parents) {
		in.Parents = append(in.Parents, p.String())
	}
	for _, change := range clean.changes {
		report.Tell(Changed, "commit "+Short(c.SHA), "%s", change)
	}
	return in, nil
}

// recordTags records every tag, and tells of those that are recorded and gone.
func (r *Repository) recordTags(ctx context.Context, s Registry, report *Report) error {
	for i, t := range r.tags {
		r.options.Progress.tell("recording tags", i+1, len(r.tags))
		in := facts.RecordTagInput{Repository: r.input, Name: t.Name, SHA: t.SHA, Annotated: t.Annotated, Message: t.Message, Tagger: t.Tagger, TaggedAt: t.At}
		out, err := s.RecordTag(ctx, in)
		if err != nil {
			if err := report.List(NotRecorded, "tag "+t.Name, err); err != nil {
				return err
			}
			continue
		}
		r.nodes[t.Name] = out.Tag.ID
		if out.Created {
			report.Add("tags", 1)
		}
		for _, change := range t.changes {
			report.Tell(Changed, "tag "+t.Name, "%s", change)
		}
	}
	return r.tellGone(ctx, s, report)
}

// tellGone lists the recorded tags that the repository no longer has: their
// records stand, for versions may be released from them.
func (r *Repository) tellGone(ctx context.Context, s Registry, report *Report) error {
	n, err := s.Node(ctx, registry.RepositoryID(r.Key()))
	if err != nil {
		return err
	}
	repo, ok := n.(*registry.Repository)
	if !ok {
		return nil
	}
	have := map[string]bool{}
	for _, t := range r.tags {
		have[t.Name] = true
	}
	first := core.MaxPage
	for page := (core.Paging{First: &first}); ; {
		tags, err := s.TagsOf(ctx, repo, page)
		if err != nil {
			return err
		}
		for _, e := range tags.Edges {
			if t := e.Node; t.MovedAt.IsZero() && !have[t.Name] {
				report.Tell(Remark, "tag "+t.Name, "it is no longer in the repository; its record stands")
			}
		}
		if !tags.PageInfo.HasNextPage {
			return nil
		}
		page.After = &tags.PageInfo.EndCursor
	}
}

// TagNode returns the node of a tag that Record recorded.
func (r *Repository) TagNode(name string) (registry.ID, bool) {
	id, ok := r.nodes[name]
	return id, ok
}
