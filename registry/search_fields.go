package registry

import "slices"

// searchFieldNames are the fields that a search looks in. They set Field.Search in the
// field table, so that search, the text index and policies use one list. A store has
// one full-text column for each name.
var searchFieldNames = map[string][]string{
	"Model":          {"name", "description", "owner", "tags"},
	"ModelVersion":   {"name", "version", "label", "description", "owner", "tags"},
	"ModelCard":      {"description", "features", "limitations"}, // Its name is that of the version, which a search finds.
	"Dataset":        {"name", "namespace", "description", "owner", "tags"},
	"DatasetVersion": {"name", "namespace", "version", "description", "tags"},
	"Run":            {"name", "producer", "runId", "description", "tags"},
	"Repository":     {"name", "url"},
	"Commit":         {"name", "sha", "message", "author"},
	"Tag":            {"name", "message"},
	"Feature":        {"name", "description", "owner", "column"},
	"Deployment":     {"name", "environment", "endpoint", "owner", "description"},
}

// markSearchFields sets Field.Search on the fields of a noun.
func markSearchFields(n *Noun) {
	for _, name := range searchFieldNames[n.Name] {
		i := slices.IndexFunc(n.Fields, func(f Field) bool { return f.Name == name && f.Doc })
		if i < 0 {
			panic("registry: " + n.Name + " has no field " + name + " to search in")
		}
		n.Fields[i].Search = true
	}
}

// SearchFields lists the names of the fields that a search looks in, of all nouns,
// each once and sorted: the full-text columns of the stores.
func SearchFields() (out []string) {
	for _, n := range nouns {
		for _, f := range n.Fields {
			if f.Search && !slices.Contains(out, f.Name) {
				out = append(out, f.Name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// SearchableKinds lists the kinds that a search can find, sorted.
func SearchableKinds() (out []Kind) {
	for _, n := range nouns {
		if len(n.SearchFields(AllFields)) > 0 {
			out = append(out, n.Kind)
		}
	}
	slices.Sort(out)
	return out
}

// SearchFields lists the fields of the noun that a search looks in and that the mask shows.
func (n *Noun) SearchFields(m Mask) (out []string) {
	for i, f := range n.Fields {
		if f.Search && m.Has(i) {
			out = append(out, f.Name)
		}
	}
	return out
}
