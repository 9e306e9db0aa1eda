package registry

import "fmt"

// Mask is a bit set of fields of one noun: bit i is row i of the noun in the field
// table. A noun has at most 64 fields.
type Mask uint64

// AllFields is the mask that hides nothing.
const AllFields Mask = ^Mask(0)

// Has reports whether the mask has a bit.
func (m Mask) Has(bit int) bool { return bit >= 0 && m>>uint(bit)&1 == 1 }

// Class is a group of fields that a policy can name together.
type Class string

// The classes of fields.
const (
	// Plumbing is visible whenever the row is: id, kind, revision.
	Plumbing Class = "plumbing"
	// Catalog is what a list of models shows.
	Catalog Class = "catalog"
	// CardText is the part of a card that every reader needs: features, limits, ethics.
	CardText Class = "card"
	// Metadata is every other descriptive field.
	Metadata Class = "metadata"
	// Download is where the bytes of an artifact are.
	Download Class = "artifact"
	// Secret is the names of credentials.
	Secret Class = "secret"
	// Access is subjects and their grants.
	Access Class = "access"
	// Audit is the audit log.
	Audit Class = "log"
	// Governance is what people wrote while they decided: evidence, comments, findings, and
	// who is asked to decide.
	Governance Class = "governance"
)

// Classes lists every class.
func Classes() []Class {
	return []Class{Plumbing, Catalog, CardText, Metadata, Download, Secret, Access, Audit, Governance}
}

// Index is a column that a store keeps beside the JSON document, to filter and sort by.
type Index string

// The indexed columns. None is ever null: a missing value is "" or 0.
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
	IndexEnded       Index = "ended" // microseconds since 1970, 0 until it ends; also of what is due
)

// The columns of every node, whatever its kind; they filter and sort too.
const (
	IndexName      Index = "name"
	IndexValidFrom Index = "valid_from" // microseconds since 1970
	IndexSerial    Index = "num"        // the number of the node in its store
)

// IndexType is the type of a column in a store.
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
	return indexColumns
}

var indexColumns = []IndexColumn{{IndexStage, TextIndex}, {IndexVersion, TextIndex}, {IndexNumber, IntIndex}, {IndexOwner, TextIndex},
	{IndexNamespace, TextIndex}, {IndexEnvironment, TextIndex}, {IndexRunKind, TextIndex}, {IndexRole, TextIndex}, {IndexEnded, IntIndex}}

// Field is one row of the field table: a field of a noun, under its name in GraphQL
// and in the stored document.
type Field struct {
	Noun  string
	Name  string
	Class Class
	// Column is its indexed column, by which it can be filtered and sorted; NoIndex when
	// it has none.
	Column Index
	// Doc is true for a field of the stored document, false for one that a resolver reads.
	Doc bool
	// Search is true when full-text search looks in it.
	Search bool
}

// Coordinate is the GraphQL schema coordinate, Noun.name.
func (f Field) Coordinate() string { return f.Noun + "." + f.Name }

// Noun is a GraphQL object type, the node kind that stores it, and its fields.
type Noun struct {
	Name   string
	Kind   Kind
	Fields []Field
}

func documentFields(class Class, names ...string) (out []Field) {
	for _, n := range names {
		out = append(out, Field{Name: n, Class: class, Doc: true})
	}
	return out
}

func columnField(class Class, name string, c Index) []Field {
	return []Field{{Name: name, Class: class, Column: c, Doc: true}}
}

func resolverFields(class Class, names ...string) (out []Field) {
	for _, n := range names {
		out = append(out, Field{Name: n, Class: class})
	}
	return out
}

func newNoun(name string, kind Kind, groups ...[]Field) *Noun {
	n := &Noun{Name: name, Kind: kind, Fields: resolverFields(Plumbing, "id", "kind", "revision", "deleted")}
	for _, g := range groups {
		n.Fields = append(n.Fields, g...)
	}
	if len(n.Fields) > 64 {
		panic("registry: " + name + " has more than 64 fields")
	}
	for i := range n.Fields {
		n.Fields[i].Noun = name
	}
	markSearchFields(n)
	return n
}

