package mlflow

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"time"

	engine "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pedigree/registry"
)

// database is a SQLite file of MLflow, such as mlflow.db. It is only read, also while a server
// writes to it.
type database struct {
	conn  *engine.Conn
	local localFiles
	// tables are those that the file has: older ones lack some.
	tables map[string]bool
}

func openDatabase(file, artifacts string) (*database, error) {
	conn, err := engine.OpenConn(file, engine.OpenReadOnly)
	if err != nil {
		return nil, registry.Errorf(registry.InvalidArgument, "the file is no SQLite database")
	}
	conn.SetBusyTimeout(10 * time.Second)
	d := &database{conn: conn, local: localFiles{filepath.Dir(file), artifacts}, tables: map[string]bool{}}
	err = d.rows(context.Background(), "SELECT name FROM sqlite_master WHERE type = 'table'", func(s *engine.Stmt) { d.tables[s.ColumnText(0)] = true })
	if err == nil && !d.tables["model_versions"] {
		err = registry.Errorf(registry.InvalidArgument, "the file has no registry of MLflow")
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return d, nil
}

// Close closes the file.
func (d *database) Close() error { return d.conn.Close() }

// rows passes the rows of a query to read.
func (d *database) rows(ctx context.Context, query string, read func(*engine.Stmt), args ...any) error {
	d.conn.SetInterrupt(ctx.Done())
	err := sqlitex.Execute(d.conn, query, &sqlitex.ExecOptions{Args: args, ResultFunc: func(s *engine.Stmt) error { read(s); return nil }})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return &registry.Error{Code: registry.InvalidArgument, Message: "the file cannot be read as a database of MLflow", Err: err}
	}
	return nil
}

// texts returns keys and values by the names of their owners.
func (d *database) texts(ctx context.Context, query string) (map[string][]keyText, error) {
	out := map[string][]keyText{}
	err := d.rows(ctx, query, func(s *engine.Stmt) {
		out[s.ColumnText(0)] = append(out[s.ColumnText(0)], keyText{s.ColumnText(1), s.ColumnText(2)})
	})
	return out, err
}

func (d *database) models(ctx context.Context, emit func(registeredModel) error) error {
	tags, err := d.texts(ctx, "SELECT name, key, value FROM registered_model_tags")
	if err != nil {
		return err
	}
	aliases := map[string][]aliasOf{}
	if d.tables["registered_model_aliases"] {
		if err := d.rows(ctx, "SELECT name, alias, version FROM registered_model_aliases ORDER BY alias", func(s *engine.Stmt) {
			aliases[s.ColumnText(0)] = append(aliases[s.ColumnText(0)], aliasOf{s.ColumnText(1), integer(s.ColumnInt64(2))})
		}); err != nil {
			return err
		}
	}
	var all []registeredModel
	if err := d.rows(ctx, "SELECT name, creation_time, last_updated_time, description FROM registered_models ORDER BY name", func(s *engine.Stmt) {
		m := registeredModel{Name: s.ColumnText(0), Created: integer(s.ColumnInt64(1)), Updated: integer(s.ColumnInt64(2)), Description: s.ColumnText(3)}
		m.Tags, m.Aliases = tags[m.Name], aliases[m.Name]
		all = append(all, m)
	}); err != nil {
		return err
	}
	return each(all, emit)
}

func each[T any](all []T, emit func(T) error) error {
	for _, item := range all {
		if err := emit(item); err != nil {
			return err
		}
	}
	return nil
}

func (d *database) versions(ctx context.Context, emit func(modelVersion) error) error {
	tags, err := d.texts(ctx, "SELECT name || '/' || version, key, value FROM model_version_tags")
	if err != nil {
		return err
	}
	var all []modelVersion
	if err := d.rows(ctx, `SELECT name, version, creation_time, last_updated_time, description, user_id, current_stage, source, run_id, status, run_link
		FROM model_versions WHERE current_stage <> '`+deletedStage+`' ORDER BY name, version`, func(s *engine.Stmt) {
		v := modelVersion{Name: s.ColumnText(0), Version: integer(s.ColumnInt64(1)), Created: integer(s.ColumnInt64(2)), Updated: integer(s.ColumnInt64(3)),
			Description: s.ColumnText(4), User: s.ColumnText(5), Stage: s.ColumnText(6), Source: s.ColumnText(7), RunID: s.ColumnText(8), Status: s.ColumnText(9), RunLink: s.ColumnText(10)}
		v.Tags = tags[v.Name+"/"+s.ColumnText(1)]
		all = append(all, v)
	}); err != nil {
		return err
	}
	return each(all, emit)
}

