package compliance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pedigree/registry"
)

// What stands in place of a value.
const (
	notRecorded = "not recorded"
	notShown    = "not shown to this reader"
)

// composer writes the sections of a card.
type composer struct {
	f      *Facts
	hidden map[string]bool
	out    []section
}

// value returns a value, or why there is none.
func (c *composer) value(hiddenBy, v string) string {
	switch {
	case v != "":
		return v
	case c.hidden[hiddenBy]:
		return notShown
	}
	return notRecorded
}

// fields adds a section of fields, each NAME, HIDDEN BY, VALUE.
func (c *composer) fields(title string, rows ...[3]string) {
	s := section{Title: title, Columns: []string{"Field", "Value"}}
	for _, r := range rows {
		s.Rows = append(s.Rows, []string{r[0], c.value(r[1], r[2])})
	}
	c.out = append(c.out, s)
}

// table adds a section of rows, or says that there are none.
func (c *composer) table(title, hiddenBy string, columns []string, rows [][]string) {
	c.out = append(c.out, section{Title: title, Columns: columns, Rows: rows, Empty: capital(c.value(hiddenBy, "")) + "."})
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// instant writes a time to the second.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// cardDocument is the model card with all that is recorded around it.
func cardDocument(f *Facts) *document {
	c := &composer{f: f, hidden: map[string]bool{}}
	for _, h := range f.Hidden {
		c.hidden[h] = true
	}
	c.identity()
	c.made()
	c.measured()
	c.lineage()
	c.decisions()
	c.use()
	c.limits()
	return &document{Title: words("Model card:", f.Version.Model, f.Version.Version),
		Intro:    "What the registry holds of this version. A field without a value says so; nothing was added.",
		Sections: c.out, Foot: foot(f)}
}

// foot says for whom a document was made, and of which state.
func foot(f *Facts) []string {
	out := []string{
		words("Made for", f.MadeFor.Subject, "with the roles:", strings.Join(f.MadeFor.Roles, ", ")),
		fmt.Sprintf("Version id %s. State of the registry at %s, log entry %d.", f.Version.ID, instant(f.ReadAt), f.LogSize),
	}
	if !f.AsOf.IsZero() {
		out = append(out, "As it was known at "+instant(f.AsOf)+".")
		for _, part := range f.NotAsOf {
			out = append(out, "Not as of that time: "+part+".")
		}
	}
	if f.ReadFrom != f.LogSize {
		out = append(out, fmt.Sprintf("While it was read, the log grew from %d to %d entries.", f.ReadFrom, f.LogSize))
	}
	return out
}

func (c *composer) identity() {
	v, m := &c.f.Version, &c.f.Model
	c.fields("Version",
		[3]string{"Model", "ModelVersion.modelName", v.Model}, [3]string{"Version", "ModelVersion.version", v.Version},
		[3]string{"Stage", "ModelVersion.stage", string(v.Stage)}, [3]string{"Recalls", "ModelVersion.recallState", string(v.RecallState)},
		[3]string{"Owner", "ModelVersion.owner", v.Owner}, [3]string{"Owner of the model", "Model.owner", m.Owner}, [3]string{"Creator", "ModelVersion.creator", v.Creator},
		[3]string{"Created", "ModelVersion.createdDate", day(v.CreatedDate)}, [3]string{"Registered", "ModelVersion.recordedAt", instant(v.RecordedAt)},
		[3]string{"Description", "ModelVersion.description", v.Description}, [3]string{"Description of the model", "Model.description", m.Description},
		[3]string{"Tags", "ModelVersion.tags", tagText(v.Tags)}, [3]string{"Tags of the model", "Model.tags", tagText(m.Tags)})
}

func tagText(tags []registry.KeyValue) string {
	var out []string
	for _, t := range tags {
		out = append(out, t.Key+"="+t.Value)
	}
	return strings.Join(out, ", ")
}

func (c *composer) made() {
	card := c.f.Card
	if card == nil {
		card = &registry.ModelCard{}
	}
	d, t, e := details(card), training(card), ethics(card)
	samples := ""
	if t.SamplesUsed != nil {
		samples = strconv.FormatInt(*t.SamplesUsed, 10)
	}
	c.fields("How it was made",
		[3]string{"Card's description", "ModelCard.description", card.Description},
		[3]string{"Algorithm", "ModelCard.modelDetails", d.Algorithm}, [3]string{"Framework", "ModelCard.modelDetails", d.Framework},
		[3]string{"Hyperparameters", "ModelCard.modelDetails", compactJSON(d.Hyperparameters)},
		[3]string{"Training data", "ModelCard.training", t.TrainingDataVersion}, [3]string{"Trained on", "ModelCard.training", day(t.TrainingDate)},
		[3]string{"Hours of training", "ModelCard.training", number(t.TrainingTimeHours)}, [3]string{"Samples", "ModelCard.training", samples},
		[3]string{"Features", "ModelCard.features", strings.Join(card.Features, ", ")},
		[3]string{"Preprocessing", "ModelCard.dataPreprocessing", strings.Join(card.DataPreprocessing, "; ")},
		[3]string{"Limitations", "ModelCard.limitations", strings.Join(card.Limitations, "; ")},
		[3]string{"Fairness checked", "ModelCard.ethicalConsiderations", flagText("", e.FairnessChecked)},
		[3]string{"Bias audit done", "ModelCard.ethicalConsiderations", flagText("", e.BiasAuditDone)},
		[3]string{"Protected groups", "ModelCard.ethicalConsiderations", strings.Join(e.ProtectedGroups, ", ")})
}

func (c *composer) measured() {
	var rows [][]string
	if c.f.Card != nil {
		for _, m := range metricsOf(c.f.Card.Performance) {
			rows = append(rows, []string{m.Name, number(&m.Value)})
		}
	}
	c.table("Performance", "ModelCard.performance", []string{"Metric", "Value"}, rows)
}

func (c *composer) lineage() {
	var rows [][]string
	for i := range c.f.Lineage.Nodes {
		n := &c.f.Lineage.Nodes[i]
		if n.Depth == 0 {
			continue
		}
		what := strings.ToLower(strings.ReplaceAll(string(n.Kind), "_", " "))
		if n.Source {
			what = "raw source"
		}
		digest := ""
		for _, field := range []string{"digest", "sha", "runId"} {
			if digest == "" {
				digest = n.Field(field)
			}
		}
		rows = append(rows, []string{what, titleOf(n), digest, licence(n), string(n.ID)})
	}
	if len(rows) > maxLineageRows {
		rows = append(rows[:maxLineageRows], []string{"…", fmt.Sprintf("and %d more, in facts.json", len(rows)-maxLineageRows), "", "", ""})
	}
	c.table("Where it came from", "lineage", []string{"What", "Name", "Digest, sha or run", "Licence", "Id"}, rows)
	c.out[len(c.out)-1].Picture = true
	var gaps [][]string
	for _, g := range c.f.Gaps {
		gaps = append(gaps, []string{g.Code, g.Message, string(g.Node)})
	}
	c.table("Gaps", "lineage", []string{"Gap", "What is missing", "Id"}, gaps)
	if len(gaps) == 0 && !c.hidden["lineage"] {
		c.out[len(c.out)-1].Empty = "None found."
	}
}

// maxLineageRows is how many nodes the card lists.
const maxLineageRows = 200

func (c *composer) decisions() {
	var moves, said, asked, reviews, recalls [][]string
	for _, t := range c.f.Transitions {
		forced := ""
		if t.Forced {
			forced = "forced"
		}
		moves = append(moves, []string{instant(t.At), words(string(t.From), "to", string(t.To), forced), t.By, t.Reason, c.seq(t.ID)})
		for _, g := range t.Gates {
			said = append(said, []string{string(t.To), g.Name, string(g.Answer), gateText(&g)})
		}
	}
	for _, r := range c.f.Requests {
		var approvals []string
		for _, a := range r.Approvals {
			approvals = append(approvals, words(a.By, instant(a.At), a.Comment))
		}
		asked = append(asked, []string{instant(r.RequestedAt), words("to", string(r.To)), r.RequestedBy, string(r.Status), strings.Join(approvals, "; "), c.seq(r.ID)})
	}
	for _, r := range c.f.Reviews {
		reviews = append(reviews, []string{instant(r.At), r.Version, r.By, string(r.Decision), r.Findings, c.seq(r.ID)})
	}
	for _, r := range c.f.Recalls {
		recalls = append(recalls, []string{strconv.Itoa(r.Number), string(r.State), string(r.Severity), r.Reason, words(r.RecalledBy, instant(r.RecalledAt)), words(r.ClearedBy, instant(r.ClearedAt))})
	}
	c.table("Stages", "ModelVersion.transitions", []string{"When", "Move", "By", "Reason", "Log entry"}, moves)
	c.table("Gates", "ModelVersion.transitions", []string{"Into", "Gate", "Answer", "What it saw"}, said)
	c.table("Approvals", "transitionRequests", []string{"Asked", "For", "By", "Status", "Approved by", "Log entry"}, asked)
	c.table("Reviews", "Model.reviews", []string{"When", "Version", "By", "Decision", "Findings", "Log entry"}, reviews)
	c.table("Recalls", "recalls", []string{"No.", "State", "Severity", "Reason", "Recalled by", "Cleared by"}, recalls)
}

// seq is the newest log entry about an object.
func (c *composer) seq(id registry.ID) string {
	if n := c.f.LogSeqs[id]; n > 0 {
		return strconv.FormatInt(n, 10)
	}
	return "-"
}

// gateText tells what a gate saw, the first of it.
func gateText(g *Gate) string {
	if !g.ReadAgain {
		return words(g.Message, "(what it saw cannot be read again)")
	}
	var facts []string
	for _, s := range g.Saw[:min(len(g.Saw), 5)] {
		v := s.Value
		if s.State != "KNOWN" {
			v = strings.ToLower(s.State)
		}
		facts = append(facts, words(s.Path, s.Name)+" = "+v)
	}
	if more := g.More + len(g.Saw) - len(facts); more > 0 {
		facts = append(facts, fmt.Sprintf("and %d more", more))
	}
	return words(g.Message, strings.Join(facts, "; "))
}

func (c *composer) use() {
	var where, files, signed, end [][]string
	for _, d := range c.f.Deployments {
		where = append(where, []string{d.Environment, d.Endpoint, d.Owner, instant(d.StartedAt), instant(d.EndedAt)})
	}
	for _, a := range c.f.Artifacts {
		files = append(files, []string{a.Name, a.Format, a.Digest, a.URI})
	}
	for _, s := range c.f.Signatures {
		signed = append(signed, []string{string(s.Kind), s.Status, s.Signer, words(s.AttachedBy, instant(s.AttachedAt)), s.Digest})
	}
	for _, d := range c.f.Deprecations {
		end = append(end, []string{string(d.Step), day(d.Sunset), d.Plan, d.Guide, words(d.ClosedBy, instant(d.ClosedAt))})
	}
	c.table("Deployments", "ModelVersion.deployments", []string{"Environment", "Endpoint", "Owner", "From", "To"}, where)
	c.table("Files", "ModelVersion.artifacts", []string{"Name", "Format", "Digest", "URI"}, files)
	c.table("Signatures", "ModelVersion.signatures", []string{"Kind", "Status", "Signer", "Attached by", "Digest"}, signed)
	c.table("Deprecation", "deprecations", []string{"Step", "Sunset", "Plan", "Guide", "Closed by"}, end)
}

// limits says what this document leaves out.
func (c *composer) limits() {
	var rows [][]string
	for _, h := range c.f.Hidden {
		rows = append(rows, []string{"not shown to this reader", h})
	}
	if c.f.Lineage.Redacted > 0 {
		rows = append(rows, []string{"not shown to this reader", fmt.Sprintf("%d nodes of the lineage", c.f.Lineage.Redacted)})
	}
	for _, cut := range slices.Concat(c.f.Cut, c.f.Lineage.Reasons) {
		rows = append(rows, []string{"left out by a limit", cut})
	}
	for _, m := range c.f.Missing {
		rows = append(rows, []string{"empty in the card", m})
	}
	c.out = append(c.out, section{Title: "What is left out", Columns: []string{"Why", "What"}, Rows: rows, Empty: "Nothing."})
}

// checklistDocument is the checklist for people.
func checklistDocument(f *Facts, list Checklist) *document {
	out := &document{Title: words("Checklist:", f.Version.Model, f.Version.Version),
		Intro: "What the registry holds under the headings of known rules: facts with their sources. It is no assessment. A heading without a fact says so.", Foot: foot(f)}
	for _, r := range list.Rules {
		s := section{Title: r.Name, Columns: []string{"Heading", "As it is published", "Facts and their sources"}}
		for _, h := range r.Headings {
			s.Rows = append(s.Rows, []string{h.Source, h.Title, headingText(&h)})
		}
		out.Sections = append(out.Sections, s)
		out.Foot = append(out.Foot, r.Name+": "+r.Source+".")
	}
	return out
}

// headingText tells the facts under a heading.
func headingText(h *Heading) string {
	var out []string
	for _, fact := range h.Facts {
		source := string(fact.Node)
		if fact.Field != "" {
			source += " " + fact.Field
		}
		if fact.LogSeq > 0 {
			source += fmt.Sprintf(", log entry %d", fact.LogSeq)
		}
		out = append(out, fmt.Sprintf("%s: %s [%s]", fact.What, fact.Value, source))
	}
	if h.More > 0 {
		out = append(out, fmt.Sprintf("and %d more, in facts.json", h.More))
	}
	if len(h.NotShown) > 0 {
		out = append(out, notShown+": "+strings.Join(h.NotShown, ", "))
	}
	switch {
	case len(h.NotRecorded) > 0:
		out = append(out, notRecorded+": "+strings.Join(h.NotRecorded, ", "))
	case len(out) == 0:
		out = append(out, notRecorded)
	}
	return strings.Join(out, "\n")
}
