package export

import (
	"encoding/json"
	"net/url"
	"slices"

	"pedigree/registry"
)

// standardFacet makes an empty facet of the OpenLineage specification.
func standardFacet(version, name string) object {
	return object{"_producer": olProducer, "_schemaURL": olFacets + version + "/" + name + ".json#/$defs/" + name}
}

// customFacet makes an empty facet of this registry, under OpenLineage's base schema.
func customFacet() object {
	return object{"_producer": olProducer, "_schemaURL": olSpec + "#/$defs/BaseFacet"}
}

// exportFacet describes the document and what is missing. Every event has it, because a
// reader may get one event alone.
func (o *lineageEvents) exportFacet() object {
	f := customFacet()
	f["root"], f["direction"], f["truncated"], f["historyCut"] = string(o.Root), string(o.Direction), len(o.Reasons) > 0, o.HistoryCut
	setList(f, "reasons", o.reasonNames())
	f.setText("asOf", formatTime(o.AsOf))
	f.setText("knownAt", formatTime(o.KnownAt))
	return f
}

// addExport adds the facet of exportFacet to an event of a document.
func (o *lineageEvents) addExport(facets object) {
	if !o.single {
		facets["pedigree_export"] = o.exportFacet()
	}
}

// nodeFacet has the attributes of a node for which OpenLineage has no facet.
func (o *lineageEvents) nodeFacet(n *Node) object {
	f := customFacet()
	for _, x := range attributesOf(n) {
		f[x.name] = x.value
	}
	f["id"] = string(n.ID())
	if o.frontier[n.ID()] {
		f["moreBehind"] = true
	}
	return f
}

// nodeRef identifies a node.
func nodeRef(n *Node) object {
	out := object{"id": string(n.ID()), "kind": string(n.Kind())}
	for _, x := range attributesOf(n) {
		if x.name == "sha" || x.name == "repository" || x.name == "tag" {
			out[x.name] = x.value
		}
	}
	return out
}

// referenceFacets are the facets of a dataset that another event describes.
func (o *lineageEvents) referenceFacets(n *Node) object {
	f := customFacet()
	for k, v := range nodeRef(n) {
		f[k] = v
	}
	out := object{"pedigree_node": f}
	addVersionFacet(out, n)
	return out
}

// addVersionFacet adds the facet with the version of a dataset.
func addVersionFacet(out object, n *Node) {
	version := ""
	switch x := n.Noun.(type) {
	case *registry.DatasetVersion:
		version = x.Version
	case *registry.ModelVersion:
		version = x.Version
	}
	if version != "" {
		f := standardFacet("1-0-1", "DatasetVersionDatasetFacet")
		f["datasetVersion"] = version
		out["version"] = f
	}
}

func (o *lineageEvents) runFacets(n *Node) object {
	out := object{"pedigree_node": o.nodeFacet(n)}
	o.addExport(out)
	x, ok := n.Noun.(*registry.Run)
	if !ok {
		return out
	}
	if !x.StartedAt.IsZero() {
		f := standardFacet("1-0-1", "NominalTimeRunFacet")
		f["nominalStartTime"] = formatTime(x.StartedAt)
		f.setText("nominalEndTime", formatTime(x.EndedAt))
		out["nominalTime"] = f
	}
	if list := parameterList(x.Parameters); len(list) > 0 {
		f := standardFacet("1-0-0", "ExecutionParametersRunFacet")
		f["parameters"] = list
		out["executionParameters"] = f
	}
	if len(x.Metrics) > 0 {
		f := customFacet()
		f["metrics"] = x.Metrics
		out["pedigree_metrics"] = f
	}
	if tags := olTags(n); tags != nil {
		f := standardFacet("1-0-0", "TagsRunFacet")
		f["tags"] = tags
		out["tags"] = f
	}
	return out
}

// parameterList lists the members of a JSON object by name, with their values as texts.
func parameterList(j registry.JSON) (out []object) {
	var members map[string]json.RawMessage
	if len(j) == 0 || json.Unmarshal(j, &members) != nil {
		return nil
	}
	for key, raw := range members {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		out = append(out, object{"key": key, "value": text})
	}
	slices.SortFunc(out, func(a, b object) int {
		if a["key"].(string) < b["key"].(string) {
			return -1
		}
		return 1
	})
	return out
}

func olTags(n *Node) (out []object) {
	for _, t := range tagsOf(n) {
		out = append(out, object{"key": t.Key, "value": t.Value, "source": "PEDIGREE"})
	}
	return out
}

// addDocumentation adds the facet with the description of a node.
func addDocumentation(out object, n *Node, name string) {
	if text := description(n); text != "" {
		f := standardFacet("1-1-0", name)
		f["description"] = text
		out["documentation"] = f
	}
}

func (o *lineageEvents) jobFacets(n *Node) object {
	kind := standardFacet("2-0-4", "JobTypeJobFacet")
	kind["integration"], kind["processingType"] = "PEDIGREE", "BATCH"
	out := object{"jobType": kind}
	addDocumentation(out, n, "DocumentationJobFacet")
	switch x := n.Noun.(type) {
	case *registry.Run:
		kind.setText("jobType", string(x.RunKind))
	case *registry.Deployment:
		kind["jobType"], kind["processingType"] = "DEPLOYMENT", "SERVICE"
		out["pedigree_node"] = o.nodeFacet(n)
		o.addExport(out)
		addOwner(out, "OwnershipJobFacet", x.Owner)
	default:
		if n.Kind() == registry.KindDeployment {
			kind["jobType"], kind["processingType"] = "DEPLOYMENT", "SERVICE"
			out["pedigree_node"] = o.nodeFacet(n)
			o.addExport(out)
		}
	}
	o.addSourceCode(out, n)
	return out
}

