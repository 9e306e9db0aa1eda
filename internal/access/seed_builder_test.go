package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"pedigree/blobs"
	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/artifacts"
	"pedigree/service/catalog"
	"pedigree/service/facts"
)

// seedBuilder fills the store through the service and describes it in seed. After
// an error in err all further steps do nothing.
type seedBuilder struct {
	canaryGenerator
	seed *seedData
	s    *service.Service
	err  error
}

// asAdmin returns the context of an administrator. Its subject and its request id
// are new canaries.
func (b *seedBuilder) asAdmin() context.Context {
	return service.As(context.Background(), registry.Actor{Subject: b.text(), Grants: []registry.Grant{{Role: admin, Scope: registry.ScopeAll}}}, b.text())
}

func (b *seedBuilder) do(what string, step func() error) {
	if b.err == nil {
		if err := step(); err != nil {
			b.err = fmt.Errorf("%s: %w", what, err)
		}
	}
}

// addRow adds a row under a label to the seed and to the lists of those who see it.
func (b *seedBuilder) addRow(label string, id registry.ID, visibleTo ...map[registry.ID]bool) {
	b.seed.id[label] = id
	for _, set := range visibleTo {
		set[id] = true
	}
}

func buildSeed(path string) (*seedData, error) {
	seed := &seedData{path: path, id: map[string]registry.ID{}, commitSHA: map[string]string{}, name: map[string]string{}, tokens: map[string]string{},
		served: map[registry.ID]bool{}, own: map[string]map[registry.ID]bool{}, beta: map[registry.ID]bool{}, placements: map[string][]placement{}}
	ctx := context.Background()
	store, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	table, err := defaultTable()
	if err != nil {
		return nil, err
	}
	gate, err := policies.NewGate(ctx, store, table, tickingClock(time.Date(1987, 8, 1, 0, 0, 0, 0, time.UTC)))
	if err != nil {
		return nil, err
	}
	files, err := blobs.New("file://" + path + ".artifacts")
	if err != nil {
		return nil, err
	}
	b := &seedBuilder{seed: seed, s: service.New(gate, service.WithBlobs(files, 1<<20), service.WithReferences(elsewhere{}))}
	b.recordCode()
	b.recordData()
	b.registerModels()
	b.registerVersions()
	b.putGates()
	b.changeStages()
	b.govern()
	b.deprecate()
	b.recalls()
	b.createTokens()
	b.createPolicy()
	b.sign("a2", seed.served)
	b.sign("a3")
	b.events("etl-event", "raw-set", "raw", "raw1", seed.served) // Not of what an open request stands on: that would make it void.
	if b.err != nil {
		return nil, b.err
	}
	if err := b.patchStore(ctx, store); err != nil {
		return nil, fmt.Errorf("patch: %w", err)
	}
	return seed, seed.scanStore(ctx, store)
}

func (b *seedBuilder) repo(label string) facts.RepositoryInput {
	if b.seed.name[label] == "" {
		b.seed.name[label] = b.text()
		b.seed.name[label+"/url"] = "https://" + b.text() + ".example.com/" + b.text()
		b.seed.name[label+"/branch"] = b.text()
	}
	return facts.RepositoryInput{Name: b.seed.name[label], URL: b.seed.name[label+"/url"], DefaultBranch: b.seed.name[label+"/branch"]}
}

func (b *seedBuilder) commit(repo, label, parent string, visibleTo ...map[registry.ID]bool) {
	b.seed.commitSHA[label] = b.hex(40)
	c := facts.CommitInput{SHA: b.seed.commitSHA[label], Message: b.text(), Author: b.text(), Email: b.text() + "@example.com", Committer: b.text(), Role: b.text(),
		Signature: b.text(), AuthoredAt: b.date(), CommittedAt: b.date()}
	if parent != "" {
		c.Parents = []string{b.seed.commitSHA[parent]}
	}
	b.do("commit "+label, func() error {
		p, err := b.s.RecordCommits(b.asAdmin(), facts.RecordCommitsInput{Repository: b.repo(repo), Commits: []facts.CommitInput{c}})
		if err == nil {
			b.addRow(label, p.Commits[0].ID, visibleTo...)
			b.seed.id[repo] = p.Repository.ID
			for _, set := range visibleTo {
				set[p.Repository.ID] = true
			}
		}
		return err
	})
}

