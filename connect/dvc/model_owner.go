package dvc

import (
	"slices"
	"strings"

	"pedigree/connect/git"
	"pedigree/connect/gto"
	"pedigree/registry"
	"pedigree/service/core"
)

// ownEvents drops the events of models that belong to another repository: two repositories
// that know nothing of each other may give their models one name, and must not replace,
// deprecate or end each other's versions.
func (g *gtoRecorder) ownEvents(events []gto.Event) ([]gto.Event, error) {
	owners := map[string]string{}
	for _, e := range events {
		if _, ok := owners[e.Model()]; ok {
			continue
		}
		owner, err := g.rec.otherOwner(e.Model())
		if err != nil {
			return nil, err
		}
		if owners[e.Model()] = owner; owner != "" {
			g.report.AddProblem(git.NotRecorded, "model "+e.Model(), "%s", belongsTo(owner))
		}
	}
	return slices.DeleteFunc(events, func(e gto.Event) bool { return owners[e.Model()] != "" }), nil
}

func belongsTo(owner string) string {
	return "the name belongs to the repository " + owner + ", so nothing of this one is recorded under it; give --model-prefix NAME to name the models of this repository NAME=…, or --repo " +
		owner + " if it is the same repository"
}

// otherOwner returns the repository that made the versions of a model, when it is another
// than this one. It returns "" when this repository made one of them, and when no
// repository did.
func (r *recorder) otherOwner(model string) (string, error) {
	asked := r.s
	if r.owners != nil {
		asked = r.owners
	}
	m, err := asked.Model(r.ctx, model)
	if err != nil || m == nil {
		return "", err
	}
	other, first := "", core.MaxPage
	for page := (core.Paging{First: &first}); ; {
		versions, err := asked.VersionsOf(r.ctx, m, page, nil, nil)
		if err != nil {
			return "", err
		}
		for _, e := range versions.Edges {
			owner, _, err := r.origin(asked, e.Node)
			switch {
			case err != nil:
				return "", err
			case owner == r.reader.key:
				return "", nil
			case owner != "":
				other = owner
			}
		}
		if !versions.PageInfo.HasNextPage {
			return other, nil
		}
		page.After = &versions.PageInfo.EndCursor
	}
}

// origin returns the repository that a version was made from, "" when it was made from none,
// and the tag that it was released from, nil when there is none.
func (r *recorder) origin(s Registry, v *registry.ModelVersion) (owner string, tag *registry.Tag, err error) {
	first := core.MaxPage // A version has at most one tag and one run; features may be many.
	causes, err := s.Upstream(r.ctx, v, core.Paging{First: &first})
	if err != nil {
		return "", nil, err
	}
	for _, e := range causes.Edges {
		switch n := e.Node.(type) {
		case *registry.Tag:
			tag = n
			if registry.ID(n.Repository) == registry.RepositoryID(r.reader.key) {
				return r.reader.key, tag, nil
			}
			repo, err := s.Node(r.ctx, registry.ID(n.Repository))
			if err != nil {
				return "", nil, err
			}
			if repo, ok := repo.(*registry.Repository); ok {
				return repo.Name, tag, nil
			}
		case *registry.Run:
			if key, ok := strings.CutPrefix(n.Producer, "dvc:"); ok && owner == "" {
				if owner = key; n.Producer == r.producer {
					owner = r.reader.key // The producer of a long key is cut.
				}
			}
		}
	}
	return owner, tag, nil
}

// reportMoved reports a version tag that points at another commit than the one that the
// version was made from. The version stays.
func (g *gtoRecorder) reportMoved(v *registry.ModelVersion, e gto.Event) error {
	_, tag, err := g.rec.origin(g.s, v)
	if err == nil && tag != nil && tag.Name == e.Tag && tag.SHA != e.Commit {
		g.report.AddProblem(git.Remark, "tag "+e.Tag, "it now points at the commit %s; %s stays as it was made from %s", git.ShortSHA(e.Commit), v.Name, git.ShortSHA(tag.SHA))
	}
	return err
}
