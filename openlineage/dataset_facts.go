package openlineage

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"pedigree/registry"
)

// Facts fills a dataset with what the events say of it.
func (s *DatasetState) Facts(d *registry.Dataset) {
	d.Name, d.Namespace, d.CreatedAt = s.Name.Name, s.Namespace, s.First
	var doc documentationFacet
	if s.Facets.of(documentation, &doc) {
		d.Description = text(doc.Description)
	}
	var owners ownershipFacet
	if s.Facets.of(ownership, &owners) {
		if name := norm.NFC.String(ownerOf(owners)); registry.CheckKey("owner", name) == nil {
			d.Owner = name
		}
	}
	t := tagSet{}
	var source dataSourceFacet
	if s.Facets.of(dataSource, &source) {
		t.add("dataSource", strings.Trim(source.Name+" "+registry.WithoutCredentials(source.URI), " "))
	}
	var kind datasetTypeFacet
	if s.Facets.of(datasetType, &kind) {
		t.add("type", kind.DatasetType)
	}
	for _, n := range s.Symlinks() {
		t.add("symlink", n.Namespace+" "+n.Name)
	}
	var change lifecycleFacet
	if s.Facets.of(lifecycle, &change) {
		t.add("lifecycle", strings.ToUpper(change.LifecycleStateChange))
		if p := change.PreviousIdentifier; p != nil {
			before := Normalise(*p)
			t.add("renamedFrom", before.Namespace+" "+before.Name)
		}
	}
	t.addFacet(s.Facets)
	d.Tags = t.list()
}

// maxColumns is the most columns that are taken from a schema; a field inside a field is a
// column of its own.
const maxColumns = 5000

// Facts fills a version of a dataset with what the events say of it: everything but its
// identity and the sources of its columns.
func (s *VersionState) Facts(v *registry.DatasetVersion) {
	v.CreatedAt = s.First
	v.Role = s.role()
	var doc documentationFacet
	if s.Facets.of(documentation, &doc) {
		v.Description = text(doc.Description)
	}
	var source dataSourceFacet
	if s.Facets.of(dataSource, &source) {
		v.URI = registry.WithoutCredentials(source.URI)
	}
	for _, name := range []string{dataQualityMetrics, inputStatistics, outputStatistics} { // The last one decides.
		var f statisticsFacet
		if s.Facets.of(name, &f) {
			setCount(&v.Rows, f.RowCount)
			setCount(&v.SizeBytes, f.Bytes)
			setCount(&v.SizeBytes, f.Size)
		}
	}
	v.Columns = s.columns()
	t := tagSet{}
	t.addFacet(s.Facets)
	v.Tags = t.list()
}

// role is where in the pipeline the version stands, by the kind of the run that wrote it.
func (s *VersionState) role() registry.DataRole {
	var kind registry.RunKind
	if s.WrittenBy.Value != nil {
		_ = json.Unmarshal(s.WrittenBy.Value, &kind) // MergeWriter wrote a string.
	}
	switch kind {
	case registry.RunETL:
		return registry.CleanedData
	case registry.RunFeatureEngineering:
		return registry.TrainingData
	}
	return registry.OtherData
}

func setCount(to **int64, told *float64) {
	if told != nil && *told >= 0 && *told < math.MaxInt64 {
		n := int64(*told)
		*to = &n
	}
}

// columns are those of the schema, and then those that only the lineage of columns names: dbt tells of
// the columns that its users documented, and of the sources of all.
func (s *VersionState) columns() (out []registry.Column) {
	taken := map[string]bool{}
	var fields schemaFacet
	if s.Facets.of(schema, &fields) {
		out = columnsOf(fields.Fields, "", nil, taken)
	}
	named := map[string]bool{}
	var told columnLineageFacet
	if s.Facets.of(columnLineage, &told) {
		for name := range told.Fields {
			named[name] = true
		}
	}
	var explicit lineageFacet
	if s.Facets.of(explicitLineage, &explicit) {
		for name := range explicit.Fields {
			named[name] = true
		}
	}
	more := make([]schemaField, 0, len(named))
	for _, name := range slices.Sorted(maps.Keys(named)) {
		more = append(more, schemaField{Name: name})
	}
	return columnsOf(more, "", out, taken)
}

// columnsOf appends the columns of a schema. A column with a name that is taken is left out.
func columnsOf(fields []schemaField, prefix string, out []registry.Column, taken map[string]bool) []registry.Column {
	for _, f := range fields {
		name := norm.NFC.String(prefix + f.Name)
		if len(out) >= maxColumns || f.Name == "" || taken[name] || registry.CheckKey("column", name) != nil {
			continue
		}
		taken[name] = true
		out = append(out, registry.Column{Name: name, Type: text(f.Type), Description: text(f.Description)})
		out = columnsOf(f.Fields, name+".", out, taken)
	}
	return out
}

// ColumnInput is one column that another was made from.
type ColumnInput struct {
	Dataset Name
	registry.ColumnSource
}

// columnLineage are the columns that each column of an output was made from, by the facet of that
// name. What the facet says of the dataset as a whole counts for every column.
func (u *Use) columnLineage() map[string][]ColumnInput {
	var f columnLineageFacet
	if !u.Facets.of(columnLineage, &f) {
		return nil
	}
	out := map[string][]ColumnInput{}
	for column, told := range f.Fields {
		column = norm.NFC.String(column)
		inputs := columnInputs(told.InputFields)
		if told.TransformationType != "" || told.TransformationDescription != "" { // The form of before 1-2-0.
			for i := range inputs {
				if len(inputs[i].Transformations) == 0 {
					inputs[i].Transformations = []registry.ColumnTransformation{{Type: registry.DirectTransformation, Subtype: shortKey(told.TransformationType),
						Description: text(told.TransformationDescription), Masking: strings.EqualFold(told.TransformationType, "MASKED")}}
				}
			}
		}
		out[column] = append(inputs, columnInputs(f.Dataset)...)
	}
	return out
}

func columnInputs(in []columnInput) (out []ColumnInput) {
	for _, c := range in {
		source := ColumnInput{Dataset: Normalise(Name{norm.NFC.String(c.Namespace), norm.NFC.String(c.Name.Name)})}
		source.Column = norm.NFC.String(c.Field)
		if registry.CheckKey("column", source.Column) != nil || len(out) >= registry.MaxColumnSources {
			continue
		}
		for _, t := range c.Transformations[:min(len(c.Transformations), registry.MaxTransformations)] {
			kind := registry.DirectTransformation
			if strings.EqualFold(t.Type, string(registry.IndirectTransformation)) {
				kind = registry.IndirectTransformation
			}
			source.Transformations = append(source.Transformations, registry.ColumnTransformation{Type: kind, Subtype: shortKey(t.Subtype), Description: text(t.Description), Masking: t.Masking})
		}
		out = append(out, source)
	}
	return out
}

// shortKey returns a word as the registry stores it, "" when it cannot.
func shortKey(s string) string {
	if s = norm.NFC.String(s); registry.CheckKey("subtype", s) != nil {
		return ""
	}
	return s
}
