package export

import (
	"cmp"
	"strconv"
	"strings"

	"pedigree/registry"
)

// describeModel adds the fields of a model version to its component: its card, its
// artifacts, and the commits and versions that it came from.
func (c *bom) describeModel(out object, n *Node, x *registry.ModelVersion) {
	if x.ModelName != "" {
		out["name"] = x.ModelName
	}
	out.setText("version", x.Version)
	if x.Creator != "" {
		out["authors"] = []object{{"name": x.Creator}}
	}
	if card := c.modelCard(n); len(card) > 0 {
		out["modelCard"] = card
	}
	if p := c.pedigree(n); len(p) > 0 {
		out["pedigree"] = p
	}
	var files []object
	for _, a := range n.Artifacts {
		if isAbsoluteURI(a.URI) {
			f := object{"type": "distribution", "url": a.URI}
			f.setText("comment", a.Name)
			setList(f, "hashes", hashes(a.Digest))
			files = append(files, f)
		}
	}
	setList(out, "externalReferences", files)
	if len(n.Artifacts) == 1 {
		setList(out, "hashes", hashes(n.Artifacts[0].Digest))
	}
}

// pedigree lists the commits that a version's run ran or its tag points at, and the
// versions that it was derived from.
func (c *bom) pedigree(n *Node) object {
	out, seen := object{}, map[registry.ID]bool{}
	var commits, ancestors []object
	for _, via := range c.causes(n.ID(), registry.EdgeGeneratedBy, registry.EdgeReleasedFrom) {
		for _, k := range c.causes(via.ID(), registry.EdgeRanCode, registry.EdgePointsAt) {
			x, ok := k.Noun.(*registry.Commit)
			if !ok || seen[k.ID()] {
				continue
			}
			seen[k.ID()] = true
			subject, _, _ := strings.Cut(x.Message, "\n")
			commits = append(commits, commitOf(k, registry.Shorten(subject, 200)))
		}
	}
	for _, a := range c.causes(n.ID(), registry.EdgeDerivedFrom) {
		x, ok := a.Noun.(*registry.ModelVersion)
		if !ok {
			continue
		}
		o := object{"type": "machine-learning-model", "name": cmp.Or(x.ModelName, string(a.ID()))}
		o.setText("version", x.Version)
		ancestors = append(ancestors, o)
	}
	setList(out, "commits", commits)
	setList(out, "ancestors", ancestors)
	return out
}

// modelCard encodes the model card. Fields that CycloneDX does not have become
// properties.
func (c *bom) modelCard(n *Node) object {
	out, parameters := object{}, object{}
	var data []object
	for _, run := range c.causes(n.ID(), registry.EdgeGeneratedBy) {
		for _, d := range c.causes(run.ID(), registry.EdgeUsed) {
			if d.Kind() == registry.KindDatasetVersion {
				data = append(data, object{"ref": string(d.ID())})
			}
		}
	}
	for _, d := range c.causes(n.ID(), registry.EdgeDerivedFrom) {
		if d.Kind() == registry.KindDatasetVersion {
			data = append(data, object{"ref": string(d.ID())})
		}
	}
	setList(parameters, "datasets", data)
	card := n.Card
	if card == nil {
		card = &registry.ModelCard{}
	}
	if card.ModelDetails != nil {
		parameters.setText("architectureFamily", card.ModelDetails.Algorithm)
	}
	if len(parameters) > 0 {
		out["modelParameters"] = parameters
	}
	if metrics := performanceMetrics(card.Performance); len(metrics) > 0 {
		out["quantitativeAnalysis"] = object{"performanceMetrics": metrics}
	}
	if o := considerations(card); len(o) > 0 {
		out["considerations"] = o
	}
	setList(out, "properties", cardProperties(card))
	return out
}

func performanceMetrics(p *registry.Performance) (out []object) {
	if p == nil {
		return nil
	}
	put := func(name string, value *float64) {
		if value != nil {
			out = append(out, object{"type": name, "value": strconv.FormatFloat(*value, 'g', -1, 64)})
		}
	}
	put("accuracy", p.Accuracy)
	put("precision", p.Precision)
	put("recall", p.Recall)
	put("f1Score", p.F1Score)
	for _, m := range p.Metrics {
		put(m.Name, &m.Value)
	}
	return out
}

