package kubeflow

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// experimentProducer is the producer of the runs that experiment runs are.
const experimentProducer = "kubeflow-experiments"

// runStatus are the states of experiment runs as those of runs.
var runStatus = map[string]registry.RunStatus{"RUNNING": registry.RunRunning, "FINISHED": registry.RunComplete, "FAILED": registry.RunFailed, "KILLED": registry.RunAborted}

// milliseconds reads a time of Kubeflow; zero for none.
func milliseconds(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1<<45 {
		return time.Time{}, registry.Invalid(field, "must be milliseconds since 1970")
	}
	return time.UnixMilli(n).UTC(), nil
}

// recordRun writes the run that an experiment run is, with what is new of it.
func recordRun(ctx context.Context, tx *policies.Tx, r *record, more func(*facts.RecordRunInput)) error {
	in := facts.RecordRunInput{Producer: experimentProducer, RunID: string(r.id), Name: r.Name, Status: runStatus[r.text("status")]}
	if more != nil {
		more(&in)
	}
	var err error
	if in.StartedAt, err = milliseconds("startTimeSinceEpoch", r.text("startTimeSinceEpoch")); err != nil {
		return err
	}
	if in.Status.Ended() {
		if in.EndedAt, err = milliseconds("endTimeSinceEpoch", r.text("endTimeSinceEpoch")); err != nil {
			return err
		}
	}
	if err := core.FirstError(in.CheckFact(), core.CheckTimesNotAhead(in, tx.Now())); err != nil {
		return err
	}
	result, err := in.WriteFact(ctx, tx)
	if err == nil {
		r.Node = result.IDs[0]
	}
	return err
}

// putRun records an experiment run, or changes it.
func (k *Kubeflow) putRun(ctx context.Context, in *Input, known *record) (registry.ID, error) {
	if err := in.checkTexts(); err != nil {
		return "", err
	}
	var id, parent registry.ID
	name := ""
	if known != nil {
		id, parent, name = known.id, known.parent, known.Name
	} else {
		experiment, err := k.recordNumbered(ctx, in.number("experimentId"), Experiment)
		if err != nil {
			return "", err
		}
		if name, err = named(in); err != nil {
			return "", err
		}
		id, parent = registry.ForeignID(string(ExperimentRun), string(experiment.id), name), experiment.id
	}
	return id, k.write(ctx, registry.RunRecord, func(ctx context.Context, tx *policies.Tx) error {
		if err := tx.CheckTarget(policies.Target{}); err != nil {
			return err
		}
		r, err := load(ctx, tx, id)
		if err != nil {
			return err
		}
		if r != nil && known == nil {
			return alreadyExists(ExperimentRun, name)
		}
		if r == nil {
			r = &record{Type: ExperimentRun, Name: name, id: id, parent: parent}
		}
		r.tell(in, tx.Now())
		if err := recordRun(ctx, tx, r, nil); err != nil {
			return err
		}
		r.Of = r.Node
		if err := r.put(ctx, tx, in); err != nil {
			return err
		}
		return logForeign(ctx, tx, r, "")
	})
}

// putOfRun records an artifact of an experiment run, or changes it, and what it says of the run.
// Each value of a metric is kept.
func (k *Kubeflow) putOfRun(ctx context.Context, in *Input, run *record) (id registry.ID, created bool, err error) {
	id = registry.ForeignID(string(in.Type), string(run.id), *in.Name)
	err = k.write(ctx, registry.RunRecord, func(ctx context.Context, tx *policies.Tx) error {
		if err := tx.CheckTarget(policies.Target{}); err != nil {
			return err
		}
		r, err := load(ctx, tx, id)
		if err != nil {
			return err
		}
		if created = r == nil; created {
			r = &record{Type: in.Type, Of: run.Node, Name: *in.Name, id: id, parent: run.id}
		} else if in.Number == 0 && (in.Type == ModelArtifact || in.Type == DocArtifact) {
			return alreadyExists(in.Type, *in.Name)
		}
		r.tell(in, tx.Now())
		r.setField("experimentId", run.ref("experimentId"))
		r.setField("experimentRunId", run.number)
		if err := noteOnRun(ctx, tx, r, run); err != nil {
			return err
		}
		if err := r.put(ctx, tx, in); err != nil {
			return err
		}
		return logForeign(ctx, tx, r, "")
	})
	return id, created, err
}

// metricPointID is the id of one value that a metric of an experiment run had.
func metricPointID(run registry.ID, name string, fields map[string]any) registry.ID {
	timestamp, _ := fields["timestamp"].(string)
	return registry.ForeignID(string(MetricPoint), string(run), name, fmt.Sprint(fields["step"]), timestamp)
}

// noteOnRun writes what an artifact says of its run: a metric, a parameter, or data that it used.
func noteOnRun(ctx context.Context, tx *policies.Tx, r, run *record) error {
	switch r.Type {
	case MetricArtifact:
		value, ok := r.Fields["value"].(float64)
		if !ok {
			return nil
		}
		p := *r
		p.Type, p.Node, p.ExternalID, p.id = MetricPoint, "", "", metricPointID(run.id, r.Name, r.Fields)
		if err := p.put(ctx, tx, nil); err != nil {
			return err
		}
		return recordRun(ctx, tx, run, func(in *facts.RecordRunInput) {
			in.Metrics = []registry.Metric{{Name: r.Name, Value: value}}
		})
	case ParameterArtifact:
		raw, err := registry.Canonical(map[string]json.RawMessage{r.Name: parameterOf(r)})
		if err != nil {
			return err
		}
		return recordRun(ctx, tx, run, func(in *facts.RecordRunInput) { in.Parameters = raw })
	case DatasetArtifact:
		var err error
		r.Node, err = recordDataset(ctx, tx, r, run.Node)
		return err
	}
	return nil
}
