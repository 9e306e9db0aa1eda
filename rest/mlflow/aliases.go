package mlflow

import (
	"context"
	"strings"

	"pedigree/registry"
	"pedigree/service/catalog"
)

func setAlias(ctx context.Context, c *call) (any, error) {
	f, err := c.fields.required("name", "alias", "version")
	if err != nil {
		return nil, err
	}
	if err := checkAlias(f[1]); err != nil {
		return nil, err
	}
	v, err := c.version(ctx)
	if err != nil {
		return nil, err
	}
	_, err = c.SetAlias(ctx, catalog.SetAliasInput{Model: f[0], Alias: f[1], Version: v.Version})
	if registry.CodeOf(err) == registry.NotFound {
		err = versionNotFound(f[0], v.Number)
	}
	return empty{}, err
}

// checkAlias refuses the aliases that MLflow's clients would read as versions.
func checkAlias(alias string) error {
	if strings.EqualFold(alias, "latest") {
		return registry.Errorf(registry.InvalidArgument, "'latest' alias name (case insensitive) is reserved.")
	}
	if digits, v := strings.CutPrefix(strings.ToLower(alias), "v"); v && digits != "" && strings.Trim(digits, "0123456789") == "" {
		return registry.Errorf(registry.InvalidArgument, "Version alias name '%s' is reserved.", registry.Shorten(alias, 60))
	}
	return nil
}

func deleteAlias(ctx context.Context, c *call) (any, error) {
	f, err := c.fields.required("name", "alias")
	if err != nil {
		return nil, err
	}
	_, err = c.DeleteAlias(ctx, catalog.DeleteAliasInput{Model: f[0], Alias: f[1]})
	return empty{}, asModelError(err, f[0])
}

// versionOfAlias answers the version that an alias points at; of latest, that with the highest
// number.
func versionOfAlias(ctx context.Context, c *call) (any, error) {
	f, err := c.fields.required("name", "alias")
	if err != nil {
		return nil, err
	}
	m, err := c.model(ctx)
	if err != nil {
		return nil, err
	}
	v, err := c.pointedAt(ctx, m, f[1])
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, registry.Errorf(registry.InvalidArgument, "Registered model alias %s not found.", registry.Shorten(f[1], 300))
	}
	return c.versionAnswer(ctx, v, f[0])
}

func (c *call) pointedAt(ctx context.Context, m *registry.Model, alias string) (*registry.ModelVersion, error) {
	if strings.EqualFold(alias, "latest") {
		return c.VersionByNumber(ctx, m.Name, 0)
	}
	a, err := c.Alias(ctx, m, alias)
	if err != nil || a == nil {
		return nil, err
	}
	return c.VersionOfAlias(ctx, a)
}
