package export

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"pedigree/registry"
)

// cycloneDX writes a CycloneDX 1.6 ML-BOM: model versions are components of type
// machine-learning-model with their cards, datasets, features and code are data,
// runs are the workflows of the formulation, deployments are services, and the
// dependencies are the edges of the graph, with those over a run joined.
func cycloneDX(v *view) ([]byte, error) {
	c := &bom{v, map[registry.ID][]registry.ID{}}
	for _, e := range v.edges {
		if e.Kind == registry.EdgeGeneratedBy {
			c.outputs[e.To] = append(c.outputs[e.To], e.From)
		}
	}
	out := object{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": c.metadata()}
	var components, services, workflows []object
	for _, n := range v.nodes {
		switch {
		case n.Kind() == registry.KindDeployment:
			services = append(services, c.service(n))
		case n.Kind() == registry.KindRun:
			workflows = append(workflows, c.workflow(n))
		case n.ID() != v.Root: // The root is in the metadata.
			components = append(components, c.component(n))
		}
	}
	setList(out, "components", components)
	setList(out, "services", services)
	if len(workflows) > 0 {
		out["formulation"] = []object{{"bom-ref": "formulation", "workflows": workflows}}
	}
	out["dependencies"] = c.dependencies()
	if behind := c.incompleteRefs(); len(v.Reasons) > 0 {
		o := object{"aggregate": "incomplete"}
		setList(o, "dependencies", behind)
		out["compositions"] = []object{o}
	}
	// The serial number is a hash of the content, so that it is deterministic.
	content, err := marshalCompact(out)
	if err != nil {
		return nil, err
	}
	out["serialNumber"] = "urn:uuid:" + uuid.NewSHA1(uuid.NameSpaceURL, []byte(content)).String()
	return marshalIndented(out)
}

// bom is a view with the outputs of each run.
type bom struct {
	*view
	outputs map[registry.ID][]registry.ID
}

// property makes a CycloneDX property in the pedigree namespace.
func property(name, value string) object { return object{"name": "pedigree:" + name, "value": value} }

// metadata describes the document: its tool, root and instant, and what is missing.
func (c *bom) metadata() object {
	out := object{"tools": object{"components": []object{{"type": "application", "name": "pedigree"}}}}
	out.setText("timestamp", formatTime(c.AsOf))
	root := c.byID[c.Root]
	if root != nil && root.Kind() != registry.KindDeployment && root.Kind() != registry.KindRun {
		out["component"] = c.component(root)
	}
	list := []object{property("root", string(c.Root)), property("direction", string(c.Direction))}
	if !c.KnownAt.IsZero() {
		list = append(list, property("knownAt", formatTime(c.KnownAt)))
	}
	if len(c.Reasons) > 0 {
		list = append(list, property("truncated", strings.Join(c.reasonNames(), ",")))
	}
	if c.HistoryCut {
		list = append(list, property("historyCut", "true"))
	}
	out["properties"] = list
	return out
}

// dependencies lists the causes of every component and service. Other tools know only
// these as ends of a dependency, so that what a run read and ran is a cause of what it
// wrote.
func (c *bom) dependencies() []object {
	out := []object{}
	for _, n := range c.nodes {
		if !c.canDepend(n.ID()) {
			continue
		}
		o := object{"ref": string(n.ID())}
		on := map[string]bool{}
		for _, e := range c.edgesFrom[n.ID()] {
			if c.canDepend(e.To) {
				on[string(e.To)] = true
				continue
			}
			for _, behind := range c.edgesFrom[e.To] {
				on[string(behind.To)] = true
			}
		}
		setList(o, "dependsOn", slices.Sorted(maps.Keys(on)))
		out = append(out, o)
	}
	return out
}

// canDepend reports whether a node is a component or a service, and not a workflow.
func (c *bom) canDepend(id registry.ID) bool {
	n := c.byID[id]
	return n != nil && n.Kind() != registry.KindRun
}

// incompleteRefs lists the components and services that lead on, and what a run that
// leads on wrote.
func (c *bom) incompleteRefs() []string {
	refs := map[string]bool{}
	for _, n := range c.nodes {
		switch {
		case !c.frontier[n.ID()]:
		case c.canDepend(n.ID()):
			refs[string(n.ID())] = true
		default:
			for _, out := range c.outputs[n.ID()] {
				refs[string(out)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(refs))
}

// properties are the attributes of a node without the omitted ones, its tags, and the
// kinds of its edges.
func (c *bom) properties(n *Node, omit ...string) (out []object) {
	omitted := map[string]bool{}
	for _, t := range omit {
		omitted[t] = true
	}
	for _, f := range attributesOf(n) {
		if !omitted[f.name] {
			out = append(out, property(f.name, f.value))
		}
	}
	for _, t := range tagsOf(n) {
		out = append(out, property("tag:"+t.Key, t.Value))
	}
	for _, e := range c.edgesFrom[n.ID()] {
		out = append(out, property("edge:"+string(e.Kind), string(e.To)))
	}
	return out
}

// component encodes a model version, or any other node as data.
func (c *bom) component(n *Node) object {
	out := object{"type": "data", "bom-ref": string(n.ID()), "name": "restricted"}
	if n.Kind() == registry.KindModelVersion {
		out["type"] = "machine-learning-model"
	}
	if !n.Restricted() {
		out["name"] = title(n)
	}
	out.setText("description", description(n))
	switch x := n.Noun.(type) {
	case *registry.ModelVersion:
		c.describeModel(out, n, x)
		setList(out, "properties", c.properties(n, "model", "version", "creator"))
		return out
	case *registry.DatasetVersion:
		c.describeDataset(out, x)
		setList(out, "properties", c.properties(n, "version"))
		return out
	case *registry.Feature:
		out["data"] = []object{{"type": "definition", "name": title(n)}}
	case *registry.Commit:
		out["data"] = []object{{"type": "source-code", "name": title(n)}}
		out.setText("version", x.SHA)
		out["pedigree"] = object{"commits": []object{commitOf(n, x.Message)}}
		c.addRepository(out, n)
	case *registry.Tag:
		out["data"] = []object{{"type": "source-code", "name": title(n)}}
		c.addRepository(out, n)
	}
	setList(out, "properties", c.properties(n))
	return out
}

// describeDataset adds the fields of a dataset version to its component.
func (c *bom) describeDataset(out object, x *registry.DatasetVersion) {
	if x.Name != "" {
		out["name"] = x.Name
	}
	out.setText("group", x.Namespace)
	out.setText("version", x.Version)
	data := object{"type": "dataset", "name": out["name"]}
	if x.URI != "" && isAbsoluteURI(x.URI) {
		data["contents"] = object{"url": x.URI}
	}
	var columns []object
	for _, col := range x.Columns {
		columns = append(columns, property("column:"+col.Name, joinWords(col.Type, col.Description)))
	}
	if len(columns) > 0 {
		contents, _ := data["contents"].(object)
		if contents == nil {
			contents = object{}
		}
		contents["properties"] = columns
		data["contents"] = contents
	}
	out["data"] = []object{data}
	setList(out, "hashes", hashes(x.Digest))
}

// addRepository adds the repository of a commit or tag, when it has a URL.
func (c *bom) addRepository(out object, n *Node) {
	if n.Repository != nil && isAbsoluteURI(n.Repository.URL) {
		out["externalReferences"] = []object{{"type": "vcs", "url": n.Repository.URL}}
	}
}

// commitOf encodes a commit for CycloneDX's pedigree object.
func commitOf(n *Node, message string) object {
	out := object{}
	if x, ok := n.Noun.(*registry.Commit); ok {
		out.setText("uid", x.SHA)
		out.setText("message", message)
		author := object{}
		author.setText("name", x.Author)
		author.setText("timestamp", formatTime(x.AuthoredAt))
		if len(author) > 0 {
			out["author"] = author
		}
		if n.Repository != nil && isAbsoluteURI(n.Repository.URL) {
			out["url"] = n.Repository.URL
		}
	}
	return out
}

// hashes converts a digest such as sha256:… to CycloneDX; nil when CycloneDX does not
// know the algorithm.
func hashes(digest string) []object {
	name, content, _ := strings.Cut(digest, ":")
	forms := map[string]struct {
		alg    string
		length int
	}{"md5": {"MD5", 32}, "sha1": {"SHA-1", 40}, "sha256": {"SHA-256", 64}, "sha384": {"SHA-384", 96}, "sha512": {"SHA-512", 128}}
	form, known := forms[strings.ToLower(name)]
	if !known || len(content) != form.length || strings.Trim(strings.ToLower(content), "0123456789abcdef") != "" {
		return nil
	}
	return []object{{"alg": form.alg, "content": content}}
}
