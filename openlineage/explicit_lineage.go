package openlineage

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"pedigree/registry"
)

// The facet lineage says which datasets and columns feed which: of a dataset in its own facets, of
// any dataset in those of a job.
type (
	lineageFacet struct {
		flow
		Entries []lineageEntry `json:"entries"`
	}
	lineageEntry struct {
		Name
		Type string `json:"type"`
		flow
	}
	// flow is what feeds one dataset: as a whole, and column by column.
	flow struct {
		Inputs []lineageInput `json:"inputs"`
		Fields map[string]struct {
			Inputs []lineageInput `json:"inputs"`
		} `json:"fields"`
	}
	lineageInput struct {
		columnInput
		Type string `json:"type"`
	}
)

const (
	explicitLineage = "lineage"
	datasetEntity   = "DATASET"
)

// isDataset reports whether an entity is a dataset; the other kind is JOB.
func isDataset(kind string) bool { return kind == "" || strings.EqualFold(kind, datasetEntity) }

// sources are the inputs of a flow that are datasets, those of its columns too, in order.
func (f flow) sources() (out []columnInput) {
	all := slices.Clone(f.Inputs)
	for _, column := range slices.Sorted(maps.Keys(f.Fields)) {
		all = append(all, f.Fields[column].Inputs...)
	}
	for _, in := range all {
		if isDataset(in.Type) {
			out = append(out, in.columnInput)
		}
	}
	return out
}

// addTo adds the columns that each column was made from. What is said of the dataset as a whole
// counts for every column.
func (f flow) addTo(out map[string][]ColumnInput) {
	whole := columnInputs(flow{Inputs: f.Inputs}.sources())
	for column, told := range f.Fields {
		column = norm.NFC.String(column)
		out[column] = append(append(out[column], columnInputs(flow{Inputs: told.Inputs}.sources())...), whole...)
	}
}

// readExplicitLineage makes the datasets that the facets lineage and columnLineage name inputs and
// outputs of the run, where the event does not list them.
func (e *Event) readExplicitLineage() error {
	var job lineageFacet
	if raw := e.JobFacets[explicitLineage]; raw != nil && json.Unmarshal(raw, &job) == nil {
		for i, entry := range job.Entries {
			if !isDataset(entry.Type) {
				continue
			}
			field := fmt.Sprintf("job.facets.lineage.entries[%d]", i)
			target, err := readName(field, &entry.Namespace, &entry.Name.Name)
			if err != nil {
				return err
			}
			e.Outputs = withDataset(e.Outputs, target)
			if err := e.readSources(field, entry.flow); err != nil {
				return err
			}
		}
	}
	for i, p := range e.Outputs {
		var own lineageFacet
		if raw := p.Facets[explicitLineage]; raw != nil && json.Unmarshal(raw, &own) == nil {
			if err := e.readSources(fmt.Sprintf("outputs[%d].facets.lineage", i), own.flow); err != nil {
				return err
			}
		}
		e.readColumnSources(p)
	}
	return nil
}

// readColumnSources makes the datasets inputs that an output's columns were made from. Producers
// leave some of them out of the inputs: the wrapper of dbt does so with seeds. What is no name of a
// dataset is left out, because it may come from a guess at the text of a query.
func (e *Event) readColumnSources(output Port) {
	var told columnLineageFacet
	if raw := output.Facets[columnLineage]; raw == nil || json.Unmarshal(raw, &told) != nil {
		return
	}
	all := told.Dataset
	for _, column := range slices.Sorted(maps.Keys(told.Fields)) {
		all = append(all, told.Fields[column].InputFields...)
	}
	for _, in := range all {
		name, err := readName(columnLineage, &in.Namespace, &in.Name.Name)
		if err == nil && Normalise(name) != output.Name && len(e.Inputs) < MaxPorts {
			e.Inputs = withDataset(e.Inputs, name)
		}
	}
}

// readSources makes the sources of a flow inputs.
func (e *Event) readSources(field string, f flow) error {
	for _, in := range f.sources() {
		name, err := readName(field+".inputs", &in.Namespace, &in.Name.Name)
		if err != nil {
			return err
		}
		e.Inputs = withDataset(e.Inputs, name)
	}
	if len(e.Inputs) > MaxPorts || len(e.Outputs) > MaxPorts {
		return registry.Invalid(field, "names more than %d datasets", MaxPorts)
	}
	return nil
}

// withDataset adds a dataset unless it is there.
func withDataset(ports []Port, n Name) []Port {
	n = Normalise(n)
	if slices.ContainsFunc(ports, func(p Port) bool { return p.Name == n }) {
		return ports
	}
	return append(ports, Port{Name: n})
}

// ColumnInputs are the columns that each column of an output was made from, by the facets
// columnLineage and lineage of the output, and by the facet lineage of the job; nil when none says
// anything of columns.
func (s *RunState) ColumnInputs(u *Use) map[string][]ColumnInput {
	out := u.columnLineage()
	add := func(f flow) {
		if len(f.Fields) == 0 {
			return
		}
		if out == nil {
			out = map[string][]ColumnInput{}
		}
		f.addTo(out)
	}
	var own, job lineageFacet
	if u.Facets.of(explicitLineage, &own) {
		add(own.flow)
	}
	if s.JobFacets.of(explicitLineage, &job) {
		for _, entry := range job.Entries {
			if isDataset(entry.Type) && Normalise(Name{norm.NFC.String(entry.Namespace), norm.NFC.String(entry.Name.Name)}) == u.Name {
				add(entry.flow)
			}
		}
	}
	return out
}
