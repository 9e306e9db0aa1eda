package governance

import (
	"context"
	"slices"
	"time"

	"pedigree/governance"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// maxDeprecations is how many versions one call plans or announces.
const maxDeprecations = 20

// DeprecationsPayload has deprecations after a mutation, one a version.
type DeprecationsPayload struct{ Deprecations []*registry.Deprecation }

// DeprecationPayload has a deprecation after a mutation.
type DeprecationPayload struct{ Deprecation *registry.Deprecation }

// PlanDeprecationInput names versions of a model, and the version to go to.
type PlanDeprecationInput struct {
	Model          string   `json:"model"`
	Versions       []string `json:"versions"`
	Replacement    *string  `json:"replacement,omitzero"`
	Plan           string   `json:"plan,omitzero"`
	IdempotencyKey *string  `json:"-"`
}

func checkVersions(versions []string) error {
	if len(versions) == 0 || len(versions) > maxDeprecations {
		return registry.Invalid("versions", "must be 1 to %d", maxDeprecations)
	}
	return nil
}

// PlanDeprecation plans the deprecation of versions.
func (g *Governance) PlanDeprecation(ctx context.Context, in PlanDeprecationInput) (*DeprecationsPayload, error) {
	if _, err := g.core.Gate.Read(ctx, registry.DeprecationPlan); err != nil {
		return nil, err
	}
	if err := core.FirstError(checkVersions(in.Versions), core.CheckText("plan", &in.Plan)); err != nil {
		return nil, err
	}
	return g.deprecate(ctx, registry.DeprecationPlan, core.Idempotent("planDeprecation", in.IdempotencyKey, in), in.Model, in.Versions, func(ctx context.Context, tx *policies.Tx, s *sunsetting) error {
		if err := checkMay(tx, registry.DeprecationPlan, s.version.Parent); err != nil {
			return err
		}
		if s.version.Stage == registry.Archived {
			return registry.Errorf(registry.FailedPrecondition, "version %s is in ARCHIVED already", s.version.Version)
		}
		if err := governance.CheckDeprecationStep(s.version.DeprecationStep(), registry.DeprecationPlanned); err != nil {
			return err
		}
		s.deprecation = s.version.NextDeprecation()
		d := s.deprecation
		d.Plan, d.PlannedBy, d.PlannedAt, d.ValidFrom = in.Plan, tx.Subject(), tx.Now(), tx.Now()
		if in.Replacement != nil {
			to, _, err := catalog.FindVersion(ctx, tx, &in.Model, in.Replacement, nil)
			if err != nil {
				return err
			}
			if d.ReplacementID = to.ID; to.ID == s.version.ID {
				return registry.Invalid("replacement", "a version does not replace itself")
			}
		}
		return s.putAndLog(ctx, tx, registry.LogDeprecationPlanned, in.Plan, core.LogDetail("version", d.Version, "replacement", string(d.ReplacementID)))
	})
}

// AnnounceDeprecationInput names versions with a planned deprecation, and their sunset.
type AnnounceDeprecationInput struct {
	Model          string    `json:"model"`
	Versions       []string  `json:"versions"`
	Guide          string    `json:"guide"`
	Sunset         time.Time `json:"sunset"`
	IdempotencyKey *string   `json:"-"`
}

// AnnounceDeprecation announces planned deprecations: reads of the versions tell of them, and the
// owners and the known consumers are noted as those to tell.
func (g *Governance) AnnounceDeprecation(ctx context.Context, in AnnounceDeprecationInput) (*DeprecationsPayload, error) {
	if _, err := g.core.Gate.Read(ctx, registry.DeprecationAnnounce); err != nil {
		return nil, err
	}
	if err := core.FirstError(checkVersions(in.Versions), core.CheckText("guide", &in.Guide), core.CheckTime("sunset", in.Sunset)); err != nil {
		return nil, err
	}
	if in.Guide == "" {
		return nil, registry.Invalid("guide", "must say how to migrate, or where that is told")
	}
	sunset := governance.SunsetDay(in.Sunset)
	in.Sunset = time.Time{} // It lies ahead, other times of an input must not.
	keyed := struct {
		AnnounceDeprecationInput
		On string `json:"on"`
	}{in, sunset.Format(time.DateOnly)}
	return g.deprecate(ctx, registry.DeprecationAnnounce, core.Idempotent("announceDeprecation", in.IdempotencyKey, keyed), in.Model, in.Versions, func(ctx context.Context, tx *policies.Tx, s *sunsetting) error {
		if err := checkMay(tx, registry.DeprecationAnnounce, s.version.Parent); err != nil {
			return err
		}
		if err := core.FirstError(governance.CheckDeprecationStep(s.version.DeprecationStep(), registry.DeprecationAnnounced), governance.CheckSunset(tx.Now(), sunset)); err != nil {
			return err
		}
		d := s.deprecation
		d.Step, d.Guide, d.Sunset, d.AnnouncedBy, d.AnnouncedAt = registry.DeprecationAnnounced, in.Guide, sunset, tx.Subject(), tx.Now()
		if err := s.notify(ctx, tx); err != nil {
			return err
		}
		return s.putAndLog(ctx, tx, registry.LogDeprecationAnnounced, "", core.LogDetail("version", d.Version, "sunset", d.Sunset.Format(time.DateOnly), "guide", d.Guide, "notices", len(d.Notices)))
	})
}

// sunsetting is a version and its last deprecation, nil without one, in a transaction.
type sunsetting struct {
	version     *registry.ModelVersion
	node        *graph.Node
	deprecation *registry.Deprecation
}

// findSunsetting finds a version and its last deprecation: NOT_FOUND when the caller does not see
// the version.
func findSunsetting(ctx context.Context, tx *policies.Tx, model, version *string, id *registry.ID) (*sunsetting, error) {
	s := &sunsetting{}
	var err error
	if s.version, s.node, err = catalog.FindVersion(ctx, tx, model, version, id); err != nil || s.version.Deprecation == nil {
		return s, err
	}
	nodes, err := tx.NodesUnfiltered(ctx, s.version.Deprecation.ID)
	if err != nil || nodes[0] == nil {
		return s, err
	}
	s.deprecation, err = core.DecodeWhole(nodes[0], &registry.Deprecation{})
	return s, err
}

// put writes the deprecation, and the version with what it keeps of it.
func (s *sunsetting) put(ctx context.Context, tx *policies.Tx) error {
	d, err := catalog.DeprecationNode(tx, s.deprecation)
	if err != nil {
		return err
	}
	s.version.Deprecation = s.deprecation.OnVersion()
	if err := tx.Put(ctx, d); err != nil {
		return err
	}
	return catalog.PutVersion(ctx, tx, s.version, s.node.Since)
}

func (s *sunsetting) putAndLog(ctx context.Context, tx *policies.Tx, action registry.LogAction, reason string, detail registry.JSON) error {
	if err := s.put(ctx, tx); err != nil {
		return err
	}
	return s.log(ctx, tx, action, reason, detail)
}

func (s *sunsetting) log(ctx context.Context, tx *policies.Tx, action registry.LogAction, reason string, detail registry.JSON) error {
	return tx.Log(ctx, registry.LogEntry{Action: action, Objects: []registry.ID{s.deprecation.ID, s.version.ID}, Model: s.version.Parent, Reason: reason, Detail: detail})
}

// checkMay answers FORBIDDEN when the caller may not do an action in a model.
func checkMay(tx *policies.Tx, action registry.Action, model registry.ID) error {
	if tx.May(action, model) {
		return nil
	}
	return registry.Errorf(registry.Forbidden, "you may not do %s in this model; ask an administrator", action)
}

// deprecate takes a step for several versions of a model, all or none, and reads back their
// deprecations.
func (g *Governance) deprecate(ctx context.Context, action registry.Action, idem core.IdempotentCall, model string, versions []string, step func(context.Context, *policies.Tx, *sunsetting) error) (*DeprecationsPayload, error) {
	result, err := g.core.Write(ctx, action, idem, func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		out := core.WriteResult{Created: true, Changed: true}
		for _, version := range versions {
			s, err := findSunsetting(ctx, tx, &model, &version, nil)
			if err != nil {
				return out, err
			}
			if s.deprecation != nil && slices.Contains(out.IDs, s.deprecation.ID) {
				return out, registry.Invalid("versions", "%s is given twice", s.version.Version)
			}
			if err := step(ctx, tx, s); err != nil {
				return out, err
			}
			out.IDs = append(out.IDs, s.deprecation.ID)
		}
		return out, nil
	})
	if err != nil {
		return nil, err
	}
	nouns, err := g.core.ReadBackAll(ctx, result, result.IDs...)
	out := &DeprecationsPayload{}
	for _, n := range nouns {
		if d, ok := n.(*registry.Deprecation); ok {
			out.Deprecations = append(out.Deprecations, d)
		}
	}
	return out, err
}

