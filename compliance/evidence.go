package compliance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pedigree/registry"
)

// evidence is a kind of fact that a checklist looks for. hiddenBy is the field or part without which
// a reader cannot see it.
type evidence struct {
	hiddenBy string
	find     func(*Facts) []Fact
}

// one returns a fact, none for an empty value.
func one(node registry.ID, field, value string) []Fact {
	if value == "" {
		return nil
	}
	return []Fact{{Node: node, Field: field, Value: value}}
}

// nodesWhere returns a fact for each lineage node that keep keeps.
func nodesWhere(f *Facts, value func(*Node) string, keep func(*Node) bool) (out []Fact) {
	for i := range f.Lineage.Nodes {
		n := &f.Lineage.Nodes[i]
		if keep(n) {
			out = append(out, Fact{Node: n.ID, Field: string(n.Kind), Value: value(n)})
		}
	}
	return out
}

func titleOf(n *Node) string {
	if n.Restricted {
		return "(not shown to this reader)"
	}
	return n.Title
}

func ofKind(kind registry.Kind) func(*Node) bool {
	return func(n *Node) bool { return n.Kind == kind && n.Depth > 0 }
}

// card returns a fact from the card.
func card(field string, value func(*registry.ModelCard) string) evidence {
	return evidence{"ModelCard." + strings.SplitN(field, ".", 2)[0], func(f *Facts) []Fact {
		if f.Card == nil {
			return nil
		}
		return one(registry.CardID(f.Version.ID), field, value(f.Card))
	}}
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

func words(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

func number(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}

// evidenceOf has every kind of evidence by the name that checklists show.
var evidenceOf = map[string]evidence{
	"version":             {"ModelVersion.version", func(f *Facts) []Fact { return one(f.Version.ID, "version", words(f.Version.Model, f.Version.Version)) }},
	"version description": {"ModelVersion.description", func(f *Facts) []Fact { return one(f.Version.ID, "description", f.Version.Description) }},
	"model description":   {"Model.description", func(f *Facts) []Fact { return one(f.Model.ID, "description", f.Model.Description) }},
	"owner": {"ModelVersion.owner", func(f *Facts) []Fact {
		return slices.Concat(one(f.Version.ID, "owner", f.Version.Owner), one(f.Model.ID, "owner", f.Model.Owner), one(f.Version.ID, "creator", f.Version.Creator))
	}},
	"algorithm": card("modelDetails.algorithm", func(c *registry.ModelCard) string { return details(c).Algorithm }),
	"framework": card("modelDetails.framework", func(c *registry.ModelCard) string { return details(c).Framework }),
	"hyperparameters": card("modelDetails.hyperparameters", func(c *registry.ModelCard) string {
		return compactJSON(details(c).Hyperparameters)
	}),
	"training data": card("training.trainingDataVersion", func(c *registry.ModelCard) string { return training(c).TrainingDataVersion }),
	"training time": card("training.trainingTimeHours", func(c *registry.ModelCard) string {
		if h := number(training(c).TrainingTimeHours); h != "" {
			return h + " hours"
		}
		return ""
	}),
	"samples": card("training.samplesUsed", func(c *registry.ModelCard) string {
		if n := training(c).SamplesUsed; n != nil {
			return strconv.FormatInt(*n, 10)
		}
		return ""
	}),
	"metrics":               card("performance", func(c *registry.ModelCard) string { return strings.Join(metricTexts(c.Performance), ", ") }),
	"features of the model": card("features", func(c *registry.ModelCard) string { return strings.Join(c.Features, ", ") }),
	"preprocessing":         card("dataPreprocessing", func(c *registry.ModelCard) string { return strings.Join(c.DataPreprocessing, "; ") }),
	"limitations":           card("limitations", func(c *registry.ModelCard) string { return strings.Join(c.Limitations, "; ") }),
	"fairness": card("ethicalConsiderations", func(c *registry.ModelCard) string {
		e := ethics(c)
		return words(flagText("fairness checked: ", e.FairnessChecked), flagText("bias audit done: ", e.BiasAuditDone))
	}),
	"protected groups": card("ethicalConsiderations.protectedGroups", func(c *registry.ModelCard) string { return strings.Join(ethics(c).ProtectedGroups, ", ") }),

	"raw sources": {"lineage", func(f *Facts) []Fact { return nodesWhere(f, titleOf, func(n *Node) bool { return n.Source }) }},
	"licences of raw sources": {"lineage", func(f *Facts) []Fact {
		return nodesWhere(f, func(n *Node) string { return words(titleOf(n)+":", licence(n)) }, func(n *Node) bool { return n.Source && licence(n) != "" })
	}},
	"data sets": {"lineage", func(f *Facts) []Fact { return nodesWhere(f, titleOf, ofKind(registry.KindDatasetVersion)) }},
	"all runs":  {"lineage", func(f *Facts) []Fact { return nodesWhere(f, titleOf, ofKind(registry.KindRun)) }},
	"training runs": {"lineage", func(f *Facts) []Fact {
		return nodesWhere(f, runText, func(n *Node) bool {
			return n.Kind == registry.KindRun && n.Field("runKind") == string(registry.RunTraining)
		})
	}},
	"evaluation runs": {"lineage", func(f *Facts) []Fact {
		return nodesWhere(f, runText, func(n *Node) bool {
			return n.Kind == registry.KindRun && n.Field("runKind") == string(registry.RunEvaluation)
		})
	}},
	"code": {"lineage", func(f *Facts) []Fact {
		ran := map[registry.ID]bool{}
		for _, e := range f.Lineage.Edges {
			if e.Kind == registry.EdgeRanCode || e.Kind == registry.EdgePointsAt || e.Kind == registry.EdgeReleasedFrom {
				ran[e.To] = true
			}
		}
		return nodesWhere(f, func(n *Node) string { return words(titleOf(n), n.Field("repository")) }, func(n *Node) bool {
			return ran[n.ID] && (n.Kind == registry.KindCommit || n.Kind == registry.KindTag)
		})
	}},
	"ancestors": {"lineage", func(f *Facts) []Fact { return nodesWhere(f, titleOf, ofKind(registry.KindModelVersion)) }},
	"people": {"lineage", func(f *Facts) []Fact {
		return one(f.Version.ID, "people of the lineage", strings.Join(f.People, ", "))
	}},
	"gaps": {"lineage", func(f *Facts) (out []Fact) {
		for _, g := range f.Gaps {
			out = append(out, Fact{Node: g.Node, Field: g.Field, Value: g.Code + ": " + g.Message})
		}
		return out
	}},

	"files": {"ModelVersion.artifacts", func(f *Facts) (out []Fact) {
		for _, a := range f.Artifacts {
			out = append(out, Fact{Node: a.ID, Field: "name", Value: words(a.Name, a.Format)})
		}
		return out
	}},
	"digests of files": {"ModelVersion.artifacts", func(f *Facts) (out []Fact) {
		for _, a := range f.Artifacts {
			out = append(out, one(a.ID, "digest", a.Digest)...)
		}
		return out
	}},
	"signatures": {"ModelVersion.signatures", func(f *Facts) (out []Fact) {
		for _, s := range f.Signatures {
			out = append(out, Fact{Node: s.ID, Field: "verification", Value: words(s.Status, s.Signer)})
		}
		return out
	}},
	"stages": {"ModelVersion.stage", func(f *Facts) []Fact { return one(f.Version.ID, "stage", string(f.Version.Stage)) }},
	"earlier stages": {"ModelVersion.transitions", func(f *Facts) (out []Fact) {
		for _, t := range f.Transitions {
			out = append(out, Fact{Node: t.ID, Field: "to", Value: words(day(t.At)+":", string(t.From), "to", string(t.To), by(t.By))})
		}
		return out
	}},
	"gates": {"ModelVersion.transitions", func(f *Facts) (out []Fact) {
		for _, t := range f.Transitions {
			for _, g := range t.Gates {
				out = append(out, Fact{Node: t.ID, Field: "gates", Value: words("to", string(t.To)+":", g.Name, string(g.Answer))})
			}
		}
		return out
	}},
	"approvals": {"transitionRequests", func(f *Facts) (out []Fact) {
		for _, r := range f.Requests {
			for _, a := range r.Approvals {
				out = append(out, Fact{Node: r.ID, Field: "approvals", Value: words("to", string(r.To)+":", a.By, day(a.At))})
			}
		}
		return out
	}},
	"reviews": {"Model.reviews", func(f *Facts) (out []Fact) {
		for _, r := range f.Reviews {
			out = append(out, Fact{Node: r.ID, Field: "decision", Value: words(day(r.At)+":", string(r.Decision), by(r.By))})
		}
		return out
	}},
	"review plan": {"Model.reviewIntervalDays", func(f *Facts) []Fact {
		if f.Model.ReviewEveryDays == 0 {
			return nil
		}
		return one(f.Model.ID, "reviewIntervalDays", words(fmt.Sprintf("every %d days, next", f.Model.ReviewEveryDays), day(f.Model.NextReview)))
	}},
	"recalls": {"recalls", func(f *Facts) (out []Fact) {
		for _, r := range f.Recalls {
			out = append(out, Fact{Node: r.ID, Field: "state", Value: words(fmt.Sprintf("recall %d:", r.Number), string(r.State), string(r.Severity), r.Reason)})
		}
		return out
	}},
	"deployments": {"ModelVersion.deployments", func(f *Facts) (out []Fact) {
		for _, d := range f.Deployments {
			ended := ""
			if !d.EndedAt.IsZero() {
				ended = "to " + day(d.EndedAt)
			}
			out = append(out, Fact{Node: d.ID, Field: "environment", Value: words(d.Environment, d.Endpoint, "from", day(d.StartedAt), ended)})
		}
		return out
	}},
	"deprecation": {"deprecations", func(f *Facts) (out []Fact) {
		for _, d := range f.Deprecations {
			out = append(out, Fact{Node: d.ID, Field: "step", Value: words(string(d.Step), "sunset", day(d.Sunset))})
		}
		return out
	}},
	"migration guide": {"deprecations", func(f *Facts) (out []Fact) {
		for _, d := range f.Deprecations {
			out = append(out, one(d.ID, "guide", d.Guide)...)
		}
		return out
	}},
	"log": {"log", func(f *Facts) []Fact {
		if len(f.LogSeqs) == 0 {
			return nil
		}
		return one(f.Version.ID, "log", fmt.Sprintf("entries about %d objects, with proofs to a checkpoint of %d entries", len(f.LogSeqs), f.LogSize))
	}},
}

func by(subject string) string {
	if subject == "" {
		return ""
	}
	return "by " + subject
}

func flagText(what string, v *bool) string {
	if v == nil {
		return ""
	}
	return what + strconv.FormatBool(*v)
}

// licence is the licence of a data set, as its tags say.
func licence(n *Node) string {
	for _, t := range n.Tags {
		if k := strings.ToLower(t.Key); k == "license" || k == "licence" {
			return t.Value
		}
	}
	return ""
}

func runText(n *Node) string { return words(titleOf(n), n.Field("status"), n.Field("endedAt")) }
