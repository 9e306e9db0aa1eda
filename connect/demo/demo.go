// Package demo records an example: the story of a credit-approval model that is trained,
// released, deployed and replaced. It uses only the registry's public methods.
package demo

import (
	"context"
	"crypto/sha1"
	"fmt"
	"slices"
	"time"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/facts"
)

// Story is the result of Load.
type Story struct {
	// Created is false when the registry already had the model.
	Created bool
	// Raw is the raw dataset version, Version is model version 1.0.0, and Deployment is the
	// production deployment of 1.0.0. They are empty when Created is false.
	Raw, Version, Deployment registry.ID
}

// model is the name of the example's model.
const model = "credit-approval"

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 9, 0, 0, 0, time.UTC)
}

// commitSHA returns the SHA of the nth commit of the example.
func commitSHA(n int) string {
	return fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "credit-approval commit %d", n)))
}

var repository = facts.RepositoryInput{Name: "credit-approval-training", URL: "https://git.example.com/risk/credit-approval", DefaultBranch: "main"}

// requiredActions returns the actions that the example needs.
func requiredActions() []registry.Action {
	return []registry.Action{registry.CommitRecord, registry.TagRecord, registry.DatasetRecord, registry.RunRecord, registry.FeatureRecord,
		registry.ModelRegister, registry.VersionRegister, registry.TransitionDo, registry.DeploymentRecord, registry.AliasSet, registry.AliasSetProtected}
}

// checkPermissions returns FORBIDDEN when the caller may record only a part of what needs the
// actions.
func checkPermissions(ctx context.Context, s Registry, actions []registry.Action) error {
	v, err := s.Viewer(ctx)
	if err != nil {
		return err
	}
	for _, a := range actions {
		if !slices.Contains(v.Actions, string(a)) {
			return registry.Errorf(registry.Forbidden, "the story needs the action %s, which you may not do; ask an administrator to load it", a)
		}
	}
	if !slices.ContainsFunc(v.Grants, func(g registry.Grant) bool { return g.Scope == registry.ScopeAll }) {
		return registry.Errorf(registry.Forbidden, "the story needs a grant that covers more than single models; ask an administrator to load it")
	}
	return nil
}

// Load records the example as the actor of the context, or as the caller that the registry
// authenticates. A second call adds nothing. It returns FORBIDDEN, and records nothing,
// when the caller lacks an action that the example needs.
func Load(ctx context.Context, s Registry) (*Story, error) {
	story := &Story{}
	if m, err := s.Model(ctx, model); err != nil {
		return nil, err
	} else if m != nil {
		return story, nil
	}
	if err := checkPermissions(ctx, s, requiredActions()); err != nil {
		return nil, err
	}
	t := &storyRecorder{ctx: ctx, s: s}
	t.recordCommits()
	raw := t.recordPipeline()
	t.registerModel()
	story.Raw, story.Created = raw, true
	story.Version, story.Deployment = t.recordFirstVersion()
	t.recordLaterVersions()
	return story, t.err
}

// storyRecorder records one item after another. It stops at the first error.
type storyRecorder struct {
	ctx                       context.Context
	s                         Registry
	err                       error
	tag                       registry.ID
	trainingData, trainingRun registry.ID
	features                  []registry.ID
}

// do runs a step unless an earlier one failed.
func (t *storyRecorder) do(step func() error) {
	if t.err == nil {
		t.err = step()
	}
}

