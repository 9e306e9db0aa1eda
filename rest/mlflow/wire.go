package mlflow

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"pedigree/registry"
)

// The messages of the API. What is empty is left out, as in MLflow's own answers. Times are in
// milliseconds.
type (
	// keyValue is a tag.
	keyValue struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	// aliasOfModel is an alias in a registered model.
	aliasOfModel struct {
		Alias   string `json:"alias"`
		Version string `json:"version"`
	}
	// registeredModel is a model.
	registeredModel struct {
		Name        string         `json:"name"`
		Created     int64          `json:"creation_timestamp,omitempty"`
		Updated     int64          `json:"last_updated_timestamp,omitempty"`
		User        string         `json:"user_id,omitempty"`
		Description string         `json:"description,omitempty"`
		Latest      []modelVersion `json:"latest_versions,omitempty"`
		Tags        []keyValue     `json:"tags,omitempty"`
		Aliases     []aliasOfModel `json:"aliases,omitempty"`
	}
	// modelVersion is a version of a model. Version is its number.
	modelVersion struct {
		Name        string     `json:"name"`
		Version     string     `json:"version"`
		Created     int64      `json:"creation_timestamp,omitempty"`
		Updated     int64      `json:"last_updated_timestamp,omitempty"`
		User        string     `json:"user_id,omitempty"`
		Stage       string     `json:"current_stage,omitempty"`
		Description string     `json:"description"`
		Source      string     `json:"source,omitempty"`
		Run         string     `json:"run_id"`
		Status      string     `json:"status"`
		Tags        []keyValue `json:"tags,omitempty"`
		RunLink     string     `json:"run_link,omitempty"`
		Aliases     []string   `json:"aliases,omitempty"`
		LoggedModel string     `json:"model_id,omitempty"`
	}
)

// The answers of the API.
type (
	modelBody struct {
		Model registeredModel `json:"registered_model"`
	}
	versionBody struct {
		Version modelVersion `json:"model_version"`
	}
	versionsBody struct {
		Versions []modelVersion `json:"model_versions,omitempty"`
		Next     string         `json:"next_page_token,omitempty"`
	}
	modelsBody struct {
		Models []registeredModel `json:"registered_models,omitempty"`
		Next   string            `json:"next_page_token,omitempty"`
	}
	uriBody struct {
		URI string `json:"artifact_uri"`
	}
	empty struct{}
)

// A version keeps what MLflow knows of it and this registry has no field for as tags. They are
// fields of MLflow's messages, and no tags there.
const (
	hiddenTags     = registry.MLflowTags
	runTag         = registry.MLflowRunTag
	runLinkTag     = hiddenTags + "run_link"
	loggedModelTag = registry.MLflowModelTag
	// versionTag is given with a new version and says its semver.
	versionTag = "pedigree.version"
	// lifecycleTag tells the stages that MLflow does not have.
	lifecycleTag = "lifecycle"
	// promptTag marks the models and versions that are prompts.
	promptTag = "mlflow.prompt.is_prompt"
)

// sourceArtifact is the name of the artifact that holds the source of a version.
const sourceArtifact = "model"

