package mlflow

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// Registry holds the registry methods that an import of MLflow calls, in addition to those of
// git.Registry. The service implements it, and so does the client of a server.
type Registry interface {
	git.Registry
	ModelVersion(ctx context.Context, model, version string, past ...core.PointInTime) (*registry.ModelVersion, error)
	RecordFacts(ctx context.Context, in bulk.RecordFactsInput) (*bulk.RecordFactsPayload, error)
}

// Options set where an import goes on, and what it calls.
type Options struct {
	Progress git.Progress
	// Done is what earlier imports of the source recorded, nil for a first one. Save keeps it; it
	// is called after some models, and at the end.
	Done Done
	Save func(Done) error
}

// Done holds a digest of each model as it was imported with all its versions, by name. What is the
// same again is not read again.
type Done map[string]string

// modelsPerSave is after how many models the place of an import is kept.
const modelsPerSave = 20

// importer is one import.
type importer struct {
	from   Source
	to     Registry
	report *git.Report
	// copies are the versions that copy another one, which may be imported later.
	copies []modelVersion
}

// Import records the models, versions, aliases and stages of a source, and the runs behind the
// versions. It acts as import:mlflow with the caller's rights. A second import adds nothing; one
// that was interrupted goes on.
func Import(ctx context.Context, r Registry, from Source, o Options) (*git.Report, error) {
	report := &git.Report{}
	if err := git.RequireActions(ctx, r, registry.CatalogRead, registry.FactsRecord, registry.ModelRegister, registry.VersionRegister, registry.RunRecord); err != nil {
		return report, err
	}
	ctx, err := git.ActAsImporter(ctx, r, "mlflow")
	if err != nil {
		return report, err
	}
	im := &importer{from: from, to: r, report: report}
	for _, what := range []string{"models", "versions", "runs", "datasets", "features", "commits", "transitions", "aliases"} {
		report.Add(what, 0)
	}
	o.progress("reading the list of versions", 0, 0)
	models, versionsOf, err := im.list(ctx)
	if err != nil {
		return report, err
	}
	done := Done{}
	maps.Copy(done, o.Done)
	for i, m := range models {
		o.progress("importing models", i, len(models))
		digest := digestOf(m, versionsOf[m.Name])
		if o.Done[m.Name] == digest {
			continue
		}
		delete(done, m.Name)
		whole, err := im.model(ctx, m, versionsOf[m.Name])
		if err != nil {
			return report, errors.Join(err, o.save(done))
		}
		if whole {
			done[m.Name] = digest
		}
		if (i+1)%modelsPerSave == 0 {
			if err := o.save(done); err != nil {
				return report, err
			}
		}
	}
	if len(models) > 0 {
		o.progress("importing models", len(models), len(models))
	}
	for _, v := range im.copies {
		if err := im.copyOf(ctx, v); err != nil {
			return report, err
		}
	}
	return report, o.save(done)
}

func (o *Options) progress(step string, done, total int) {
	if o.Progress != nil {
		o.Progress(step, done, total)
	}
}

func (o *Options) save(done Done) error {
	if o.Save == nil {
		return nil
	}
	return o.Save(done)
}

// digestOf returns a digest of all that a source's lists say of a model.
func digestOf(m registeredModel, versions []modelVersion) string {
	text, err := json.Marshal([]any{m, versions})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// list reads all models, oldest first, and the versions of each in order.
func (im *importer) list(ctx context.Context) (models []registeredModel, versionsOf map[string][]modelVersion, err error) {
	byKey := func(a, b keyText) int { return strings.Compare(a.Key, b.Key) }
	versionsOf = map[string][]modelVersion{}
	err = im.from.models(ctx, func(m registeredModel) error {
		slices.SortFunc(m.Tags, byKey)
		slices.SortFunc(m.Aliases, func(a, b aliasOf) int { return strings.Compare(a.Alias, b.Alias) })
		models = append(models, m)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	err = im.from.versions(ctx, func(v modelVersion) error {
		slices.SortFunc(v.Tags, byKey)
		versionsOf[v.Name] = append(versionsOf[v.Name], v)
		return nil
	})
	slices.SortFunc(models, func(a, b registeredModel) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), strings.Compare(a.Name, b.Name))
	})
	for _, vs := range versionsOf {
		slices.SortFunc(vs, func(a, b modelVersion) int { return cmp.Compare(a.Version, b.Version) })
	}
	return models, versionsOf, err
}

