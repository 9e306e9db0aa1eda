package v1

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"pedigree/registry"
	"pedigree/rest/wire"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// versionBody is a version with the parts of its card that people ask for first.
type versionBody struct{ *registry.ModelVersion }

func newVersionBody(v *registry.ModelVersion) *versionBody { return &versionBody{v} }

// versionFields are what is read for a version. The versions of a page read their cards together.
func versionFields(s *service.Service) []wire.Virtual {
	card := func(ctx context.Context, v *versionBody) (*registry.ModelCard, error) {
		found, err := s.CardOf(ctx, v.ModelVersion)
		if found == nil {
			found = &registry.ModelCard{}
		}
		return found, err
	}
	details := func(ctx context.Context, v *versionBody) (registry.ModelDetails, error) {
		c, err := card(ctx, v)
		if err != nil || c.ModelDetails == nil {
			return registry.ModelDetails{}, err
		}
		return *c.ModelDetails, nil
	}
	const of = "ModelVersion.card"
	return []wire.Virtual{
		virtual("algorithm", of, func(ctx context.Context, v *versionBody) (string, error) {
			d, err := details(ctx, v)
			return d.Algorithm, err
		}),
		virtual("framework", of, func(ctx context.Context, v *versionBody) (string, error) {
			d, err := details(ctx, v)
			return d.Framework, err
		}),
		virtual("hyperparameters", of, func(ctx context.Context, v *versionBody) (registry.JSON, error) {
			d, err := details(ctx, v)
			return d.Hyperparameters, err
		}),
		virtual("metrics", of, func(ctx context.Context, v *versionBody) (map[string]float64, error) {
			c, err := card(ctx, v)
			return metricsOf(c.Performance), err
		}),
		virtual("features", of, func(ctx context.Context, v *versionBody) ([]string, error) {
			c, err := card(ctx, v)
			return c.Features, err
		}),
	}
}

// metricsOf writes the metrics of a card as one object, the named four by their snake_case names.
func metricsOf(p *registry.Performance) map[string]float64 {
	out := map[string]float64{}
	if p == nil {
		return out
	}
	for name, value := range named(p) {
		if *value != nil {
			out[name] = **value
		}
	}
	for _, m := range p.Metrics {
		out[m.Name] = m.Value
	}
	return out
}

// named are the metrics that a card names, by their names on the wire.
func named(p *registry.Performance) map[string]**float64 {
	return map[string]**float64{"accuracy": &p.Accuracy, "precision": &p.Precision, "recall": &p.Recall, "f1_score": &p.F1Score}
}

// cardFields are the parts of a card that a body has on its top level, beside or in place of card.
type cardFields struct {
	Algorithm       string             `json:"algorithm,omitempty"`
	Framework       string             `json:"framework,omitempty"`
	Hyperparameters registry.JSON      `json:"hyperparameters,omitempty"`
	Metrics         map[string]float64 `json:"metrics,omitempty"`
	// Features are the names of features, as on the card.
	Features []string                `json:"features,omitempty"`
	Card     *catalog.ModelCardInput `json:"card,omitempty"`
}

// input returns the card that the body tells; nil when it tells none.
func (f cardFields) input() (*catalog.ModelCardInput, error) {
	card := catalog.ModelCardInput{}
	if f.Card != nil {
		card = *f.Card
	}
	if f.Algorithm != "" || f.Framework != "" || len(f.Hyperparameters) > 0 {
		if card.ModelDetails != nil {
			return nil, registry.Invalid("card.modelDetails", "is told twice: by itself and by algorithm, framework or hyperparameters")
		}
		card.ModelDetails = &registry.ModelDetails{Algorithm: f.Algorithm, Framework: f.Framework, Hyperparameters: f.Hyperparameters}
	}
	if f.Metrics != nil {
		if card.Performance != nil {
			return nil, registry.Invalid("card.performance", "is told twice: by itself and by metrics")
		}
		card.Performance = performanceOf(f.Metrics)
	}
	if f.Features != nil {
		if card.Features != nil {
			return nil, registry.Invalid("card.features", "is told twice: by itself and by features")
		}
		card.Features = f.Features
	}
	return &card, nil
}

