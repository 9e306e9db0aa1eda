package remote

import (
	"encoding/json"
	"time"

	"pedigree/registry"
	"pedigree/service/core"
)

// The fields that nouns are read with: all that a client may come to need of one.
// A name that two types give different scalars has an alias.
const (
	modelFields      = `__typename id revision deleted name description owner tags { key value } createdAt updatedAt incarnation lastNumber used`
	repositoryFields = `__typename id revision name url defaultBranch recordedAt`
	versionFields    = `__typename id kind revision deleted name modelId modelName version number label description owner tags { key value } stage creator createdDate recordedAt updatedAt replacedBy`
	stateFields      = `__typename id kind revision deleted name namespace version digest description uri sizeBytes rows dataRole: role columns { name type description } tags { key value } createdAt recordedAt`
	runFields        = `__typename id kind revision deleted name producer runId runKind status command description parameters metrics { name value } tags { key value } actor startedAt endedAt recordedAt`
	commitFields     = `__typename id kind revision deleted name sha message author email committer repository parentShas role roleEvidence signature authoredAt committedAt recordedAt`
	tagFields        = `__typename id kind revision deleted name repository sha annotated message tagger taggedAt dateInferred movedAt recordedAt`
	featureFields    = `__typename id kind revision deleted name type description owner column of createdAt recordedAt`
	deploymentFields = `__typename id kind revision deleted name environment endpoint trafficPercent versionId modelName version owner description startedAt endedAt recordedAt live`
	transitionFields = `__typename id revision from to at by reason approval forced ordinal replacedBy`
	aliasFields      = `__typename id revision name model versionId version setBy setAt`

	pageFields = `pageInfo { hasNextPage hasPreviousPage startCursor endCursor }`
	edgeFields = `id from to kind validFrom validTo`
)

// blank makes an empty noun of a GraphQL type; nil for one that this client does
// not read.
func blank(typename string) registry.Node {
	switch typename {
	case "Model":
		return &registry.Model{}
	case "Repository":
		return &registry.Repository{}
	case "ModelVersion":
		return &registry.ModelVersion{}
	case "DatasetVersion":
		return &registry.DatasetVersion{}
	case "Run":
		return &registry.Run{}
	case "Commit":
		return &registry.Commit{}
	case "Tag":
		return &registry.Tag{}
	case "Feature":
		return &registry.Feature{}
	case "Deployment":
		return &registry.Deployment{}
	case "Transition":
		return &registry.Transition{}
	case "Alias":
		return &registry.Alias{}
	}
	return nil
}

// meta is what every noun carries beside its fields.
type meta struct {
	Typename string            `json:"__typename"`
	ID       registry.ID       `json:"id"`
	Kind     registry.Kind     `json:"kind"`
	Revision int               `json:"revision"`
	Deleted  bool              `json:"deleted"`
	DataRole registry.DataRole `json:"dataRole"`
}

// noun decodes one noun; nil for null and for a type that is not read here. Its
// fields are those of the field table, which its JSON tags name. Fields that the
// caller may not see are empty.
func noun(raw json.RawMessage) (registry.Node, error) {
	var m meta
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	n := blank(m.Typename)
	if n == nil {
		return nil, nil
	}
	if err := json.Unmarshal(raw, n); err != nil {
		return nil, err
	}
	if s, ok := n.(*registry.DatasetVersion); ok {
		s.Role = m.DataRole
	}
	if m.Kind == "" {
		m.Kind = m.ID.Kind()
	}
	from, to := validity(n)
	*n.NodeMeta() = registry.Meta{ID: m.ID, Kind: m.Kind, Revision: m.Revision, Deleted: m.Deleted, Mask: registry.AllFields, ValidFrom: from, ValidTo: to}
	return n, nil
}

// validity is since when and until when a noun is so in the world.
func validity(n registry.Node) (from, to time.Time) {
	switch n := n.(type) {
	case *registry.Model:
		return n.CreatedAt, to
	case *registry.ModelVersion:
		return n.CreatedDate, to
	case *registry.DatasetVersion:
		return n.CreatedAt, to
	case *registry.Run:
		return n.StartedAt, to
	case *registry.Commit:
		return n.CommittedAt, to
	case *registry.Tag:
		return n.TaggedAt, n.MovedAt
	case *registry.Feature:
		return n.CreatedAt, to
	case *registry.Deployment:
		return n.StartedAt, n.EndedAt
	case *registry.Transition:
		return n.At, to
	}
	return from, to
}

// of is a noun of one type in an answer; its Noun is nil for null.
type of[N registry.Node] struct{ Noun N }

// UnmarshalJSON reads a noun, and nothing for one of another type.
func (o *of[N]) UnmarshalJSON(raw []byte) error {
	n, err := noun(raw)
	o.Noun, _ = n.(N)
	return err
}

// list is a connection of nouns in an answer.
type list[N registry.Node] struct {
	Edges []struct {
		Cursor string
		Node   of[N]
	}
	PageInfo core.PageInfo
}

// connection turns a list into a page of the service. FORBIDDEN when the list is
// hidden from the caller: an empty page would be read as that there is nothing.
func connection[N registry.Node, E any](l *list[N], edge func(cursor string, n N) E) (core.Connection[E], error) {
	out := core.Connection[E]{Edges: []E{}}
	if l == nil {
		return out, registry.Errorf(registry.Forbidden, "you may not see a list that this needs; ask an administrator for a role that may")
	}
	out.PageInfo = l.PageInfo
	for _, e := range l.Edges {
		if any(e.Node.Noun) != any(*new(N)) {
			out.Edges = append(out.Edges, edge(e.Cursor, e.Node.Noun))
		}
	}
	return out, nil
}
