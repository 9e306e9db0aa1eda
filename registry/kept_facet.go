package registry

import "time"

// FacetHolder is what a facet of OpenLineage is of.
type FacetHolder string

// The holders of facets.
const (
	FacetOfRun     FacetHolder = "RUN"
	FacetOfJob     FacetHolder = "JOB"
	FacetOfInput   FacetHolder = "INPUT"
	FacetOfOutput  FacetHolder = "OUTPUT"
	FacetOfDataset FacetHolder = "DATASET"
)

// KeptFacet is a facet that OpenLineage events told and that nothing was made of.
type KeptFacet struct {
	Holder FacetHolder `json:"holder"`
	// Namespace and Dataset name the dataset of a facet of an input or output of a run.
	Namespace string `json:"namespace,omitempty"`
	Dataset   string `json:"dataset,omitempty"`
	Name      string `json:"name"`
	// Value is the facet as it was told; nil when those of the node are too large together.
	Value     JSON      `json:"value,omitempty"`
	SizeBytes int       `json:"sizeBytes"`
	ToldAt    time.Time `json:"toldAt"`
}

// The bounds of the facets that one node shows: how many, and how many bytes their values have
// together.
const (
	MaxKeptFacets     = 500
	MaxKeptFacetBytes = 64 << 10
)