// performanceOf reads metrics as metricsOf writes them.
func performanceOf(metrics map[string]float64) *registry.Performance {
	out := &registry.Performance{}
	four := named(out)
	for name, value := range metrics {
		if field := four[name]; field != nil {
			*field = &value
			continue
		}
		out.Metrics = append(out.Metrics, registry.Metric{Name: name, Value: value})
	}
	return out
}

// registerBody is what POST models/register takes. It registers the model too when there is none.
type registerBody struct {
	Name        string              `json:"name"`
	Version     *string             `json:"version,omitempty"`
	Bump        *registry.Bump      `json:"bump,omitempty"`
	Label       string              `json:"label,omitempty"`
	Description string              `json:"description,omitempty"`
	Owner       string              `json:"owner,omitempty"`
	Tags        []registry.KeyValue `json:"tags,omitempty"`
	CreatedDate time.Time           `json:"created_date,omitzero"`
	cardFields
	Run            *registry.ID            `json:"run,omitempty"`
	ReleasedFrom   *registry.ID            `json:"released_from,omitempty"`
	DerivedFrom    []registry.ID           `json:"derived_from,omitempty"`
	FeatureIDs     []registry.ID           `json:"feature_ids,omitempty"`
	Artifacts      []catalog.ArtifactInput `json:"artifacts,omitempty"`
	IdempotencyKey *string                 `json:"-"`
}

func register(s *service.Service, ctx context.Context, in registerBody) (*versionBody, error) {
	card, err := in.input()
	if err != nil {
		return nil, err
	}
	out, err := s.RegisterModelVersion(ctx, catalog.RegisterModelVersionInput{Model: in.Name, Version: in.Version, Bump: in.Bump, Label: in.Label, Description: in.Description,
		Owner: in.Owner, Tags: in.Tags, CreatedDate: in.CreatedDate, Run: in.Run, ReleasedFrom: in.ReleasedFrom, DerivedFrom: in.DerivedFrom, Features: in.FeatureIDs,
		Artifacts: in.Artifacts, Card: card, IdempotencyKey: in.IdempotencyKey, CreateModel: true})
	if err != nil {
		return nil, err
	}
	return &versionBody{out.ModelVersion}, nil
}

// patchBody is what PATCH models/{name}/{version} takes: fields of the card.
type patchBody struct {
	Model   *string `json:"-"`
	Version *string `json:"-"`
	cardFields
	IdempotencyKey *string `json:"-"`
	// clear are the paths of the card's fields that null clears.
	clear []string
}

// Clearing returns the body with the fields of the card to clear.
func (in patchBody) Clearing(nulls []string) patchBody {
	of := map[string]string{"algorithm": "card.modelDetails.algorithm", "framework": "card.modelDetails.framework", "hyperparameters": "card.modelDetails.hyperparameters",
		"metrics": "card.performance", "features": "card.features"}
	for _, null := range nulls {
		in.clear = append(in.clear, cmp.Or(of[null], null))
	}
	return in
}

func patchVersion(s *service.Service, ctx context.Context, in patchBody) (*catalog.UpdateModelCardPayload, error) {
	card, err := in.input()
	if err != nil {
		return nil, err
	}
	return s.UpdateModelCard(ctx, catalog.UpdateModelCardInput{Model: in.Model, Version: in.Version, Card: card, IdempotencyKey: in.IdempotencyKey}.Clearing(in.clear))
}

// version returns the version of a path; NOT_FOUND when there is none that the caller sees.
func (c *call) version(ctx context.Context, past ...core.PointInTime) (*registry.ModelVersion, error) {
	v, err := c.service.ModelVersion(ctx, c.path["name"], c.path["version"], past...)
	if err == nil && v == nil {
		err = registry.Errorf(registry.NotFound, "there is no version %q of a model %q that you may see", registry.Shorten(c.path["version"], 100), registry.Shorten(c.path["name"], 100))
	}
	if err == nil {
		c.meet(v)
	}
	return v, err
}

func cardOf(ctx context.Context, c *call, q *pointInTime) (*registry.ModelCard, error) {
	v, err := c.version(ctx, q.past())
	if err == nil {
		err = mayRead(v, "ModelVersion", "card")
	}
	if err != nil {
		return nil, err
	}
	return c.service.CardOf(ctx, v)
}

