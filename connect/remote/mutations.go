package remote

import (
	"context"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/facts"
)

// mutate sends a mutation and decodes its payload. It adds an idempotency key, so that a
// retry after a lost answer has no second effect.
func mutate[P any](ctx context.Context, c *Client, op, field string, in any) (payload P, err error) {
	vars, err := input(in)
	if err != nil {
		return payload, err
	}
	if vars["idempotencyKey"] == nil {
		vars["idempotencyKey"] = randomHex(16)
	}
	out := map[string]P{}
	if err := c.execute(ctx, op, map[string]any{"input": vars}, &out); err != nil {
		return payload, err
	}
	return out[field], nil
}

// readBack returns FORBIDDEN for a recorded node that the caller may not see, because the
// caller cannot continue without it.
func readBack[N registry.Node](o of[N], what string) (N, error) {
	if any(o.Noun) == any(*new(N)) {
		return o.Noun, registry.Errorf(registry.Forbidden, "the %s is recorded, but you may not read it back; ask an administrator for a role that may", what)
	}
	return o.Noun, nil
}

// RecordCommits records up to 500 commits in one call, as the service does. It returns
// RESOURCE_EXHAUSTED when they do not fit into one request; the caller then records fewer
// at once. The commits of the payload have only their id and SHA.
func (c *Client) RecordCommits(ctx context.Context, in facts.RecordCommitsInput) (*facts.RecordCommitsPayload, error) {
	type payload struct {
		Repository of[*registry.Repository]
		Commits    []of[*registry.Commit]
		Created    int
		NotTaken   []string
	}
	p, err := mutate[payload](ctx, c, opRecordCommits, "recordCommits", in)
	if err != nil {
		return nil, err
	}
	out := &facts.RecordCommitsPayload{Repository: p.Repository.Noun, Created: p.Created, NotTaken: p.NotTaken}
	for _, commit := range p.Commits {
		out.Commits = append(out.Commits, commit.Noun)
	}
	return out, nil
}

// RecordTag records a tag.
func (c *Client) RecordTag(ctx context.Context, in facts.RecordTagInput) (*facts.RecordTagPayload, error) {
	type payload struct {
		Tag      of[*registry.Tag]
		Created  bool
		NotTaken []string
	}
	p, err := mutate[payload](ctx, c, opRecordTag, "recordTag", in)
	if err != nil {
		return nil, err
	}
	t, err := readBack(p.Tag, "tag")
	return &facts.RecordTagPayload{Tag: t, Created: p.Created, NotTaken: p.NotTaken}, err
}

// RecordDatasetVersion records a version of a dataset.
func (c *Client) RecordDatasetVersion(ctx context.Context, in facts.RecordDatasetVersionInput) (*facts.RecordDatasetVersionPayload, error) {
	type payload struct {
		DatasetVersion of[*registry.DatasetVersion]
		Created        bool
		NotTaken       []string
	}
	p, err := mutate[payload](ctx, c, opRecordDatasetVersion, "recordDatasetVersion", in)
	if err != nil {
		return nil, err
	}
	v, err := readBack(p.DatasetVersion, "dataset version")
	return &facts.RecordDatasetVersionPayload{DatasetVersion: v, Created: p.Created, NotTaken: p.NotTaken}, err
}

// RecordRun records a run.
func (c *Client) RecordRun(ctx context.Context, in facts.RecordRunInput) (*facts.RecordRunPayload, error) {
	type payload struct {
		Run       of[*registry.Run]
		Created   bool
		NotTaken  []string
		Unchanged []registry.ID
	}
	p, err := mutate[payload](ctx, c, opRecordRun, "recordRun", in)
	if err != nil {
		return nil, err
	}
	r, err := readBack(p.Run, "run")
	return &facts.RecordRunPayload{Run: r, Created: p.Created, NotTaken: p.NotTaken, Unchanged: p.Unchanged}, err
}