// recordCommits records three commits and the tag that 1.0.0 is released from.
func (t *storyRecorder) recordCommits() {
	commit := func(n int, when time.Time, author, message string) facts.CommitInput {
		c := facts.CommitInput{SHA: commitSHA(n), Message: message, Author: author, Email: author + "@example.com", Committer: author, AuthoredAt: when, CommittedAt: when}
		if n > 1 {
			c.Parents = []string{commitSHA(n - 1)}
		}
		return c
	}
	t.do(func() error {
		_, err := t.s.RecordCommits(t.ctx, facts.RecordCommitsInput{Repository: repository, Commits: []facts.CommitInput{
			commit(1, day(2023, 12, 2), "maria", "feat(model): choose gradient boosting over logistic regression\n\nModel-Role: model-selection"),
			commit(2, day(2023, 12, 8), "jonas", "feat(features): add debt-to-income ratio\n\nModel-Role: feature-engineering"),
			commit(3, day(2023, 12, 20), "maria", "tune(train): depth 6, learning rate 0.08\n\nModel-Role: hyperparameter-tuning"),
		}})
		return err
	})
	t.do(func() error {
		p, err := t.s.RecordTag(t.ctx, facts.RecordTagInput{Repository: repository, Name: "v1.0.0", SHA: commitSHA(3), Annotated: true,
			Message: "first release", Tagger: "maria", TaggedAt: day(2023, 12, 30)})
		if err == nil {
			t.tag = p.Tag.ID
		}
		return err
	})
}

func (t *storyRecorder) recordDataset(name, digest string, role registry.DataRole, rows int64, when time.Time, by *registry.ID, columns ...registry.Column) (id registry.ID) {
	t.do(func() error {
		in := facts.RecordDatasetVersionInput{Dataset: name, Namespace: "s3://risk-data", Digest: "sha256:" + digest, Role: role, Rows: &rows,
			CreatedAt: when, GeneratedBy: by, Owner: "data-platform", URI: "s3://risk-data/" + name, Columns: columns}
		p, err := t.s.RecordDatasetVersion(t.ctx, in)
		if err == nil {
			id = p.DatasetVersion.ID
		}
		return err
	})
	return id
}

// column returns a float column that is derived from other columns.
func column(name string, sources ...registry.ColumnSource) registry.Column {
	return registry.Column{Name: name, Type: "float", DerivedFrom: sources}
}

// columnSource names the source of a column and the transformation.
func columnSource(of registry.ID, column, how, description string) registry.ColumnSource {
	return registry.ColumnSource{DatasetVersion: of, Column: column, Transformations: []registry.ColumnTransformation{
		{Type: registry.DirectTransformation, Subtype: how, Description: description}}}
}

func (t *storyRecorder) recordRun(in facts.RecordRunInput) (id registry.ID) {
	t.do(func() error {
		in.Producer, in.EndedAt = "airflow", in.StartedAt.Add(2*time.Hour)
		p, err := t.s.RecordRun(t.ctx, in)
		if err == nil {
			id = p.Run.ID
		}
		return err
	})
	return id
}

// recordPipeline records raw data → ETL → cleaned data → feature engineering → training
// data → training run, and the features of the training data. It returns the raw dataset
// version.
func (t *storyRecorder) recordPipeline() (raw registry.ID) {
	raw = t.recordDataset("applications/raw", digest("a1"), registry.RawData, 250000, day(2023, 12, 1), nil,
		column("income"), column("debt"), column("age"), column("employment_years"))
	etl := t.recordRun(facts.RecordRunInput{RunID: "etl-2023-12-04", Name: "etl", RunKind: registry.RunETL, Inputs: ids(raw), Commits: []string{commitSHA(1)},
		StartedAt: day(2023, 12, 4), Description: "drop duplicates and incomplete applications"})
	clean := t.recordDataset("applications/clean", digest("b2"), registry.CleanedData, 231400, day(2023, 12, 5), &etl,
		column("income", columnSource(raw, "income", "TRANSFORMATION", "winsorised at the 99th percentile")), column("debt", columnSource(raw, "debt", "IDENTITY", "")),
		column("age", columnSource(raw, "age", "IDENTITY", "")), column("employment_years", columnSource(raw, "employment_years", "IDENTITY", "")))
	fe := t.recordRun(facts.RecordRunInput{RunID: "features-2023-12-09", Name: "feature-engineering", RunKind: registry.RunFeatureEngineering, Inputs: ids(clean),
		Commits: []string{commitSHA(2)}, StartedAt: day(2023, 12, 9)})
	t.trainingData = t.recordDataset("applications/training", digest("c3"), registry.TrainingData, 231400, day(2023, 12, 10), &fe,
		column("income", columnSource(clean, "income", "IDENTITY", "")),
		column("debt_to_income", columnSource(clean, "debt", "TRANSFORMATION", "debt / income"), columnSource(clean, "income", "TRANSFORMATION", "debt / income")),
		column("employment_years", columnSource(clean, "employment_years", "IDENTITY", "")))
	for _, c := range []string{"income", "debt_to_income", "employment_years"} {
		t.do(func() error {
			p, err := t.s.RecordFeature(t.ctx, facts.RecordFeatureInput{DefinedOn: &t.trainingData, Column: c, Type: "float", Owner: "risk-features", CreatedAt: day(2023, 12, 10)})
			if err == nil {
				t.features = append(t.features, p.Feature.ID)
			}
			return err
		})
	}
	t.trainingRun = t.recordTraining("train-2023-12-28", day(2023, 12, 28), 0.86)
	return raw
}