func addOwner(out object, name, who string) {
	if who != "" {
		f := standardFacet("1-0-1", name)
		f["owners"] = []object{{"name": who}}
		out["ownership"] = f
	}
}

// addSourceCode adds the commits that a run ran: the first one whose repository has a URL
// in OpenLineage's facet, all of them in a custom facet.
func (o *lineageEvents) addSourceCode(out object, n *Node) {
	var commits []object
	for _, c := range o.causes(n.ID(), registry.EdgeRanCode) {
		commits = append(commits, nodeRef(c))
		x, ok := c.Noun.(*registry.Commit)
		if ok && out["sourceCodeLocation"] == nil && x.SHA != "" && c.Repository != nil && isAbsoluteURI(c.Repository.URL) {
			f := standardFacet("1-1-0", "SourceCodeLocationJobFacet")
			f["type"], f["url"], f["repoUrl"], f["version"] = "git", c.Repository.URL, c.Repository.URL, x.SHA
			out["sourceCodeLocation"] = f
		}
	}
	if len(commits) > 0 {
		f := customFacet()
		f["commits"] = commits
		out["pedigree_code"] = f
	}
}

// isAbsoluteURI reports whether a text is an absolute URI of RFC 3986 without changes.
func isAbsoluteURI(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Opaque == "" && u.Host == "" && u.Path == "" {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>' || c == '\\' || c == '^' || c == '`' || c == '{' || c == '|' || c == '}' {
			return false
		}
	}
	return u.String() == s
}

// directCauses lists the causes of a dataset without a run in between.
func (o *lineageEvents) directCauses(n *Node) []*Node {
	return o.causes(n.ID(), registry.EdgeDerivedFrom, registry.EdgeUsesFeature, registry.EdgeDefinedOn)
}

func (o *lineageEvents) datasetFacets(n *Node) object {
	out := object{"pedigree_node": o.nodeFacet(n)}
	addDocumentation(out, n, "DocumentationDatasetFacet")
	kind := string(n.Kind())
	switch x := n.Noun.(type) {
	case *registry.DatasetVersion:
		kind = "DATASET"
		if x.URI != "" && isAbsoluteURI(x.URI) {
			f := standardFacet("1-0-1", "DatasourceDatasetFacet")
			f["name"], f["uri"] = olNamespace(n), x.URI
			out["dataSource"] = f
		}
		if len(x.Columns) > 0 {
			f := standardFacet("1-2-0", "SchemaDatasetFacet")
			f["fields"] = registry.WithoutSources(x.Columns)
			out["schema"] = f
		}
		o.addColumnLineage(out, x)
	case *registry.ModelVersion:
		kind = "MODEL"
		addOwner(out, "OwnershipDatasetFacet", x.Owner)
	case *registry.Feature:
		addOwner(out, "OwnershipDatasetFacet", x.Owner)
	}
	f := standardFacet("1-0-1", "DatasetTypeDatasetFacet")
	f["datasetType"] = kind
	out["datasetType"] = f
	addVersionFacet(out, n)
	if tags := olTags(n); tags != nil {
		f := standardFacet("1-0-0", "TagsDatasetFacet")
		f["tags"] = tags
		out["tags"] = f
	}
	o.addLineageFacets(out, n)
	return out
}

// addLineageFacets adds the lineage without a run in between, and the tag that a version
// was released from.
func (o *lineageEvents) addLineageFacets(out object, n *Node) {
	var inputs []object
	for _, c := range o.directCauses(n) {
		inputs = append(inputs, object{"namespace": olNamespace(c), "name": olName(c), "type": "DATASET"})
	}
	if len(inputs) > 0 {
		f := object{"_producer": olProducer, "_schemaURL": olFacets + "1-0-0/LineageFacet.json#/$defs/LineageDatasetFacet", "inputs": inputs}
		out["lineage"] = f
	}
	var tags []object
	for _, t := range o.causes(n.ID(), registry.EdgeReleasedFrom) {
		tags = append(tags, nodeRef(t))
	}
	if len(tags) > 0 {
		f := customFacet()
		f["tags"] = tags
		out["pedigree_release"] = f
	}
}

// addColumnLineage adds the columns that the columns of a dataset version were made from, as far as
// the document has the versions of those.
func (o *lineageEvents) addColumnLineage(out object, v *registry.DatasetVersion) {
	fields := object{}
	for _, c := range v.Columns {
		var inputs []object
		for _, s := range c.DerivedFrom {
			n := o.byID[s.DatasetVersion]
			if n == nil || n.Restricted() {
				continue
			}
			in := object{"namespace": olNamespace(n), "name": olName(n), "field": s.Column}
			if len(s.Transformations) > 0 {
				in["transformations"] = s.Transformations
			}
			inputs = append(inputs, in)
		}
		if len(inputs) > 0 {
			fields[c.Name] = object{"inputFields": inputs}
		}
	}
	if len(fields) > 0 {
		f := standardFacet("1-2-0", "ColumnLineageDatasetFacet")
		f["fields"] = fields
		out["columnLineage"] = f
	}
}