func (b *seedBuilder) tag(repo, label, name, at string, visibleTo ...map[registry.ID]bool) {
	b.do("tag "+label, func() error {
		p, err := b.s.RecordTag(b.asAdmin(), facts.RecordTagInput{Repository: b.repo(repo), Name: name, SHA: b.seed.commitSHA[at], Annotated: true, Message: b.text(),
			Tagger: b.text(), TaggedAt: b.date()})
		if err == nil {
			b.addRow(label, p.Tag.ID, visibleTo...)
		}
		return err
	})
}

// recordCode records c1 ← c2 ← c3 in one repository, where c3 is hidden, and d1 in
// another. The tag of the served release has moved to the hidden commit.
func (b *seedBuilder) recordCode() {
	s, beta := b.seed.served, b.seed.beta
	b.commit("repo", "c1", "", s)
	b.commit("repo", "c2", "c1", s)
	b.commit("repo", "c3", "c2")
	b.commit("hidden-repo", "d1", "", beta)
	release := b.text()
	b.tag("repo", "t1", release, "c2", s)
	b.tag("repo", "t1-moved", release, "c3")
	b.tag("repo", "t2", b.text(), "c3")
}

func (b *seedBuilder) dataset(label, of string, role registry.DataRole, by string, visibleTo ...map[registry.ID]bool) {
	if b.seed.name[of] == "" {
		b.seed.name[of], b.seed.name[of+"/namespace"] = b.text(), b.text()
	}
	b.seed.name[label] = "sha256:" + b.hex(64)
	in := facts.RecordDatasetVersionInput{Dataset: b.seed.name[of], Namespace: b.seed.name[of+"/namespace"], Digest: b.seed.name[label], Description: b.text(),
		Owner: b.text(), URI: "s3://" + b.text() + "/" + b.text(), SizeBytes: b.integer(), Rows: b.integer(), Role: role, Tags: b.kv(), CreatedAt: b.date(),
		Columns: []registry.Column{{Name: "col_" + b.text(), Type: b.text(), Description: b.text(), DerivedFrom: b.columnSources(label)}}}
	if by != "" {
		id := b.seed.id[by]
		in.GeneratedBy = &id
	}
	b.do("dataset "+label, func() error {
		p, err := b.s.RecordDatasetVersion(b.asAdmin(), in)
		if err == nil {
			b.addRow(label, p.DatasetVersion.ID, visibleTo...)
			b.seed.id[of] = p.DatasetVersion.Parent
			for _, set := range visibleTo {
				set[p.DatasetVersion.Parent] = true
			}
			b.seed.name[label+"/column"] = in.Columns[0].Name
		}
		return err
	})
}

// columnSources returns the columns that the column of a dataset derives from.
func (b *seedBuilder) columnSources(label string) (out []registry.ColumnSource) {
	for _, from := range map[string][]string{"raw2": {"raw"}, "clean": {"raw", "retracted"}, "training": {"clean"}}[label] {
		out = append(out, registry.ColumnSource{DatasetVersion: b.seed.id[from], Column: b.seed.name[from+"/column"],
			Transformations: []registry.ColumnTransformation{{Type: registry.DirectTransformation, Subtype: b.text(), Description: b.text(), Masking: true}}})
	}
	return out
}

func (b *seedBuilder) run(label string, kind registry.RunKind, inputs, commits []string, visibleTo ...map[registry.ID]bool) {
	in := facts.RecordRunInput{Producer: b.text(), RunID: b.text(), Name: b.text(), RunKind: kind, Command: b.text(), Description: b.text(), Parameters: b.json(),
		Metrics: b.metrics(), Tags: b.kv(), StartedAt: b.date(), EndedAt: b.date()}
	if label == "train-a2" { // A second run of the job of train-a1.
		in.Producer, in.Name = b.seed.name["train-a1/producer"], b.seed.name["train-a1/name"]
	}
	for _, i := range inputs {
		in.Inputs = append(in.Inputs, b.seed.id[i])
	}
	for _, c := range commits {
		in.Commits = append(in.Commits, b.seed.commitSHA[c])
	}
	b.do("run "+label, func() error {
		p, err := b.s.RecordRun(b.asAdmin(), in)
		if err == nil {
			b.addRow(label, p.Run.ID, visibleTo...)
			b.seed.name[label+"/producer"], b.seed.name[label+"/id"], b.seed.name[label+"/name"] = in.Producer, in.RunID, in.Name
		}
		return err
	})
}

