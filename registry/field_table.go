package registry

import "fmt"

// Mask is a set of fields of one noun: bit i is the noun's ith row in the field
// table. Every noun has at most 64 fields.
type Mask uint64

// AllFields is the mask that hides nothing.
const AllFields Mask = ^Mask(0)

// Has reports whether the mask has a bit.
func (m Mask) Has(bit int) bool { return bit >= 0 && m>>uint(bit)&1 == 1 }

// Class groups fields that a policy names together.
type Class string

// The classes of fields.
const (
	// Plumbing is never hidden where the row is seen: id, kind, revision.
	Plumbing Class = "plumbing"
	// Catalog is what a list of models shows.
	Catalog Class = "catalog"
	// CardText is the part of a card that is written for everybody.
	CardText Class = "card"
	// Metadata is everything else that is known of a thing.
	Metadata Class = "metadata"
	// Download leads to the bytes of an artifact.
	Download Class = "artifact"
	// Secret names credentials.
	Secret Class = "secret"
	// Access is who may do what.
	Access Class = "access"
	// Audit is the log.
	Audit Class = "log"
)

// Classes lists every class.
func Classes() []Class {
	return []Class{Plumbing, Catalog, CardText, Metadata, Download, Secret, Access, Audit}
}

// Index is a column that a store keeps beside the document, to filter and sort by.
type Index string

// The indexed columns. All are never null: absent is "" or 0.
const (
	NoIndex          Index = ""
	IndexStage       Index = "stage"
	IndexVersion     Index = "version_key" // Version.SortKey
	IndexNumber      Index = "version_number"
	IndexOwner       Index = "owner"
	IndexNamespace   Index = "namespace"
	IndexEnvironment Index = "environment"
	IndexRunKind     Index = "run_kind"
	IndexRole        Index = "role"
	IndexEnded       Index = "ended" // microseconds, 0 while it stands
)

// Columns kept for every node whatever its kind; they sort and filter too.
const (
	IndexName  Index = "name"
	IndexSince Index = "valid_from" // microseconds since 1970
)

// IndexType is how a column is typed in a store.
type IndexType string

// The column types: UTF-8 text in code point order, and 64-bit integers.
const (
	TextIndex IndexType = "text"
	IntIndex  IndexType = "int"
)

// IndexColumn describes an indexed column.
type IndexColumn struct {
	Name Index
	Type IndexType
}

// IndexColumns lists the columns beyond name and valid_from, in a fixed order.
func IndexColumns() []IndexColumn {
	return []IndexColumn{{IndexStage, TextIndex}, {IndexVersion, TextIndex}, {IndexNumber, IntIndex}, {IndexOwner, TextIndex},
		{IndexNamespace, TextIndex}, {IndexEnvironment, TextIndex}, {IndexRunKind, TextIndex}, {IndexRole, TextIndex}, {IndexEnded, IntIndex}}
}

// Field is one row of the field table: a field of a noun as GraphQL and the
// stored document name it.
type Field struct {
	Noun  string
	Name  string
	Class Class
	// Column is where a store keeps it besides the document; it can then be
	// filtered and sorted by.
	Column Index
	// Doc tells fields of the stored document from those that a resolver follows.
	Doc bool
	// Search tells that a search looks in it.
	Search bool
}

// Coordinate is the GraphQL schema coordinate, Noun.name.
func (f Field) Coordinate() string { return f.Noun + "." + f.Name }

// Noun is a row of nouns: a GraphQL object type and the kind that stores it.
type Noun struct {
	Name   string
	Kind   Kind
	Fields []Field
}

func doc(class Class, names ...string) (out []Field) {
	for _, n := range names {
		out = append(out, Field{Name: n, Class: class, Doc: true})
	}
	return out
}

func col(class Class, name string, c Index) []Field {
	return []Field{{Name: name, Class: class, Column: c, Doc: true}}
}

func via(class Class, names ...string) (out []Field) {
	for _, n := range names {
		out = append(out, Field{Name: n, Class: class})
	}
	return out
}

