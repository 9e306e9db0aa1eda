package access

import (
	"context"
	"encoding/json"
	"fmt"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/catalog"
	"pedigree/service/facts"
)

func (b *builder) repo(label string) facts.RepositoryInput {
	if b.w.name[label] == "" {
		b.w.name[label] = b.text()
		b.w.name[label+"/url"] = "https://" + b.text() + ".example.com/" + b.text()
		b.w.name[label+"/branch"] = b.text()
	}
	return facts.RepositoryInput{Name: b.w.name[label], URL: b.w.name[label+"/url"], DefaultBranch: b.w.name[label+"/branch"]}
}

func (b *builder) commit(repo, label, parent string, who ...map[registry.ID]bool) {
	b.w.sha[label] = b.hex(40)
	c := facts.CommitInput{SHA: b.w.sha[label], Message: b.text(), Author: b.text(), Email: b.text() + "@example.com", Committer: b.text(), Role: b.text(),
		Signature: b.text(), AuthoredAt: b.date(), CommittedAt: b.date()}
	if parent != "" {
		c.Parents = []string{b.w.sha[parent]}
	}
	b.do("commit "+label, func() error {
		p, err := b.s.RecordCommits(b.as(), facts.RecordCommitsInput{Repository: b.repo(repo), Commits: []facts.CommitInput{c}})
		if err == nil {
			b.keep(label, p.Commits[0].ID, who...)
			b.w.id[repo] = p.Repository.ID
			for _, set := range who {
				set[p.Repository.ID] = true
			}
		}
		return err
	})
}

func (b *builder) tag(repo, label, name, at string, who ...map[registry.ID]bool) {
	b.do("tag "+label, func() error {
		p, err := b.s.RecordTag(b.as(), facts.RecordTagInput{Repository: b.repo(repo), Name: name, SHA: b.w.sha[at], Annotated: true, Message: b.text(),
			Tagger: b.text(), TaggedAt: b.date()})
		if err == nil {
			b.keep(label, p.Tag.ID, who...)
		}
		return err
	})
}

// code: c1 ← c2 ← c3 in one repository, of which c3 is dark; d1 in another. The
// tag of the served release has moved on to the dark commit.
func (b *builder) code() {
	s, beta := b.w.served, b.w.beta
	b.commit("repo", "c1", "", s)
	b.commit("repo", "c2", "c1", s)
	b.commit("repo", "c3", "c2")
	b.commit("dark-repo", "d1", "", beta)
	release := b.text()
	b.tag("repo", "t1", release, "c2", s)
	b.tag("repo", "t1-moved", release, "c3")
	b.tag("repo", "t2", b.text(), "c3")
}

func (b *builder) dataset(label, of string, role registry.DataRole, by string, who ...map[registry.ID]bool) {
	if b.w.name[of] == "" {
		b.w.name[of], b.w.name[of+"/namespace"] = b.text(), b.text()
	}
	b.w.name[label] = "sha256:" + b.hex(64)
	in := facts.RecordDatasetVersionInput{Dataset: b.w.name[of], Namespace: b.w.name[of+"/namespace"], Digest: b.w.name[label], Description: b.text(),
		Owner: b.text(), URI: "s3://" + b.text() + "/" + b.text(), SizeBytes: b.num(), Rows: b.num(), Role: role, Tags: b.kv(), CreatedAt: b.date(),
		Columns: []registry.Column{{Name: "col_" + b.text(), Type: b.text(), Description: b.text(), DerivedFrom: b.sources(label)}}}
	if by != "" {
		id := b.w.id[by]
		in.GeneratedBy = &id
	}
	b.do("dataset "+label, func() error {
		p, err := b.s.RecordDatasetVersion(b.as(), in)
		if err == nil {
			b.keep(label, p.DatasetVersion.ID, who...)
			b.w.id[of] = p.DatasetVersion.Parent
			for _, set := range who {
				set[p.DatasetVersion.Parent] = true
			}
			b.w.name[label+"/column"] = in.Columns[0].Name
		}
		return err
	})
}

// sources are the columns that a dataset's column was derived from.
func (b *builder) sources(label string) (out []registry.ColumnSource) {
	for _, from := range map[string][]string{"raw2": {"raw"}, "clean": {"raw", "ghost"}, "training": {"clean"}}[label] {
		out = append(out, registry.ColumnSource{DatasetVersion: b.w.id[from], Column: b.w.name[from+"/column"],
			Transformations: []registry.ColumnTransformation{{Type: registry.DirectTransformation, Subtype: b.text(), Description: b.text(), Masking: true}}})
	}
	return out
}