// WithdrawDeprecationInput names a version, by Model and Version or by ID.
type WithdrawDeprecationInput struct {
	Model          *string      `json:"model,omitzero"`
	Version        *string      `json:"version,omitzero"`
	ID             *registry.ID `json:"id,omitzero"`
	Reason         string       `json:"reason,omitzero"`
	IdempotencyKey *string      `json:"-"`
}

// WithdrawDeprecation gives up a planned or announced deprecation.
func (g *Governance) WithdrawDeprecation(ctx context.Context, in WithdrawDeprecationInput) (*DeprecationPayload, error) {
	if err := core.CheckText("reason", &in.Reason); err != nil {
		return nil, err
	}
	actions := []registry.Action{registry.DeprecationPlan, registry.DeprecationAnnounce}
	result, err := g.core.WriteAny(ctx, actions, core.Idempotent("withdrawDeprecation", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		s, err := findSunsetting(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		mayAnnounce := tx.May(registry.DeprecationAnnounce, s.version.Parent)
		if !mayAnnounce {
			err = checkMay(tx, registry.DeprecationPlan, s.version.Parent)
		}
		step := s.version.DeprecationStep()
		if err := core.FirstError(err, governance.CheckDeprecationStep(step, registry.DeprecationWithdrawn), governance.CheckWithdrawal(step, mayAnnounce)); err != nil {
			return core.WriteResult{}, err
		}
		s.close(tx, registry.DeprecationWithdrawn, in.Reason)
		return core.WriteResult{IDs: []registry.ID{s.deprecation.ID}, Created: true, Changed: true},
			s.putAndLog(ctx, tx, registry.LogDeprecationWithdrawn, in.Reason, core.LogDetail("version", s.version.Version, "was", step))
	})
	if err != nil {
		return nil, err
	}
	d, err := core.NounAs[*registry.Deprecation](g.core.ReadBack(ctx, result, result.IDs[0]))
	return &DeprecationPayload{d}, err
}

// close notes who ended the open part of a deprecation.
func (s *sunsetting) close(tx *policies.Tx, step registry.DeprecationStep, reason string) {
	d := s.deprecation
	d.Step, d.ClosedBy, d.ClosedAt, d.Reason = step, tx.Subject(), tx.Now(), reason
}
