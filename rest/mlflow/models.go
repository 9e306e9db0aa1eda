package mlflow

import (
	"context"

	"pedigree/registry"
	"pedigree/service/catalog"
)

// asModelError gives an error about a model the text that MLflow's clients look for.
func asModelError(err error, name string) error {
	switch registry.CodeOf(err) {
	case registry.NotFound:
		return registry.Errorf(registry.NotFound, "Registered Model with name=%s not found", registry.Shorten(name, 300))
	case registry.AlreadyExists:
		return registry.Errorf(registry.AlreadyExists, "Registered Model (name=%s) already exists.", registry.Shorten(name, 300))
	}
	return err
}

// model returns the model that the field name names.
func (c *call) model(ctx context.Context) (*registry.Model, error) {
	f, err := c.fields.required("name")
	if err != nil {
		return nil, err
	}
	m, err := c.Model(ctx, f[0])
	if err == nil && m == nil {
		err = asModelError(registry.Errorf(registry.NotFound, ""), f[0])
	}
	return m, err
}

// modelAnswer answers a model. One that the caller may write and not read is told by its name.
func (c *call) modelAnswer(ctx context.Context, m *registry.Model, name string) (any, error) {
	if m == nil {
		return modelBody{registeredModel{Name: name}}, nil
	}
	out, err := c.wireModel(ctx, m)
	return modelBody{out}, err
}

func createModel(ctx context.Context, c *call) (any, error) {
	f, err := c.fields.required("name")
	if err != nil {
		return nil, err
	}
	description, err := c.fields.text("description")
	if err != nil {
		return nil, err
	}
	tags, err := c.fields.tags()
	if err != nil {
		return nil, err
	}
	p, err := c.RegisterModel(ctx, catalog.RegisterModelInput{Name: f[0], Description: description, Tags: tags})
	if err != nil {
		return nil, asModelError(err, f[0])
	}
	return c.modelAnswer(ctx, p.Model, f[0])
}

func renameModel(ctx context.Context, c *call) (any, error) {
	f, err := c.fields.required("name", "new_name")
	if err != nil {
		return nil, err
	}
	p, err := c.RenameModel(ctx, catalog.RenameModelInput{Model: &f[0], Name: f[1]})
	if registry.CodeOf(err) == registry.AlreadyExists {
		return nil, asModelError(err, f[1])
	}
	if err != nil {
		return nil, asModelError(err, f[0])
	}
	return c.modelAnswer(ctx, p.Model, f[1])
}

func updateModel(ctx context.Context, c *call) (any, error) {
	f, err := c.fields.required("name")
	if err != nil {
		return nil, err
	}
	description, err := c.fields.text("description")
	if err != nil {
		return nil, err
	}
	p, err := c.UpdateModel(ctx, catalog.UpdateModelInput{Model: &f[0], Description: &description})
	if err != nil {
		return nil, asModelError(err, f[0])
	}
	return c.modelAnswer(ctx, p.Model, f[0])
}

func deleteModel(ctx context.Context, c *call) (any, error) {
	f, err := c.fields.required("name")
	if err != nil {
		return nil, err
	}
	_, err = c.DeleteModel(ctx, catalog.DeleteModelInput{Model: &f[0]})
	return empty{}, asModelError(err, f[0])
}

func getModel(ctx context.Context, c *call) (any, error) {
	m, err := c.model(ctx)
	if err != nil {
		return nil, err
	}
	return c.modelAnswer(ctx, m, m.Name)
}

func latestVersions(ctx context.Context, c *call) (any, error) {
	m, err := c.model(ctx)
	if err != nil {
		return nil, err
	}
	names, err := c.fields.list("stages")
	if err != nil {
		return nil, err
	}
	for i := range names {
		if names[i], _, err = parseStage(names[i]); err != nil {
			return nil, err
		}
	}
	if len(names) == 0 {
		names = stages
	}
	newest, err := c.newest(ctx, m, names)
	if err != nil {
		return nil, err
	}
	out, err := c.wireVersions(ctx, newest)
	return versionsBody{Versions: out}, err
}

func setModelTag(ctx context.Context, c *call) (any, error) {
	f, err := c.fields.required("name", "key")
	if err != nil {
		return nil, err
	}
	value, err := c.fields.text("value")
	if err != nil {
		return nil, err
	}
	edit := catalog.TagEdits{SetTags: []registry.KeyValue{{Key: f[1], Value: value}}}
	_, err = c.UpdateModel(ctx, catalog.UpdateModelInput{Model: &f[0], TagEdits: edit})
	return empty{}, asModelError(err, f[0])
}

func deleteModelTag(ctx context.Context, c *call) (any, error) {
	f, err := c.fields.required("name", "key")
	if err != nil {
		return nil, err
	}
	_, err = c.UpdateModel(ctx, catalog.UpdateModelInput{Model: &f[0], TagEdits: catalog.TagEdits{RemoveTags: f[1:]}})
	return empty{}, asModelError(err, f[0])
}
