package compliance

import (
	"bytes"
	"encoding/json"
	"strconv"

	"pedigree/registry"
)

// The sections of a card, empty ones when there are none.

func details(c *registry.ModelCard) *registry.ModelDetails {
	if c.ModelDetails == nil {
		return &registry.ModelDetails{}
	}
	return c.ModelDetails
}

func training(c *registry.ModelCard) *registry.TrainingInfo {
	if c.Training == nil {
		return &registry.TrainingInfo{}
	}
	return c.Training
}

func ethics(c *registry.ModelCard) *registry.Ethics {
	if c.EthicalConsiderations == nil {
		return &registry.Ethics{}
	}
	return c.EthicalConsiderations
}

// metricTexts lists the metrics of a card as NAME VALUE.
func metricTexts(p *registry.Performance) (out []string) {
	for _, m := range metricsOf(p) {
		out = append(out, m.Name+" "+strconv.FormatFloat(m.Value, 'g', -1, 64))
	}
	return out
}

// metricsOf lists the metrics of a card, those that it names first.
func metricsOf(p *registry.Performance) (out []registry.Metric) {
	if p == nil {
		return nil
	}
	for _, m := range []struct {
		name  string
		value *float64
	}{{"accuracy", p.Accuracy}, {"precision", p.Precision}, {"recall", p.Recall}, {"f1Score", p.F1Score}} {
		if m.value != nil {
			out = append(out, registry.Metric{Name: m.name, Value: *m.value})
		}
	}
	return append(out, p.Metrics...)
}

// compactJSON writes JSON without spaces, so that it is the same whatever indented it.
func compactJSON(raw registry.JSON) string {
	var b bytes.Buffer
	if len(raw) == 0 || json.Compact(&b, []byte(raw)) != nil {
		return ""
	}
	return b.String()
}
