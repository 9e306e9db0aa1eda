package remote

import (
	"context"
	"slices"
	"strings"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// cardFields are the fields of a model card, with the lists and the JSON inside of its sections.
var cardFields = strings.NewReplacer("performance { ", "performance { metrics { name value } ", "ethicalConsiderations { ", "ethicalConsiderations { protectedGroups ",
	"modelDetails { ", "modelDetails { hyperparameters ").Replace(fieldsOf(registry.KindCard))

// The operations on the catalog that only the command sends.
var (
	opModels = `query Models($first: Int, $after: String, $filter: ModelFilter, $orderBy: ModelOrder) { models(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
		edges { cursor node { ` + modelFields + ` } } ` + pageFields + ` } }`

	opLeadingVersions = `query LeadingVersions($ids: [ID!]!) { nodes(ids: $ids) { ... on Model { latestVersion { ` + versionFields + ` } productionVersion { ` + versionFields + ` } } } }`

	opCard = `query Card($id: ID!) { node(id: $id) { ... on ModelVersion { card { ` + cardFields + ` } } } }`

	opAliases = `query Aliases($id: ID!) { node(id: $id) { ... on Model { aliases { ` + aliasFields + ` } } ... on ModelVersion { aliases { ` + aliasFields + ` } } } }`

	opUpdateModel = `mutation UpdateModel($input: UpdateModelInput!) { updateModel(input: $input) { model { ` + modelFields + ` } } }`

	opUpdateModelVersion = `mutation UpdateModelVersion($input: UpdateModelVersionInput!) { updateModelVersion(input: $input) { modelVersion { ` + versionFields + ` } } }`

	opUpdateModelCard = `mutation UpdateModelCard($input: UpdateModelCardInput!) { updateModelCard(input: $input) { card { ` + cardFields + ` } } }`

	opDeleteModel = `mutation DeleteModel($input: DeleteModelInput!) { deleteModel(input: $input) { deletedId } }`

	opDeleteModelVersion = `mutation DeleteModelVersion($input: DeleteModelVersionInput!) { deleteModelVersion(input: $input) { deletedId } }`

	opDeleteAlias = `mutation DeleteAlias($input: DeleteAliasInput!) { deleteAlias(input: $input) { deletedId } }`
)

// catalogOperations lists the texts of this file, by the name of their root field.
func catalogOperations() map[string]string {
	return map[string]string{"models": opModels, "leadingVersions": opLeadingVersions, "card": opCard, "aliases": opAliases, "updateModel": opUpdateModel,
		"updateModelVersion": opUpdateModelVersion, "updateModelCard": opUpdateModelCard,
		"deleteModel": opDeleteModel, "deleteModelVersion": opDeleteModelVersion, "deleteAlias": opDeleteAlias}
}

// Models returns one page of the models that the caller sees, by name unless o gives another order.
func (c *Client) Models(ctx context.Context, p core.Paging, f *catalog.ModelFilter, o *core.ModelOrder) (*catalog.ModelConnection, error) {
	vars := addPaging(map[string]any{}, p)
	if err := addInput(vars, "filter", f); err != nil {
		return nil, err
	}
	if err := addInput(vars, "orderBy", o); err != nil {
		return nil, err
	}
	var out struct{ Models *list[*registry.Model] }
	if err := c.execute(ctx, opModels, vars, &out); err != nil {
		return nil, err
	}
	page, err := connection(out.Models, catalog.NewModelEdge)
	return &catalog.ModelConnection{Connection: page}, err
}

// maxIDs is how many objects a server takes by their ids at once.
const maxIDs = 100

// LeadingVersions returns the latest version of each model and the one in PRODUCTION.
func (c *Client) LeadingVersions(ctx context.Context, models []*registry.Model) ([]catalog.LeadingVersions, error) {
	found := make([]catalog.LeadingVersions, 0, len(models))
	for some := range slices.Chunk(models, maxIDs) {
		ids := make([]registry.ID, len(some))
		for i, m := range some {
			ids[i] = m.ID
		}
		var out struct {
			Nodes []*struct{ LatestVersion, ProductionVersion of[*registry.ModelVersion] }
		}
		if err := c.execute(ctx, opLeadingVersions, map[string]any{"ids": ids}, &out); err != nil {
			return nil, err
		}
		if len(out.Nodes) != len(ids) {
			return nil, registry.Errorf(registry.Internal, "the server answered %d nodes of %d; use the pedigree of its version", len(out.Nodes), len(ids))
		}
		for _, n := range out.Nodes {
			var l catalog.LeadingVersions
			if n != nil {
				l.Latest, l.Production = n.LatestVersion.Noun, n.ProductionVersion.Noun
			}
			found = append(found, l)
		}
	}
	return found, nil
}

// CardOf returns the card of a version, or nil when the caller may not see it.
func (c *Client) CardOf(ctx context.Context, v *registry.ModelVersion) (*registry.ModelCard, error) {
	var out struct {
		Node struct{ Card of[*registry.ModelCard] }
	}
	err := c.execute(ctx, opCard, map[string]any{"id": v.ID}, &out)
	return out.Node.Card.Noun, err
}

// AliasesOf lists the aliases of a model, by name.
func (c *Client) AliasesOf(ctx context.Context, m *registry.Model) ([]*registry.Alias, error) {
	return c.aliases(ctx, m.ID)
}

// AliasesOfVersion lists the aliases that point at a version, by name.
func (c *Client) AliasesOfVersion(ctx context.Context, v *registry.ModelVersion) ([]*registry.Alias, error) {
	return c.aliases(ctx, v.ID)
}

func (c *Client) aliases(ctx context.Context, id registry.ID) (found []*registry.Alias, err error) {
	var out struct {
		Node struct{ Aliases []of[*registry.Alias] }
	}
	err = c.execute(ctx, opAliases, map[string]any{"id": id}, &out)
	for _, a := range out.Node.Aliases {
		found = append(found, a.Noun)
	}
	return found, err
}

// UpdateModel changes a model's description, owner or tags.
func (c *Client) UpdateModel(ctx context.Context, in catalog.UpdateModelInput) (*catalog.ModelPayload, error) {
	type payload struct{ Model of[*registry.Model] }
	p, err := mutate[payload](ctx, c, opUpdateModel, "updateModel", in)
	if err != nil {
		return nil, err
	}
	return &catalog.ModelPayload{Model: p.Model.Noun}, nil
}

// UpdateModelVersion changes a version's description, owner or tags.
func (c *Client) UpdateModelVersion(ctx context.Context, in catalog.UpdateModelVersionInput) (*catalog.UpdateModelVersionPayload, error) {
	type payload struct{ ModelVersion of[*registry.ModelVersion] }
	p, err := mutate[payload](ctx, c, opUpdateModelVersion, "updateModelVersion", in)
	if err != nil {
		return nil, err
	}
	return &catalog.UpdateModelVersionPayload{ModelVersion: p.ModelVersion.Noun}, nil
}

// UpdateModelCard changes the given fields of a card. It clears none: GraphQL has null for that.
func (c *Client) UpdateModelCard(ctx context.Context, in catalog.UpdateModelCardInput) (*catalog.UpdateModelCardPayload, error) {
	type payload struct{ Card of[*registry.ModelCard] }
	p, err := mutate[payload](ctx, c, opUpdateModelCard, "updateModelCard", in)
	if err != nil {
		return nil, err
	}
	return &catalog.UpdateModelCardPayload{Card: p.Card.Noun}, nil
}

// DeleteModel deletes a model and its versions, and leaves tombstones.
func (c *Client) DeleteModel(ctx context.Context, in catalog.DeleteModelInput) (*core.DeletePayload, error) {
	return mutate[*core.DeletePayload](ctx, c, opDeleteModel, "deleteModel", in)
}

// DeleteModelVersion deletes a version, and leaves a tombstone.
func (c *Client) DeleteModelVersion(ctx context.Context, in catalog.DeleteModelVersionInput) (*core.DeletePayload, error) {
	return mutate[*core.DeletePayload](ctx, c, opDeleteModelVersion, "deleteModelVersion", in)
}

// DeleteAlias removes an alias; one that does not exist is no error.
func (c *Client) DeleteAlias(ctx context.Context, in catalog.DeleteAliasInput) (*core.DeletePayload, error) {
	return mutate[*core.DeletePayload](ctx, c, opDeleteAlias, "deleteAlias", in)
}