func (t *storyRecorder) recordTraining(id string, when time.Time, f1 float64) registry.ID {
	return t.recordRun(facts.RecordRunInput{RunID: id, Name: "training", RunKind: registry.RunTraining, Inputs: ids(t.trainingData), Commits: []string{commitSHA(3)}, StartedAt: when,
		Parameters: registry.JSON(`{"learning_rate":0.08,"max_depth":6}`), Metrics: []registry.Metric{{Name: "f1", Value: f1}}})
}

func (t *storyRecorder) registerModel() {
	t.do(func() error {
		_, err := t.s.RegisterModel(t.ctx, catalog.RegisterModelInput{Name: model, Owner: "credit-risk",
			Description: "Scores consumer credit applications for the approval desk", Tags: []registry.KeyValue{{Key: "domain", Value: "lending"}}})
		return err
	})
}

func (t *storyRecorder) registerVersion(in catalog.RegisterModelVersionInput) (id registry.ID) {
	in.Model, in.Features = model, t.features
	t.do(func() error {
		p, err := t.s.RegisterModelVersion(t.ctx, in)
		if err == nil {
			id = p.ModelVersion.ID
		}
		return err
	})
	return id
}

func (t *storyRecorder) transition(version string, when time.Time, reason string, stages ...registry.Stage) {
	for _, st := range stages {
		t.do(func() error {
			_, err := t.s.TransitionModelVersion(t.ctx, catalog.TransitionModelVersionInput{Model: ptr(model), Version: &version, To: st, At: when, Reason: reason})
			return err
		})
	}
}

func (t *storyRecorder) recordDeployment(version, environment, endpoint string, traffic float64, when time.Time) (id registry.ID) {
	t.do(func() error {
		p, err := t.s.RecordDeployment(t.ctx, facts.RecordDeploymentInput{Model: ptr(model), Version: &version, Environment: environment,
			Endpoint: "https://" + endpoint, TrafficPercent: &traffic, StartedAt: when, Owner: "ml-platform"})
		if err == nil {
			id = p.Deployment.ID
		}
		return err
	})
	return id
}

// recordFirstVersion records 1.0.0: trained, released from its tag, in production.
func (t *storyRecorder) recordFirstVersion() (version, deployment registry.ID) {
	version = t.registerVersion(catalog.RegisterModelVersionInput{Version: ptr("1.0.0"), CreatedDate: day(2024, 1, 1), Run: &t.trainingRun, ReleasedFrom: &t.tag,
		Description: "first release", Card: card(0.91, 0.88, 0.84, 0.86, day(2023, 12, 28)), Artifacts: []catalog.ArtifactInput{{Name: "model.onnx",
			URI: "s3://risk-models/credit-approval/1.0.0/model.onnx", Digest: "sha256:" + digest("d4"), Format: "onnx", StorageKey: "risk-models-reader"}}})
	t.transition("1.0.0", day(2024, 1, 3), "passed validation", registry.Staging)
	t.transition("1.0.0", day(2024, 1, 5), "approved by the model-risk board", registry.Production)
	deployment = t.recordDeployment("1.0.0", "production", "approval.example.com/v1", 5, day(2024, 1, 5))
	return version, deployment
}