func (b *seedBuilder) feature(label string, in facts.RecordFeatureInput, visibleTo ...map[registry.ID]bool) {
	in.Name, in.Type, in.Description, in.Owner, in.CreatedAt = b.text(), b.text(), b.text(), b.text(), b.date()
	b.do("feature "+label, func() error {
		p, err := b.s.RecordFeature(b.asAdmin(), in)
		if err == nil {
			b.addRow(label, p.Feature.ID, visibleTo...)
		}
		return err
	})
}

// recordData records raw → etl → clean → fe → training → the runs that trained the
// served versions. It adds a second version of raw and a dataset that only hidden
// runs read.
func (b *seedBuilder) recordData() {
	s, beta := b.seed.served, b.seed.beta
	b.dataset("raw", "raw-set", registry.RawData, "", s)
	b.dataset("raw1", "raw-set", registry.RawData, "", s)
	b.dataset("raw2", "raw-set", registry.RawData, "") // a hidden version of a visible dataset
	b.dataset("raw2", "raw-set", registry.RawData, "") // a hidden version of a visible dataset
	// A visible column names a column of this one, but the edge between them is retracted.
	b.dataset("retracted", "retracted-set", registry.RawData, "")
	b.run("etl", registry.RunETL, []string{"raw"}, []string{"c1"}, s)
	b.dataset("clean", "clean-set", registry.CleanedData, "etl", s)
	b.do("retract source", func() error {
		_, err := b.s.RetractLineage(b.asAdmin(), facts.RetractLineageInput{From: b.seed.id["clean"], To: b.seed.id["retracted"], Kind: registry.EdgeDerivedFrom, Reason: b.text()})
		return err
	})
	b.run("fe", registry.RunFeatureEngineering, []string{"clean"}, []string{"c2"}, s)
	b.dataset("training", "training-set", registry.TrainingData, "fe", s)
	training := b.seed.id["training"]
	b.feature("column-feature", facts.RecordFeatureInput{DefinedOn: &training, Column: b.seed.name["training/column"]}, s)
	b.run("train-a1", registry.RunTraining, []string{"training", "raw1"}, nil, s) // a gap: no commit
	b.run("train-a2", registry.RunTraining, []string{"training", "column-feature"}, []string{"c2"}, s)
	b.run("train-hidden", registry.RunTraining, []string{"training", "raw2"}, []string{"c3"})
	b.dataset("hidden", "hidden-set", registry.RawData, "", beta)
	b.run("train-beta", registry.RunTraining, []string{"hidden"}, []string{"d1"}, beta)
}

func (b *seedBuilder) registerModels() {
	for label, visibleTo := range map[string]map[registry.ID]bool{"alpha": b.seed.served, "beta": b.seed.beta} {
		b.seed.name[label] = b.text()
		b.do("model "+label, func() error {
			p, err := b.s.RegisterModel(b.asAdmin(), catalog.RegisterModelInput{Name: b.seed.name[label], Description: b.text(), Owner: b.text(), Tags: b.kv()})
			if err == nil {
				b.addRow(label, p.Model.ID, visibleTo)
			}
			return err
		})
	}
	b.feature("alpha-feature", facts.RecordFeatureInput{Model: b.seed.name["alpha"]}, b.seed.served)
	// A feature of the hidden model that a served version of alpha uses too.
	b.feature("beta-feature", facts.RecordFeatureInput{Model: b.seed.name["beta"]}, b.seed.served, b.seed.beta)
}

func (b *seedBuilder) card() *catalog.ModelCardInput {
	yes, about := true, b.text()
	return &catalog.ModelCardInput{Description: &about, CreatedDate: b.date(),
		ModelDetails: &registry.ModelDetails{Algorithm: b.text(), Framework: b.text(), Hyperparameters: b.json()},
		Training:     &registry.TrainingInfo{TrainingDataVersion: b.text(), TrainingDate: b.date(), TrainingTimeHours: b.fraction(), SamplesUsed: b.integer()},
		Performance:  &registry.Performance{Accuracy: b.fraction(), Precision: b.fraction(), Recall: b.fraction(), F1Score: b.fraction(), Metrics: b.metrics()},
		Features:     []string{b.text()}, DataPreprocessing: []string{b.text()}, Limitations: []string{b.text()},
		EthicalConsiderations: &registry.Ethics{FairnessChecked: &yes, BiasAuditDone: &yes, ProtectedGroups: []string{b.text()}}}
}

