package remote

import (
	"context"

	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/governance"
)

// The fields that deprecations and consumers are read with.
var (
	deprecationFields = fieldsOf(registry.KindDeprecation)
	consumerFields    = fieldsOf(registry.KindConsumer)
)

// The operations on deprecations.
var (
	opDeprecations = `query Deprecations($first: Int, $after: String, $filter: DeprecationFilter) { deprecations(first: $first, after: $after, filter: $filter) {
		edges { cursor node { ` + deprecationFields + ` } } ` + pageFields + ` } }`

	opDeprecationOf = `query DeprecationOf($id: ID!) { node(id: $id) { ... on ModelVersion { deprecation { ` + deprecationFields + ` } } } }`

	opConsumers = `query Consumers($id: ID!, $first: Int, $after: String) { node(id: $id) { ... on Deprecation { consumers(first: $first, after: $after) {
		edges { cursor node { ` + consumerFields + ` } } ` + pageFields + ` } } } }`

	opPlanDeprecation = `mutation PlanDeprecation($input: PlanDeprecationInput!) { planDeprecation(input: $input) { deprecations { ` + deprecationFields + ` } } }`

	opAnnounceDeprecation = `mutation AnnounceDeprecation($input: AnnounceDeprecationInput!) { announceDeprecation(input: $input) { deprecations { ` + deprecationFields + ` } } }`

	opWithdrawDeprecation = `mutation WithdrawDeprecation($input: WithdrawDeprecationInput!) { withdrawDeprecation(input: $input) { deprecation { ` + deprecationFields + ` } } }`

	opConfirmMigration = `mutation ConfirmMigration($input: ConfirmMigrationInput!) { confirmMigration(input: $input) { consumer { ` + consumerFields + ` } } }`

	opRetireModelVersion = `mutation RetireModelVersion($input: RetireModelVersionInput!) { retireModelVersion(input: $input) {
		deprecation { ` + deprecationFields + ` } version { ` + versionFields + ` } transition { ` + transitionFields + ` } } }`

	opCleanupModelVersion = `mutation CleanupModelVersion($input: CleanupModelVersionInput!) { cleanupModelVersion(input: $input) { deprecation { ` + deprecationFields + ` } log } }`
)

// deprecationOperations lists the texts by the name of their root field.
func deprecationOperations() map[string]string {
	return map[string]string{"deprecations": opDeprecations, "deprecationOf": opDeprecationOf, "consumers": opConsumers, "planDeprecation": opPlanDeprecation,
		"announceDeprecation": opAnnounceDeprecation, "withdrawDeprecation": opWithdrawDeprecation, "confirmMigration": opConfirmMigration, "retireModelVersion": opRetireModelVersion,
		"cleanupModelVersion": opCleanupModelVersion}
}

// Deprecations returns one page of the deprecations that the caller sees.
func (c *Client) Deprecations(ctx context.Context, p core.Paging, f *governance.DeprecationFilter) (*governance.DeprecationConnection, error) {
	vars := addPaging(map[string]any{}, p)
	if f != nil {
		filter := map[string]any{}
		if f.Step != nil {
			filter["step"] = *f.Step
		}
		if f.Model != nil {
			filter["model"] = *f.Model
		}
		if !f.SunsetBy.IsZero() {
			filter["sunsetBy"] = f.SunsetBy
		}
		vars["filter"] = filter
	}
	var out struct {
		Deprecations *list[*registry.Deprecation]
	}
	if err := c.execute(ctx, opDeprecations, vars, &out); err != nil {
		return nil, err
	}
	page, err := connection(out.Deprecations, func(cursor string, d *registry.Deprecation) *governance.DeprecationEdge {
		return &governance.DeprecationEdge{Cursor: cursor, Node: d}
	})
	return &governance.DeprecationConnection{Connection: page}, err
}

// DeprecationOf returns the last deprecation of a version, nil when there is none.
func (c *Client) DeprecationOf(ctx context.Context, v *registry.ModelVersion) (*registry.Deprecation, error) {
	var out struct {
		Node struct{ Deprecation of[*registry.Deprecation] }
	}
	err := c.execute(ctx, opDeprecationOf, map[string]any{"id": v.ID}, &out)
	return out.Node.Deprecation.Noun, err
}