func (b *builder) run(label string, kind registry.RunKind, inputs, commits []string, who ...map[registry.ID]bool) {
	in := facts.RecordRunInput{Producer: b.text(), RunID: b.text(), Name: b.text(), RunKind: kind, Command: b.text(), Description: b.text(), Parameters: b.json(),
		Metrics: b.metrics(), Tags: b.kv(), StartedAt: b.date(), EndedAt: b.date()}
	if label == "train-a2" { // train-a1 that ran anew
		in.Producer, in.Name = b.w.name["train-a1/producer"], b.w.name["train-a1/name"]
	}
	for _, i := range inputs {
		in.Inputs = append(in.Inputs, b.w.id[i])
	}
	for _, c := range commits {
		in.Commits = append(in.Commits, b.w.sha[c])
	}
	b.do("run "+label, func() error {
		p, err := b.s.RecordRun(b.as(), in)
		if err == nil {
			b.keep(label, p.Run.ID, who...)
			b.w.name[label+"/producer"], b.w.name[label+"/id"], b.w.name[label+"/name"] = in.Producer, in.RunID, in.Name
		}
		return err
	})
}

func (b *builder) feature(label string, in facts.RecordFeatureInput, who ...map[registry.ID]bool) {
	in.Name, in.Type, in.Description, in.Owner, in.CreatedAt = b.text(), b.text(), b.text(), b.text(), b.date()
	b.do("feature "+label, func() error {
		p, err := b.s.RecordFeature(b.as(), in)
		if err == nil {
			b.keep(label, p.Feature.ID, who...)
		}
		return err
	})
}

// data: raw → etl → clean → fe → training → the runs that trained what is served;
// beside it a second state of raw and a dataset that only dark runs read.
func (b *builder) data() {
	s, beta := b.w.served, b.w.beta
	b.dataset("raw", "raw-set", registry.RawData, "", s)
	b.dataset("raw1", "raw-set", registry.RawData, "", s)
	b.dataset("raw2", "raw-set", registry.RawData, "")    // a dark state of a seen dataset
	b.dataset("raw2", "raw-set", registry.RawData, "")    // a dark state of a seen dataset
	b.dataset("ghost", "ghost-set", registry.RawData, "") // its column is named by a seen one, and nothing joins the two any more
	b.run("etl", registry.RunETL, []string{"raw"}, []string{"c1"}, s)
	b.dataset("clean", "clean-set", registry.CleanedData, "etl", s)
	b.do("retract ghost", func() error {
		_, err := b.s.RetractLineage(b.as(), facts.RetractLineageInput{From: b.w.id["clean"], To: b.w.id["ghost"], Kind: registry.EdgeDerivedFrom, Reason: b.text()})
		return err
	})
	b.run("fe", registry.RunFeatureEngineering, []string{"clean"}, []string{"c2"}, s)
	b.dataset("training", "training-set", registry.TrainingData, "fe", s)
	training := b.w.id["training"]
	b.feature("column-feature", facts.RecordFeatureInput{DefinedOn: &training, Column: b.w.name["training/column"]}, s)
	b.run("train-a1", registry.RunTraining, []string{"training", "raw1"}, nil, s) // a gap: no commit
	b.run("train-a2", registry.RunTraining, []string{"training", "column-feature"}, []string{"c2"}, s)
	b.run("train-dark", registry.RunTraining, []string{"training", "raw2"}, []string{"c3"})
	b.dataset("dark", "dark-set", registry.RawData, "", beta)
	b.run("train-beta", registry.RunTraining, []string{"dark"}, []string{"d1"}, beta)
}

func (b *builder) models() {
	for label, who := range map[string]map[registry.ID]bool{"alpha": b.w.served, "beta": b.w.beta} {
		b.w.name[label] = b.text()
		b.do("model "+label, func() error {
			p, err := b.s.RegisterModel(b.as(), catalog.RegisterModelInput{Name: b.w.name[label], Description: b.text(), Owner: b.text(), Tags: b.kv()})
			if err == nil {
				b.keep(label, p.Model.ID, who)
			}
			return err
		})
	}
	b.feature("alpha-feature", facts.RecordFeatureInput{Model: b.w.name["alpha"]}, b.w.served)
	// Of a dark model, and learned from by a served version of another too.
	b.feature("beta-feature", facts.RecordFeatureInput{Model: b.w.name["beta"]}, b.w.served, b.w.beta)
}

