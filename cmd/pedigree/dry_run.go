package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"

	"pedigree/connect/dvc"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// rehearsal is an empty registry that an import writes to, in place of the real one. It
// lists what was written; ids follow from natural keys, so the real registry has what was
// recorded before under the same ids.
type rehearsal struct {
	registryClient
	written []rehearsedFact
}

// rehearsedFact is one thing that was written. check reports whether the real registry has it.
type rehearsedFact struct {
	what, name string
	id         registry.ID
	check      func(ctx context.Context, real registryClient) (bool, error)
}

func (r *rehearsal) add(what, name string, id registry.ID) {
	r.written = append(r.written, rehearsedFact{what: what, name: name, id: id})
}

// RecordCommits records commits and lists them.
func (r *rehearsal) RecordCommits(ctx context.Context, in facts.RecordCommitsInput) (*facts.RecordCommitsPayload, error) {
	out, err := r.registryClient.RecordCommits(ctx, in)
	if err == nil {
		for _, c := range in.Commits {
			r.add("commits", c.SHA[:min(12, len(c.SHA))], registry.CommitID(c.SHA))
		}
	}
	return out, err
}

// RecordTag records a tag and lists it.
func (r *rehearsal) RecordTag(ctx context.Context, in facts.RecordTagInput) (*facts.RecordTagPayload, error) {
	out, err := r.registryClient.RecordTag(ctx, in)
	if err == nil {
		r.add("tags", in.Name, out.Tag.ID)
	}
	return out, err
}

// RecordDatasetVersion records a dataset version and lists it.
func (r *rehearsal) RecordDatasetVersion(ctx context.Context, in facts.RecordDatasetVersionInput) (*facts.RecordDatasetVersionPayload, error) {
	out, err := r.registryClient.RecordDatasetVersion(ctx, in)
	if err == nil {
		r.add("dataset versions", out.DatasetVersion.Name+" "+out.DatasetVersion.Version, out.DatasetVersion.ID)
	}
	return out, err
}

// RecordRun records a run and lists it.
func (r *rehearsal) RecordRun(ctx context.Context, in facts.RecordRunInput) (*facts.RecordRunPayload, error) {
	out, err := r.registryClient.RecordRun(ctx, in)
	if err == nil {
		r.add("runs", in.RunID, out.Run.ID)
	}
	return out, err
}

// RegisterModelVersion registers a version and lists it.
func (r *rehearsal) RegisterModelVersion(ctx context.Context, in catalog.RegisterModelVersionInput) (*catalog.RegisterModelVersionPayload, error) {
	out, err := r.registryClient.RegisterModelVersion(ctx, in)
	if err == nil {
		v := out.ModelVersion
		r.written = append(r.written, rehearsedFact{what: "model versions", name: v.ModelName + " " + v.Version + " (" + in.Label + ")",
			check: func(ctx context.Context, real registryClient) (bool, error) { // A label stays, also when the real model counts on from elsewhere.
				known, err := real.ModelVersion(ctx, in.Model, in.Label)
				return known != nil, err
			}})
	}
	return out, err
}

// TransitionModelVersion makes a transition and lists it.
func (r *rehearsal) TransitionModelVersion(ctx context.Context, in catalog.TransitionModelVersionInput) (*catalog.TransitionModelVersionPayload, error) {
	out, err := r.registryClient.TransitionModelVersion(ctx, in)
	if err == nil {
		v := out.Version
		r.written = append(r.written, rehearsedFact{what: "transitions", name: v.ModelName + " " + v.Version + " to " + string(in.To) + " by " + in.Reason,
			check: func(ctx context.Context, real registryClient) (bool, error) {
				return hasTransition(ctx, real, v, in.Reason)
			}})
	}
	return out, err
}