// considerations are the limitations of a model and the groups at risk.
func considerations(card *registry.ModelCard) object {
	out := object{}
	setList(out, "technicalLimitations", card.Limitations)
	if card.EthicalConsiderations != nil {
		var groups []object
		for _, g := range card.EthicalConsiderations.ProtectedGroups {
			groups = append(groups, object{"groupAtRisk": g})
		}
		setList(out, "fairnessAssessments", groups)
	}
	return out
}

// cardProperties are the fields of a card that CycloneDX does not have.
func cardProperties(card *registry.ModelCard) (out []object) {
	put := func(name, value string) {
		if value != "" {
			out = append(out, property(name, value))
		}
	}
	put("card.description", card.Description)
	if d := card.ModelDetails; d != nil {
		put("framework", d.Framework)
		put("hyperparameters", string(d.Hyperparameters))
	}
	if t := card.Training; t != nil {
		put("training.trainingDataVersion", t.TrainingDataVersion)
		put("training.trainingDate", formatTime(t.TrainingDate))
		if t.TrainingTimeHours != nil {
			put("training.trainingTimeHours", strconv.FormatFloat(*t.TrainingTimeHours, 'g', -1, 64))
		}
		put("training.samplesUsed", formatInt(t.SamplesUsed))
	}
	for _, f := range card.Features {
		put("feature", f)
	}
	for _, p := range card.DataPreprocessing {
		put("dataPreprocessing", p)
	}
	if e := card.EthicalConsiderations; e != nil {
		if e.FairnessChecked != nil {
			put("fairnessChecked", strconv.FormatBool(*e.FairnessChecked))
		}
		if e.BiasAuditDone != nil {
			put("biasAuditDone", strconv.FormatBool(*e.BiasAuditDone))
		}
	}
	return out
}

// service encodes a deployment.
func (c *bom) service(n *Node) object {
	out := object{"bom-ref": string(n.ID()), "name": "restricted"}
	if x, ok := n.Noun.(*registry.Deployment); ok {
		out["name"] = title(n)
		out.setText("group", x.Environment)
		out.setText("version", x.Version)
		out.setText("description", x.Description)
		if isAbsoluteURI(x.Endpoint) {
			out["endpoints"] = []string{x.Endpoint}
		}
	}
	setList(out, "properties", c.properties(n))
	return out
}

// workflow encodes a run: what it read, ran and wrote.
func (c *bom) workflow(n *Node) object {
	out := object{"bom-ref": string(n.ID()), "uid": string(n.ID()), "taskTypes": []string{"other"}}
	var inputs, outputs []object
	for _, i := range c.causes(n.ID(), registry.EdgeUsed, registry.EdgeRanCode) {
		inputs = append(inputs, object{"resource": object{"ref": string(i.ID())}})
	}
	for _, e := range c.outputs[n.ID()] {
		outputs = append(outputs, object{"type": "artifact", "resource": object{"ref": string(e)}})
	}
	setList(out, "inputs", inputs)
	setList(out, "outputs", outputs)
	if x, ok := n.Noun.(*registry.Run); ok {
		out["name"] = title(n)
		if x.RunKind == registry.RunTraining {
			out["taskTypes"] = []string{"build"}
		}
		if x.Command != "" {
			out["steps"] = []object{{"commands": []object{{"executed": x.Command}}}}
		}
		out.setText("timeStart", formatTime(x.StartedAt))
		out.setText("timeEnd", formatTime(x.EndedAt))
	}
	list := c.properties(n, "command", "startedAt", "endedAt")
	if x, ok := n.Noun.(*registry.Run); ok {
		if x.Description != "" {
			list = append(list, property("description", x.Description))
		}
		if len(x.Parameters) > 0 {
			list = append(list, property("parameters", string(x.Parameters)))
		}
		for _, m := range x.Metrics {
			list = append(list, property("metric:"+m.Name, strconv.FormatFloat(m.Value, 'g', -1, 64)))
		}
	}
	setList(out, "properties", list)
	return out
}
