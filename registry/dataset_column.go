package registry

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
// the known ones of the same dataset version. It never overwrites a known value.
func MergeColumns(known, added []Column) []Column {
	out := append([]Column(nil), known...)
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
		if existing.Type == "" {
			existing.Type = c.Type
		}
		if existing.Description == "" {
			existing.Description = c.Description
		}
		existing.DerivedFrom = mergeSources(existing.DerivedFrom, c.DerivedFrom)
	}
	return out
}

func mergeSources(known, added []ColumnSource) []ColumnSource {
	out := append([]ColumnSource(nil), known...)
	for _, s := range added {
		i := indexSource(out, s)
		if i < 0 {
			out = append(out, s)
		} else if len(out[i].Transformations) == 0 {
			out[i].Transformations = s.Transformations
		}
	}
	return out
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
