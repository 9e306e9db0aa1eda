// Package croissant reads descriptions of datasets in the format Croissant (JSON-LD, version 1.0)
// and records them: the dataset with its columns, and the files that it is made of. It reads
// descriptions only, and none of the data.
package croissant

import (
	"cmp"
	"context"
	"encoding/hex"
	"math"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	unicodenorm "golang.org/x/text/unicode/norm"

	"pedigree/connect/git"
	"pedigree/connect/source"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// Registry holds the registry methods that an import calls. The service implements it, and so
// does the client of a server.
type Registry interface {
	git.Registry
	RecordFacts(ctx context.Context, in bulk.RecordFactsInput) (*bulk.RecordFactsPayload, error)
}

// namespace is that of datasets without an address.
const namespace = "croissant"

// description is a document with what it becomes.
type description struct {
	*document
	report *git.Report
	where  string
	facts  []bulk.FactInput
}

// Import records the dataset that a file or a URL describes, and the files of its distribution,
// in one transaction. It acts as import:croissant with the caller's rights. A second import adds
// nothing.
func Import(ctx context.Context, r Registry, from string) (*git.Report, error) {
	report := &git.Report{}
	if err := git.RequireActions(ctx, r, registry.CatalogRead, registry.FactsRecord, registry.DatasetRecord); err != nil {
		return report, err
	}
	ctx, err := git.ActAsImporter(ctx, r, "croissant")
	if err != nil {
		return report, err
	}
	d, err := source.ReadOne(ctx, from, "")
	if err != nil {
		return report, err
	}
	doc, unread, err := parse(d)
	if err != nil {
		return report, err
	}
	desc := &description{document: doc, report: report, where: d.Name}
	for _, key := range unread {
		desc.leave("the field " + registry.Shorten(key, 60))
	}
	if err := desc.build(); err != nil {
		return report, err
	}
	report.Add("datasets", 0)
	out, err := r.RecordFacts(ctx, bulk.RecordFactsInput{Facts: desc.facts})
	if err != nil {
		return report, err
	}
	report.Add("datasets", out.Created)
	for n, f := range out.Facts {
		report.AddNotTaken(d.Name+" "+desc.facts[n].DatasetVersion.Dataset, f.NotTaken, "createdAt")
	}
	return report, nil
}

func (d *description) leave(what string) {
	d.report.AddProblem(git.NotRecorded, d.where, "%s has no place here", what)
}

// build makes the facts of the files and of the dataset.
func (d *description) build() error {
	name := norm(first(d.Name))
	if registry.CheckKey("dataset", name) != nil {
		return registry.Errorf(registry.InvalidArgument, "%s: name: is no name of a dataset", registry.Shorten(d.where, 200))
	}
	in := &facts.RecordDatasetVersionInput{Role: registry.RawData, CreatedAt: d.time()}
	in.Namespace, in.Dataset, in.URI = d.identity(name)
	in.Version = norm(cmp.Or(first(d.Version), first(d.Published), first(d.Modified)))
	if in.Version != "" && registry.CheckKey("version", in.Version) != nil {
		d.leave("the version")
		in.Version = ""
	}
	clean := &git.TextCleaner{}
	in.Description = clean.Text(raw(d.Description), registry.MaxText)
	if creators := append(texts(d.Creator), texts(d.Publisher)...); len(creators) > 0 {
		in.Owner = clean.Line(creators[0], 255)
	}
	in.Tags, in.Columns = d.tags(clean), d.columns(clean)
	for _, change := range clean.Changes() {
		d.report.AddProblem(git.Changed, d.where, "%s", change)
	}
	if len(d.Distribution) > registry.MaxFacts-1 {
		d.report.AddProblem(git.NotRecorded, d.where, "its files beyond the first %d", registry.MaxFacts-1)
		d.Distribution = d.Distribution[:registry.MaxFacts-1]
	}
	in.DerivedFrom = d.files(in)
	d.facts = append(d.facts, bulk.FactInput{DatasetVersion: in})
	return nil
}

// identity names the dataset: by its name, and by the host of its address. On Hugging Face the name
// is what stands there behind /datasets/, as model cards write it.
func (d *description) identity(name string) (space, dataset, uri string) {
	address := registry.WithoutCredentials(raw(d.URL))
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || core.CheckLabel("uri", address) != nil {
		return namespace, name, ""
	}
	space = "https://" + strings.ToLower(u.Host)
	if id, ok := strings.CutPrefix(strings.Trim(u.Path, "/"), "datasets/"); ok && space == source.HuggingFace && registry.CheckKey("dataset", id) == nil {
		return space, id, address
	}
	return space, name, address
}

func (d *description) time() time.Time {
	for _, v := range []any{d.Published, d.Created, d.Modified} {
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02"} {
			if t, err := time.Parse(layout, first(v)); err == nil && t.Year() >= 1971 && t.Year() < 9999 {
				return t.UTC()
			}
		}
	}
	return time.Time{}
}

