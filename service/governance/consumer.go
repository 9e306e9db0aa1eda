package governance

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// ConsumerEdge is a consumer in a page.
type ConsumerEdge struct {
	Cursor string
	Node   *registry.Consumer
}

// ConsumerConnection is a page of consumers.
type ConsumerConnection struct{ core.Connection[*ConsumerEdge] }

// ConsumersOf returns one page of the subjects that use the version of a deprecation, by name.
func (g *Governance) ConsumersOf(ctx context.Context, d *registry.Deprecation, p core.Paging) (*ConsumerConnection, error) {
	v, err := g.VersionOfDeprecation(ctx, d)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return &ConsumerConnection{core.Connection[*ConsumerEdge]{Edges: []*ConsumerEdge{}}}, nil
	}
	conn, err := core.ListChildren(ctx, g.core, v, core.ChildQuery{Kind: registry.KindConsumer, Order: registry.IndexName, At: d.ReadAt}, p,
		func(cursor string, c *registry.Consumer) *ConsumerEdge { return &ConsumerEdge{cursor, c} })
	if err != nil {
		return nil, err
	}
	return &ConsumerConnection{*conn}, nil
}

// VersionOfConsumer returns the version that a consumer uses.
func (g *Governance) VersionOfConsumer(ctx context.Context, c *registry.Consumer) (*registry.ModelVersion, error) {
	return core.Related[*registry.ModelVersion](ctx, g.core, c, "version", func(c *registry.Consumer) core.NodeRef { return core.NodeRef{ID: c.VersionID, At: c.ReadAt} })
}

// noteDeployments notes the owners of the live deployments of the version as those to tell, and
// returns them as consumers. A deployment without an owner is noted by where it is.
func (s *sunsetting) noteDeployments(ctx context.Context, tx *policies.Tx) (map[string]*registry.Consumer, error) {
	users := map[string]*registry.Consumer{}
	q := graph.NeighborQuery{IDs: []registry.ID{s.version.ID}, Direction: graph.Downstream, Edges: []registry.EdgeKind{registry.EdgeDeploys}, LimitPerNode: 100}
	for len(s.deprecation.Notices) < registry.MaxNotices {
		hops, err := tx.Neighbors(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, n := range hops[0].Nodes {
			q.After = n.Number
			if n.Deleted || n.Int(registry.IndexEnded) != 0 {
				continue
			}
			d, err := core.DecodeWhole(n, &registry.Deployment{})
			if err != nil {
				return nil, err
			}
			where := d.Environment
			if d.Endpoint != "" {
				where += " " + d.Endpoint
			}
			s.note(registry.DeprecationNotice{To: d.Owner, Because: registry.NoticeDeployment, Where: where})
			if d.Owner == "" {
				continue
			}
			if users[d.Owner] == nil {
				users[d.Owner] = registry.NewConsumer(s.version.ID, d.Owner, d.ValidFrom)
			}
			if c := users[d.Owner]; !slices.Contains(c.Environments, where) {
				c.Environments = append(c.Environments, where)
			}
		}
		if !hops[0].More {
			break
		}
	}
	return users, nil
}

// ConfirmMigrationInput names a version, by Model and Version or by ID, and a consumer of it; nil
// is the caller.
type ConfirmMigrationInput struct {
	Model          *string      `json:"model,omitzero"`
	Version        *string      `json:"version,omitzero"`
	ID             *registry.ID `json:"id,omitzero"`
	Consumer       *string      `json:"consumer,omitzero"`
	Comment        string       `json:"comment,omitzero"`
	IdempotencyKey *string      `json:"-"`
}

// ConfirmMigrationPayload has the consumer after the answer.
type ConfirmMigrationPayload struct{ Consumer *registry.Consumer }

// ConfirmMigration answers that a consumer uses another version now. A consumer answers for
// themselves; for others, the owner of the version or model does, or who may plan deprecations.
func (g *Governance) ConfirmMigration(ctx context.Context, in ConfirmMigrationInput) (*ConfirmMigrationPayload, error) {
	if err := core.CheckText("comment", &in.Comment); err != nil {
		return nil, err
	}
	if in.Consumer != nil {
		if err := core.CheckRequiredKey("consumer", in.Consumer); err != nil {
			return nil, err
		}
	}
	result, err := g.core.Write(ctx, registry.MigrationConfirm, core.Idempotent("confirmMigration", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		s, err := findSunsetting(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		id, err := s.confirm(ctx, tx, in)
		return core.WriteResult{IDs: []registry.ID{id}, Created: true, Changed: true}, err
	})
	if err != nil {
		return nil, err
	}
	c, err := core.NounAs[*registry.Consumer](g.core.ReadBack(ctx, result, result.IDs[0]))
	return &ConfirmMigrationPayload{c}, err
}

// confirm writes the answer. A consumer that was not known becomes known by it.
func (s *sunsetting) confirm(ctx context.Context, tx *policies.Tx, in ConfirmMigrationInput) (registry.ID, error) {
	if !s.version.DeprecationStep().Open() {
		return "", registry.Errorf(registry.FailedPrecondition, "no deprecation of this version is planned or announced")
	}
	subject := tx.Subject()
	if in.Consumer != nil && *in.Consumer != subject {
		if err := s.mayAnswerForOthers(ctx, tx); err != nil {
			return "", err
		}
		subject = *in.Consumer
	}
	c := registry.NewConsumer(s.version.ID, subject, tx.Now())
	nodes, err := tx.NodesUnfiltered(ctx, c.ID)
	if err != nil {
		return "", err
	}
	if nodes[0] != nil {
		if c, err = core.DecodeWhole(nodes[0], c); err != nil {
			return "", err
		}
	}
	c.MigratedAt, c.MigratedBy, c.Comment = tx.Now(), tx.Subject(), in.Comment
	n, err := core.EncodeNode(c, subject, tx.Now())
	if err != nil {
		return "", err
	}
	if err := tx.Put(ctx, n); err != nil {
		return "", err
	}
	return c.ID, tx.Log(ctx, registry.LogEntry{Action: registry.LogMigrationConfirmed, Objects: []registry.ID{c.ID, s.deprecation.ID, s.version.ID}, Model: s.version.Parent, Reason: in.Comment,
		Detail: core.LogDetail("version", s.version.Version, "consumer", subject)})
}

// mayAnswerForOthers answers FORBIDDEN for who neither owns the version or its model nor may plan
// deprecations.
func (s *sunsetting) mayAnswerForOthers(ctx context.Context, tx *policies.Tx) error {
	me := tx.Subject()
	if s.version.Owner == me || tx.May(registry.DeprecationPlan, s.version.Parent) {
		return nil
	}
	models, err := tx.NodesUnfiltered(ctx, s.version.Parent)
	if err != nil {
		return err
	}
	m, err := core.DecodeWhole(models[0], &registry.Model{})
	if err != nil || m.Owner == me {
		return err
	}
	return registry.Errorf(registry.Forbidden, "you answer for yourself here; for others the owner answers, and who may do %s", registry.DeprecationPlan)
}