func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func tagOf(tags []registry.KeyValue, key string) string {
	for _, t := range tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

func wireTags(tags []registry.KeyValue) (out []keyValue) {
	for _, t := range tags {
		if !strings.HasPrefix(t.Key, registry.KubeflowTags) { // Kubeflow's own fields.
			out = append(out, keyValue(t))
		}
	}
	return out
}

// versionTags are the tags of a version as MLflow shows them.
func versionTags(v *registry.ModelVersion) (out []keyValue) {
	for _, t := range v.Tags {
		if !strings.HasPrefix(t.Key, hiddenTags) && !strings.HasPrefix(t.Key, registry.KubeflowTags) && t.Key != lifecycleTag {
			out = append(out, keyValue(t))
		}
	}
	if _, ownName := stageNames[v.Stage]; !ownName && v.Stage != "" {
		out = append(out, keyValue{lifecycleTag, string(v.Stage)})
	}
	return out
}

// wireModel makes the message of a model with its newest versions and its aliases.
func (c *call) wireModel(ctx context.Context, m *registry.Model) (registeredModel, error) {
	out := registeredModel{Name: m.Name, Created: milliseconds(m.CreatedAt), Updated: milliseconds(m.UpdatedAt), User: m.Owner, Description: m.Description, Tags: wireTags(m.Tags)}
	newest, err := c.newest(ctx, m, stages)
	if err != nil {
		return out, err
	}
	if !m.Mask.Has(aliasesOfModelBit) {
		out.Latest, err = c.wireVersions(ctx, newest)
		return out, err
	}
	aliases, err := c.AliasesOf(ctx, m)
	if err != nil {
		return out, err
	}
	for _, v := range newest { // Their model and aliases are read already.
		version, err := c.wireVersionOf(ctx, m, v)
		if err != nil {
			return out, err
		}
		for _, a := range aliases {
			if a.VersionID == v.ID && v.Mask.Has(aliasesOfVersionBit) {
				version.Aliases = append(version.Aliases, a.Name)
			}
		}
		out.Latest = append(out.Latest, version)
	}
	pointsAt := make([]*registry.ModelVersion, len(aliases))
	for i, a := range aliases {
		if at := slices.IndexFunc(newest, func(v *registry.ModelVersion) bool { return v.ID == a.VersionID }); at >= 0 {
			pointsAt[i] = newest[at]
		} else if pointsAt[i], err = c.VersionOfAlias(ctx, a); err != nil {
			return out, err
		}
	}
	for i, a := range aliases {
		if v := pointsAt[i]; v != nil {
			out.Aliases = append(out.Aliases, aliasOfModel{a.Name, strconv.Itoa(v.Number)})
		}
	}
	return out, nil
}

// The bits of the fields that a caller may not see while he sees the object.
var (
	aliasesOfModelBit     = registry.Bit("Model", "aliases")
	aliasesOfVersionBit   = registry.Bit("ModelVersion", "aliases")
	artifactsOfVersionBit = registry.Bit("ModelVersion", "artifacts")
)

// wireVersions makes the messages of versions.
func (c *call) wireVersions(ctx context.Context, versions []*registry.ModelVersion) ([]modelVersion, error) {
	out := make([]modelVersion, len(versions))
	for i, v := range versions {
		var err error
		if out[i], err = c.wireVersion(ctx, v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *call) wireVersion(ctx context.Context, v *registry.ModelVersion) (modelVersion, error) {
	m, err := c.ModelOf(ctx, v)
	if err != nil {
		return modelVersion{}, err
	}
	out, err := c.wireVersionOf(ctx, m, v)
	if err != nil || !v.Mask.Has(aliasesOfVersionBit) {
		return out, err
	}
	aliases, err := c.AliasesOfVersion(ctx, v)
	for _, a := range aliases {
		out.Aliases = append(out.Aliases, a.Name)
	}
	return out, err
}

// wireVersionOf makes the message of a version without its aliases. m is nil when the caller does not
// see the model.
func (c *call) wireVersionOf(ctx context.Context, m *registry.Model, v *registry.ModelVersion) (out modelVersion, err error) {
	out = modelVersion{Name: v.ModelName, Version: strconv.Itoa(v.Number), Created: milliseconds(v.CreatedDate), Updated: milliseconds(v.UpdatedAt), User: v.Creator,
		Stage: stageName(v.Stage), Description: v.Description, Run: tagOf(v.Tags, runTag), Status: "READY", Tags: versionTags(v), RunLink: tagOf(v.Tags, runLinkTag),
		LoggedModel: tagOf(v.Tags, loggedModelTag)}
	if m != nil {
		out.Name = m.Name // Today's: the version keeps the one that it was registered under.
	}
	out.Source, err = c.source(ctx, v)
	return out, err
}

// source returns the URI of the first artifact of a version, byte for byte; "" without one and
// where the caller may not see it.
func (c *call) source(ctx context.Context, v *registry.ModelVersion) (string, error) {
	if !v.Mask.Has(artifactsOfVersionBit) {
		return "", nil
	}
	a, err := c.ReferenceOf(ctx, v, sourceArtifact)
	if err != nil || a == nil {
		return "", err
	}
	return a.URI, nil
}
