package lineage

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// trainingEvidence is what the graph shows of the training of a version.
type trainingEvidence struct {
	runs []*graph.Node
	// data are the dataset versions that the runs read; when no run is known, those that
	// the version was derived from.
	data, features []*graph.Node
	// complete is true when no run, data or feature is hidden or left out.
	complete bool
}

// trainingEvidence collects the runs, data and features of a version.
func (g *Graph) trainingEvidence(version registry.ID) trainingEvidence {
	nodes := map[registry.ID]*graph.Node{}
	for _, it := range g.Items {
		nodes[it.Node.ID] = it.Node
	}
	frontier := g.frontierSet()
	t := trainingEvidence{complete: !frontier[version]}
	causes := func(of registry.ID, kind registry.EdgeKind, causeKind registry.Kind) (out []*graph.Node) {
		for _, e := range g.Edges {
			if n := nodes[e.To]; e.From == of && e.Kind == kind && n.Kind == causeKind {
				t.complete = t.complete && !n.Hidden && !n.Deleted
				out = append(out, n)
			}
		}
		return out
	}
	t.runs = causes(version, registry.EdgeGeneratedBy, registry.KindRun)
	for _, run := range t.runs {
		t.complete = t.complete && !frontier[run.ID]
		t.data = append(t.data, causes(run.ID, registry.EdgeUsed, registry.KindDatasetVersion)...)
	}
	if len(t.runs) == 0 {
		t.data = causes(version, registry.EdgeDerivedFrom, registry.KindDatasetVersion)
	}
	t.features = causes(version, registry.EdgeUsesFeature, registry.KindFeature)
	return t
}

// Contradictions returns the fields of model cards that contradict the graph of an
// upstream walk. It compares only what the caller sees of both, and only certain facts:
// a start time that was set to the time of recording does not count. Cards are by the id
// of their version.
func (g *Graph) Contradictions(cards map[registry.ID]*registry.ModelCard) (out []Gap) {
	for _, it := range g.Items {
		c := cards[it.Node.ID]
		if c == nil || it.Node.Hidden || it.Node.Deleted {
			continue
		}
		t := g.trainingEvidence(it.Node.ID)
		if !t.complete {
			continue
		}
		report := func(field, message string) {
			if message != "" {
				out = append(out, Gap{CardContradictsGraph, it.Node, message, field})
			}
		}
		if c.Training != nil {
			report("training.trainingDataVersion", t.checkDataVersion(c.Training.TrainingDataVersion))
			report("training.trainingDate", t.checkDate(c.Training.TrainingDate))
			report("training.samplesUsed", t.checkSamples(c.Training.SamplesUsed))
		}
		if c.ModelDetails != nil {
			report("modelDetails.hyperparameters", t.checkHyperparameters(c.ModelDetails.Hyperparameters))
		}
		report("features", t.checkFeatures(c.Features))
	}
	return out
}

// checkDataVersion compares the card's training data version with the data. A name that
// looks like a digest is compared with digests, any other with version names. Like the
// other checks it returns the message of the contradiction, "" when there is none.
func (t trainingEvidence) checkDataVersion(name string) string {
	if name == "" || len(t.data) == 0 {
		return ""
	}
	for _, n := range t.data {
		var d registry.DatasetVersion
		if !fieldVisible(n, "version") || !fieldVisible(n, "digest") || json.Unmarshal(n.Doc, &d) != nil {
			return ""
		}
		if digestLike(name) {
			if d.Digest == "" {
				return "" // It may be the digest of this one.
			}
			if _, hex, _ := strings.Cut(d.Digest, ":"); d.Digest == name || strings.HasPrefix(hex, name) {
				return ""
			}
			continue
		}
		if d.Version == d.Digest || d.Version == registry.Unversioned || registry.ID(d.Version).Kind() == registry.KindRun {
			return "" // The version name in the source is unknown.
		}
		if name == string(n.ID) || name == d.Version || slices.Contains([]string{d.Name + "@" + d.Version, d.Name + ":" + d.Version, d.Name + " " + d.Version,
			d.Name + "/" + d.Version, d.Name + "-" + d.Version, "v" + d.Version}, name) {
			return ""
		}
	}
	return "names training data that no run of this version read; correct the card or link what was read"
}