// tags are what is said of the dataset as a whole.
func (d *description) tags(clean *git.TextCleaner) (out []registry.KeyValue) {
	add := func(key string, values []string) {
		value := clean.Text(strings.Join(values, ", "), 4000)
		if value != "" {
			out = append(out, registry.KeyValue{Key: "croissant." + key, Value: value})
		}
	}
	add("name", texts(d.Name)[:1])
	add("license", texts(d.License))
	add("creator", texts(d.Creator))
	add("publisher", texts(d.Publisher))
	add("keywords", texts(d.Keywords))
	add("language", texts(d.Language))
	add("citeAs", texts(d.CiteAs))
	add("sameAs", texts(d.SameAs))
	add("conformsTo", []string{raw(d.Conforms)})
	add("isLiveDataset", texts(d.IsLive))
	return out
}

// columns are the fields of all record sets. Those of several sets have the name of their set
// before theirs.
func (d *description) columns(clean *git.TextCleaner) (out []registry.Column) {
	taken := map[string]bool{}
	var add func(prefix string, f field, depth int)
	add = func(prefix string, f field, depth int) {
		own := cmp.Or(first(f.Name), f.ID)
		own = own[strings.LastIndex(own, "/")+1:]
		name := clean.Line(prefix+own, 250)
		switch {
		case own == "" || registry.CheckKey("name", name) != nil || taken[name] || len(out) >= facts.MaxColumns || depth > 20:
			d.leave("the field " + registry.Shorten(cmp.Or(f.ID, own), 60) + " of a record set")
			return
		}
		taken[name] = true
		typ := strings.Join(texts(f.Type), ", ")
		if typ != "" && slices.Contains(texts(f.Repeated), "true") {
			typ = "list of " + typ
		}
		out = append(out, registry.Column{Name: name, Type: clean.Line(typ, 255), Description: clean.Text(raw(f.Description), 4000)})
		for _, sub := range f.Sub {
			add(name+".", sub, depth+1)
		}
	}
	for _, set := range d.RecordSets {
		prefix := ""
		if len(d.RecordSets) > 1 {
			prefix = cmp.Or(set.ID, first(set.Name)) + "."
		}
		for _, f := range set.Fields {
			add(prefix, f, 0)
		}
	}
	return out
}

// files records the files that the dataset is made of, and returns their ids. A file in an archive
// is made of the archive; a set of files is told, since it names none.
func (d *description) files(of *facts.RecordDatasetVersionInput) (ids []registry.ID) {
	byID := map[string]registry.ID{}
	for pass, left := 0, d.Distribution; len(left) > 0 && pass <= len(d.Distribution); pass++ {
		var later []fileObject
		for _, f := range left {
			if slices.Contains(texts(f.Type), "FileSet") {
				d.report.AddProblem(git.Remark, d.where, "the set of files %s names no single file (%s)", registry.Shorten(f.ID, 60), registry.Shorten(strings.Join(texts(f.Includes), ", "), 100))
				continue
			}
			in, waits := d.file(f, of, byID)
			switch {
			case waits && pass < len(d.Distribution):
				later = append(later, f)
			case in != nil:
				id := registry.DatasetVersionID(registry.DatasetID(in.Namespace, in.Dataset), cmp.Or(in.Digest, in.Version, registry.Unversioned))
				if byID[f.ID] = id; !slices.Contains(ids, id) {
					ids, d.facts = append(ids, id), append(d.facts, bulk.FactInput{DatasetVersion: in})
				}
			}
		}
		left = later
	}
	return ids
}

