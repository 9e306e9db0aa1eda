package registry

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
)

// ModelCard documents a model version: how it was trained, how well it performs, and
// its limits (Mitchell et al., "Model Cards for Model Reporting"). ModelID, name,
// version, status and creator are derived from the version and cannot be set.
type ModelCard struct {
	Meta
	ModelID     string    `json:"modelId,omitempty"`
	Name        string    `json:"name,omitempty"`
	Description string    `json:"description,omitempty"`
	Version     string    `json:"version,omitempty"`
	CreatedDate time.Time `json:"createdDate,omitzero"`
	Creator     string    `json:"creator,omitempty"`
	Status      Stage     `json:"status,omitempty"`

	ModelDetails          *ModelDetails `json:"modelDetails,omitempty"`
	Training              *TrainingInfo `json:"training,omitempty"`
	Performance           *Performance  `json:"performance,omitempty"`
	Features              []string      `json:"features,omitempty"`
	DataPreprocessing     []string      `json:"dataPreprocessing,omitempty"`
	Limitations           []string      `json:"limitations,omitempty"`
	EthicalConsiderations *Ethics       `json:"ethicalConsiderations,omitempty"`
}

// ModelDetails are the algorithm, framework and hyperparameters of a version.
type ModelDetails struct {
	Algorithm       string `json:"algorithm,omitempty"`
	Framework       string `json:"framework,omitempty"`
	Hyperparameters JSON   `json:"hyperparameters,omitempty"`
}

// TrainingInfo is the data, date and duration of the training.
type TrainingInfo struct {
	TrainingDataVersion string    `json:"trainingDataVersion,omitempty"`
	TrainingDate        time.Time `json:"trainingDate,omitzero"`
	// TrainingTimeHours is wall-clock hours, 0 or more.
	TrainingTimeHours *float64 `json:"trainingTimeHours,omitempty"`
	// SamplesUsed counts training rows, 0 or more.
	SamplesUsed *int64 `json:"samplesUsed,omitempty"`
}

// Performance holds the metrics on the evaluation data. The four named metrics are
// fractions, 0 to 1.
type Performance struct {
	Accuracy  *float64 `json:"accuracy,omitempty"`
	Precision *float64 `json:"precision,omitempty"`
	Recall    *float64 `json:"recall,omitempty"`
	F1Score   *float64 `json:"f1Score,omitempty"`
	// Metrics holds any further metric by its name.
	Metrics []Metric `json:"metrics,omitempty"`
}

// Ethics records the fairness checks of a version.
type Ethics struct {
	FairnessChecked *bool    `json:"fairnessChecked,omitempty"`
	BiasAuditDone   *bool    `json:"biasAuditDone,omitempty"`
	ProtectedGroups []string `json:"protectedGroups,omitempty"`
}

// Completeness is how much of a card is filled in.
type Completeness struct {
	// Complete is true when nothing is missing.
	Complete bool `json:"complete"`
	// Missing names the empty fields by their path, such as training.samplesUsed.
	Missing []string `json:"missing"`
	// Filled and Total count the fields that completeness looks at.
	Filled int `json:"filled"`
	Total  int `json:"total"`
}

// CardID is the id of the card of a version.
func CardID(version ID) ID { return NewID(KindCard, string(version)) }

// Completeness returns which fields of the card are empty.
func (c *ModelCard) Completeness() *Completeness {
	out := &Completeness{Missing: []string{}}
	count := func(path string, filled bool) {
		out.Total++
		if filled {
			out.Filled++
		} else {
			out.Missing = append(out.Missing, path)
		}
	}
	d, t, p, e := c.ModelDetails, c.Training, c.Performance, c.EthicalConsiderations
	if d == nil {
		d = &ModelDetails{}
	}
	if t == nil {
		t = &TrainingInfo{}
	}
	if p == nil {
		p = &Performance{}
	}
	if e == nil {
		e = &Ethics{}
	}
	count("description", c.Description != "")
	count("createdDate", !c.CreatedDate.IsZero())
	count("modelDetails.algorithm", d.Algorithm != "")
	count("modelDetails.framework", d.Framework != "")
	count("modelDetails.hyperparameters", len(d.Hyperparameters) > 0)
	count("training.trainingDataVersion", t.TrainingDataVersion != "")
	count("training.trainingDate", !t.TrainingDate.IsZero())
	count("training.trainingTimeHours", t.TrainingTimeHours != nil)
	count("training.samplesUsed", t.SamplesUsed != nil)
	count("performance.accuracy", p.Accuracy != nil)
	count("performance.precision", p.Precision != nil)
	count("performance.recall", p.Recall != nil)
	count("performance.f1Score", p.F1Score != nil)
	count("features", len(c.Features) > 0)
	count("dataPreprocessing", len(c.DataPreprocessing) > 0)
	count("limitations", len(c.Limitations) > 0)
	count("ethicalConsiderations.fairnessChecked", e.FairnessChecked != nil)
	count("ethicalConsiderations.biasAuditDone", e.BiasAuditDone != nil)
	count("ethicalConsiderations.protectedGroups", len(e.ProtectedGroups) > 0)
	out.Complete = len(out.Missing) == 0
	return out
}