func (b *builder) card() *catalog.ModelCardInput {
	yes, about := true, b.text()
	return &catalog.ModelCardInput{Description: &about, CreatedDate: b.date(),
		ModelDetails: &registry.ModelDetails{Algorithm: b.text(), Framework: b.text(), Hyperparameters: b.json()},
		Training:     &registry.TrainingInfo{TrainingDataVersion: b.text(), TrainingDate: b.date(), TrainingTimeHours: b.share(), SamplesUsed: b.num()},
		Performance:  &registry.Performance{Accuracy: b.share(), Precision: b.share(), Recall: b.share(), F1Score: b.share(), Metrics: b.metrics()},
		Features:     []string{b.text()}, DataPreprocessing: []string{b.text()}, Limitations: []string{b.text()},
		EthicalConsiderations: &registry.Ethics{FairnessChecked: &yes, BiasAuditDone: &yes, ProtectedGroups: []string{b.text()}}}
}

// version registers one with everything that belongs to it, seen as it is.
func (b *builder) version(label, model string, in catalog.RegisterModelVersionInput, who ...map[registry.ID]bool) {
	semver := b.mint.version()
	b.w.name[label] = semver
	in.Model, in.Version, in.Label, in.Description, in.Owner, in.Tags, in.CreatedDate = b.w.name[model], &semver, b.text(), b.text(), b.text(), b.kv(), b.date()
	b.w.name[label+"/label"] = in.Label
	in.Card = b.card()
	artifacts := []string{b.text()}
	if label == "a2" {
		artifacts = append(artifacts, b.text())
	}
	for _, name := range artifacts {
		in.Artifacts = append(in.Artifacts, catalog.ArtifactInput{Name: name, URI: "s3://" + b.text() + "/model", Digest: "sha256:" + b.hex(64), SizeBytes: b.num(),
			Format: b.text(), StorageKey: b.text(), ServiceAccountName: b.text()})
	}
	b.do("version "+label, func() error {
		p, err := b.s.RegisterModelVersion(b.as(), in)
		if err != nil {
			return err
		}
		id := p.ModelVersion.ID
		b.keep(label, id, who...)
		b.keep(label+"/card", registry.CardID(id), who...)
		for i, name := range artifacts {
			b.keep(fmt.Sprintf("%s/artifact%d", label, i), registry.ArtifactID(id, name), who...)
		}
		return nil
	})
}

// versions: a1 and a2 will be served, a3 to a6 stay dark, b1 is of the dark model.
func (b *builder) versions() {
	s, beta := b.w.served, b.w.beta
	ptr := func(label string) *registry.ID { id := b.w.id[label]; return &id }
	b.version("a1", "alpha", catalog.RegisterModelVersionInput{Run: ptr("train-a1")}, s)
	b.version("a2", "alpha", catalog.RegisterModelVersionInput{Run: ptr("train-a2"), ReleasedFrom: ptr("t1"), DerivedFrom: []registry.ID{b.w.id["a1"]},
		Features: []registry.ID{b.w.id["column-feature"], b.w.id["alpha-feature"], b.w.id["beta-feature"]}}, s)
	b.version("a3", "alpha", catalog.RegisterModelVersionInput{Run: ptr("train-dark"), ReleasedFrom: ptr("t2"), DerivedFrom: []registry.ID{b.w.id["a2"]}})
	b.version("a4", "alpha", catalog.RegisterModelVersionInput{Run: ptr("train-dark")})
	b.version("a5", "alpha", catalog.RegisterModelVersionInput{Run: ptr("train-dark")})
	b.version("a6", "alpha", catalog.RegisterModelVersionInput{DerivedFrom: []registry.ID{b.w.id["a3"]}})
	b.version("b1", "beta", catalog.RegisterModelVersionInput{Run: ptr("train-beta"), Features: []registry.ID{b.w.id["beta-feature"]}}, beta)
	b.version("gone", "alpha", catalog.RegisterModelVersionInput{})
}

func (b *builder) move(label, model string, who map[registry.ID]bool, stages ...registry.Stage) {
	for _, st := range stages {
		b.do("move "+label, func() error {
			model, version := b.w.name[model], b.w.name[label]
			p, err := b.s.TransitionModelVersion(b.as(), catalog.TransitionModelVersionInput{Model: &model, Version: &version, To: st, Reason: b.text(), At: b.date()})
			if err == nil && who != nil {
				who[p.Transition.ID] = true
			}
			return err
		})
	}
}