// version registers a version with its card and its artifacts. Whoever sees the
// version sees those too.
func (b *seedBuilder) version(label, model string, in catalog.RegisterModelVersionInput, visibleTo ...map[registry.ID]bool) {
	semver := b.canaryGenerator.version()
	b.seed.name[label] = semver
	in.Model, in.Version, in.Label, in.Description, in.Owner, in.Tags, in.CreatedDate = b.seed.name[model], &semver, b.text(), b.text(), b.text(), b.kv(), b.date()
	b.seed.name[label+"/label"] = in.Label
	in.Card = b.card()
	references := []string{b.text()}
	if label == "a2" {
		references = append(references, b.text())
	}
	for _, name := range references {
		in.Artifacts = append(in.Artifacts, catalog.ArtifactInput{Name: name, URI: "s3://" + b.text() + "/model", Digest: "sha256:" + b.hex(64), SizeBytes: b.integer(),
			Format: b.text(), StorageKey: b.text(), ServiceAccountName: b.text()})
	}
	b.do("version "+label, func() error {
		p, err := b.s.RegisterModelVersion(b.asAdmin(), in)
		if err != nil {
			return err
		}
		id := p.ModelVersion.ID
		b.addRow(label, id, visibleTo...)
		b.addRow(label+"/card", registry.CardID(id), visibleTo...)
		for i, name := range references {
			b.addRow(fmt.Sprintf("%s/artifact%d", label, i), registry.ArtifactID(id, name), visibleTo...)
		}
		return nil
	})
}

// file stores a file of a version. Whoever sees the version sees it too.
func (b *seedBuilder) file(label string, visibleTo ...map[registry.ID]bool) {
	id, path := b.seed.id[label], b.text()+"/"+b.text()
	b.do("file of "+label, func() error {
		b.seed.name[label+"/file"] = path
		b.addRow(label+"/file", registry.ArtifactID(id, path), visibleTo...)
		_, err := b.s.UploadFile(b.asAdmin(), artifacts.UploadFileInput{ID: &id, Path: path}, strings.NewReader("the bytes of "+label))
		return err
	})
	b.packaging(label, visibleTo...)
}

// packaging stores files of a version that say how it is run, with every field of what they say.
func (b *seedBuilder) packaging(label string, visibleTo ...map[registry.ID]bool) {
	id := b.seed.id[label]
	for name, content := range map[string]string{
		"MLmodel": fmt.Sprintf("mlflow_version: %q\nmodel_size_bytes: 12\nflavors: {%q: {some_version: %q}, python_function: {python_version: %q}}\nsignature: {inputs: '[{\"name\": %q, \"type\": %q}]', outputs: '[{\"type\": %q}]', params: 'broken'}\n",
			b.text(), b.text(), b.text(), b.text(), b.text(), b.text(), b.text()),
		"python_env.yaml": fmt.Sprintf("python: %q\ndependencies: [%q]\n", b.text(), b.text()),
		"x/MLmodel":       fmt.Sprintf("flavors: {%q: {}}\nsignature: {params: '[{\"name\": %q, \"default\": %q}]'}\n", b.text(), b.text(), b.text()),
	} {
		path := b.text() + "/" + name
		b.do("packaging of "+label, func() error {
			b.addRow(label+"/"+name, registry.ArtifactID(id, path), visibleTo...)
			_, err := b.s.UploadFile(b.asAdmin(), artifacts.UploadFileInput{ID: &id, Path: path}, strings.NewReader(content))
			return err
		})
	}
}

