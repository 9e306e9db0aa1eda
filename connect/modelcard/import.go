// Package modelcard reads a model's README.md with YAML front matter, as Hugging Face has it, and
// fills the card of a version with it. It reads the file only, and asks no hub.
package modelcard

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strings"

	unicodenorm "golang.org/x/text/unicode/norm"

	"pedigree/connect/git"
	"pedigree/connect/source"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// Registry holds the registry methods that an import calls. The service implements it, and so
// does the client of a server.
type Registry interface {
	git.Registry
	ModelVersion(ctx context.Context, model, version string, past ...core.PointInTime) (*registry.ModelVersion, error)
	CardOf(ctx context.Context, v *registry.ModelVersion) (*registry.ModelCard, error)
	UpdateModelCard(ctx context.Context, in catalog.UpdateModelCardInput) (*catalog.UpdateModelCardPayload, error)
	UpdateModelVersion(ctx context.Context, in catalog.UpdateModelVersionInput) (*catalog.UpdateModelVersionPayload, error)
	RecordFacts(ctx context.Context, in bulk.RecordFactsInput) (*bulk.RecordFactsPayload, error)
}

// Options name the version whose card is filled.
type Options struct {
	Model, Version string
	// Base is the version of the base model that the card means, "" for mainLabel.
	Base string
}

// mainLabel is the label of a base model's version when the card names none: it is the branch
// that Hugging Face serves.
const mainLabel = "main"

// Import fills the card of a version with what a file says, and records the data that it was
// trained on and the models that it is made of as its causes. It acts as import:modelcard with the
// caller's rights. A second import changes nothing.
func Import(ctx context.Context, r Registry, from string, o Options) (*git.Report, error) {
	report := &git.Report{}
	if err := git.RequireActions(ctx, r, registry.CatalogRead, registry.CardUpdate, registry.ModelUpdate, registry.FactsRecord, registry.DatasetRecord, registry.LineageLink); err != nil {
		return report, err
	}
	ctx, err := git.ActAsImporter(ctx, r, "modelcard")
	if err != nil {
		return report, err
	}
	d, err := source.ReadOne(ctx, from, "")
	if err != nil {
		return report, err
	}
	doc, err := parse(d)
	if err != nil {
		return report, err
	}
	v, err := r.ModelVersion(ctx, o.Model, o.Version)
	if err != nil {
		return report, err
	}
	if v == nil {
		return report, registry.Errorf(registry.NotFound, "there is no version %s of %s that you see; register it first: pedigree version register", registry.Shorten(o.Version, 60), registry.Shorten(o.Model, 60))
	}
	im := &importer{ctx: ctx, to: r, report: report, where: d.Name, version: v, contents: read(doc, d.Name, report), base: o.Base}
	return report, im.record()
}

// importer is one import.
type importer struct {
	*contents
	ctx     context.Context
	to      Registry
	report  *git.Report
	where   string
	version *registry.ModelVersion
	base    string
}

func (im *importer) record() error {
	for _, what := range []string{"card fields", "tags", "causes"} {
		im.report.Add(what, 0)
	}
	if err := im.recordCauses(); err != nil {
		return err
	}
	if err := im.recordCard(); err != nil {
		return err
	}
	return im.recordTags()
}

// recordCard sets the fields of the card that are not so already.
func (im *importer) recordCard() error {
	known, err := im.to.CardOf(im.ctx, im.version)
	if err != nil {
		return err
	}
	if known == nil {
		return registry.Errorf(registry.Forbidden, "you may not see the card of %s %s", im.version.ModelName, im.version.Version)
	}
	changed := changes(known, im.card)
	if len(changed) == 0 {
		return nil
	}
	if _, err := im.to.UpdateModelCard(im.ctx, catalog.UpdateModelCardInput{ID: &im.version.ID, Card: im.card, IfRevision: &known.Revision}); err != nil {
		return err
	}
	im.report.Add("card fields", len(changed))
	return nil
}

// changes returns the fields of a card that an input changes.
func changes(known *registry.ModelCard, in *catalog.ModelCardInput) (out []string) {
	after := *known
	for _, name := range in.Apply(&after) {
		if !reflect.DeepEqual(fieldOf(known, name), fieldOf(&after, name)) {
			out = append(out, name)
		}
	}
	return out
}

