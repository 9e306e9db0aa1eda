package registry

import "slices"

// Column is one column of a dataset version.
type Column struct {
	Name        string `json:"name"`
	Type        string `json:"type,omitempty"`
	Description string `json:"description,omitempty"`
	// DerivedFrom are its source columns, in other dataset versions.
	DerivedFrom []ColumnSource `json:"derivedFrom,omitempty"`
	// ReadAt is the as-of instant at which its dataset version was read.
	ReadAt Instant `json:"-"`
}

// ColumnSource is a source column of another column: an input field of OpenLineage's
// columnLineage facet (spec/facets/1-2-0).
type ColumnSource struct {
	// DatasetVersion has the column. An input may instead name the dataset by Dataset and
	// Namespace; a stored document has the id only.
	DatasetVersion  ID                     `json:"datasetVersion,omitempty"`
	Dataset         string                 `json:"dataset,omitempty"`
	Namespace       string                 `json:"namespace,omitempty"`
	Column          string                 `json:"column"`
	Transformations []ColumnTransformation `json:"transformations,omitempty"`
	ReadAt          Instant                `json:"-"`
}

// ColumnTransformation is one operation that turned a source column into its target.
type ColumnTransformation struct {
	Type ColumnTransformationType `json:"type"`
	// Subtype is OpenLineage's, such as IDENTITY or JOIN; any text is accepted.
	Subtype     string `json:"subtype,omitempty"`
	Description string `json:"description,omitempty"`
	// Masking is true when the values cannot be read back from the result.
	Masking bool `json:"masking,omitempty"`
}

// ColumnTransformationType is DIRECT when the values of the source go into the target,
// INDIRECT when they only influence it (a join key, a filter).
type ColumnTransformationType string

// The types of transformations.
const (
	DirectTransformation   ColumnTransformationType = "DIRECT"
	IndirectTransformation ColumnTransformationType = "INDIRECT"
)

// The limits: sources of one column, transformations of one source, and sources of
// all columns of a dataset version together.
const (
	MaxColumnSources   = 100
	MaxTransformations = 20
	MaxAllSources      = 10000
)

// WithoutSources returns columns without DerivedFrom, which has ids of dataset
// versions that the caller may not be allowed to see.
func WithoutSources(columns []Column) []Column {
	out := make([]Column, len(columns))
	for i, c := range columns {
		out[i] = Column{Name: c.Name, Type: c.Type, Description: c.Description}
	}
	return out
}

// MergeColumns adds the columns, types, descriptions and sources of a later report to
// the known ones of the same dataset version. It never overwrites a known value. notTaken
// names the added values that contradict known ones, such as columns.age.type.
func MergeColumns(known, added []Column) (out []Column, notTaken []string) {
	out = append([]Column(nil), known...)
	at := map[string]int{}
	for i, c := range out {
		at[c.Name] = i
	}
	for _, c := range added {
		i, ok := at[c.Name]
		if !ok {
			at[c.Name] = len(out)
			out = append(out, c)
			continue
		}
		existing := &out[i]
		if !fillText(&existing.Type, c.Type) {
			notTaken = append(notTaken, "columns."+c.Name+".type")
		}
		if !fillText(&existing.Description, c.Description) {
			notTaken = append(notTaken, "columns."+c.Name+".description")
		}
		sources, taken := mergeSources(existing.DerivedFrom, c.DerivedFrom)
		if existing.DerivedFrom = sources; !taken {
			notTaken = append(notTaken, "columns."+c.Name+".derivedFrom")
		}
	}
	return out, notTaken
}

// fillText sets an empty text. It returns false when the text is another one already.
func fillText(known *string, added string) bool {
	if *known == "" {
		*known = added
	}
	return added == "" || *known == added
}

// mergeSources adds sources and their transformations. It returns false when a known source
// has other transformations.
func mergeSources(known, added []ColumnSource) (out []ColumnSource, taken bool) {
	out, taken = append([]ColumnSource(nil), known...), true
	for _, s := range added {
		i := indexSource(out, s)
		if i < 0 {
			out = append(out, s)
			continue
		}
		if len(out[i].Transformations) == 0 {
			out[i].Transformations = s.Transformations
		}
		taken = taken && (len(s.Transformations) == 0 || slices.Equal(out[i].Transformations, s.Transformations))
	}
	return out, taken
}

// indexSource finds a source by its dataset version and column; -1 when there is none.
func indexSource(sources []ColumnSource, s ColumnSource) int {
	for i, o := range sources {
		if o.DatasetVersion == s.DatasetVersion && o.Column == s.Column {
			return i
		}
	}
	return -1
}
