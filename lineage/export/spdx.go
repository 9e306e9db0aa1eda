package export

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"pedigree/registry"
)

// spdxDocument collects the elements of an SPDX 3.0 document.
type spdxDocument struct {
	*view
	created  string
	elements []object
	agents   map[string]bool
}

// SPDX encodes a document as SPDX 3.0.1 in JSON-LD, with the profiles for AI and data sets: model versions
// are AI packages, dataset versions are dataset packages, runs are builds, everything else is a package.
// What is not known is left out. It is no Format: only packs for auditors have it.
func SPDX(d *Document) ([]byte, error) {
	v := newView(d)
	s := &spdxDocument{view: v, agents: map[string]bool{}}
	root := v.byID[d.Root]
	at := firstTime(d.KnownAt, d.AsOf)
	if at.IsZero() && root != nil {
		at = startTime(root)
	}
	if at.IsZero() {
		at = time.Unix(0, 0)
	}
	s.created = at.UTC().Format("2006-01-02T15:04:05Z")
	s.add(object{"type": "SoftwareAgent", "spdxId": "urn:pedigree:agent", "name": "pedigree"})
	for _, n := range v.nodes {
		s.node(n)
	}
	for _, e := range v.edges {
		s.edge(e)
	}
	s.training()
	var ids []string
	for _, e := range s.elements {
		ids = append(ids, e["spdxId"].(string))
	}
	document := object{"type": "SpdxDocument", "spdxId": "urn:pedigree:spdx:" + string(d.Root), "creationInfo": creationRef, "rootElement": []string{spdxID(d.Root)}, "element": ids,
		"profileConformance": []string{"core", "software", "ai", "dataset", "build"}}
	document.setText("comment", strings.Join(v.commentLines(), " "))
	creation := object{"type": "CreationInfo", "@id": creationRef, "specVersion": "3.0.1", "created": s.created, "createdBy": []string{"urn:pedigree:agent"}}
	graph := append([]object{creation, document}, s.elements...)
	return marshalIndented(object{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": graph})
}

// creationRef is the one description of how the elements came to be.
const creationRef = "_:creation"

func spdxID(id registry.ID) string { return provIDs + string(id) }

func (s *spdxDocument) add(o object) {
	o["creationInfo"] = creationRef
	s.elements = append(s.elements, o)
}

// node adds a node.
func (s *spdxDocument) node(n *Node) {
	o := object{"type": "software_Package", "spdxId": spdxID(n.ID()), "name": "restricted"}
	if !n.Restricted() {
		o["name"] = title(n)
	}
	o.setText("description", description(n))
	switch x := n.Noun.(type) {
	case *registry.ModelVersion:
		s.model(o, n, x)
	case *registry.DatasetVersion:
		o["type"], o["software_primaryPurpose"], o["dataset_datasetType"] = "dataset_DatasetPackage", "data", []string{"noAssertion"}
		o.setText("software_packageVersion", x.Version)
		o.setText("builtTime", spdxTime(x.CreatedAt))
		if x.SizeBytes != nil {
			o["dataset_datasetSize"] = *x.SizeBytes
		}
		setList(o, "verifiedUsing", spdxHashes(x.Digest))
	case *registry.Run:
		o["type"], o["build_buildType"] = "build_Build", provVocabulary+"RUN:"+string(x.RunKind)
		o.setText("build_buildId", x.RunID)
		o.setText("build_buildStartTime", spdxTime(x.StartedAt))
		o.setText("build_buildEndTime", spdxTime(x.EndedAt))
	case *registry.Commit:
		o["software_primaryPurpose"] = "source"
		o.setText("software_packageVersion", x.SHA)
	case *registry.Tag:
		o["software_primaryPurpose"] = "source"
	case *registry.Feature:
		o["software_primaryPurpose"] = "data"
	}
	if n.Kind() == registry.KindRun && n.Restricted() {
		o["type"], o["build_buildType"] = "build_Build", provVocabulary+"RUN"
	}
	s.add(o)
}

// model fills in an AI package, as far as the card says.
func (s *spdxDocument) model(o object, n *Node, x *registry.ModelVersion) {
	o["type"], o["software_primaryPurpose"] = "ai_AIPackage", "model"
	if x.ModelName != "" {
		o["name"] = x.ModelName
	}
	o.setText("software_packageVersion", x.Version)
	o.setText("releaseTime", spdxTime(x.CreatedDate))
	if x.Owner != "" {
		o["suppliedBy"] = s.agent(x.Owner)
	}
	for _, a := range n.Artifacts {
		if isAbsoluteURI(a.URI) {
			o["software_downloadLocation"] = a.URI
			break
		}
	}
	if len(n.Artifacts) == 1 {
		setList(o, "verifiedUsing", spdxHashes(n.Artifacts[0].Digest))
	}
	card := n.Card
	if card == nil {
		return
	}
	if d := card.ModelDetails; d != nil {
		if d.Algorithm != "" {
			o["ai_typeOfModel"] = []string{d.Algorithm}
		}
		if len(d.Hyperparameters) > 0 {
			o["ai_hyperparameter"] = []object{{"type": "DictionaryEntry", "key": "hyperparameters", "value": string(d.Hyperparameters)}}
		}
	}
	if t := card.Training; t != nil {
		samples := ""
		if t.SamplesUsed != nil {
			samples = fmt.Sprintf("samples: %d", *t.SamplesUsed)
		}
		o.setText("ai_informationAboutTraining", joinWords(t.TrainingDataVersion, samples))
	}
	var metrics []object
	for _, m := range performanceMetrics(card.Performance) {
		metrics = append(metrics, object{"type": "DictionaryEntry", "key": m["type"], "value": m["value"]})
	}
	setList(o, "ai_metric", metrics)
	setList(o, "ai_modelDataPreprocessing", card.DataPreprocessing)
	o.setText("ai_limitation", strings.Join(card.Limitations, "; "))
}

// agent adds a person once, and returns the id.
func (s *spdxDocument) agent(name string) string {
	_, hash, _ := strings.Cut(string(registry.HashID("agent", name)), "_")
	id := provAgents + hash
	if !s.agents[id] {
		s.agents[id] = true
		s.add(object{"type": "Agent", "spdxId": id, "name": name})
	}
	return id
}

// edge adds the relationship of an edge. Runs are builds: they have inputs and outputs.
func (s *spdxDocument) edge(e Edge) {
	from, to, kind := e.From, e.To, "dependsOn"
	switch e.Kind {
	case registry.EdgeGeneratedBy:
		from, to, kind = e.To, e.From, "hasOutput"
	case registry.EdgeUsed, registry.EdgeRanCode:
		kind = "hasInput"
	case registry.EdgeDerivedFrom, registry.EdgeParent:
		kind = "descendantOf"
	}
	if s.byID[from] == nil || s.byID[to] == nil {
		return
	}
	s.relationship(spdxID(e.ID), from, to, kind, string(e.Kind))
}

func (s *spdxDocument) relationship(id string, from, to registry.ID, kind, comment string) {
	s.add(object{"type": "Relationship", "spdxId": id, "from": spdxID(from), "to": []string{spdxID(to)}, "relationshipType": kind, "comment": comment})
}

// training adds what the profile for AI asks for: on which data a model was trained.
func (s *spdxDocument) training() {
	for _, n := range s.nodes {
		if n.Kind() != registry.KindModelVersion {
			continue
		}
		on := s.causes(n.ID(), registry.EdgeDerivedFrom)
		for _, run := range s.causes(n.ID(), registry.EdgeGeneratedBy) {
			on = append(on, s.causes(run.ID(), registry.EdgeUsed)...)
		}
		seen := map[registry.ID]bool{}
		for i, d := range on {
			if d.Kind() == registry.KindDatasetVersion && !seen[d.ID()] {
				seen[d.ID()] = true
				s.relationship("urn:pedigree:trained:"+string(n.ID())+":"+strconv.Itoa(i), n.ID(), d.ID(), "trainedOn", "from its run or its derivation")
			}
		}
	}
}

// spdxTime writes a time to the second, as SPDX wants it.
func spdxTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// spdxHashes writes a digest as a hash, none when SPDX does not know the algorithm.
func spdxHashes(digest string) []object {
	if len(hashes(digest)) == 0 {
		return nil
	}
	algorithm, value, _ := strings.Cut(strings.ToLower(digest), ":")
	return []object{{"type": "Hash", "algorithm": algorithm, "hashValue": value}}
}
