package mlflow

import (
	"context"
	"strconv"
	"strings"

	"pedigree/registry"
	"pedigree/service/catalog"
)

func versionNotFound(name string, number int) error {
	return registry.Errorf(registry.NotFound, "Model Version (name=%s, version=%d) not found", registry.Shorten(name, 300), number)
}

// version returns the version that the fields name and version name.
func (c *call) version(ctx context.Context) (*registry.ModelVersion, error) {
	f, err := c.fields.required("name")
	if err != nil {
		return nil, err
	}
	number, err := c.fields.versionNumber()
	if err != nil {
		return nil, err
	}
	return c.numbered(ctx, f[0], number)
}

// name returns the name of the model in the request, for messages.
func (c *call) name() string {
	name, _ := c.fields.text("name")
	return name
}

// numbered returns the version of a model with a number.
func (c *call) numbered(ctx context.Context, name string, number int) (*registry.ModelVersion, error) {
	if number < 1 {
		return nil, versionNotFound(name, number)
	}
	v, err := c.VersionByNumber(ctx, name, number)
	if err == nil && v == nil {
		err = versionNotFound(name, number)
	}
	return v, err
}

func (c *call) versionAnswer(ctx context.Context, v *registry.ModelVersion, name string) (any, error) {
	if v == nil { // The caller may write and not read.
		return versionBody{modelVersion{Name: name, Status: "READY"}}, nil
	}
	out, err := c.wireVersion(ctx, v)
	return versionBody{out}, err
}

// ofVersion returns the model name and the number in a source of the form models:/NAME/NUMBER.
func ofVersion(source string) (name string, number int, ok bool) {
	rest, ok := strings.CutPrefix(source, "models:/")
	name, text, cut := strings.Cut(strings.TrimLeft(rest, "/"), "/")
	number, err := strconv.Atoi(text)
	return name, number, ok && cut && name != "" && err == nil && number > 0
}

// readOnlyTag refuses the keys of tags that say what this registry knows by itself.
func readOnlyTag(key string) error {
	if key == lifecycleTag || strings.HasPrefix(key, hiddenTags) {
		return registry.Errorf(registry.InvalidArgument, "the tag %s is read-only: this registry sets it", registry.Shorten(key, 60))
	}
	return nil
}

func createVersion(ctx context.Context, c *call) (any, error) {
	f, err := c.fields.required("name", "source")
	if err != nil {
		return nil, err
	}
	in := catalog.RegisterModelVersionInput{Model: f[0], Artifacts: []catalog.ArtifactInput{{Name: sourceArtifact, URI: f[1]}}}
	if in.Description, err = c.fields.text("description"); err != nil {
		return nil, err
	}
	if in.Tags, err = c.fields.tags(); err != nil {
		return nil, err
	}
	for _, t := range in.Tags {
		if err := readOnlyTag(t.Key); err != nil {
			return nil, err
		}
	}
	if given := tagOf(in.Tags, versionTag); given != "" {
		in.Version = &given
	} else {
		minor := registry.BumpMinor
		in.Bump = &minor
	}
	for _, field := range []string{"run_id", "run_link", "model_id"} {
		value, err := c.fields.text(field)
		if err != nil {
			return nil, err
		}
		if value != "" {
			in.Tags = append(in.Tags, registry.KeyValue{Key: hiddenTags + field, Value: value})
		}
	}
	if name, number, ok := ofVersion(f[1]); ok { // A copy. Its caller must see the original.
		original, err := c.numbered(ctx, name, number)
		if err != nil {
			return nil, err
		}
		in.DerivedFrom = []registry.ID{original.ID}
	}
	p, err := c.RegisterVersionFrom(ctx, in, f[1])
	if registry.CodeOf(err) == registry.NotFound {
		err = asModelError(err, f[0])
	}
	if err != nil {
		return nil, err
	}
	return c.versionAnswer(ctx, p.ModelVersion, f[0])
}

// change changes the version that the request names.
func (c *call) change(ctx context.Context, in catalog.UpdateModelVersionInput) (*registry.ModelVersion, error) {
	v, err := c.version(ctx)
	if err != nil {
		return nil, err
	}
	in.ID = &v.ID
	p, err := c.UpdateModelVersion(ctx, in)
	if registry.CodeOf(err) == registry.NotFound {
		err = versionNotFound(c.name(), v.Number)
	}
	if err != nil {
		return nil, err
	}
	return p.ModelVersion, nil
}

func updateVersion(ctx context.Context, c *call) (any, error) {
	description, err := c.fields.text("description")
	if err != nil {
		return nil, err
	}
	v, err := c.change(ctx, catalog.UpdateModelVersionInput{Description: &description})
	if err != nil {
		return nil, err
	}
	return c.versionAnswer(ctx, v, "")
}

// editableTag returns the field key, unless that tag is fixed when a version is made.
func (c *call) editableTag() (string, error) {
	f, err := c.fields.required("key")
	if err != nil {
		return "", err
	}
	if f[0] == versionTag {
		return "", registry.Errorf(registry.InvalidArgument, "the tag %s is given with a new version and does not change", versionTag)
	}
	return f[0], readOnlyTag(f[0])
}

func setVersionTag(ctx context.Context, c *call) (any, error) {
	key, err := c.editableTag()
	if err != nil {
		return nil, err
	}
	value, err := c.fields.text("value")
	if err != nil {
		return nil, err
	}
	_, err = c.change(ctx, catalog.UpdateModelVersionInput{TagEdits: catalog.TagEdits{SetTags: []registry.KeyValue{{Key: key, Value: value}}}})
	return empty{}, err
}

func deleteVersionTag(ctx context.Context, c *call) (any, error) {
	key, err := c.editableTag()
	if err != nil {
		return nil, err
	}
	_, err = c.change(ctx, catalog.UpdateModelVersionInput{TagEdits: catalog.TagEdits{RemoveTags: []string{key}}})
	return empty{}, err
}

func deleteVersion(ctx context.Context, c *call) (any, error) {
	v, err := c.version(ctx)
	if err != nil {
		return nil, err
	}
	_, err = c.DeleteModelVersion(ctx, catalog.DeleteModelVersionInput{ID: &v.ID})
	if registry.CodeOf(err) == registry.NotFound {
		err = versionNotFound(c.name(), v.Number)
	}
	return empty{}, err
}

func getVersion(ctx context.Context, c *call) (any, error) {
	v, err := c.version(ctx)
	if err != nil {
		return nil, err
	}
	return c.versionAnswer(ctx, v, "")
}

// maxCopies is how many copies of copies are followed to the original.
const maxCopies = 20

// downloadURI answers where the files of a version lie: its source or, of a copy, that of the
// original, which the caller must see too.
func downloadURI(ctx context.Context, c *call) (any, error) {
	v, err := c.version(ctx)
	if err != nil {
		return nil, err
	}
	for range maxCopies {
		if !v.Mask.Has(artifactsOfVersionBit) {
			return nil, registry.Errorf(registry.Forbidden, "you may not see where the files of a version lie")
		}
		if here, err := c.filesURI(ctx, v); err != nil || here != "" {
			return uriBody{here}, err
		}
		source, err := c.source(ctx, v)
		if err != nil {
			return nil, err
		}
		name, number, ok := ofVersion(source)
		if !ok {
			return uriBody{source}, nil
		}
		if v, err = c.numbered(ctx, name, number); err != nil {
			return nil, err
		}
	}
	return nil, registry.Errorf(registry.FailedPrecondition, "the version is a copy of a copy of more than %d versions", maxCopies)
}