// fieldOf returns the field of a card that JSON calls by a name.
func fieldOf(card *registry.ModelCard, name string) any {
	v := reflect.ValueOf(card).Elem()
	for i := range v.NumField() {
		if tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); tag == name {
			return v.Field(i).Interface()
		}
	}
	return nil
}

// recordTags sets the tags that the version does not have so.
func (im *importer) recordTags() error {
	var set []registry.KeyValue
	for _, t := range im.tags {
		if !slices.Contains(im.version.Tags, t) {
			set = append(set, t)
		}
	}
	if len(set) == 0 {
		return nil
	}
	if _, err := im.to.UpdateModelVersion(im.ctx, catalog.UpdateModelVersionInput{ID: &im.version.ID, TagEdits: catalog.TagEdits{SetTags: set}}); err != nil {
		return err
	}
	im.report.Add("tags", len(set))
	return nil
}

// recordCauses records the datasets and base models with edges to them, each by itself: what is
// refused is told, and the others are recorded.
func (im *importer) recordCauses() error {
	for _, name := range im.datasets {
		in := &facts.RecordDatasetVersionInput{Namespace: source.HuggingFace, Dataset: norm(name), Role: registry.TrainingData}
		if source.IsURL(name) {
			in.Namespace, in.Dataset = source.DatasetName(name)
		}
		id := registry.DatasetVersionID(registry.DatasetID(in.Namespace, in.Dataset), registry.Unversioned)
		if err := im.link("the dataset "+registry.Shorten(name, 100), bulk.FactInput{DatasetVersion: in}, id); err != nil {
			return err
		}
	}
	for _, name := range im.bases {
		if err := im.recordBase(name); err != nil {
			return err
		}
	}
	return nil
}

// recordBase records a base model. A model of which the registry has versions is not given one
// more: its version is named, or it is told.
func (im *importer) recordBase(name string) error {
	model, label := ModelName(name), cmp.Or(im.base, mainLabel)
	what := "the base model " + registry.Shorten(name, 100)
	known, err := im.find(model, label)
	if err != nil {
		return err
	}
	if known != nil {
		return im.link(what, bulk.FactInput{}, known.ID)
	}
	any, err := im.find(model, "latest")
	if err != nil {
		return err
	}
	if any != nil || im.base != "" {
		im.report.AddProblem(git.NotRecorded, im.where, "%s has no version %s; name one with --base-version", what, registry.Shorten(label, 60))
		return nil
	}
	return im.link(what, bulk.FactInput{Ref: "base", ModelVersion: &catalog.RegisterModelVersionInput{Model: model, Label: label, CreateModel: true,
		Description: "Named as a base by a model card. It is " + registry.Shorten(name, 200) + " of Hugging Face."}}, "@base")
}

// find returns a version, nil when there is none or the names are none.
func (im *importer) find(model, version string) (*registry.ModelVersion, error) {
	v, err := im.to.ModelVersion(im.ctx, model, version)
	if git.Refused(err) {
		return nil, nil
	}
	return v, err
}

// link records a cause, unless it is recorded, and the edge to it.
func (im *importer) link(what string, cause bulk.FactInput, id registry.ID) error {
	var list []bulk.FactInput
	if cause.DatasetVersion != nil || cause.ModelVersion != nil {
		list = append(list, cause)
	}
	list = append(list, bulk.FactInput{Link: &facts.LinkLineageInput{From: im.version.ID, To: id, Kind: registry.EdgeDerivedFrom}})
	out, err := im.to.RecordFacts(im.ctx, bulk.RecordFactsInput{Facts: list})
	if err != nil {
		return im.report.AddRefusal(git.NotRecorded, im.where+" "+what, err)
	}
	if out.Facts[len(out.Facts)-1].Created {
		im.report.Add("causes", 1)
	}
	return nil
}

// ModelName is the name here of a model that a card names: names here hold no slash, so it has --
// between owner and name, as Hugging Face's own folders have it.
func ModelName(id string) string { return strings.ReplaceAll(norm(id), "/", "--") }

func norm(s string) string { return unicodenorm.NFC.String(strings.TrimSpace(s)) }