func (d *database) run(ctx context.Context, id string) (*run, error) {
	var r *run
	if err := d.rows(ctx, "SELECT name, user_id, status, start_time, end_time, artifact_uri FROM runs WHERE run_uuid = ?", func(s *engine.Stmt) {
		r = &run{}
		r.Info.RunID, r.Info.RunName, r.Info.UserID, r.Info.Status = id, s.ColumnText(0), s.ColumnText(1), s.ColumnText(2)
		r.Info.StartTime, r.Info.EndTime, r.Info.ArtifactURI = integer(s.ColumnInt64(3)), integer(s.ColumnInt64(4)), s.ColumnText(5)
	}, id); err != nil {
		return nil, err
	}
	if r == nil {
		return nil, noRun(id)
	}
	for _, part := range []struct {
		table string
		into  *[]keyText
	}{{"params", &r.Data.Params}, {"tags", &r.Data.Tags}} {
		if err := d.rows(ctx, "SELECT key, value FROM "+part.table+" WHERE run_uuid = ?", func(s *engine.Stmt) {
			*part.into = append(*part.into, keyText{s.ColumnText(0), s.ColumnText(1)})
		}, id); err != nil {
			return nil, err
		}
	}
	if err := d.rows(ctx, "SELECT key, value, is_nan FROM latest_metrics WHERE run_uuid = ?", func(s *engine.Stmt) {
		m := metric{Key: s.ColumnText(0)}
		if v := s.ColumnFloat(1); s.ColumnInt(2) == 0 && math.Abs(v) < math.MaxFloat64 {
			m.Value.value = &v
		}
		r.Data.Metrics = append(r.Data.Metrics, m)
	}, id); err != nil {
		return nil, err
	}
	return r, d.inputsAndOutputs(ctx, r)
}

func (d *database) inputsAndOutputs(ctx context.Context, r *run) error {
	if !d.tables["inputs"] || !d.tables["datasets"] {
		return nil
	}
	tags, err := d.inputTags(ctx, r.Info.RunID)
	if err != nil {
		return err
	}
	if err := d.rows(ctx, `SELECT i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, d.dataset_schema, d.dataset_profile
		FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = ?`, func(s *engine.Stmt) {
		r.Inputs.Datasets = append(r.Inputs.Datasets, datasetInput{Tags: tags[s.ColumnText(0)], Dataset: dataset{Name: s.ColumnText(1), Digest: s.ColumnText(2),
			SourceType: s.ColumnText(3), Source: s.ColumnText(4), Schema: s.ColumnText(5), Profile: s.ColumnText(6)}})
	}, r.Info.RunID); err != nil {
		return err
	}
	return d.rows(ctx, "SELECT destination_id FROM inputs WHERE source_type = 'RUN_OUTPUT' AND destination_type = 'MODEL_OUTPUT' AND source_id = ?", func(s *engine.Stmt) {
		r.Outputs.Models = append(r.Outputs.Models, modelOutput{s.ColumnText(0)})
	}, r.Info.RunID)
}

// inputTags returns the tags of the inputs of a run.
func (d *database) inputTags(ctx context.Context, runID string) (map[string][]keyText, error) {
	out := map[string][]keyText{}
	if !d.tables["input_tags"] {
		return out, nil
	}
	err := d.rows(ctx, "SELECT t.input_uuid, t.name, t.value FROM input_tags t JOIN inputs i ON i.input_uuid = t.input_uuid WHERE i.destination_id = ?", func(s *engine.Stmt) {
		out[s.ColumnText(0)] = append(out[s.ColumnText(0)], keyText{s.ColumnText(1), s.ColumnText(2)})
	}, runID)
	return out, err
}

func (d *database) runOfModel(ctx context.Context, loggedModel string) (id string, err error) {
	if !d.tables["logged_models"] {
		return "", nil
	}
	err = d.rows(ctx, "SELECT source_run_id FROM logged_models WHERE model_id = ?", func(s *engine.Stmt) { id = s.ColumnText(0) }, loggedModel)
	return id, err
}

func (d *database) modelFile(ctx context.Context, at modelPlace) ([]byte, error) {
	uri, query, id := "", "SELECT artifact_uri FROM runs WHERE run_uuid = ?", at.runID
	if at.loggedModel != "" {
		query, id = "SELECT artifact_location FROM logged_models WHERE model_id = ?", at.loggedModel
		if !d.tables["logged_models"] {
			return nil, nil
		}
	}
	if err := d.rows(ctx, query, func(s *engine.Stmt) { uri = s.ColumnText(0) }, id); err != nil || uri == "" {
		return nil, err
	}
	return d.local.read(strings.TrimRight(uri, "/"), at.folder)
}