// MergeSection returns a section of a card with the fields that given sets; its empty fields
// stay. An empty list that is not nil is set. The arguments stay unchanged.
func MergeSection[T any](known, given *T) *T {
	out := new(T)
	if known != nil {
		*out = *known
	}
	if given == nil {
		return known
	}
	to, from := reflect.ValueOf(out).Elem(), reflect.ValueOf(given).Elem()
	for i := range from.NumField() {
		if f := from.Field(i); !f.IsZero() {
			to.Field(i).Set(f)
		}
	}
	return out
}

// derivedCardFields are taken from the version.
var derivedCardFields = []string{"modelId", "name", "version", "creator", "status"}

// Clear empties a field by its path, such as limitations, performance or
// performance.accuracy. It answers INVALID_ARGUMENT for a path that no card has.
func (c *ModelCard) Clear(path string) error {
	section, field, below := strings.Cut(path, ".")
	v := fieldByJSONName(reflect.ValueOf(c).Elem(), section)
	if !v.IsValid() || slices.Contains(derivedCardFields, section) {
		return Invalid("clear", "a card has no field %q to clear", Shorten(path, 60))
	}
	if !below {
		v.SetZero()
		return nil
	}
	if v.Kind() != reflect.Pointer {
		return Invalid("clear", "a card has no field %q to clear", Shorten(path, 60))
	}
	changed := reflect.New(v.Type().Elem())
	if !v.IsNil() {
		changed.Elem().Set(v.Elem())
	}
	f := fieldByJSONName(changed.Elem(), field)
	if !f.IsValid() {
		return Invalid("clear", "a card has no field %q to clear", Shorten(path, 60))
	}
	f.SetZero()
	if v.SetZero(); !changed.Elem().IsZero() {
		v.Set(changed)
	}
	return nil
}

// fieldByJSONName returns the field of a struct that JSON calls by a name.
func fieldByJSONName(v reflect.Value, name string) reflect.Value {
	for i := range v.NumField() {
		if tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); tag == name && name != "" && name != "-" {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

// Check returns INVALID_ARGUMENT with the first field that is out of range.
func (c *ModelCard) Check() error {
	if err := CheckText("description", c.Description); err != nil {
		return err
	}
	if t := c.Training; t != nil {
		if t.TrainingTimeHours != nil && !(*t.TrainingTimeHours >= 0 && *t.TrainingTimeHours < math.MaxFloat64) {
			return Invalid("training.trainingTimeHours", "must be 0 or more hours, not %v", *t.TrainingTimeHours)
		}
		if t.SamplesUsed != nil && *t.SamplesUsed < 0 {
			return Invalid("training.samplesUsed", "must be 0 or more, not %d", *t.SamplesUsed)
		}
	}
	if p := c.Performance; p != nil {
		if err := p.check(); err != nil {
			return err
		}
	}
	for _, l := range []struct {
		field string
		items []string
	}{{"features", c.Features}, {"dataPreprocessing", c.DataPreprocessing}, {"limitations", c.Limitations}} {
		if err := checkItems(l.field, l.items); err != nil {
			return err
		}
	}
	if e := c.EthicalConsiderations; e != nil {
		return checkItems("ethicalConsiderations.protectedGroups", e.ProtectedGroups)
	}
	return nil
}

func (p *Performance) check() error {
	for _, m := range []struct {
		name  string
		value *float64
	}{{"accuracy", p.Accuracy}, {"precision", p.Precision}, {"recall", p.Recall}, {"f1Score", p.F1Score}} {
		if m.value != nil && !(*m.value >= 0 && *m.value <= 1) {
			return Invalid("performance."+m.name, "must be between 0 and 1, not %v", *m.value)
		}
	}
	return CheckMetrics("performance.metrics", p.Metrics)
}

// PerformanceOf sorts metrics into those that a card names and the others.
func PerformanceOf(metrics []Metric) *Performance {
	if len(metrics) == 0 {
		return nil
	}
	p := &Performance{}
	named := map[string]**float64{"accuracy": &p.Accuracy, "precision": &p.Precision, "recall": &p.Recall, "f1_score": &p.F1Score, "f1": &p.F1Score}
	for _, m := range metrics {
		field := named[strings.ToLower(m.Name)]
		if field != nil && *field == nil && m.Value >= 0 && m.Value <= 1 {
			*field = &m.Value
			continue
		}
		p.Metrics = append(p.Metrics, m)
	}
	return p
}

// MaxMetrics is the most metrics of a run or a card.
const MaxMetrics = 1000

// CheckMetrics requires unique names and finite values, at most MaxMetrics metrics.
func CheckMetrics(field string, ms []Metric) error {
	seen := map[string]bool{}
	if len(ms) > MaxMetrics {
		return Invalid(field, "has more than %d metrics", MaxMetrics)
	}
	for i, m := range ms {
		at := fmt.Sprintf("%s[%d]", field, i)
		if err := CheckKey(at+".name", m.Name); err != nil {
			return err
		}
		if seen[m.Name] {
			return Invalid(at+".name", "the metric %q is given twice", m.Name)
		}
		seen[m.Name] = true
		if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
			return Invalid(at+".value", "must be a finite number")
		}
	}
	return nil
}

func checkItems(field string, items []string) error {
	if len(items) > 1000 {
		return Invalid(field, "has more than 1000 entries")
	}
	for i, s := range items {
		at := fmt.Sprintf("%s[%d]", field, i)
		if strings.TrimSpace(s) == "" {
			return Invalid(at, "must not be empty")
		}
		if err := CheckText(at, s); err != nil {
			return err
		}
	}
	return nil
}
