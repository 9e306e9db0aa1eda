package registry

// Column is one column of a dataset version.
type Column struct {
	Name        string `json:"name"`
	Type        string `json:"type,omitempty"`
	Description string `json:"description,omitempty"`
	// DerivedFrom are the columns of other dataset versions that it was derived from.
	DerivedFrom []ColumnSource `json:"derivedFrom,omitempty"`
	// ReadAt is the past that its dataset version was read at.
	ReadAt Instant `json:"-"`
}

// ColumnSource is a column that another one was derived from: an input field of
// OpenLineage's columnLineage facet (spec/facets/1-2-0).
type ColumnSource struct {
	// DatasetVersion has the column. On input it may be left out, and Dataset and
	// Namespace name the dataset; a stored document has the id alone.
	DatasetVersion  ID                     `json:"datasetVersion,omitempty"`
	Dataset         string                 `json:"dataset,omitempty"`
	Namespace       string                 `json:"namespace,omitempty"`
	Column          string                 `json:"column"`
	Transformations []ColumnTransformation `json:"transformations,omitempty"`
	ReadAt          Instant                `json:"-"`
}

// ColumnTransformation is what was done to a column on the way to another.
type ColumnTransformation struct {
	Type ColumnTransformationType `json:"type"`
	// Subtype is OpenLineage's, such as IDENTITY or JOIN; any text is taken.
	Subtype     string `json:"subtype,omitempty"`
	Description string `json:"description,omitempty"`
	// Masking says that the values cannot be read from the result.
	Masking bool `json:"masking,omitempty"`
}

// ColumnTransformationType says whether values went in or only decided.
type ColumnTransformationType string

// The types of transformations.
const (
	DirectTransformation   ColumnTransformationType = "DIRECT"
	IndirectTransformation ColumnTransformationType = "INDIRECT"
)

// The most sources of one column, transformations of one source, and sources of
// all columns of a dataset version.
const (
	MaxColumnSources   = 100
	MaxTransformations = 20
	MaxAllSources      = 10000
)

// WithoutSources is columns without what they were derived from, which names
// dataset versions that may be out of sight.
func WithoutSources(columns []Column) []Column {
	out := make([]Column, len(columns))
	for i, c := range columns {
		out[i] = Column{Name: c.Name, Type: c.Type, Description: c.Description}
	}
	return out
}

// MergeColumns adds what is told later of the columns of a state to what is known:
// columns, types, descriptions and sources that were not. What is known stays.
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

// indexSource finds a source by its dataset version and column, -1 for none.
func indexSource(sources []ColumnSource, s ColumnSource) int {
	for i, o := range sources {
		if o.DatasetVersion == s.DatasetVersion && o.Column == s.Column {
			return i
		}
	}
	return -1
}