// digestLike reports whether a text is a digest: algorithm:hex, or at least seven
// hex digits.
func digestLike(s string) bool {
	if _, hex, ok := strings.Cut(s, ":"); ok {
		s = hex
	}
	return len(s) >= 7 && strings.Trim(strings.ToLower(s), "0123456789abcdef") == ""
}

// checkDate compares the card's training day with the times of the runs.
func (t trainingEvidence) checkDate(day time.Time) string {
	if day.IsZero() || len(t.runs) == 0 {
		return ""
	}
	for _, n := range t.runs {
		var r registry.Run
		if !fieldVisible(n, "startedAt") || !fieldVisible(n, "endedAt") || !fieldVisible(n, "recordedAt") || json.Unmarshal(n.Doc, &r) != nil ||
			r.StartedAt.IsZero() || r.RecordedAt.Sub(r.StartedAt).Abs() < time.Second {
			return ""
		}
		early := day.UTC().Truncate(24 * time.Hour).Before(r.StartedAt.UTC().Truncate(24 * time.Hour))
		late := !r.EndedAt.IsZero() && r.EndedAt.UTC().Truncate(24*time.Hour).Before(day.UTC().Truncate(24*time.Hour))
		if !early && !late {
			return ""
		}
	}
	return "lies on no day of the runs that made this version"
}

// checkSamples compares the card's number of samples with the rows of the data.
func (t trainingEvidence) checkSamples(used *int64) string {
	if used == nil || len(t.data) == 0 {
		return ""
	}
	rows := int64(0)
	for _, n := range t.data {
		var d registry.DatasetVersion
		if !fieldVisible(n, "rows") || json.Unmarshal(n.Doc, &d) != nil || d.Rows == nil {
			return ""
		}
		rows += *d.Rows
	}
	if *used <= rows {
		return ""
	}
	return fmt.Sprintf("says %d samples, and the data that was read has %d rows", *used, rows)
}

// checkHyperparameters compares the parameters that the card and the runs both name.
func (t trainingEvidence) checkHyperparameters(v registry.JSON) string {
	var card map[string]json.RawMessage
	if json.Unmarshal(v, &card) != nil || len(card) == 0 {
		return ""
	}
	differ, same := map[string]bool{}, map[string]bool{}
	for _, n := range t.runs {
		var r registry.Run
		var ran map[string]json.RawMessage
		if !fieldVisible(n, "parameters") || json.Unmarshal(n.Doc, &r) != nil || json.Unmarshal(r.Parameters, &ran) != nil {
			return ""
		}
		for k, v := range card {
			if was, ok := ran[k]; ok {
				if sameJSON(v, was) {
					same[k] = true // Another run may have been given another value.
				} else {
					differ[k] = true
				}
			}
		}
	}
	maps.DeleteFunc(differ, func(k string, _ bool) bool { return same[k] })
	if len(differ) == 0 {
		return ""
	}
	return "says other values than the runs that made this version were given"
}

// sameJSON compares canonical JSON values; it compares numbers by value.
func sameJSON(a, b json.RawMessage) bool {
	x, errX := strconv.ParseFloat(string(a), 64)
	y, errY := strconv.ParseFloat(string(b), 64)
	return string(a) == string(b) || errX == nil && errY == nil && x == y
}

// checkFeatures compares the card's features with those that the version uses.
func (t trainingEvidence) checkFeatures(features []string) string {
	if len(features) == 0 || len(t.features) == 0 {
		return ""
	}
	known := map[string]bool{}
	for _, n := range t.features {
		var f registry.Feature
		if !fieldVisible(n, "name") || !fieldVisible(n, "column") || json.Unmarshal(n.Doc, &f) != nil {
			return ""
		}
		known[f.Name], known[f.Column] = true, true
	}
	if slices.ContainsFunc(features, func(name string) bool { return !known[name] }) {
		return "names a feature that this version is not known to use; correct the card or link it with USES_FEATURE"
	}
	return ""
}