// recordLaterVersions records 1.0.1, which replaces 1.0.0 in production, 1.1.0 in staging,
// and 2.0.0 in development.
func (t *storyRecorder) recordLaterVersions() {
	for _, v := range []struct {
		version string
		day     time.Time
		f1      float64
		about   string
	}{{"1.0.1", day(2024, 2, 12), 0.88, "retrained with corrected employment years"}, {"1.1.0", day(2024, 4, 2), 0.90, "adds debt-to-income bands"},
		{"2.0.0", day(2024, 6, 3), 0.91, "gradient boosting with monotone constraints"}} {
		run := t.recordTraining("train-"+v.version, v.day.AddDate(0, 0, -2), v.f1)
		t.registerVersion(catalog.RegisterModelVersionInput{Version: &v.version, CreatedDate: v.day, Run: &run, Description: v.about,
			Card: card(v.f1+0.04, v.f1+0.01, v.f1-0.01, v.f1, v.day.AddDate(0, 0, -2))})
	}
	t.transition("1.0.1", day(2024, 2, 13), "passed validation", registry.Staging)
	t.transition("1.0.1", day(2024, 2, 15), "fixes the employment years", registry.Production)
	t.recordDeployment("1.0.1", "production", "approval.example.com/v1", 95, day(2024, 2, 15))
	t.transition("1.1.0", day(2024, 4, 4), "to be tried on shadow traffic", registry.Staging)
	t.recordDeployment("1.1.0", "staging", "approval-staging.example.com", 100, day(2024, 4, 4))
	t.do(func() error {
		_, err := t.s.SetAlias(t.ctx, catalog.SetAliasInput{Model: model, Alias: "champion", Version: "1.0.1"})
		return err
	})
}

// card returns a complete model card.
func card(accuracy, precision, recall, f1 float64, trained time.Time) *catalog.ModelCardInput {
	yes, hours, samples := true, 3.5, int64(231400)
	return &catalog.ModelCardInput{
		Description: ptr("Estimates the chance that a consumer credit application will be repaid; advises, never decides alone."),
		ModelDetails: &registry.ModelDetails{Algorithm: "gradient boosting", Framework: "xgboost 2.0",
			Hyperparameters: registry.JSON(`{"learning_rate":0.08,"max_depth":6,"n_estimators":400}`)},
		Training: &registry.TrainingInfo{TrainingDataVersion: "sha256:" + digest("c3"), TrainingDate: trained, TrainingTimeHours: &hours, SamplesUsed: &samples},
		Performance: &registry.Performance{Accuracy: &accuracy, Precision: &precision, Recall: &recall, F1Score: &f1,
			Metrics: []registry.Metric{{Name: "auc", Value: f1 + 0.05}}},
		Features:              []string{"income", "debt_to_income", "employment_years"},
		DataPreprocessing:     []string{"duplicates dropped", "incomplete applications dropped", "income winsorised at the 99th percentile"},
		Limitations:           []string{"not for business loans", "not validated for applicants under 21"},
		EthicalConsiderations: &registry.Ethics{FairnessChecked: &yes, BiasAuditDone: &yes, ProtectedGroups: []string{"age", "gender", "nationality"}},
	}
}

// digest repeats a two-digit seed to the 64 digits of a SHA-256.
func digest(seed string) (out string) {
	for range 32 {
		out += seed
	}
	return out
}

func ids(id ...registry.ID) []registry.ID { return id }

func ptr[T any](v T) *T { return &v }
