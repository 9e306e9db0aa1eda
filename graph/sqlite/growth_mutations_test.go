package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/artifacts"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/facts"
	"pedigree/service/gates"
	"pedigree/service/governance"
)

// mutation is a use case that writes; run names what it makes after n.
func mutation(name string, run func(ctx context.Context, g *grown, n int) error) useCase {
	return useCase{name: name, run: run}
}

func errOf[T any](_ T, err error) error { return err }

// requestOf asks for a transition of the nth version of the model quiet, which is guarded.
func requestOf(n int) catalog.TransitionModelVersionInput {
	return catalog.TransitionModelVersionInput{Model: ptr("quiet"), Version: ptr(fmt.Sprintf("1.0.%d", n)), To: registry.Staging}
}

// sunsetOf is the nth version of the model big that goes out of use.
func sunsetOf(n int) string { return fmt.Sprintf("1.0.%d", 3+n) }

// asAnn returns the context of an administrator who requested nothing.
func (g *grown) asAnn() context.Context {
	return service.As(g.Context(), registry.Actor{Subject: "ann", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "r")
}

// lineageEvent is an event of a new run about the dataset big, some minutes after start.
func lineageEvent(n int, kind, side string) []byte {
	return fmt.Appendf(nil, `{"eventTime":%q,"eventType":%q,"producer":"p","run":{"runId":"%08x-0000-7000-8000-%012d"},"job":{"namespace":"n","name":"job"},%q:[{"namespace":"ns","name":"big"}]}`,
		minute(2*n+3).Format(time.RFC3339), kind, len(side), n, side)
}

func mutations() []useCase {
	bump := registry.BumpPatch
	return []useCase{
		mutation("registerModel", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RegisterModel(ctx, catalog.RegisterModelInput{Name: fmt.Sprint("new-", n)}))
		}),
		mutation("updateModel", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.UpdateModel(ctx, catalog.UpdateModelInput{Model: ptr("big"), Description: ptr(fmt.Sprint(n))}))
		}),
		mutation("updateModel by single tags", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.UpdateModel(ctx, catalog.UpdateModelInput{Model: ptr("big"), TagEdits: catalog.TagEdits{SetTags: []registry.KeyValue{{Key: "k", Value: fmt.Sprint(n)}}}}))
		}),
		mutation("renameModel", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RenameModel(ctx, catalog.RenameModelInput{ID: ptr(g.modelNamed(ctx, []string{"big", "renamed"}[n%2]).ID), Name: []string{"renamed", "big"}[n%2]}))
		}),
		mutation("updateModelVersion", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.UpdateModelVersion(ctx, catalog.UpdateModelVersionInput{Model: ptr("big"), Version: ptr("1.0.3"), Description: ptr(fmt.Sprint(n))}))
		}),
		mutation("registerModelVersion", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RegisterModelVersion(ctx, catalog.RegisterModelVersionInput{Model: "big", Version: ptr(fmt.Sprintf("2.%d.0", n))}))
		}),
		mutation("registerModelVersion with bump", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RegisterModelVersion(ctx, catalog.RegisterModelVersionInput{Model: "big", Bump: &bump}))
		}),
		mutation("registerModelVersion with a label", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RegisterModelVersion(ctx, catalog.RegisterModelVersionInput{Model: "big", Label: fmt.Sprint("label", n)}))
		}),
		mutation("updateModelCard", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.UpdateModelCard(ctx, catalog.UpdateModelCardInput{Model: ptr("big"), Version: ptr("1.0.3"), Card: &catalog.ModelCardInput{Description: ptr(fmt.Sprint("new ", n))}}))
		}),
		mutation("transitionModelVersion", func(ctx context.Context, g *grown, n int) error {
			to := []registry.Stage{registry.Canary, registry.Staging}[n%2]
			return errOf(g.TransitionModelVersion(ctx, catalog.TransitionModelVersionInput{Model: ptr("big"), Version: ptr("1.0.0"), To: to, Force: true, Reason: "r"}))
		}),
		mutation("promotion", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.TransitionModelVersion(ctx, catalog.TransitionModelVersionInput{Model: ptr("big"), Version: ptr(fmt.Sprintf("1.0.%d", n+1)), To: registry.Production, Force: true, Reason: "r"}))
		}),
		mutation("setAlias", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.SetAlias(ctx, catalog.SetAliasInput{Model: "big", Alias: "moves", Version: fmt.Sprintf("1.0.%d", n)}))
		}),
		mutation("deleteAlias", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.DeleteAlias(ctx, catalog.DeleteAliasInput{Model: "big", Alias: fmt.Sprintf("alias-%06d", n)}))
		}),
		mutation("deleteModelVersion", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.DeleteModelVersion(ctx, catalog.DeleteModelVersionInput{Model: ptr("big"), Version: ptr(fmt.Sprintf("1.0.%d", 6+n)), Reason: "r"}))
		}),
		mutation("deleteModelVersion in production", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.DeleteModelVersion(ctx, catalog.DeleteModelVersionInput{Model: ptr(fmt.Sprintf("m%06d", 5-n)), Version: ptr("1.0.0"), Reason: "r"}))
		}),
		mutation("deleteModel", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.DeleteModel(ctx, catalog.DeleteModelInput{Model: ptr(fmt.Sprintf("m%06d", 6+n)), Reason: "r"}))
		}),
		mutation("recordDatasetVersion", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RecordDatasetVersion(ctx, facts.RecordDatasetVersionInput{Dataset: "big", Namespace: "ns", Version: fmt.Sprint("new", n)}))
		}),
		mutation("recordRun", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RecordRun(ctx, facts.RecordRunInput{Producer: "new", RunID: fmt.Sprint(n), Name: "new", RunKind: "ETL", Commits: []string{fmt.Sprintf("%040x", 1)}}))
		}),
		mutation("recordLineageEvent of a read", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RecordLineageEvent(ctx, lineageEvent(n, "START", "inputs")))
		}),
		mutation("recordLineageEvent of a write between others", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RecordLineageEvent(ctx, lineageEvent(n, "COMPLETE", "outputs")))
		}),
		mutation("recordCommits", func(ctx context.Context, g *grown, n int) error {
			commits := []facts.CommitInput{{SHA: fmt.Sprintf("f%039x", n), Parents: []string{fmt.Sprintf("%040x", 1)}, Message: "feat: x"}}
			return errOf(g.RecordCommits(ctx, facts.RecordCommitsInput{Repository: facts.RepositoryInput{Name: "repo"}, Commits: commits}))
		}),
		mutation("recordTag", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RecordTag(ctx, facts.RecordTagInput{Repository: facts.RepositoryInput{Name: "repo"}, Name: fmt.Sprint("new", n), SHA: fmt.Sprintf("%040x", 1)}))
		}),
		mutation("recordFeature", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RecordFeature(ctx, facts.RecordFeatureInput{Model: "big", Name: fmt.Sprint("new", n)}))
		}),
		mutation("recordDeployment", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RecordDeployment(ctx, facts.RecordDeploymentInput{Model: ptr("big"), Version: ptr("1.0.0"), Environment: fmt.Sprint("new", n)}))
		}),
		mutation("endDeployment", func(ctx context.Context, g *grown, n int) error {
			id := registry.DeploymentID("old", fmt.Sprint(n), registry.ModelVersionID(g.model, "1.0.0"), minute(n))
			return errOf(g.EndDeployment(ctx, facts.EndDeploymentInput{ID: id}))
		}),
		mutation("linkLineage", func(ctx context.Context, g *grown, n int) error {
			from, to := registry.NewRunID("p", fmt.Sprintf("n%06d", n)), registry.CommitID(fmt.Sprintf("%040x", n+1))
			return errOf(g.LinkLineage(ctx, facts.LinkLineageInput{From: from, To: to, Kind: registry.EdgeRanCode}))
		}),
		mutation("retractLineage", func(ctx context.Context, g *grown, n int) error {
			from, to := registry.NewRunID("p", fmt.Sprintf("n%06d", n)), registry.CommitID(fmt.Sprintf("%040x", n+1))
			return errOf(g.RetractLineage(ctx, facts.RetractLineageInput{From: from, To: to, Kind: registry.EdgeRanCode, Reason: "r"}))
		}),
		mutation("a transition as a fact", func(ctx context.Context, g *grown, n int) error {
			in := &catalog.TransitionModelVersionInput{Model: ptr("big"), Version: ptr("1.0.0"), To: registry.Canary, Force: true, Reason: "r", At: g.Now()}
			if n > 0 {
				in.To = registry.Staging
			}
			return errOf(g.RecordFacts(ctx, bulk.RecordFactsInput{Facts: []bulk.FactInput{{Transition: in}}}))
		}),
		mutation("assignRole", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.AssignRole(ctx, access.AssignRoleInput{Subject: "new", Role: registry.RoleViewer, Scope: fmt.Sprint("model:", n)}))
		}),
		mutation("revokeRole", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RevokeRole(ctx, access.AssignRoleInput{Subject: fmt.Sprint("subject", n+1), Role: registry.RoleViewer}))
		}),
		mutation("putPolicyRule", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.PutPolicyRule(ctx, access.PutPolicyRuleInput{Role: fmt.Sprint("r", n), Object: "catalog.read", Act: "DO"}))
		}),
		mutation("transitionModelVersion into a guarded stage", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.TransitionModelVersion(ctx, requestOf(n)))
		}),
		mutation("approveTransition", func(ctx context.Context, g *grown, n int) error {
			id := registry.TransitionRequestID(registry.ModelVersionID(g.quiet, *requestOf(n).Version), 1)
			return errOf(g.ApproveTransition(g.asAnn(), governance.DecideInput{ID: id}))
		}),
		mutation("a request that is rejected", func(ctx context.Context, g *grown, n int) error {
			p, err := g.TransitionModelVersion(ctx, requestOf(n+2))
			if err != nil {
				return err
			}
			return errOf(g.RejectTransition(g.asAnn(), governance.DecideInput{ID: p.Request.ID}))
		}),
		mutation("a request that is withdrawn", func(ctx context.Context, g *grown, n int) error {
			p, err := g.TransitionModelVersion(ctx, requestOf(n+4))
			if err != nil {
				return err
			}
			return errOf(g.WithdrawTransition(ctx, governance.DecideInput{ID: p.Request.ID}))
		}),
		mutation("putTransitionGuard", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.PutTransitionGuard(ctx, governance.PutTransitionGuardInput{GuardTarget: governance.GuardTarget{Tag: &registry.KeyValue{Key: "k", Value: "v"}}, Profile: registry.ProfileGuarded, Needed: n + 1}))
		}),
		mutation("deleteTransitionGuard", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.DeleteTransitionGuard(ctx, governance.DeleteTransitionGuardInput{GuardTarget: governance.GuardTarget{Model: []*string{ptr("quiet"), ptr("big")}[n]}}))
		}),
		mutation("putGate", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.PutGate(ctx, gates.PutGateInput{GateInput: gates.GateInput{Name: fmt.Sprint("new ", n), Expression: "version.owner != ''", Stages: []registry.Stage{registry.Archived}, Mode: registry.GateWarn}}))
		}),
		mutation("withdrawGate", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.WithdrawGate(ctx, gates.WithdrawGateInput{Name: fmt.Sprint("new ", n)}))
		}),
		mutation("setReviewPlan", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.SetReviewPlan(ctx, governance.SetReviewPlanInput{Model: ptr("big"), IntervalDays: ptr(n + 1)}))
		}),
		mutation("recordReview", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RecordReview(ctx, governance.RecordReviewInput{Model: ptr("big"), Decision: registry.ReviewApproved}))
		}),
		mutation("planDeprecation", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.PlanDeprecation(ctx, governance.PlanDeprecationInput{Model: "big", Versions: []string{sunsetOf(n)}, Replacement: ptr("1.0.0"), Plan: "p"}))
		}),
		mutation("announceDeprecation", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.AnnounceDeprecation(ctx, governance.AnnounceDeprecationInput{Model: "big", Versions: []string{sunsetOf(n)}, Guide: "g", Sunset: g.Now().AddDate(1, 0, 0)}))
		}),
		mutation("the uses of a version", func(ctx context.Context, g *grown, n int) error {
			if _, err := g.ModelVersion(ctx, "big", sunsetOf(n)); err != nil {
				return err
			}
			return g.FlushUsage(ctx)
		}),
		mutation("confirmMigration", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.ConfirmMigration(ctx, governance.ConfirmMigrationInput{Model: ptr("big"), Version: ptr(sunsetOf(n))}))
		}),
		mutation("retireModelVersion", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RetireModelVersion(ctx, governance.RetireModelVersionInput{Model: ptr("big"), Version: ptr(sunsetOf(n)), Force: true, Reason: "r", RetentionDays: ptr(0)}))
		}),
		mutation("cleanupModelVersion", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.CleanupModelVersion(ctx, governance.CleanupModelVersionInput{Model: ptr("big"), Version: ptr(sunsetOf(n))}))
		}),
		mutation("a deprecation that is withdrawn", func(ctx context.Context, g *grown, n int) error {
			version := sunsetOf(n + 5)
			if _, err := g.PlanDeprecation(ctx, governance.PlanDeprecationInput{Model: "big", Versions: []string{version}}); err != nil {
				return err
			}
			return errOf(g.WithdrawDeprecation(ctx, governance.WithdrawDeprecationInput{Model: ptr("big"), Version: &version}))
		}),
		mutation("uploadFile", func(ctx context.Context, g *grown, n int) error {
			id := g.version(ctx, "big", "1.0.0").ID
			return errOf(g.UploadFile(ctx, artifacts.UploadFileInput{ID: &id, Path: fmt.Sprintf("model/%d", n)}, strings.NewReader("bytes")))
		}),
		mutation("attachSignature", func(ctx context.Context, g *grown, n int) error {
			id := g.version(ctx, "big", "1.0.0").ID
			return errOf(g.AttachSignature(ctx, catalog.AttachSignatureInput{ID: &id, Bundle: "{" + strings.Repeat(" ", n) + signedBundle(g.T)[1:]}))
		}),
		mutation("stageFile", func(ctx context.Context, g *grown, n int) error {
			return g.StageFile(ctx, fmt.Sprintf("1/run/artifacts/%d", n), strings.NewReader("bytes"))
		}),
		mutation("sweepArtifacts", func(ctx context.Context, g *grown, n int) error {
			unnamed := filepath.Join(g.folder, "sha256", "ff", fmt.Sprintf("%062x", n))
			if err := errors.Join(os.MkdirAll(filepath.Dir(unnamed), 0o700), os.WriteFile(unnamed, nil, 0o600), os.Chtimes(unnamed, start, start)); err != nil {
				return err
			}
			out, err := g.SweepArtifacts(ctx, artifacts.SweepArtifactsInput{})
			if err == nil && out.Files != 1 {
				err = fmt.Errorf("%+v", out)
			}
			return err
		}),
		mutation("createToken", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.CreateToken(ctx, access.CreateTokenInput{Subject: "u", Role: registry.RoleViewer, Name: fmt.Sprint(n)}))
		}),
		mutation("createApiToken", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.CreateAPIToken(ctx, access.CreateAPITokenInput{Name: fmt.Sprint(n)}))
		}),
		mutation("revokeApiToken", func(ctx context.Context, g *grown, n int) error {
			return errOf(g.RevokeAPIToken(ctx, access.RevokeAPITokenInput{ID: registry.TokenID(fmt.Sprintf("%064x", n))}))
		}),
	}
}