func (b *builder) deploy(label, version string, ends bool, who ...map[registry.ID]bool) {
	b.do("deploy "+label, func() error {
		id := b.w.id[version]
		p, err := b.s.RecordDeployment(b.as(), facts.RecordDeploymentInput{ID: &id, Environment: b.text(), Endpoint: "https://" + b.text(), TrafficPercent: b.share(),
			Owner: b.text(), Description: b.text(), StartedAt: b.date()})
		if err != nil {
			return err
		}
		b.keep(label, p.Deployment.ID, who...)
		b.w.name[label] = p.Deployment.Environment
		if ends {
			_, err = b.s.EndDeployment(b.as(), facts.EndDeploymentInput{ID: p.Deployment.ID, EndedAt: b.date(), Reason: b.text()})
		}
		return err
	})
}

func (b *builder) alias(label, version string, who ...map[registry.ID]bool) {
	if b.w.name[label] == "" {
		b.w.name[label] = b.text()
	}
	b.do("alias "+label, func() error {
		p, err := b.s.SetAlias(b.as(), catalog.SetAliasInput{Model: b.w.name["alpha"], Alias: b.w.name[label], Version: b.w.name[version]})
		if err == nil {
			b.keep(label, p.Alias.ID, who...)
		}
		return err
	})
}

// life moves the versions to their stages and puts them to work.
func (b *builder) life() {
	s := b.w.served
	b.move("a1", "alpha", s, registry.Staging, registry.Production)
	b.deploy("deployed-a1", "a1", true, s)
	b.move("a2", "alpha", s, registry.Staging, registry.Production) // a1 is DEPRECATED by it
	s[registry.TransitionID(b.w.id["a1"], 3)] = true
	b.deploy("deployed-a2", "a2", false, s)
	b.move("a4", "alpha", nil, registry.Staging)
	b.deploy("deployed-a4", "a4", false)
	b.move("a5", "alpha", nil, registry.Staging, registry.Canary)
	b.move("a6", "alpha", nil, registry.Archived)
	b.alias("seen-alias", "a3", s) // it pointed at what is dark before
	b.alias("seen-alias", "a2", s)
	b.alias("dark-alias", "a3")
	b.do("delete", func() error {
		id := b.w.id["gone"]
		_, err := b.s.DeleteModelVersion(b.as(), catalog.DeleteModelVersionInput{ID: &id, Reason: b.text()})
		return err
	})
	for _, v := range []string{"a2", "a3"} {
		b.do("card "+v, func() error {
			id := b.w.id[v]
			_, err := b.s.UpdateModelCard(b.as(), catalog.UpdateModelCardInput{ID: &id, Card: b.card()})
			return err
		})
	}
}

// people makes the tests' own tokens and one actor whose every field is a canary.
func (b *builder) people() {
	token := func(label, subject, role, scope string) {
		b.do("token "+label, func() error {
			text, err := b.s.CreateToken(b.as(), access.CreateTokenInput{Subject: subject, Role: role, Scope: scope, Name: b.text()})
			b.w.tokens[label] = text
			b.keep("actor "+label, registry.ActorID(subject))
			return err
		})
	}
	for _, role := range columns[1:] {
		token(role, "user-"+role, role, "")
	}
	token(scopedDeveloper, "user-scoped-developer", developer, "model:"+b.w.name["alpha"])
	token(scopedScientist, "user-scoped-scientist", dataScientist, "model:"+b.w.name["beta"])
	token("canary", b.text(), viewer, "model:"+b.text())
}

// patch plants canaries where no use case writes yet: what a dataset says of
// itself, and approvals.
func (b *builder) patch(ctx context.Context, store graph.Store) error {
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
		page, err := tx.Find(ctx, graph.Query{Kinds: []registry.Kind{registry.KindDataset, registry.KindTransition}, Limit: 1000})
		if err != nil {
			return err
		}
		for _, n := range page.Nodes {
			fields := map[string]any{"approval": b.text()}
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
		for _, model := range []registry.ID{b.w.id["alpha"], ""} {
			if err := tx.Append(ctx, &registry.LogEntry{At: b.date(), Actor: b.text(), Action: registry.LogImported, Objects: []registry.ID{b.w.id["a2"]}, Model: model,
				Reason: b.text(), Approval: b.text(), RequestID: b.text(), Detail: b.json()}); err != nil {
				return err
			}
		}
		return nil
	})
}
