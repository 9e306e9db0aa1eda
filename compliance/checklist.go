package compliance

import (
	"pedigree/registry"
)

// Status says whether there is a fact for a heading.
type Status string

// The statuses.
const (
	// Recorded has at least one fact.
	Recorded Status = "RECORDED"
	// NotRecorded has none. Nothing else is said then.
	NotRecorded Status = "NOT_RECORDED"
	// NotShown has none that this reader may see: some of what was looked for is hidden.
	NotShown Status = "NOT_SHOWN"
)

// Checklist is what the registry knows under the headings of known rules. It holds facts with their
// sources, and no assessment.
type Checklist struct {
	Rules []Rule `json:"rules"`
}

// Rule is a set of headings that others have written. Source is the text, and where it is published.
type Rule struct {
	Name     string    `json:"name"`
	Source   string    `json:"source"`
	Headings []Heading `json:"headings"`
}

// Heading is a heading by its number and its first words as they are published, with the facts under
// it. Source is its place in the text.
type Heading struct {
	Number string `json:"number"`
	Title  string `json:"title"`
	Source string `json:"source"`
	Status Status `json:"status"`
	Facts  []Fact `json:"facts,omitempty"`
	// NotRecorded and NotShown name what was looked for and is not recorded, or is hidden.
	NotRecorded []string `json:"notRecorded,omitempty"`
	NotShown    []string `json:"notShown,omitempty"`
	// More is how many facts beyond Facts there are.
	More int `json:"more,omitempty"`
}

// Fact is a fact with its source: a node, the field of it, and the newest entry of the log about it
// that is in the pack.
type Fact struct {
	What   string      `json:"what"`
	Value  string      `json:"value"`
	Node   registry.ID `json:"node"`
	Field  string      `json:"field"`
	LogSeq int64       `json:"logSeq,omitempty"`
}

// maxFacts is how many facts stand under one heading for one kind of evidence.
const maxFacts = 20

// maxValue is how many characters of a value the checklist repeats; the facts have all of it.
const maxValue = 300

// checklistOf fills in the checklist.
func checklistOf(f *Facts) Checklist {
	hidden := map[string]bool{}
	for _, h := range f.Hidden {
		hidden[h] = true
	}
	var out Checklist
	for _, r := range ruleTables {
		rule := Rule{Name: r.name, Source: r.source, Headings: []Heading{}}
		for _, row := range r.rows {
			h := Heading{Number: row.number, Title: row.title, Source: r.cite(&row), Status: NotRecorded, Facts: []Fact{}, NotRecorded: []string{}, NotShown: []string{}}
			for _, e := range row.evidence {
				h.look(f, evidenceOf[e], e, hidden)
			}
			switch {
			case len(h.Facts) > 0:
				h.Status = Recorded
			case len(h.NotShown) > 0:
				h.Status = NotShown
			}
			rule.Headings = append(rule.Headings, h)
		}
		out.Rules = append(out.Rules, rule)
	}
	return out
}

// look adds what one kind of evidence finds.
func (h *Heading) look(f *Facts, e evidence, what string, hidden map[string]bool) {
	found := e.find(f)
	switch {
	case len(found) > 0:
	case hidden[e.hiddenBy]:
		h.NotShown = append(h.NotShown, what)
		return
	default:
		h.NotRecorded = append(h.NotRecorded, what)
		return
	}
	if len(found) > maxFacts {
		h.More += len(found) - maxFacts
		found = found[:maxFacts]
	}
	for _, fact := range found {
		fact.What, fact.LogSeq = what, f.LogSeqs[fact.Node]
		fact.Value = registry.Shorten(fact.Value, maxValue)
		h.Facts = append(h.Facts, fact)
	}
}
