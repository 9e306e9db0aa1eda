package governance

import (
	"slices"
	"time"

	"pedigree/registry"
)

// Rule is what approvals the transitions of one model need. The zero Rule needs none. Signed are
// the stages that need a signature, which may be others.
type Rule struct {
	Signed    []registry.Stage
	Stages    []registry.Stage
	Needed    int
	Approvers []string
	Expiry    time.Duration
	// Gates are the gates that hold for the model.
	Gates []registry.GateEntry
}

// GatesFor returns the gates of an index that hold for a model with these tags.
func GatesFor(index []registry.GateEntry, model registry.ID, tags []registry.KeyValue) (out []registry.GateEntry) {
	for _, g := range index {
		if (g.Tag == nil || slices.Contains(tags, *g.Tag)) && (len(g.Models) == 0 || slices.Contains(g.Models, model)) {
			out = append(out, g)
		}
	}
	return out
}

// GatesInto returns the ids of the gates that hold for a transition into a stage.
func (r Rule) GatesInto(to registry.Stage) (out []registry.ID) {
	for _, g := range r.Gates {
		if slices.Contains(g.Stages, to) {
			out = append(out, g.ID)
		}
	}
	return out
}

// Covers reports whether a transition into a stage needs approvals.
func (r Rule) Covers(to registry.Stage) bool { return slices.Contains(r.Stages, to) }

// NeedsSignature reports whether a transition into a stage needs a signature that holds.
func (r Rule) NeedsSignature(to registry.Stage) bool { return slices.Contains(r.Signed, to) }

// RuleOf returns the rule of a model from the guards that apply to it; nil for one that is not
// set. The guard of the model decides alone. Without one, the rule is the strictest of the
// registry's and its tags', because who may tag a model must not be able to open it.
func RuleOf(whole, model *registry.TransitionGuard, tags []*registry.TransitionGuard) Rule {
	if model != nil {
		return ruleOf(model)
	}
	var out Rule
	for _, g := range append([]*registry.TransitionGuard{whole}, tags...) {
		if g != nil {
			out = out.and(ruleOf(g))
		}
	}
	return out
}

func ruleOf(g *registry.TransitionGuard) Rule {
	var signed []registry.Stage
	if g.RequireSignature {
		signed = slices.Clone(g.Stages)
	}
	if g.Profile != registry.ProfileGuarded {
		return Rule{Signed: signed}
	}
	return Rule{Signed: signed, Stages: slices.Clone(g.Stages), Needed: g.Needed, Approvers: slices.Clone(g.Approvers), Expiry: time.Duration(g.ExpiryDays) * 24 * time.Hour}
}

// and returns a rule that asks for all that two rules ask for.
func (r Rule) and(o Rule) Rule {
	signed := slices.Clone(r.Signed)
	for _, s := range o.Signed {
		if !slices.Contains(signed, s) {
			signed = append(signed, s)
		}
	}
	r.Signed, o.Signed = signed, signed
	switch {
	case len(o.Stages) == 0:
		return r
	case len(r.Stages) == 0:
		return o
	}
	out := Rule{Signed: signed, Stages: r.Stages, Needed: max(r.Needed, o.Needed), Approvers: r.Approvers, Expiry: min(r.Expiry, o.Expiry)}
	for _, s := range o.Stages {
		if !slices.Contains(out.Stages, s) {
			out.Stages = append(out.Stages, s)
		}
	}
	switch {
	case len(r.Approvers) == 0:
		out.Approvers = o.Approvers
	case len(o.Approvers) > 0:
		out.Approvers = slices.DeleteFunc(slices.Clone(r.Approvers), func(s string) bool { return !slices.Contains(o.Approvers, s) })
		if len(out.Approvers) == 0 {
			out.Approvers = []string{noApprover}
		}
	}
	return out
}

// noApprover stands for two guards that no approver meets: an empty list would mean everyone.
// No subject has this name, because names hold no control characters.
const noApprover = "nobody, because two guards name different approvers\t"

// Equal reports whether two rules ask for the same.
func (r Rule) Equal(o Rule) bool {
	return slices.Equal(r.Signed, o.Signed) && slices.Equal(r.Stages, o.Stages) && r.Needed == o.Needed && slices.Equal(r.Approvers, o.Approvers) && r.Expiry == o.Expiry &&
		slices.EqualFunc(r.Gates, o.Gates, func(a, b registry.GateEntry) bool { return a.ID == b.ID })
}

// CheckGuard fills in what a guard leaves out, and returns INVALID_ARGUMENT for one that makes
// no sense.
func CheckGuard(g *registry.TransitionGuard) error {
	switch g.Profile {
	case registry.ProfileOpen:
		if len(g.Approvers)+g.Needed+g.ExpiryDays > 0 || len(g.Stages) > 0 && !g.RequireSignature {
			return registry.Invalid("profile", "OPEN asks for no approval: leave out stages, needed, approvers and expiryDays; stages go with requireSignature")
		}
		if g.RequireSignature {
			return checkStages(g)
		}
		return nil
	case registry.ProfileGuarded:
	default:
		return registry.Invalid("profile", "%q is no profile; use OPEN or GUARDED", g.Profile)
	}
	if err := checkStages(g); err != nil {
		return err
	}
	if g.Needed == 0 {
		g.Needed = registry.DefaultApprovals
	}
	if g.ExpiryDays == 0 {
		g.ExpiryDays = registry.DefaultExpiryDays
	}
	if g.Needed < 1 || g.Needed > registry.MaxApprovals {
		return registry.Invalid("needed", "must be 1 to %d approvals, not %d", registry.MaxApprovals, g.Needed)
	}
	if g.ExpiryDays < 1 || g.ExpiryDays > registry.MaxExpiryDays {
		return registry.Invalid("expiryDays", "must be 1 to %d days, not %d", registry.MaxExpiryDays, g.ExpiryDays)
	}
	if len(g.Approvers) > 0 && len(g.Approvers) < g.Needed {
		return registry.Invalid("approvers", "name at least as many as are needed: %d", g.Needed)
	}
	return nil
}

// checkStages fills in PRODUCTION where a guard names no stage.
func checkStages(g *registry.TransitionGuard) error {
	if len(g.Stages) == 0 {
		g.Stages = []registry.Stage{registry.Production}
	}
	for i, s := range g.Stages {
		if !slices.Contains(registry.Stages(), s) || slices.Contains(g.Stages[:i], s) {
			return registry.Invalid("stages", "%q is no stage, or is given twice; use some of %v", s, registry.Stages())
		}
	}
	return nil
}