// file returns the fact of a file. waits is true while the archive that holds it is not recorded.
func (d *description) file(f fileObject, of *facts.RecordDatasetVersionInput, byID map[string]registry.ID) (in *facts.RecordDatasetVersionInput, waits bool) {
	in = &facts.RecordDatasetVersionInput{Role: registry.RawData, CreatedAt: of.CreatedAt, SizeBytes: sizeOf(f.Size)}
	clean := &git.TextCleaner{}
	in.Description = clean.Text(raw(f.Description), registry.MaxText)
	if strings.Contains(f.URL, "://") {
		in.Namespace, in.Dataset = source.DatasetName(f.URL)
		in.URI = registry.WithoutCredentials(f.URL)
	} else { // A path beside the description.
		in.Namespace, in.Dataset = of.Namespace, of.Dataset+"/"+path.Clean("/" + norm(cmp.Or(f.URL, f.Name, f.ID)))[1:]
	}
	if core.CheckLabel("uri", in.URI) != nil {
		in.URI = ""
	}
	if format := clean.Line(strings.Join(texts(f.Encoding), ", "), 255); format != "" {
		in.Tags = append(in.Tags, registry.KeyValue{Key: "croissant.encodingFormat", Value: format})
	}
	if in.Digest = digestOf(f); in.Digest == "" {
		d.report.AddProblem(git.Remark, d.where, "the file %s has no digest", registry.Shorten(cmp.Or(f.ID, f.Name), 100))
	}
	for _, archive := range texts(f.ContainedIn) {
		id, recorded := byID[archive]
		if !recorded && slices.ContainsFunc(d.Distribution, func(o fileObject) bool { return o.ID == archive }) {
			waits = true
		} else if recorded {
			in.DerivedFrom = append(in.DerivedFrom, id)
		}
	}
	if _, err := (&bulk.FactInput{DatasetVersion: in}).Check(); err != nil {
		d.report.AddProblem(git.NotRecorded, d.where+" file "+registry.Shorten(cmp.Or(f.ID, f.Name), 100), "%s", err.Error())
		return nil, false
	}
	return in, waits
}

// digestOf returns the digest of a file, "" when it has none. Some descriptions hold a URL there.
func digestOf(f fileObject) string {
	for _, d := range []struct {
		algorithm, value string
		bytes            int
	}{{"sha256", f.SHA256, 32}, {"md5", f.MD5, 16}} {
		if b, err := hex.DecodeString(strings.TrimSpace(d.value)); err == nil && len(b) == d.bytes {
			return d.algorithm + ":" + hex.EncodeToString(b)
		}
	}
	return ""
}

// units are the factors of sizes such as 117743 B or 1.5 GB.
var units = map[string]float64{"": 1, "B": 1, "BYTES": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}

// sizeOf returns a size in bytes, nil for what is none or was rounded.
func sizeOf(v any) *int64 {
	text := strings.ToUpper(strings.TrimSpace(first(v)))
	cut := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	number, unit := text, ""
	if cut >= 0 {
		number, unit = text[:cut], strings.TrimSpace(text[cut:])
	}
	n, err := strconv.ParseFloat(number, 64)
	factor, ok := units[unit]
	if err != nil || !ok || n < 0 || n*factor > 1<<53 || factor > 1 && strings.Contains(number, ".") || n != math.Trunc(n) {
		return nil
	}
	size := int64(n * factor)
	return &size
}

func norm(s string) string { return unicodenorm.NFC.String(strings.TrimSpace(s)) }
