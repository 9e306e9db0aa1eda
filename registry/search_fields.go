package registry

import "slices"

// searched names the fields that a search looks in. They become Field.Search of
// the field table, so that what is searched, what is indexed and what a policy
// shows are one list. A store keeps one column of words for each name in it.
var searchFieldNames = map[string][]string{
	"Model":          {"name", "description", "owner", "tags"},
	"ModelVersion":   {"name", "version", "label", "description", "owner", "tags"},
	"ModelCard":      {"description", "features", "limitations"}, // Its name is the version's, which is found itself.
	"Dataset":        {"name", "namespace", "description", "owner", "tags"},
	"DatasetVersion": {"name", "namespace", "version", "description", "tags"},
	"Run":            {"name", "producer", "runId", "description", "tags"},
	"Repository":     {"name", "url"},
	"Commit":         {"name", "sha", "message", "author"},
	"Tag":            {"name", "message"},
	"Feature":        {"name", "description", "owner", "column"},
	"Deployment":     {"name", "environment", "endpoint", "owner", "description"},
}

// markSearched marks the fields of a noun that are searched.
func markSearchFields(n *Noun) {
	for _, name := range searchFieldNames[n.Name] {
		i := slices.IndexFunc(n.Fields, func(f Field) bool { return f.Name == name && f.Doc })
		if i < 0 {
			panic("registry: " + n.Name + " has no field " + name + " to search in")
		}
		n.Fields[i].Search = true
	}
}

// SearchFields lists the names of the fields that a search looks in, of all
// nouns, each once and in a fixed order: the stores' columns of words.
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

// SearchedKinds lists the kinds that a search can find, in the order in which it
// lists them.
func SearchedKinds() (out []Kind) {
	for _, n := range nouns {
		if len(n.Searched(AllFields)) > 0 {
			out = append(out, n.Kind)
		}
	}
	slices.Sort(out)
	return out
}

// Searched lists the names of the noun's fields that a search looks in and that
// are in the mask.
func (n *Noun) Searched(m Mask) (out []string) {
	for i, f := range n.Fields {
		if f.Search && m.Has(i) {
			out = append(out, f.Name)
		}
	}
	return out
}