func hasTransition(ctx context.Context, real registryClient, v *registry.ModelVersion, reason string) (bool, error) {
	known, err := real.ModelVersion(ctx, v.ModelName, v.Version)
	if err != nil || known == nil {
		return false, err
	}
	first := core.MaxPage
	for page := (core.Paging{First: &first}); ; {
		ts, err := real.TransitionsOf(ctx, known, page)
		if err != nil {
			return false, err
		}
		found := slices.ContainsFunc(ts.Edges, func(e *catalog.TransitionEdge) bool { return e.Node.Reason == reason })
		if found || !ts.PageInfo.HasNextPage {
			return found, nil
		}
		page.After = &ts.PageInfo.EndCursor
	}
}

// RecordDeployment records a deployment and lists it.
func (r *rehearsal) RecordDeployment(ctx context.Context, in facts.RecordDeploymentInput) (*facts.RecordDeploymentPayload, error) {
	out, err := r.registryClient.RecordDeployment(ctx, in)
	if err == nil {
		r.add("deployments", out.Deployment.Name, out.Deployment.ID)
	}
	return out, err
}

// EndDeployment ends a deployment and lists that.
func (r *rehearsal) EndDeployment(ctx context.Context, in facts.EndDeploymentInput) (*facts.EndDeploymentPayload, error) {
	out, err := r.registryClient.EndDeployment(ctx, in)
	if err == nil {
		r.written = append(r.written, rehearsedFact{what: "deployments ended", name: out.Deployment.Name,
			check: func(ctx context.Context, real registryClient) (bool, error) {
				n, err := real.Node(ctx, in.ID)
				d, ok := n.(*registry.Deployment)
				return ok && !d.EndedAt.IsZero(), err
			}})
	}
	return out, err
}

// printDryRun imports into a registry of its own, and prints what the real one does not have.
func printDryRun(cmd *cobra.Command, s *settings, run importer, from string, o dvc.Options, meter *progressMeter, verbose bool) error {
	real, err := connect(cmd, s, existingStore)
	if err != nil && registry.CodeOf(err) != registry.NotFound { // A store that does not exist has nothing.
		return err
	}
	if real != nil {
		defer real.close()
		o.Owners = real
	}
	dir, err := os.MkdirTemp("", "pedigree-dry-run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	own := &settings{Viper: viper.New()}
	own.Set("data", dir)
	local, err := openLocalRegistry(cmd.Context(), own, createStore)
	if err != nil {
		return err
	}
	defer local.store.Close()
	r := &rehearsal{registryClient: local.service}
	report, err := run(asOperator(cmd.Context()), r, from, o)
	meter.finish()
	if report == nil {
		return err
	}
	report.Counts = nil
	w := cmd.OutOrStdout()
	fresh, lookErr := r.fresh(cmd.Context(), real)
	if lookErr != nil {
		return lookErr
	}
	fmt.Fprintln(w, "dry run: nothing is recorded. What would be added:")
	listed := map[string]int{}
	for _, f := range fresh {
		if listed[f.what]++; verbose || listed[f.what] <= maxListed {
			fmt.Fprintf(w, "  %s: %s\n", f.what, f.name)
		}
		report.Add(f.what, 1)
	}
	printReport(w, report, verbose)
	printCandidates(cmd, from, report)
	return err
}

// fresh returns what was written and the real registry does not have, each once.
func (r *rehearsal) fresh(ctx context.Context, real *connection) (out []rehearsedFact, err error) {
	seen := map[registry.ID]bool{}
	r.written = slices.DeleteFunc(r.written, func(f rehearsedFact) bool {
		again := f.id != "" && seen[f.id]
		seen[f.id] = true
		return again
	})
	if real == nil {
		return r.written, nil
	}
	for batch := range slices.Chunk(r.written, 100) {
		ids := make([]registry.ID, len(batch))
		for i, f := range batch {
			if ids[i] = f.id; f.id == "" {
				ids[i] = registry.CommitID("") // It is asked for by its check.
			}
		}
		nodes, err := real.Nodes(real.ctx, ids)
		if err != nil {
			return nil, err
		}
		for i, f := range batch {
			known := nodes[i] != nil
			if f.check != nil {
				if known, err = f.check(real.ctx, real); err != nil {
					return nil, err
				}
			}
			if !known {
				out = append(out, f)
			}
		}
	}
	return out, nil
}