// versionRoutes are the routes of versions and what belongs to them.
func versionRoutes() []route {
	const one = "models/{name}/{version}"
	return []route{
		write(http.MethodPost, "models/register", "registerModelVersion", "Registers a version of a model, and the model with its first one", register, requires("name"), statuses(http.StatusCreated)),
		read(one, "modelVersion", "One version by its semver, label, alias or latest", func(ctx context.Context, c *call, q *pointInTime) (*versionBody, error) {
			v, err := c.version(ctx, q.past())
			if err != nil {
				return nil, err
			}
			return &versionBody{v}, nil
		}),
		write(http.MethodPatch, one, "updateModelCard", "Changes what a version tells of itself on its card", patchVersion),
		write(http.MethodPatch, one+"/metadata", "updateModelVersion", "Changes the description, owner and tags of a version; null clears a field, and what is left out stays", (*service.Service).UpdateModelVersion),
		write(http.MethodDelete, one, "deleteModelVersion", "Deletes a version", (*service.Service).DeleteModelVersion),
		write(http.MethodPost, one+"/transition", "transitionModelVersion", "Moves a version to another stage, or requests it where the stage needs approvals", (*service.Service).TransitionModelVersion,
			requires("to_stage"), statuses(http.StatusOK, http.StatusAccepted)),
		read(one+"/card", "modelVersion", "The card of a version", cardOf).under("ModelVersion.card"),
		write(http.MethodPatch, one+"/card", "updateModelCard", "Changes fields of a card; null clears a field, and what is left out stays", (*service.Service).UpdateModelCard, inBody("Card")),
		ofVersion(one+"/artifacts", "artifacts", "artifacts", "The files of a version, by name", func(ctx context.Context, c *call, v *registry.ModelVersion, p core.Paging) (page[registry.Artifact], error) {
			return nodes[registry.Artifact](c.service.ArtifactsOf(ctx, v, p))
		}),
		ofVersion(one+"/aliases", "aliases", "aliases", "The aliases that point at a version", func(ctx context.Context, c *call, v *registry.ModelVersion, _ core.Paging) (page[registry.Alias], error) {
			all, err := c.service.AliasesOfVersion(ctx, v)
			return page[registry.Alias]{items: all}, err
		}),
		ofVersion(one+"/features", "features", "features", "The recorded features that a version learned from", func(ctx context.Context, c *call, v *registry.ModelVersion, _ core.Paging) (page[registry.Feature], error) {
			all, err := c.service.FeaturesOf(ctx, v)
			return page[registry.Feature]{items: all}, err
		}),
		ofVersion(one+"/transitions", "transitions", "transitions", "The changes of stage of a version, oldest first", func(ctx context.Context, c *call, v *registry.ModelVersion, p core.Paging) (page[registry.Transition], error) {
			return nodes[registry.Transition](c.service.TransitionsOf(ctx, v, p))
		}),
		ofVersion(one+"/transition-requests", "transitionRequests", "transition_requests", "The requests to move a version, oldest first",
			func(ctx context.Context, c *call, v *registry.ModelVersion, p core.Paging) (page[registry.TransitionRequest], error) {
				return nodes[registry.TransitionRequest](c.service.RequestsOfVersion(ctx, v, p))
			}),
		ofVersion(one+"/deployments", "deployments", "deployments", "Where a version is or was at work", func(ctx context.Context, c *call, v *registry.ModelVersion, p core.Paging) (page[registry.Deployment], error) {
			return nodes[registry.Deployment](c.service.DeploymentsOf(ctx, v, p))
		}),
		write(http.MethodPost, one+"/deployments", "recordDeployment", "Records that a version was deployed", (*service.Service).RecordDeployment, requires("environment"), statuses(http.StatusOK, http.StatusCreated)),
	}
}

// ofVersion makes a route for a page of what belongs to a version.
func ofVersion[Item any](pattern, field, name, summary string, get func(context.Context, *call, *registry.ModelVersion, core.Paging) (page[Item], error)) route {
	rt := list(pattern, "modelVersion", name, summary, func(ctx context.Context, c *call, p core.Paging, _ *noQuery) (page[Item], error) {
		v, err := c.version(ctx)
		if err == nil {
			err = mayRead(v, "ModelVersion", field)
		}
		if err != nil {
			return page[Item]{}, err
		}
		return get(ctx, c, v, p)
	})
	rt.field = "ModelVersion." + field
	return rt
}