// sign attaches a model signature and an attestation to a version with a file, by a key that the
// servers of the tests trust. Each is also about a file that is not there.
func (b *seedBuilder) sign(label string, visibleTo ...map[registry.ID]bool) {
	id, path := b.seed.id[label], b.seed.name[label+"/file"]
	sum := sha256.Sum256([]byte("the bytes of " + label))
	for _, payload := range []string{modelPayload(map[string]string{path: hex.EncodeToString(sum[:]), b.text(): b.hex(64)}),
		buildPayload(hex.EncodeToString(sum[:]), b.text(), b.text())} {
		b.do("sign "+label, func() error {
			p, err := b.s.AttachSignature(b.asAdmin(),
				catalog.AttachSignatureInput{ID: &id, Bundle: signedBundle(payload)})
			if err == nil {
				b.addRow(label+"/signature"+string(p.Signature.BundleKind), p.Signature.ID, visibleTo...)
				b.seed.name[label+"/signature"] = p.Signature.Digest
			}
			return err
		})
	}
	b.do("verify "+label, func() error {
		_, err := b.s.VerifyArtifact(b.asAdmin(), artifacts.VerifyArtifactInput{ID: b.seed.id[label+"/artifact0"]})
		return err
	})
}

// registerVersions registers a1 and a2, which will be served, a3 to a6, which stay
// hidden, b1 of the hidden model, and a version that is deleted later.
func (b *seedBuilder) registerVersions() {
	s, beta := b.seed.served, b.seed.beta
	ptr := func(label string) *registry.ID { id := b.seed.id[label]; return &id }
	b.version("a1", "alpha", catalog.RegisterModelVersionInput{Run: ptr("train-a1")}, s)
	b.version("a2", "alpha", catalog.RegisterModelVersionInput{Run: ptr("train-a2"), ReleasedFrom: ptr("t1"), DerivedFrom: []registry.ID{b.seed.id["a1"]},
		Features: []registry.ID{b.seed.id["column-feature"], b.seed.id["alpha-feature"], b.seed.id["beta-feature"]}}, s)
	b.version("a3", "alpha", catalog.RegisterModelVersionInput{Run: ptr("train-hidden"), ReleasedFrom: ptr("t2"), DerivedFrom: []registry.ID{b.seed.id["a2"]}})
	b.version("a4", "alpha", catalog.RegisterModelVersionInput{Run: ptr("train-hidden")})
	b.version("a5", "alpha", catalog.RegisterModelVersionInput{Run: ptr("train-hidden")})
	b.version("a6", "alpha", catalog.RegisterModelVersionInput{DerivedFrom: []registry.ID{b.seed.id["a3"]}})
	b.version("b1", "beta", catalog.RegisterModelVersionInput{Run: ptr("train-beta"), Features: []registry.ID{b.seed.id["beta-feature"]}}, beta)
	b.version("gone", "alpha", catalog.RegisterModelVersionInput{})
	b.file("a2", s)
	b.file("a3")
}

func (b *seedBuilder) transition(label, model string, visibleTo map[registry.ID]bool, stages ...registry.Stage) {
	for _, st := range stages {
		b.do("move "+label, func() error {
			model, version := b.seed.name[model], b.seed.name[label]
			p, err := b.s.TransitionModelVersion(b.asAdmin(), catalog.TransitionModelVersionInput{Model: &model, Version: &version, To: st, Reason: b.text(), At: b.date()})
			if err == nil && visibleTo != nil {
				visibleTo[p.Transition.ID] = true
			}
			return err
		})
	}
}

func (b *seedBuilder) deploy(label, version string, ends bool, visibleTo ...map[registry.ID]bool) {
	b.do("deploy "+label, func() error {
		id := b.seed.id[version]
		p, err := b.s.RecordDeployment(b.asAdmin(), facts.RecordDeploymentInput{ID: &id, Environment: b.text(), Endpoint: "https://" + b.text(), TrafficPercent: b.fraction(),
			Owner: b.text(), Description: b.text(), StartedAt: b.date()})
		if err != nil {
			return err
		}
		b.addRow(label, p.Deployment.ID, visibleTo...)
		b.seed.name[label] = p.Deployment.Environment
		if ends {
			_, err = b.s.EndDeployment(b.asAdmin(), facts.EndDeploymentInput{ID: p.Deployment.ID, EndedAt: b.date(), Reason: b.text()})
		}
		return err
	})
}