func noun(name string, kind Kind, groups ...[]Field) *Noun {
	n := &Noun{Name: name, Kind: kind, Fields: via(Plumbing, "id", "kind", "revision", "deleted")}
	for _, g := range groups {
		n.Fields = append(n.Fields, g...)
	}
	if len(n.Fields) > 64 {
		panic("registry: " + name + " has more than 64 fields")
	}
	for i := range n.Fields {
		n.Fields[i].Noun = name
	}
	markSearched(n)
	return n
}

// nouns is THE field table: policy bits, redaction, store columns, filters,
// sorts and the schema test are all derived from it.
var nouns = []*Noun{
	noun("Model", KindModel,
		col(Catalog, "name", IndexName), doc(Catalog, "description"), col(Catalog, "owner", IndexOwner),
		col(Catalog, "createdAt", IndexSince), doc(Catalog, "updatedAt"), doc(Metadata, "tags", "incarnation", "lastNumber", "used"),
		via(Catalog, "latestVersion", "productionVersion", "versionsByStage", "versions"), via(Metadata, "aliases")),
	noun("ModelVersion", KindModelVersion,
		col(Catalog, "name", IndexName), doc(Catalog, "modelId", "modelName"), col(Catalog, "version", IndexVersion),
		col(Catalog, "number", IndexNumber), doc(Metadata, "label"), doc(Catalog, "description"), col(Catalog, "owner", IndexOwner),
		doc(Metadata, "tags"), col(Catalog, "stage", IndexStage), doc(Metadata, "creator"),
		col(Catalog, "createdDate", IndexSince), doc(Catalog, "recordedAt", "updatedAt"), doc(Catalog, "replacedBy"),
		via(Catalog, "model", "features", "card", "upstream", "downstream"),
		via(Metadata, "transitions", "aliases"), via(Catalog, "deployments"), via(Download, "artifacts")),
	noun("ModelCard", KindCard,
		doc(Catalog, "modelId", "name", "description", "version", "createdDate", "status"), doc(Metadata, "creator"),
		doc(Metadata, "modelDetails", "training", "performance", "dataPreprocessing"),
		doc(CardText, "features", "limitations", "ethicalConsiderations"), via(Metadata, "completeness")),
	noun("Dataset", KindDataset,
		col(Catalog, "name", IndexName), col(Metadata, "namespace", IndexNamespace), doc(Metadata, "description"),
		col(Metadata, "owner", IndexOwner), doc(Metadata, "tags"), col(Catalog, "createdAt", IndexSince), via(Catalog, "versions")),
	noun("DatasetVersion", KindDatasetVersion,
		col(Catalog, "name", IndexName), col(Metadata, "namespace", IndexNamespace), doc(Metadata, "version", "digest", "description", "uri",
			"sizeBytes", "rows"), col(Metadata, "role", IndexRole), doc(Metadata, "columns", "tags"), col(Catalog, "createdAt", IndexSince),
		doc(Catalog, "recordedAt"), via(Catalog, "dataset", "upstream", "downstream")),
	noun("Run", KindRun,
		col(Catalog, "name", IndexName), doc(Metadata, "producer", "runId"), col(Metadata, "runKind", IndexRunKind),
		doc(Metadata, "status", "command", "description", "parameters", "metrics", "tags", "actor"),
		col(Catalog, "startedAt", IndexSince), doc(Catalog, "endedAt", "recordedAt"), via(Catalog, "upstream", "downstream")),
	noun("Repository", KindRepository,
		col(Catalog, "name", IndexName), doc(Metadata, "url", "defaultBranch"), doc(Catalog, "recordedAt"), via(Catalog, "commits", "tags")),
	noun("Commit", KindCommit,
		col(Catalog, "name", IndexName), doc(Metadata, "sha", "message", "author", "email", "committer", "parentShas"),
		doc(Metadata, "repository"), col(Metadata, "role", IndexRole), doc(Metadata, "roleEvidence", "signature"),
		doc(Catalog, "authoredAt"), col(Catalog, "committedAt", IndexSince), doc(Catalog, "recordedAt"), via(Catalog, "upstream", "downstream")),
	noun("Tag", KindTag,
		col(Catalog, "name", IndexName), doc(Metadata, "repository", "sha", "annotated", "message", "tagger", "dateInferred"),
		col(Catalog, "taggedAt", IndexSince), doc(Catalog, "movedAt", "recordedAt"), via(Catalog, "upstream", "downstream")),
	noun("Feature", KindFeature,
		col(Catalog, "name", IndexName), doc(Metadata, "type", "description"), col(Metadata, "owner", IndexOwner),
		doc(Metadata, "column", "of"), col(Catalog, "createdAt", IndexSince), doc(Catalog, "recordedAt"), via(Catalog, "upstream", "downstream")),
	noun("Deployment", KindDeployment,
		col(Catalog, "name", IndexName), col(Metadata, "environment", IndexEnvironment), doc(Metadata, "endpoint", "trafficPercent", "versionId",
			"modelName", "version"), col(Metadata, "owner", IndexOwner), doc(Metadata, "description", "live"),
		col(Catalog, "startedAt", IndexSince), col(Catalog, "endedAt", IndexEnded), doc(Catalog, "recordedAt"),
		via(Metadata, "modelVersion"), via(Catalog, "upstream", "downstream")),
	noun("Artifact", KindArtifact,
		col(Download, "name", IndexName), doc(Download, "uri", "digest", "sizeBytes", "format"),
		doc(Secret, "storageKey", "serviceAccountName"), doc(Download, "recordedAt")),
	noun("Alias", KindAlias,
		col(Metadata, "name", IndexName), doc(Metadata, "model", "versionId", "version", "setBy", "setAt"), via(Metadata, "modelVersion")),
	noun("Transition", KindTransition,
		doc(Metadata, "from", "to", "at", "by", "reason", "approval", "forced", "ordinal", "replacedBy"), via(Metadata, "modelVersion")),
	noun("Actor", KindActor,
		doc(Access, "subject", "grants", "createdAt")),
	noun("LogEntry", "",
		doc(Audit, "seq", "at", "actor", "action", "objects", "model", "reason", "approval", "requestId", "detail", "leafHash")),
}