// model imports a model with its versions, stages and aliases. whole is false when something is
// worth reading again: a run that goes on, or that was refused.
func (im *importer) model(ctx context.Context, m registeredModel, versions []modelVersion) (whole bool, err error) {
	e := &evidence{}
	in := &catalog.RegisterModelInput{Name: m.Name, Owner: m.User, Tags: e.tagsOf("tag ", m.Tags), CreatedAt: timeOf(m.Created)}
	if in.Description = m.Description; registry.CheckText("description", in.Description) != nil {
		in.Description = ""
		e.leave("the description")
	}
	im.leftOut("model "+m.Name, e.left)
	_, ok, err := im.record(ctx, "model "+m.Name, bulk.FactInput{Model: in})
	if err != nil || !ok {
		return false, err
	}
	whole = true
	recorded := map[integer]*registry.ModelVersion{}
	for _, v := range versions {
		settled, err := im.version(ctx, v)
		if err != nil {
			return false, err
		}
		whole = whole && settled
		if recorded[v.Version], err = im.to.ModelVersion(ctx, v.Name, label(v.Version)); err != nil {
			return false, err
		}
	}
	if err := im.stages(ctx, versions, recorded); err != nil {
		return false, err
	}
	for _, a := range m.Aliases {
		v := recorded[a.Version]
		if v == nil {
			im.report.AddProblem(git.NotRecorded, "alias "+m.Name+"@"+registry.Shorten(a.Alias, 60), "version %d is not recorded", a.Version)
			continue
		}
		// MLflow does not know when an alias was set: not after the model changed last.
		at := timeOf(m.Updated)
		if at.Before(v.ValidFrom) {
			at = v.ValidFrom
		}
		if _, _, err := im.record(ctx, "alias "+m.Name+"@"+a.Alias, bulk.FactInput{Alias: &catalog.SetAliasInput{Model: m.Name, Alias: a.Alias, Version: v.Version, At: at}}); err != nil {
			return false, err
		}
	}
	return whole, nil
}

func label(n integer) string { return strconv.FormatInt(int64(n), 10) }

func nameOf(v modelVersion) string { return "version " + v.Name + "/" + label(v.Version) }

// version imports a version with its run in one transaction. settled is false when its run is
// worth reading again.
func (im *importer) version(ctx context.Context, v modelVersion) (settled bool, err error) {
	e, settled, err := im.evidence(ctx, v)
	if err != nil {
		return false, err
	}
	in := im.input(v)
	if e != nil {
		im.leftOut("run "+e.run.RunID, e.left)
		facts := e.toFacts(in)
		at := nameOf(v) + " with its run"
		_, ok, err := im.record(ctx, at, facts...)
		if err != nil || ok {
			return settled, err
		}
		settled = false
		in = im.input(v)
	}
	_, _, err = im.record(ctx, nameOf(v), bulk.FactInput{ModelVersion: in})
	return settled, err
}

// evidence reads the run of a version; nil when there is none.
func (im *importer) evidence(ctx context.Context, v modelVersion) (e *evidence, settled bool, err error) {
	if v.RunID != "" && !runIDForm.MatchString(v.RunID) {
		im.report.AddProblem(git.NotRead, nameOf(v), "its run id is none of MLflow's")
		return nil, true, nil
	}
	e, err = readEvidence(ctx, im.from, v.RunID, v.Source, "", v.Name)
	switch {
	case registry.CodeOf(err) == registry.NotFound:
		im.report.AddProblem(git.NotRead, nameOf(v), "its run is gone from the source")
		return nil, true, nil
	case err != nil || e == nil:
		return nil, true, err
	case !e.ended:
		im.report.AddProblem(git.Remark, nameOf(v), "its run goes on; import again when it has ended")
	}
	return e, e.ended, nil
}

// input returns the version as a fact, with what MLflow's clients see of it here.
func (im *importer) input(v modelVersion) *catalog.RegisterModelVersionInput {
	e := &evidence{}
	in := &catalog.RegisterModelVersionInput{Model: v.Name, Label: label(v.Version), Number: int(v.Version), Owner: v.User, CreatedDate: timeOf(v.Created)}
	if in.Description = v.Description; registry.CheckText("description", in.Description) != nil {
		in.Description = ""
		e.leave("the description")
	}
	in.Tags = slices.DeleteFunc(e.tagsOf("tag ", v.Tags), func(t registry.KeyValue) bool {
		return strings.HasPrefix(t.Key, registry.MLflowTags) || t.Key == "lifecycle"
	})
	if given := textOf(v.Tags, versionTag); given != "" {
		if _, err := registry.ParseVersion(given); err != nil {
			e.leave("the tag " + versionTag + ": " + registry.Shorten(given, 60) + " is no semantic version")
		} else {
			in.Version = &given
		}
	}
	at, _ := placeOf(v.Source, v.RunID, "")
	hidden := []keyText{{registry.MLflowRunTag, v.RunID}, {registry.MLflowTags + "run_link", v.RunLink}, {registry.MLflowModelTag, at.loggedModel}}
	in.Tags = append(in.Tags, e.tagsOf("", slices.DeleteFunc(hidden, func(t keyText) bool { return t.Value == "" }))...)
	if core.CheckLabel("source", v.Source) != nil || registry.CheckKey("uri", v.Source) != nil {
		e.leave("the source")
	} else {
		in.Artifacts = []catalog.ArtifactInput{{Name: "model", URI: v.Source}}
	}
	if strings.HasPrefix(v.Source, "models:/") && at.loggedModel == "" {
		im.copies = append(slices.DeleteFunc(im.copies, func(c modelVersion) bool { return c.Name == v.Name && c.Version == v.Version }), v)
	}
	im.leftOut(nameOf(v), e.left)
	return in
}