// RecordFeature records a feature.
func (c *Client) RecordFeature(ctx context.Context, in facts.RecordFeatureInput) (*facts.RecordFeaturePayload, error) {
	type payload struct {
		Feature  of[*registry.Feature]
		Created  bool
		NotTaken []string
	}
	p, err := mutate[payload](ctx, c, opRecordFeature, "recordFeature", in)
	if err != nil {
		return nil, err
	}
	f, err := readBack(p.Feature, "feature")
	return &facts.RecordFeaturePayload{Feature: f, Created: p.Created, NotTaken: p.NotTaken}, err
}

// RecordDeployment records a deployment.
func (c *Client) RecordDeployment(ctx context.Context, in facts.RecordDeploymentInput) (*facts.RecordDeploymentPayload, error) {
	type payload struct {
		Deployment of[*registry.Deployment]
		Created    bool
		NotTaken   []string
	}
	p, err := mutate[payload](ctx, c, opRecordDeployment, "recordDeployment", in)
	if err != nil {
		return nil, err
	}
	d, err := readBack(p.Deployment, "deployment")
	return &facts.RecordDeploymentPayload{Deployment: d, Created: p.Created, NotTaken: p.NotTaken}, err
}

// EndDeployment ends a deployment.
func (c *Client) EndDeployment(ctx context.Context, in facts.EndDeploymentInput) (*facts.EndDeploymentPayload, error) {
	type payload struct{ Deployment of[*registry.Deployment] }
	p, err := mutate[payload](ctx, c, opEndDeployment, "endDeployment", in)
	if err != nil {
		return nil, err
	}
	d, err := readBack(p.Deployment, "deployment")
	return &facts.EndDeploymentPayload{Deployment: d}, err
}

// LinkLineage records an edge.
func (c *Client) LinkLineage(ctx context.Context, in facts.LinkLineageInput) (*facts.LinkLineagePayload, error) {
	p, err := mutate[facts.LinkLineagePayload](ctx, c, opLinkLineage, "linkLineage", in)
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// RegisterModel registers a model.
func (c *Client) RegisterModel(ctx context.Context, in catalog.RegisterModelInput) (*catalog.ModelPayload, error) {
	type payload struct{ Model of[*registry.Model] }
	p, err := mutate[payload](ctx, c, opRegisterModel, "registerModel", in)
	if err != nil {
		return nil, err
	}
	m, err := readBack(p.Model, "model")
	return &catalog.ModelPayload{Model: m}, err
}

// RegisterModelVersion registers a version.
func (c *Client) RegisterModelVersion(ctx context.Context, in catalog.RegisterModelVersionInput) (*catalog.RegisterModelVersionPayload, error) {
	type payload struct{ ModelVersion of[*registry.ModelVersion] }
	p, err := mutate[payload](ctx, c, opRegisterModelVersion, "registerModelVersion", in)
	if err != nil {
		return nil, err
	}
	v, err := readBack(p.ModelVersion, "version")
	return &catalog.RegisterModelVersionPayload{ModelVersion: v}, err
}

// TransitionModelVersion moves a version to another stage.
func (c *Client) TransitionModelVersion(ctx context.Context, in catalog.TransitionModelVersionInput) (*catalog.TransitionModelVersionPayload, error) {
	type payload struct {
		Version    of[*registry.ModelVersion]
		Transition of[*registry.Transition]
		Request    of[*registry.TransitionRequest]
	}
	p, err := mutate[payload](ctx, c, opTransitionModelVersion, "transitionModelVersion", in)
	if err != nil {
		return nil, err
	}
	return &catalog.TransitionModelVersionPayload{Version: p.Version.Noun, Transition: p.Transition.Noun, Request: p.Request.Noun}, nil
}

// SetAlias points an alias at a version.
func (c *Client) SetAlias(ctx context.Context, in catalog.SetAliasInput) (*catalog.SetAliasPayload, error) {
	type payload struct{ Alias of[*registry.Alias] }
	p, err := mutate[payload](ctx, c, opSetAlias, "setAlias", in)
	if err != nil {
		return nil, err
	}
	return &catalog.SetAliasPayload{Alias: p.Alias.Noun}, nil
}