var nounByName, nounByKind, fieldBit = indexNouns()

func indexNouns() (map[string]*Noun, map[Kind]*Noun, map[[2]string]int) {
	byName, byKind, bit := map[string]*Noun{}, map[Kind]*Noun{}, map[[2]string]int{}
	for _, n := range nouns {
		byName[n.Name] = n
		if n.Kind != "" {
			byKind[n.Kind] = n
		}
		for i, f := range n.Fields {
			bit[[2]string{n.Name, f.Name}] = i
		}
	}
	return byName, byKind, bit
}

// Nouns lists the field table.
func Nouns() []*Noun { return nouns }

// NounOf returns the noun of a kind; nil for kinds that no door shows.
func NounOf(k Kind) *Noun { return nounByKind[k] }

// NounNamed returns the noun of a GraphQL type; nil for a type that is none.
func NounNamed(name string) *Noun { return nounByName[name] }

// Bit returns the position of a field in its noun's masks, -1 when unknown: an
// unknown field is in no mask.
func Bit(noun, field string) int {
	if b, ok := fieldBit[[2]string{noun, field}]; ok {
		return b
	}
	return -1
}

// Field returns a field of the noun by name; unknown is INVALID_ARGUMENT.
func (n *Noun) Field(name string) (Field, error) {
	b := Bit(n.Name, name)
	if b < 0 {
		return Field{}, Errorf(InvalidArgument, "%s has no field %q", n.Name, name)
	}
	return n.Fields[b], nil
}

// MaskOf returns the mask of those fields for which keep is true.
func (n *Noun) MaskOf(keep func(Field) bool) (m Mask) {
	for i, f := range n.Fields {
		if keep(f) {
			m |= 1 << uint(i)
		}
	}
	return m
}

// String names the noun.
func (n *Noun) String() string { return fmt.Sprintf("noun %s", n.Name) }
