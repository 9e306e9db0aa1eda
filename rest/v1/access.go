package v1

import (
	"context"
	"net/http"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/core"
)

// accessRoutes are the routes of tokens, subjects and roles.
func accessRoutes() []route {
	return []route{
		list("tokens", "apiTokens", "tokens", "API tokens, newest first", func(ctx context.Context, c *call, p core.Paging, q *struct{ Subject string }) (page[registry.Token], error) {
			return nodes[registry.Token](c.service.APITokens(ctx, q.Subject, p))
		}),
		write(http.MethodPost, "tokens", "createApiToken", "Makes an API token and shows it, this once", (*service.Service).CreateAPIToken, statuses(http.StatusCreated)),
		write(http.MethodDelete, "tokens/{id}", "revokeApiToken", "Revokes an API token", (*service.Service).RevokeAPIToken),
		list("subjects", "subjects", "subjects", "The subjects that the registry knows, by name", func(ctx context.Context, c *call, p core.Paging, q *access.SubjectFilter) (page[registry.Actor], error) {
			return nodes[registry.Actor](c.service.Subjects(ctx, p, q))
		}),
		write(http.MethodPost, "subjects/{subject}/roles", "assignRole", "Gives a subject a role within a scope", (*service.Service).AssignRole, requires("role")),
		write(http.MethodDelete, "subjects/{subject}/roles", "revokeRole", "Takes a role within a scope from a subject", (*service.Service).RevokeRole, requires("role")),
		list("roles", "roles", "roles", "The roles of the policy in force", func(ctx context.Context, c *call, _ core.Paging, _ *noQuery) (page[access.Role], error) {
			all, err := c.service.Roles(ctx)
			return page[access.Role]{items: all}, err
		}),
		read("policy", "policy", "The policy in force, with its rules", func(ctx context.Context, c *call, _ *noQuery) (*access.Policy, error) {
			return c.service.Policy(ctx)
		}),
		read("policy/explain", "explain", "Whether a role may read a field or do an action, and which rule decides", func(ctx context.Context, c *call, q *access.ExplainInput) (*access.Explanation, error) {
			return c.service.Explain(ctx, *q)
		}),
	}
}