// ConsumersOf returns one page of the subjects that use the version of a deprecation, by name.
func (c *Client) ConsumersOf(ctx context.Context, d *registry.Deprecation, p core.Paging) (*governance.ConsumerConnection, error) {
	var out struct {
		Node struct{ Consumers *list[*registry.Consumer] }
	}
	if err := c.execute(ctx, opConsumers, addPaging(map[string]any{"id": d.ID}, p), &out); err != nil {
		return nil, err
	}
	page, err := connection(out.Node.Consumers, func(cursor string, n *registry.Consumer) *governance.ConsumerEdge {
		return &governance.ConsumerEdge{Cursor: cursor, Node: n}
	})
	return &governance.ConsumerConnection{Connection: page}, err
}

// deprecations sends a mutation on the deprecations of several versions.
func (c *Client) deprecations(ctx context.Context, op, field string, in any) (*governance.DeprecationsPayload, error) {
	type payload struct {
		Deprecations []of[*registry.Deprecation]
	}
	p, err := mutate[payload](ctx, c, op, field, in)
	if err != nil {
		return nil, err
	}
	out := &governance.DeprecationsPayload{}
	for _, d := range p.Deprecations {
		out.Deprecations = append(out.Deprecations, d.Noun)
	}
	return out, nil
}

// PlanDeprecation plans the deprecation of versions.
func (c *Client) PlanDeprecation(ctx context.Context, in governance.PlanDeprecationInput) (*governance.DeprecationsPayload, error) {
	return c.deprecations(ctx, opPlanDeprecation, "planDeprecation", in)
}

// AnnounceDeprecation announces planned deprecations.
func (c *Client) AnnounceDeprecation(ctx context.Context, in governance.AnnounceDeprecationInput) (*governance.DeprecationsPayload, error) {
	return c.deprecations(ctx, opAnnounceDeprecation, "announceDeprecation", in)
}

// deprecationPayload is what mutations on the deprecation of one version answer.
type deprecationPayload struct {
	Deprecation of[*registry.Deprecation]
	Version     of[*registry.ModelVersion]
	Transition  of[*registry.Transition]
	Consumer    of[*registry.Consumer]
	Log         *string
}

// WithdrawDeprecation gives up a deprecation.
func (c *Client) WithdrawDeprecation(ctx context.Context, in governance.WithdrawDeprecationInput) (*governance.DeprecationPayload, error) {
	p, err := mutate[deprecationPayload](ctx, c, opWithdrawDeprecation, "withdrawDeprecation", in)
	return &governance.DeprecationPayload{Deprecation: p.Deprecation.Noun}, err
}

// ConfirmMigration answers that a consumer uses another version now.
func (c *Client) ConfirmMigration(ctx context.Context, in governance.ConfirmMigrationInput) (*governance.ConfirmMigrationPayload, error) {
	p, err := mutate[deprecationPayload](ctx, c, opConfirmMigration, "confirmMigration", in)
	return &governance.ConfirmMigrationPayload{Consumer: p.Consumer.Noun}, err
}

// RetireModelVersion archives a version.
func (c *Client) RetireModelVersion(ctx context.Context, in governance.RetireModelVersionInput) (*governance.RetirementPayload, error) {
	p, err := mutate[deprecationPayload](ctx, c, opRetireModelVersion, "retireModelVersion", in)
	return &governance.RetirementPayload{Deprecation: p.Deprecation.Noun, Version: p.Version.Noun, Transition: p.Transition.Noun}, err
}

// CleanupModelVersion removes the artifact records of a retired version.
func (c *Client) CleanupModelVersion(ctx context.Context, in governance.CleanupModelVersionInput) (*governance.CleanupPayload, error) {
	p, err := mutate[deprecationPayload](ctx, c, opCleanupModelVersion, "cleanupModelVersion", in)
	return &governance.CleanupPayload{Deprecation: p.Deprecation.Noun, Log: p.Log}, err
}
