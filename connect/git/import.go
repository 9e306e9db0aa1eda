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

// commitBatch is the number of commits in one call; service.RecordCommits takes at most
// 500.
const commitBatch = 500

// ActAsImporter returns a context with the subject import:SYSTEM and the grants of the
// caller. An import may do exactly what its caller may do. A server ignores the subject: it
// identifies the caller by its token and logs the token's subject.
func ActAsImporter(ctx context.Context, s Registry, system string) (context.Context, error) {
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

// RequireActions returns FORBIDDEN when the caller lacks one of the actions. It stops an
// import that could record nothing before the import starts.
func RequireActions(ctx context.Context, s Registry, actions ...registry.Action) error {
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

// Record records the commits that the registry does not have yet, parents first, and every
// tag. A second call adds nothing. It acts as import:git with the caller's grants.
func (r *Repository) Record(ctx context.Context, s Registry, report *Report) error {
	if err := RequireActions(ctx, s, registry.CatalogRead, registry.CommitRecord, registry.TagRecord); err != nil {
		return err
	}
	ctx, err := ActAsImporter(ctx, s, "git")
	if err != nil {
		return err
	}
	report.Repository = r.Key()
	report.Add("commits", 0)
	report.Add("tags", 0)
	r.present = 0
	lookUp := countKnown(recordedCommits(s), &r.present)
	commits, err := r.newCommits(ctx, lookUp)
	if err != nil {
		return err
	}
	for start := 0; start < len(commits); start += commitBatch {
		batch := commits[start:min(start+commitBatch, len(commits))]
		r.options.Progress.report("recording commits", start, len(commits))
		if err := r.recordCommits(ctx, s, batch, report); err != nil {
			return err
		}
	}
	if len(commits) > 0 {
		r.options.Progress.report("recording commits", len(commits), len(commits))
	}
	for _, p := range r.problems {
		report.AddProblem(p.Kind, p.Where, "%s", p.What)
	}
	if r.present == 0 {
		return registry.Errorf(registry.FailedPrecondition, "none of the repository's commits could be read and recorded; the list says why")
	}
	return r.recordTags(ctx, s, report)
}

// countKnown adds the number of known commits of each lookup to n.
func countKnown(lookUp commitLookup, n *int) commitLookup {
	return func(ctx context.Context, shas []string) (map[string]bool, error) {
		found, err := lookUp(ctx, shas)
		*n += len(found)
		return found, err
	}
}

// newCommits returns the commits that the registry does not have. Without Options.All it
// stops at known commits: batches are recorded parents first, so the ancestors of a known
// commit are known too.
func (r *Repository) newCommits(ctx context.Context, lookUp commitLookup) ([]Commit, error) {
	if !r.options.All {
		return r.walk(ctx, lookUp)
	}
	all, err := r.Commits(ctx)
	if err != nil {
		return nil, err
	}
	var out []Commit
	for batch := range slices.Chunk(all, lookupBatch) {
		shas := make([]string, len(batch))
		for i, c := range batch {
			shas[i] = c.SHA
		}
		recorded, err := lookUp(ctx, shas)
		if err != nil {
			return nil, err
		}
		for _, c := range batch {
			if !recorded[c.SHA] {
				out = append(out, c)
			}
		}
	}
	return out, nil
}

// recordCommits records commits in one call. When the registry refuses the call, it splits
// the batch in halves until the refused commit is alone, and reports that one.
func (r *Repository) recordCommits(ctx context.Context, s Registry, commits []Commit, report *Report) error {
	in := facts.RecordCommitsInput{Repository: r.input}
	for _, c := range commits {
		facts, err := r.commitInput(c, report)
		if err != nil {
			report.AddProblem(NotRead, "commit "+ShortSHA(c.SHA), "%v", err)
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
		r.present += len(in.Commits) // Another import may have recorded them meanwhile.
		report.AddNotTaken("commits from "+ShortSHA(commits[0].SHA), out.NotTaken, "repository.defaultBranch")
		return nil
	case registry.CodeOf(err) == registry.Forbidden || !Refused(err):
		return err
	case len(commits) == 1:
		return report.AddRefusal(NotRecorded, "commit "+ShortSHA(commits[0].SHA), err)
	}
	half := len(commits) / 2
	if err := r.recordCommits(ctx, s, commits[:half], report); err != nil {
		return err
	}
	return r.recordCommits(ctx, s, commits[half:], report)
}

// commitInput reads a commit in the form that the registry takes. It leaves the role empty:
// the service derives it from the message.
func (r *Repository) commitInput(c Commit, report *Report) (facts.CommitInput, error) {
	o, err := r.git.CommitObject(plumbing.NewHash(c.SHA))
	if err != nil {
		return facts.CommitInput{}, fmt.Errorf("it cannot be read again: %w", err)
	}
	clean := &TextCleaner{encoding: string(o.Encoding)}
	in := facts.CommitInput{SHA: c.SHA, Signature: signatureKind(o.PGPSignature),
		Message: strings.TrimRight(clean.Text(o.Message, registry.MaxText), "\n"),
		Author:  clean.Line(o.Author.Name, 255), Email: clean.Line(o.Author.Email, 255), Committer: clean.Line(o.Committer.Name, 255),
		AuthoredAt: clean.time(o.Author.When), CommittedAt: clean.time(o.Committer.When)}
	for _, p := range unique(c.parents) {
		in.Parents = append(in.Parents, p.String())
	}
	for _, change := range clean.changes {
		report.AddProblem(Changed, "commit "+ShortSHA(c.SHA), "%s", change)
	}
	return in, nil
}

// recordTags records every tag, and reports the recorded tags that the repository no longer
// has.
func (r *Repository) recordTags(ctx context.Context, s Registry, report *Report) error {
	for i, t := range r.tags {
		r.options.Progress.report("recording tags", i+1, len(r.tags))
		in := facts.RecordTagInput{Repository: r.input, Name: t.Name, SHA: t.SHA, Annotated: t.Annotated, Message: t.Message, Tagger: t.Tagger, TaggedAt: t.At}
		out, err := s.RecordTag(ctx, in)
		if err != nil {
			if err := report.AddRefusal(NotRecorded, "tag "+t.Name, err); err != nil {
				return err
			}
			continue
		}
		r.tagNodes[t.Name] = out.Tag.ID
		report.AddNotTaken("tag "+t.Name, out.NotTaken, "repository.defaultBranch")
		if out.Created {
			report.Add("tags", 1)
		}
		for _, change := range t.changes {
			report.AddProblem(Changed, "tag "+t.Name, "%s", change)
		}
	}
	return r.reportDeletedTags(ctx, s, report)
}

// reportDeletedTags reports the recorded tags that the repository no longer has. Their
// records stay, because versions may be released from them.
func (r *Repository) reportDeletedTags(ctx context.Context, s Registry, report *Report) error {
	n, err := s.Node(ctx, registry.RepositoryID(r.Key()))
	if err != nil {
		return err
	}
	repo, ok := n.(*registry.Repository)
	if !ok {
		return nil
	}
	present := map[string]bool{}
	for _, t := range r.tags {
		present[t.Name] = true
	}
	first := core.MaxPage
	for page := (core.Paging{First: &first}); ; {
		tags, err := s.TagsOf(ctx, repo, page)
		if err != nil {
			return err
		}
		for _, e := range tags.Edges {
			if t := e.Node; t.MovedAt.IsZero() && !present[t.Name] {
				report.AddProblem(Remark, "tag "+t.Name, "it is no longer in the repository; its record stands")
			}
		}
		if !tags.PageInfo.HasNextPage {
			return nil
		}
		page.After = &tags.PageInfo.EndCursor
	}
}

// TagNode returns the id of a tag that Record recorded, and false when it did not.
func (r *Repository) TagNode(name string) (registry.ID, bool) {
	id, ok := r.tagNodes[name]
	return id, ok
}
