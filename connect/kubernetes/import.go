// Package kubernetes reads files with objects of Kubernetes, such as the InferenceServices of
// KServe, and records which versions they deploy. It asks no cluster.
package kubernetes

import (
	"context"
	"strconv"
	"strings"

	"pedigree/connect/git"
	"pedigree/connect/source"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// Registry holds the registry methods that an import calls. The service implements it, and so
// does the client of a server.
type Registry interface {
	git.Registry
	source.VersionReader
	Deployments(ctx context.Context, p core.Paging, f *facts.DeploymentFilter, o *core.DeploymentOrder) (*facts.DeploymentConnection, error)
	RecordDeployment(ctx context.Context, in facts.RecordDeploymentInput) (*facts.RecordDeploymentPayload, error)
	EndDeployment(ctx context.Context, in facts.EndDeploymentInput) (*facts.EndDeploymentPayload, error)
}

// importer is one import.
type importer struct {
	ctx      context.Context
	to       Registry
	versions *source.Versions
	report   *git.Report
	// live are the deployments that stand, by environment.
	live map[string][]*registry.Deployment
}

// Import records a deployment for each version that an object of a file or folder serves; its
// environment is the namespace. A deployment at the same endpoint of another version ends, unless
// the object shares its traffic. It acts as import:kubernetes with the caller's rights. A second
// import adds nothing.
func Import(ctx context.Context, r Registry, from string, progress git.Progress) (*git.Report, error) {
	report := &git.Report{}
	if err := git.RequireActions(ctx, r, registry.CatalogRead, registry.DeploymentRecord); err != nil {
		return report, err
	}
	ctx, err := git.ActAsImporter(ctx, r, "kubernetes")
	if err != nil {
		return report, err
	}
	docs, err := source.Read(from, source.HasExtension(".yaml", ".yml", ".json"), report)
	if err != nil {
		return report, err
	}
	report.Add("deployments", 0)
	report.Add("deployments ended", 0)
	im := &importer{ctx: ctx, to: r, versions: source.NewVersions(r), report: report, live: map[string][]*registry.Deployment{}}
	for n, d := range docs.Files {
		if progress != nil {
			progress("reading objects", n+1, len(docs.Files))
		}
		err := im.document(d)
		if err != nil && (docs.Root == "" || !git.Refused(err)) {
			return report, err
		}
		if err != nil {
			report.AddProblem(git.NotRead, d.Name, "%s", strings.TrimPrefix(err.Error(), d.Name+": "))
		}
	}
	return report, nil
}

// document records what the objects of a document serve. Of a document that cannot be read,
// nothing is recorded.
func (im *importer) document(d source.Document) error {
	values, err := source.Parse(d)
	if err != nil {
		return err
	}
	var all []*object
	for n, v := range values {
		where := d.Name
		if len(values) > 1 {
			where += " document " + strconv.Itoa(n+1)
		}
		objects, err := objectsOf(where, v, 0)
		if err != nil {
			return err
		}
		all = append(all, objects...)
	}
	for _, o := range all {
		if err := im.object(o); err != nil {
			return err
		}
	}
	return nil
}

// object records what an object serves.
func (im *importer) object(o *object) error {
	if err := registry.CheckName("namespace", o.environment); err != nil {
		im.report.AddProblem(git.NotRecorded, o.where, "its namespace is no name of an environment")
		return nil
	}
	served, err := im.served(o)
	if err != nil || len(served) == 0 {
		return err
	}
	if o.stopped {
		im.report.AddProblem(git.Remark, o.where, "it has no replicas, and serves nothing")
		return nil
	}
	live, err := im.liveAt(o)
	if err != nil {
		return err
	}
	var started *registry.Deployment
	for _, v := range served {
		if isServed(live, v) {
			continue
		}
		d, err := im.deploy(o, v, len(live) == 0)
		if err != nil {
			return err
		}
		if d != nil {
			started = d
			im.live[o.environment] = append(im.live[o.environment], d)
		}
	}
	if started == nil || o.canary != nil && *o.canary < 100 {
		return nil
	}
	return im.end(o, live, served, started)
}

// isServed reports whether a version is among deployments.
func isServed(live []*registry.Deployment, v *registry.ModelVersion) bool {
	for _, d := range live {
		if d.VersionID == v.ID {
			return true
		}
	}
	return false
}

// served returns the versions that an object names, and tells what names none.
func (im *importer) served(o *object) (out []*registry.ModelVersion, err error) {
	add := func(v *registry.ModelVersion) {
		for _, known := range out {
			if v == nil || known.ID == v.ID {
				return
			}
		}
		if v != nil {
			out = append(out, v)
		}
	}
	for _, keys := range [][2]string{{"pedigree.dev/model", "pedigree.dev/version"},
		{"modelregistry.kubeflow.org/registered-model-id", "modelregistry.kubeflow.org/model-version-id"}} {
		model, version := o.labels[keys[0]], o.labels[keys[1]]
		if model == "" || len(out) > 0 {
			continue
		}
		v, err := im.versions.ByName(im.ctx, model, orLatest(version))
		if err != nil && !git.Refused(err) {
			return nil, err
		}
		if v == nil {
			im.report.AddProblem(git.NotRecorded, o.where, "its label %s names the version %s of %s, which is not known", keys[0], registry.Shorten(orLatest(version), 60), registry.Shorten(model, 60))
		}
		add(v)
	}
	if len(out) > 0 { // A label is a statement; a URI need not be checked.
		return out, nil
	}
	for _, uri := range append(o.stated, o.mentioned...) {
		v, several, err := im.versions.ByURI(im.ctx, uri)
		if err != nil && !git.Refused(err) {
			return nil, err
		}
		_, _, named := source.ModelURI(uri)
		shown := registry.Shorten(registry.WithoutCredentials(uri), 200)
		switch stated := named || isIn(o.stated, uri); {
		case several:
			im.report.AddProblem(git.NotRecorded, o.where, "several versions have files at %s; add the labels pedigree.dev/model and pedigree.dev/version", shown)
		case v == nil && stated:
			im.report.AddProblem(git.NotRecorded, o.where, "%s is of no version that is known", shown)
		}
		add(v)
	}
	if len(out) == 0 && o.isServing() && len(o.stated) == 0 {
		im.report.AddProblem(git.NotRecorded, o.where, "it names no model: it has no storageUri and no label of a version")
	}
	return out, nil
}

func orLatest(version string) string {
	if version == "" {
		return "latest"
	}
	return version
}

func isIn(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// liveAt returns the deployments that stand at the endpoint of an object.
func (im *importer) liveAt(o *object) (out []*registry.Deployment, err error) {
	if _, known := im.live[o.environment]; !known {
		first, live := core.MaxPage, true
		im.live[o.environment] = []*registry.Deployment{}
		for page := (core.Paging{First: &first}); ; {
			found, err := im.to.Deployments(im.ctx, page, &facts.DeploymentFilter{Environment: o.environment, Live: &live}, nil)
			if err != nil {
				return nil, err
			}
			for _, e := range found.Edges {
				im.live[o.environment] = append(im.live[o.environment], e.Node)
			}
			if !found.PageInfo.HasNextPage {
				break
			}
			page.After = &found.PageInfo.EndCursor
		}
	}
	for _, d := range im.live[o.environment] {
		if d.Endpoint == o.endpoint() && d.EndedAt.IsZero() {
			out = append(out, d)
		}
	}
	return out, nil
}

// deploy records that an object serves a version. The first version of an endpoint began with the
// object, unless it is younger; of a later one, the object does not say when it came.
func (im *importer) deploy(o *object, v *registry.ModelVersion, first bool) (*registry.Deployment, error) {
	in := facts.RecordDeploymentInput{ID: &v.ID, Environment: o.environment, Endpoint: o.endpoint(), TrafficPercent: o.canary, Description: o.kind + " " + o.name}
	if first && !o.created.Before(v.ValidFrom) {
		in.StartedAt = o.created
	}
	out, err := im.to.RecordDeployment(im.ctx, in)
	if err != nil {
		return nil, im.report.AddRefusal(git.NotRecorded, o.where, err)
	}
	if out.Created {
		im.report.Add("deployments", 1)
	}
	return out.Deployment, nil
}

// end ends the deployments at an endpoint of versions that it does not serve any more.
func (im *importer) end(o *object, live []*registry.Deployment, served []*registry.ModelVersion, started *registry.Deployment) error {
	for _, d := range live {
		still := false
		for _, v := range served {
			still = still || v.ID == d.VersionID
		}
		if still {
			continue
		}
		at := started.StartedAt
		if at.Before(d.StartedAt) {
			at = d.StartedAt
		}
		_, err := im.to.EndDeployment(im.ctx, facts.EndDeploymentInput{ID: d.ID, EndedAt: at, Reason: registry.Shorten(o.where, 200) + " serves another version"})
		if err != nil {
			if err := im.report.AddRefusal(git.NotDone, o.where, err); err != nil {
				return err
			}
			continue
		}
		d.EndedAt = at
		im.report.Add("deployments ended", 1)
	}
	return nil
}