func (b *seedBuilder) alias(label, version string, visibleTo ...map[registry.ID]bool) {
	if b.seed.name[label] == "" {
		b.seed.name[label] = b.text()
	}
	b.do("alias "+label, func() error {
		p, err := b.s.SetAlias(b.asAdmin(), catalog.SetAliasInput{Model: b.seed.name["alpha"], Alias: b.seed.name[label], Version: b.seed.name[version]})
		if err == nil {
			b.addRow(label, p.Alias.ID, visibleTo...)
		}
		return err
	})
}

// changeStages moves the versions to their stages, deploys some, sets aliases and
// deletes one version.
func (b *seedBuilder) changeStages() {
	s := b.seed.served
	b.transition("a1", "alpha", s, registry.Staging, registry.Production)
	b.deploy("deployed-a1", "a1", true, s)
	b.transition("a2", "alpha", s, registry.Staging, registry.Production) // This moves a1 to DEPRECATED.
	s[registry.TransitionID(b.seed.id["a1"], 3)] = true
	b.deploy("deployed-a2", "a2", false, s)
	b.transition("a4", "alpha", nil, registry.Staging)
	b.deploy("deployed-a4", "a4", false)
	b.transition("a5", "alpha", nil, registry.Staging, registry.Canary)
	b.transition("a6", "alpha", nil, registry.Archived)
	b.alias("visible-alias", "a3", s) // At first it points at a hidden version.
	b.alias("visible-alias", "a2", s)
	b.alias("hidden-alias", "a3")
	b.do("delete", func() error {
		id := b.seed.id["gone"]
		_, err := b.s.DeleteModelVersion(b.asAdmin(), catalog.DeleteModelVersionInput{ID: &id, Reason: b.text()})
		return err
	})
	for _, v := range []string{"a2", "a3"} {
		b.do("card "+v, func() error {
			id := b.seed.id[v]
			_, err := b.s.UpdateModelCard(b.asAdmin(), catalog.UpdateModelCardInput{ID: &id, Card: b.card()})
			return err
		})
	}
}

// createTokens creates the tokens of the tests' actors and one actor whose every
// field is a canary.
func (b *seedBuilder) createTokens() {
	token := func(label, subject, role, scope string) {
		b.do("token "+label, func() error {
			text, err := b.s.CreateToken(b.asAdmin(), access.CreateTokenInput{Subject: subject, Role: role, Scope: scope, Name: b.text()})
			b.seed.tokens[label] = text
			b.addRow("actor "+label, registry.ActorID(subject))
			if err == nil {
				err = b.ownTokens(label, subject, role, text)
			}
			return err
		})
	}
	for _, role := range columns[1:] {
		token(role, "user-"+role, role, "")
	}
	token(scopedDeveloper, "user-scoped-developer", developer, "model:"+b.seed.name["alpha"])
	token(scopedScientist, "user-scoped-scientist", dataScientist, "model:"+b.seed.name["beta"])
	token("canary", b.text(), viewer, "model:"+b.text())
}

// ownTokens gives an actor two tokens of its own beside the one that it comes with. One has
// every field of a token: it is limited, used and revoked.
func (b *seedBuilder) ownTokens(label, subject, role, text string) error {
	ctx := context.Background()
	actor, err := b.s.Authenticate(ctx, text)
	if err != nil {
		return err
	}
	b.seed.own[label] = map[registry.ID]bool{actor.Token.ID: true}
	ctx = service.As(ctx, actor, b.text())
	spare, err := b.s.CreateAPIToken(ctx, access.CreateAPITokenInput{Name: b.text()})
	if err != nil {
		return err
	}
	b.addRow("spare token "+label, spare.APIToken.ID, b.seed.own[label])
	whole, err := b.s.CreateAPIToken(ctx, access.CreateAPITokenInput{Name: b.text(), Roles: []string{role}, Models: []string{b.text()}, ExpiresAt: b.s.Now().Add(time.Hour)})
	if err != nil && registry.CodeOf(err) == registry.Forbidden { // A grant on one model gives no token on another.
		whole, err = b.s.CreateAPIToken(ctx, access.CreateAPITokenInput{Name: b.text(), Roles: []string{role}, ExpiresAt: b.s.Now().Add(time.Hour)})
	}
	if err != nil {
		return err
	}
	b.addRow("whole token "+label, whole.APIToken.ID, b.seed.own[label])
	if _, err := b.s.Authenticate(ctx, *whole.Token); err != nil {
		return err
	}
	if err := b.s.FlushTokenUses(ctx); err != nil {
		return err
	}
	if _, err = b.s.RevokeAPIToken(ctx, access.RevokeAPITokenInput{ID: whole.APIToken.ID}); err != nil {
		return err
	}
	return b.ownWebhooks(ctx, label, role)
}

