package export

import (
	"strings"

	"pedigree/registry"
)

// The namespaces of a PROV document: this registry's vocabulary, the ids of its nodes and
// edges, and agents. People have no id: theirs is a hash of their name.
const (
	provVocabulary = "urn:pedigree:"
	provIDs        = "urn:pedigree:id:"
	provAgents     = "urn:pedigree:agent:"
)

// provDocument collects PROV-JSON: attributes by section and identifier.
type provDocument struct {
	*view
	sections map[string]map[string]object
}

// provJSON writes W3C PROV-JSON (https://www.w3.org/submissions/2013/SUBM-prov-json-20130424/).
// Runs and deployments are activities, people are agents, all other nodes are entities.
func provJSON(v *view) ([]byte, error) {
	p := &provDocument{v, map[string]map[string]object{}}
	p.addExportInfo()
	for _, n := range v.nodes {
		p.addNode(n)
	}
	for _, e := range v.edges {
		p.addRelation(e)
	}
	out := object{"prefix": object{"pedigree": provVocabulary, "id": provIDs, "agent": provAgents}}
	for name, section := range p.sections {
		out[name] = section
	}
	return marshalIndented(out)
}

func (p *provDocument) put(section, id string, attributes object) {
	if p.sections[section] == nil {
		p.sections[section] = map[string]object{}
	}
	p.sections[section][id] = attributes
}

// qualifiedName encodes a qualified name as a value.
func qualifiedName(name string) object { return object{"$": name, "type": "xsd:QName"} }

// addExportInfo adds an entity that describes the document and what is missing.
func (p *provDocument) addExportInfo() {
	o := object{"prov:type": qualifiedName("pedigree:Export"), "pedigree:root": qualifiedName("id:" + string(p.Root)), "pedigree:direction": string(p.Direction),
		"pedigree:truncated": len(p.Reasons) > 0, "pedigree:historyCut": p.HistoryCut}
	if !p.AsOf.IsZero() {
		o["pedigree:asOf"] = object{"$": formatTime(p.AsOf), "type": "xsd:dateTime"}
	}
	if !p.KnownAt.IsZero() {
		o["pedigree:knownAt"] = object{"$": formatTime(p.KnownAt), "type": "xsd:dateTime"}
	}
	setList(o, "pedigree:truncationReason", p.reasonNames())
	var behind []object
	for _, n := range p.nodes {
		if p.frontier[n.ID()] {
			behind = append(behind, qualifiedName("id:"+string(n.ID())))
		}
	}
	setList(o, "pedigree:moreBehind", behind)
	p.put("entity", "id:export", o)
}

// isActivity reports whether nodes of a kind are activities in PROV.
func isActivity(k registry.Kind) bool { return k == registry.KindRun || k == registry.KindDeployment }

func (p *provDocument) addNode(n *Node) {
	o := object{"prov:type": qualifiedName("pedigree:" + string(n.Kind()))}
	if !n.Restricted() {
		o["prov:label"] = title(n)
	}
	o.setText("pedigree:description", description(n))
	for _, f := range attributesOf(n) {
		switch f.name {
		case "kind": // It is the type.
		case "startedAt":
			o["prov:startTime"] = f.value
		case "endedAt":
			o["prov:endTime"] = f.value
		default:
			o["pedigree:"+f.name] = f.value
		}
	}
	var tags []string
	for _, t := range tagsOf(n) {
		tags = append(tags, t.Key+"="+t.Value)
	}
	setList(o, "pedigree:tag", tags)
	section := "entity"
	if isActivity(n.Kind()) {
		section = "activity"
	}
	p.put(section, "id:"+string(n.ID()), o)
	p.addAgents(n)
}

// addAgents adds the people of a node, and their relations to it.
func (p *provDocument) addAgents(n *Node) {
	switch x := n.Noun.(type) {
	case *registry.ModelVersion:
		p.addAgent(n, "creator", x.Creator)
		p.addAgent(n, "owner", x.Owner)
	case *registry.Feature:
		p.addAgent(n, "owner", x.Owner)
	case *registry.Run:
		p.addAgent(n, "actor", x.Actor)
	case *registry.Deployment:
		p.addAgent(n, "owner", x.Owner)
	case *registry.Commit:
		p.addAgent(n, "author", x.Author)
	case *registry.Tag:
		p.addAgent(n, "tagger", x.Tagger)
	}
}

func (p *provDocument) addAgent(n *Node, role, name string) {
	if name == "" {
		return
	}
	_, hash, _ := strings.Cut(string(registry.HashID("agent", name)), "_")
	agent, relation := "agent:"+hash, "id:"+string(registry.HashID("hand", role, string(n.ID()), name))
	p.put("agent", agent, object{"prov:label": name})
	if isActivity(n.Kind()) {
		p.put("wasAssociatedWith", relation, object{"prov:activity": "id:" + string(n.ID()), "prov:agent": agent, "prov:role": role})
		return
	}
	p.put("wasAttributedTo", relation, object{"prov:entity": "id:" + string(n.ID()), "prov:agent": agent, "pedigree:role": role})
}

// addRelation adds an edge. A deployment uses its version, a run the commit of its code.
// An edge kind without a PROV relation is a derivation with a prov:type.
func (p *provDocument) addRelation(e Edge) {
	from, to := "id:"+string(e.From), "id:"+string(e.To)
	o := object{"prov:type": qualifiedName("pedigree:" + string(e.Kind))}
	if !e.ValidTo.IsZero() {
		o["pedigree:validTo"] = object{"$": formatTime(e.ValidTo), "type": "xsd:dateTime"}
	}
	section := "wasDerivedFrom"
	switch e.Kind {
	case registry.EdgeUsed, registry.EdgeRanCode, registry.EdgeDeploys:
		section = "used"
		o["prov:activity"], o["prov:entity"] = from, to
		o.setText("prov:time", formatTime(e.ValidFrom))
	case registry.EdgeGeneratedBy:
		section = "wasGeneratedBy"
		o["prov:entity"], o["prov:activity"] = from, to
		o.setText("prov:time", formatTime(e.ValidFrom))
	default:
		o["prov:generatedEntity"], o["prov:usedEntity"] = from, to
	}
	p.put(section, "id:"+string(e.ID), o)
}