// versionTag says the semver of a version, where MLflow has only numbers.
const versionTag = "pedigree.version"

// toFacts returns the facts of a run and of its version, causes before effects.
func (e *evidence) toFacts(in *catalog.RegisterModelVersionInput) (out []bulk.FactInput) {
	if e.commits != nil {
		out = append(out, bulk.FactInput{Commits: e.commits})
	}
	for i := range e.datasets {
		out = append(out, bulk.FactInput{DatasetVersion: &e.datasets[i]})
	}
	out = append(out, bulk.FactInput{Ref: "run", Run: &e.run})
	// A batch has a limit, and features are the only list that may come near it.
	for i := range e.features[:min(len(e.features), registry.MaxFacts-len(out)-1)] {
		ref := "f" + strconv.Itoa(i)
		out, in.Features = append(out, bulk.FactInput{Ref: ref, Feature: &e.features[i]}), append(in.Features, registry.ID("@"+ref))
	}
	id := registry.ID("@run")
	in.Run = &id
	if e.card != nil {
		in.Card = &catalog.ModelCardInput{ModelDetails: e.card.ModelDetails, Training: e.card.Training, Performance: e.card.Performance, Features: e.card.Features}
	}
	for _, t := range e.tags {
		if !slices.ContainsFunc(in.Tags, func(known registry.KeyValue) bool { return known.Key == t.Key }) {
			in.Tags = append(in.Tags, t)
		}
	}
	return append(out, bulk.FactInput{ModelVersion: in})
}

// counted are the nouns of a report by the kinds of facts.
var counted = map[registry.FactKind]string{registry.FactModel: "models", registry.FactModelVersion: "versions", registry.FactRun: "runs", registry.FactDatasetVersion: "datasets",
	registry.FactFeature: "features", registry.FactCommits: "commits", registry.FactTransition: "transitions", registry.FactAlias: "aliases", registry.FactLink: "copies"}

// record records facts together and counts what is new. ok is false when they were refused, which
// the report then says.
func (im *importer) record(ctx context.Context, where string, facts ...bulk.FactInput) (out *bulk.RecordFactsPayload, ok bool, err error) {
	out, err = im.to.RecordFacts(ctx, bulk.RecordFactsInput{Facts: facts})
	if err != nil {
		return nil, false, im.report.AddRefusal(git.NotRecorded, where, err)
	}
	for _, f := range out.Facts {
		if f.Created {
			im.report.Add(counted[f.Kind], 1)
		}
		if f.Kind == registry.FactModel || f.Kind == registry.FactModelVersion {
			im.report.AddNotTaken(where, f.NotTaken, "tags", "owner")
		}
	}
	return out, true, nil
}

func (im *importer) leftOut(where string, left []string) {
	for _, what := range left {
		im.report.AddProblem(git.NotRecorded, where, "%s cannot be recorded here", what)
	}
}

// copyOf joins a version to the one that it copies.
func (im *importer) copyOf(ctx context.Context, v modelVersion) error {
	model, number, cut := strings.Cut(strings.TrimLeft(strings.TrimPrefix(v.Source, "models:/"), "/"), "/")
	if !cut {
		return nil
	}
	original, err := im.to.ModelVersion(ctx, model, number)
	if err != nil && !git.Refused(err) {
		return err
	}
	copied, err := im.to.ModelVersion(ctx, v.Name, label(v.Version))
	if err != nil {
		return err
	}
	if original == nil || copied == nil {
		im.report.AddProblem(git.NotRecorded, nameOf(v), "it copies %s, which is not recorded", registry.Shorten(v.Source, 100))
		return nil
	}
	_, _, err = im.record(ctx, nameOf(v), bulk.FactInput{Link: linkOf(copied.ID, original.ID)})
	return err
}