// createPolicy makes a version of the policy with canaries: a rule of a role that nobody holds.
func (b *seedBuilder) createPolicy() {
	b.do("policy", func() error {
		_, err := b.s.PutPolicyRule(b.asAdmin(), access.PutPolicyRuleInput{Role: "auditor", Object: "class:catalog", Act: "READ", Reason: b.text(),
			Conditions: []access.PolicyCondition{{Key: "OWNER", Values: []string{b.text()}}}})
		b.addRow("policy", registry.PolicyVersionID(1))
		return err
	})
}

// patchStore writes canaries into the fields that no use case writes yet:
// descriptions and tags of datasets, approvals, and what comes after an announcement.
func (b *seedBuilder) patchStore(ctx context.Context, store graph.Store) error {
	set := func(n *graph.Node, fields map[string]any) error {
		var doc map[string]any
		if err := json.Unmarshal(n.Doc, &doc); err != nil {
			return err
		}
		for k, v := range fields {
			doc[k] = v
		}
		raw, err := registry.Canonical(doc)
		n.Doc = raw
		return err
	}
	return store.Update(ctx, func(tx graph.Tx) error {
		page, err := tx.Find(ctx, graph.Query{Kinds: []registry.Kind{registry.KindDataset, registry.KindTransition, registry.KindTransitionRequest, registry.KindDeprecation, registry.KindConsumer, registry.KindRecall, registry.KindRecallResolution}, Limit: 1000})
		if err != nil {
			return err
		}
		for _, n := range page.Nodes {
			fields := map[string]any{"approval": b.text()}
			if n.Kind == registry.KindTransitionRequest {
				if n.ID != b.seed.id["rejected"] {
					continue
				}
				fields = map[string]any{"voidBecause": []string{b.text()}, "approvers": []string{b.text()}, "transitionId": registry.TransitionID(b.seed.id["a2"], 1),
					"approvals": []registry.TransitionApproval{{By: b.text(), At: b.date(), Comment: b.text()}}}
			}
			switch n.ID {
			case b.seed.id["a1 deprecation"]:
				fields = map[string]any{"superseded": true, "closedBy": b.text(), "closedAt": b.date(), "reason": b.text(), "forced": true, "keepUntil": b.date(), "cleanedBy": b.text(),
					"cleanedAt": b.date(), "artifactsRemoved": 3, "notices": []registry.DeprecationNotice{{To: b.text(), Because: registry.NoticeDeployment, Where: b.text()}}, "logDigest": "sha256:" + b.hex(64), "logEntries": 4}
			case b.seed.id["a1 consumer"]:
				fields = map[string]any{"lastUsedAt": b.date(), "uses": 2, "days": []registry.UsageDay{{Day: "1987-08-01", Gets: 2}}, "environments": []string{b.text()}}
			default:
				if n.Kind == registry.KindDeprecation || n.Kind == registry.KindConsumer {
					continue
				}
			}
			switch n.Kind {
			case registry.KindRecall:
				fields = map[string]any{"recalledBy": b.text(), "recalledAt": b.date()}
				if n.ID == b.seed.id["cleared recall"] {
					fields["clearedAt"] = b.date()
				}
			case registry.KindRecallResolution:
				fields = map[string]any{"resolvedBy": b.text(), "resolvedAt": b.date()}
			}
			if n.Kind == registry.KindDataset {
				fields = map[string]any{"description": b.text(), "tags": b.kv()}
			}
			if err := set(n, fields); err != nil {
				return err
			}
		}
		if err := tx.Put(ctx, page.Nodes...); err != nil {
			return err
		}
		for _, model := range []registry.ID{b.seed.id["alpha"], ""} {
			if err := tx.Append(ctx, &registry.LogEntry{At: b.date(), Actor: b.text(), Action: registry.LogImported, Objects: []registry.ID{b.seed.id["a2"]}, Model: model,
				Reason: b.text(), Approval: b.text(), RequestID: b.text(), Detail: b.json()}); err != nil {
				return err
			}
		}
		return nil
	})
}