// nouns is the field table. Policy masks, redaction, store columns, filters, sorts and
// the schema test are derived from it.
var nouns = []*Noun{
	newNoun("Model", KindModel,
		columnField(Catalog, "name", IndexName), documentFields(Catalog, "description"), columnField(Catalog, "owner", IndexOwner),
		columnField(Catalog, "createdAt", IndexValidFrom), documentFields(Catalog, "updatedAt"), documentFields(Metadata, "tags", "incarnation", "lastNumber", "used", "firstName"),
		documentFields(Metadata, "reviewIntervalDays"), documentFields(Governance, "reviewers"), columnField(Metadata, "nextReview", IndexEnded), resolverFields(Governance, "reviews"),
		resolverFields(Catalog, "latestVersion", "productionVersion", "versionsByStage", "versions"), resolverFields(Metadata, "aliases")),
	newNoun("ModelVersion", KindModelVersion,
		columnField(Catalog, "name", IndexName), documentFields(Catalog, "modelId", "modelName"), columnField(Catalog, "version", IndexVersion),
		columnField(Catalog, "number", IndexNumber), documentFields(Metadata, "label"), documentFields(Catalog, "description"), columnField(Catalog, "owner", IndexOwner),
		documentFields(Metadata, "tags"), columnField(Catalog, "stage", IndexStage), documentFields(Metadata, "creator"),
		columnField(Catalog, "createdDate", IndexValidFrom), documentFields(Catalog, "recordedAt", "updatedAt"), documentFields(Catalog, "replacedBy", "deprecation"),
		resolverFields(Catalog, "model", "features", "card", "upstream", "downstream", "recallState", "recalls"),
		resolverFields(Metadata, "transitions", "aliases"), resolverFields(Catalog, "transitionRequests"), resolverFields(Catalog, "deployments"), resolverFields(Download, "artifacts", "signatures"),
		documentFields(Download, "packaging")),
	newNoun("ModelCard", KindCard,
		documentFields(Catalog, "modelId", "name", "description", "version", "createdDate", "status"), documentFields(Metadata, "creator"),
		documentFields(Metadata, "modelDetails", "training", "performance", "dataPreprocessing"),
		documentFields(CardText, "features", "limitations", "ethicalConsiderations"), resolverFields(Metadata, "completeness")),
	newNoun("Dataset", KindDataset,
		columnField(Catalog, "name", IndexName), columnField(Metadata, "namespace", IndexNamespace), documentFields(Metadata, "description"),
		columnField(Metadata, "owner", IndexOwner), documentFields(Metadata, "tags"), columnField(Catalog, "createdAt", IndexValidFrom), resolverFields(Catalog, "versions"), resolverFields(Metadata, "facets")),
	newNoun("DatasetVersion", KindDatasetVersion,
		columnField(Catalog, "name", IndexName), columnField(Metadata, "namespace", IndexNamespace), documentFields(Metadata, "version", "digest", "description", "uri",
			"sizeBytes", "rows"), columnField(Metadata, "role", IndexRole), documentFields(Metadata, "columns", "tags"), columnField(Catalog, "createdAt", IndexValidFrom),
		documentFields(Catalog, "recordedAt"), resolverFields(Catalog, "dataset", "upstream", "downstream", "recallState", "recalls"), resolverFields(Metadata, "facets")),
	newNoun("Run", KindRun,
		columnField(Catalog, "name", IndexName), documentFields(Metadata, "producer", "runId"), columnField(Metadata, "runKind", IndexRunKind),
		documentFields(Metadata, "status", "command", "description", "parameters", "metrics", "tags", "actor"),
		columnField(Catalog, "startedAt", IndexValidFrom), documentFields(Catalog, "endedAt", "recordedAt"), resolverFields(Catalog, "upstream", "downstream", "recallState", "recalls"), resolverFields(Metadata, "facets")),
	newNoun("Repository", KindRepository,
		columnField(Catalog, "name", IndexName), documentFields(Metadata, "url", "defaultBranch"), documentFields(Catalog, "recordedAt"), resolverFields(Catalog, "commits", "tags")),
	newNoun("Commit", KindCommit,
		columnField(Catalog, "name", IndexName), documentFields(Metadata, "sha", "message", "author", "email", "committer", "parentShas"),
		documentFields(Metadata, "repository"), columnField(Metadata, "role", IndexRole), documentFields(Metadata, "roleEvidence", "signature"),
		documentFields(Catalog, "authoredAt"), columnField(Catalog, "committedAt", IndexValidFrom), documentFields(Catalog, "recordedAt"), resolverFields(Catalog, "upstream", "downstream", "recallState", "recalls")),
	newNoun("Tag", KindTag,
		columnField(Catalog, "name", IndexName), documentFields(Metadata, "repository", "sha", "annotated", "message", "tagger", "dateInferred"),
		columnField(Catalog, "taggedAt", IndexValidFrom), documentFields(Catalog, "movedAt", "recordedAt"), resolverFields(Catalog, "upstream", "downstream", "recallState", "recalls")),
	newNoun("Feature", KindFeature,
		columnField(Catalog, "name", IndexName), documentFields(Metadata, "type", "description"), columnField(Metadata, "owner", IndexOwner),
		documentFields(Metadata, "column", "of"), columnField(Catalog, "createdAt", IndexValidFrom), documentFields(Catalog, "recordedAt"), resolverFields(Catalog, "upstream", "downstream", "recallState", "recalls")),
	newNoun("Deployment", KindDeployment,
		columnField(Catalog, "name", IndexName), columnField(Metadata, "environment", IndexEnvironment), documentFields(Metadata, "endpoint", "trafficPercent", "versionId",
			"modelName", "version"), columnField(Metadata, "owner", IndexOwner), documentFields(Metadata, "description", "live"),
		columnField(Catalog, "startedAt", IndexValidFrom), columnField(Catalog, "endedAt", IndexEnded), documentFields(Catalog, "recordedAt"),
		resolverFields(Metadata, "modelVersion"), resolverFields(Catalog, "upstream", "downstream", "recallState", "recalls")),
	newNoun("Artifact", KindArtifact,
		columnField(Download, "name", IndexName), documentFields(Download, "uri"), columnField(Download, "digest", IndexNamespace), documentFields(Download, "sizeBytes", "format"),
		documentFields(Secret, "storageKey", "serviceAccountName"), documentFields(Download, "recordedAt", "stored", "matches", "verifiedAt", "verifiedBy"), resolverFields(Download, "downloadPath")),
	newNoun("Signature", KindSignature,
		columnField(Download, "digest", IndexName), documentFields(Download, "bundleKind", "sizeBytes", "attachedBy"), columnField(Download, "attachedAt", IndexValidFrom),
		resolverFields(Download, "verification")),
	newNoun("Alias", KindAlias,
		columnField(Metadata, "name", IndexName), documentFields(Metadata, "model", "versionId"), columnField(Metadata, "version", IndexVersion),
		documentFields(Metadata, "setBy", "setAt"), resolverFields(Metadata, "modelVersion")),
	newNoun("Transition", KindTransition,
		documentFields(Metadata, "from", "to", "at", "by", "reason", "approval", "forced", "ordinal", "replacedBy"), documentFields(Governance, "gates"), resolverFields(Metadata, "modelVersion")),
	newNoun("TransitionRequest", KindTransitionRequest,
		documentFields(Catalog, "versionId"), columnField(Catalog, "ofModel", IndexNamespace), documentFields(Catalog, "modelName", "version", "from", "to"),
		columnField(Catalog, "status", IndexStage), columnField(Metadata, "requestedBy", IndexOwner), columnField(Catalog, "requestedAt", IndexValidFrom),
		documentFields(Metadata, "registrant"), documentFields(Governance, "reason", "evidence"), documentFields(Metadata, "execute", "needed"),
		documentFields(Governance, "approvers", "approvals"), columnField(Catalog, "expiresAt", IndexEnded), documentFields(Metadata, "closedBy"),
		documentFields(Catalog, "closedAt"), documentFields(Governance, "comment", "voidBecause"), documentFields(Metadata, "transitionId", "ordinal"),
		resolverFields(Catalog, "model", "modelVersion"), resolverFields(Metadata, "transition")),
	newNoun("TransitionGuard", KindTransitionGuard,
		columnField(Governance, "name", IndexName), documentFields(Governance, "scope", "model", "tag", "profile", "stages", "needed", "approvers", "expiryDays", "setBy", "setAt", "requireSignature")),
	newNoun("Gate", KindGate,
		columnField(Governance, "name", IndexName), documentFields(Governance, "expression", "message", "stages", "appliesTo", "models", "tag", "mode", "forcible", "setBy", "setAt")),
	newNoun("Review", KindReview,
		documentFields(Governance, "ofModel", "modelName", "versionId", "version", "by"), columnField(Governance, "at", IndexValidFrom),
		documentFields(Governance, "findings", "decision", "nextReview", "ordinal"), resolverFields(Governance, "model", "modelVersion")),
	newNoun("Deprecation", KindDeprecation,
		documentFields(Catalog, "versionId"), columnField(Catalog, "ofModel", IndexNamespace), documentFields(Catalog, "modelName", "version"), columnField(Catalog, "step", IndexStage),
		documentFields(Governance, "plan"), documentFields(Catalog, "replacementId", "superseded"), documentFields(Metadata, "plannedBy"), columnField(Catalog, "plannedAt", IndexValidFrom),
		documentFields(Catalog, "guide"), columnField(Catalog, "sunset", IndexEnded), documentFields(Metadata, "announcedBy"), documentFields(Catalog, "announcedAt"),
		documentFields(Governance, "notices"), documentFields(Metadata, "closedBy"), documentFields(Catalog, "closedAt"), documentFields(Governance, "reason", "forced"),
		documentFields(Catalog, "keepUntil"), documentFields(Metadata, "cleanedBy", "cleanedAt", "artifactsRemoved", "logDigest", "logEntries", "ordinal"),
		resolverFields(Catalog, "model", "modelVersion", "replacement"), resolverFields(Governance, "consumers")),
	newNoun("Consumer", KindConsumer,
		documentFields(Governance, "versionId"), columnField(Governance, "subject", IndexName), columnField(Governance, "since", IndexValidFrom),
		documentFields(Governance, "lastUsedAt", "uses", "days", "environments", "migratedAt", "migratedBy", "comment"), resolverFields(Governance, "migrated", "modelVersion")),
	newNoun("Recall", KindRecall,
		columnField(Catalog, "number", IndexNumber), documentFields(Catalog, "nodes"), documentFields(Governance, "reason"), columnField(Catalog, "severity", IndexRole),
		documentFields(Governance, "links"), documentFields(Catalog, "fixedBy"), columnField(Catalog, "state", IndexStage), documentFields(Catalog, "seq"),
		documentFields(Metadata, "recalledBy"), columnField(Catalog, "recalledAt", IndexValidFrom), documentFields(Governance, "clearing"), documentFields(Metadata, "clearedBy"),
		documentFields(Catalog, "clearedAt", "clearedSeq"), documentFields(Governance, "comment")),
	newNoun("RecallResolution", KindRecallResolution,
		documentFields(Catalog, "recallId", "deploymentId", "versionId", "handling"), documentFields(Governance, "reason"), documentFields(Metadata, "resolvedBy"),
		columnField(Catalog, "resolvedAt", IndexValidFrom)),
	newNoun("Actor", KindActor,
		columnField(Access, "subject", IndexName), documentFields(Access, "grants", "createdAt")),
	newNoun("PolicyVersion", KindPolicy,
		columnField(Access, "number", IndexNumber), documentFields(Access, "hash", "text", "added", "withdrawn", "change", "rule", "by", "at", "reason")),
	newNoun("LogEntry", "",
		documentFields(Audit, "seq", "at", "actor", "action", "objects", "model", "reason", "approval", "requestId", "detail", "leafHash")),
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

// Nouns returns the field table.
func Nouns() []*Noun { return nouns }

// NounOf returns the noun of a kind; nil for internal kinds, which no API shows.
func NounOf(k Kind) *Noun { return nounByKind[k] }

// NounNamed returns the noun of a GraphQL type; nil when the type is no noun.
func NounNamed(name string) *Noun { return nounByName[name] }

// Bit returns the position of a field in the masks of its noun; -1 for an unknown
// field, which is in no mask.
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

// MaskOf returns the mask of the fields for which keep is true.
func (n *Noun) MaskOf(keep func(Field) bool) (m Mask) {
	for i, f := range n.Fields {
		if keep(f) {
			m |= 1 << uint(i)
		}
	}
	return m
}

// HidesName reports whether a mask hides the field that the name of a node is: the one of the
// column, or else the field name.
func (n *Noun) HidesName(m Mask) bool {
	for i, f := range n.Fields {
		if f.Column == IndexName {
			return !m.Has(i)
		}
	}
	return !m.Has(Bit(n.Name, "name"))
}

// String returns a text for logs and test messages.
func (n *Noun) String() string { return fmt.Sprintf("noun %s", n.Name) }
