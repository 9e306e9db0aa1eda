package policies

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// PolicyChange is one change of the policy: one of Put, Withdraw and RevertTo is set.
type PolicyChange struct {
	// Put is a rule to add, as a line of a policy file.
	Put string
	// Withdraw is the id of a rule to take out.
	Withdraw registry.ID
	// RevertTo is the number of the version whose rules come back; 0 is the file alone.
	RevertTo *int
	// IfVersion, when set, is the number that the policy must have: CONFLICT for another one.
	IfVersion *int
	Reason    string
}

// maxAddedRules is how many rules the API may add: Casbin takes longer with each.
const maxAddedRules = 300

// PrepareChange compiles what a change would make of the policy, so that ChangePolicy finds it
// ready and the other writers do not wait for Casbin. It returns what is wrong with the change.
func (g *Gate) PrepareChange(ctx context.Context, c PolicyChange) error {
	old, err := newestPolicyVersion(ctx, g.store)
	if err != nil {
		return err
	}
	next, err := g.policy.next(ctx, g.store, old, c)
	if err == nil {
		_, err = g.policy.compile(overlay{next.Added, next.Withdrawn}, old.Number+1)
	}
	return err
}

// next returns what a change makes of a version of the policy. Nothing is compiled.
func (f *policyFollower) next(ctx context.Context, r graph.Reader, old registry.PolicyVersion, c PolicyChange) (registry.PolicyVersion, error) {
	next := registry.PolicyVersion{Added: slices.Clone(old.Added), Withdrawn: slices.Clone(old.Withdrawn)}
	switch {
	case c.Put != "":
		rule, err := f.checkPut(c.Put)
		if err != nil {
			return next, err
		}
		next.Change, next.Rule = registry.PolicyRulePut, rule
		next.Withdrawn = slices.DeleteFunc(next.Withdrawn, func(s string) bool { return s == rule })
		if !f.inFile(rule) && !slices.Contains(next.Added, rule) {
			next.Added = append(next.Added, rule)
		}
	case c.Withdraw != "":
		l, err := f.find(old, c.Withdraw)
		if err != nil {
			return next, err
		}
		next.Change, next.Rule = registry.PolicyRuleWithdrawn, l
		next.Added = slices.DeleteFunc(next.Added, func(s string) bool { return s == l })
		if f.inFile(l) && !slices.Contains(next.Withdrawn, l) {
			next.Withdrawn = append(next.Withdrawn, l)
		}
	case c.RevertTo != nil:
		o, err := f.at(ctx, r, *c.RevertTo, old.Number)
		if err != nil {
			return next, err
		}
		next.Change, next.Added, next.Withdrawn = registry.PolicyReverted, o.added, o.withdrawn
	}
	slices.Sort(next.Withdrawn)
	return next, nil
}

// checkPut returns a rule of the API in its one spelling. It refuses what is no p rule, and
// denials: those stand in the file alone.
func (f *policyFollower) checkPut(text string) (string, error) {
	lines, problems := parsePolicy(text)
	if len(problems) > 0 || len(lines) != 1 || lines[0].fields[0] != "p" {
		return "", registry.Invalid("rule", "is no p rule: %v", problems)
	}
	l := lines[0]
	if l.fields[5] != "allow" {
		return "", registry.Invalid("rule", "a rule that denies can stand in the policy file only")
	}
	if problems := problemsOf(l, f.file.lines); len(problems) > 0 {
		return "", &registry.Error{Code: registry.InvalidArgument, Message: "the rule is refused: " + problems[0], Details: map[string]any{"problems": problems}}
	}
	return l.text(), nil
}

// inFile reports whether the file has a rule.
func (f *policyFollower) inFile(rule string) bool {
	return slices.ContainsFunc(f.file.lines, func(l line) bool { return l.fields[0] == "p" && l.text() == rule })
}

// find returns a rule of a version of the policy by its id, or one of the file that was already
// withdrawn. NOT_FOUND when there is none, and
// FAILED_PRECONDITION for a denial, which only the file can take back.
func (f *policyFollower) find(v registry.PolicyVersion, id registry.ID) (string, error) {
	for _, rule := range v.Added {
		if ruleID(rule) == id {
			return rule, nil
		}
	}
	for _, l := range f.file.lines {
		if l.fields[0] != "p" || ruleID(l.text()) != id {
			continue
		}
		if l.fields[5] != "allow" {
			return "", registry.Errorf(registry.FailedPrecondition, "a rule that denies is withdrawn in the policy file, and not here")
		}
		return l.text(), nil
	}
	return "", registry.Errorf(registry.NotFound, "the policy has no rule %q; list them with policy { rules { id text } }", registry.Shorten(string(id), 60))
}

// at returns the overlay with which the file of this server has the rules that it had at a
// version, also when the file was another one then. Denials stay those of the file.
func (f *policyFollower) at(ctx context.Context, r graph.Reader, number, newest int) (o overlay, err error) {
	if number < 0 || number > newest {
		return o, registry.Invalid("to", "is no version of the policy; it has 0, which is the file alone, to %d", newest)
	}
	if number == 0 {
		return o, nil
	}
	nodes, err := r.Nodes(ctx, graph.Instant{}, registry.PolicyVersionID(number))
	if err != nil {
		return o, err
	}
	var v registry.PolicyVersion
	if !decodeNode(nodes[0], &v) {
		return o, registry.Errorf(registry.NotFound, "version %d of the policy is gone", number)
	}
	lines, _ := parsePolicy(v.Text)
	var then []string
	for _, l := range lines {
		if l.fields[0] == "p" && l.fields[5] == "allow" {
			then = append(then, l.text())
		}
	}
	for _, rule := range then {
		if !f.inFile(rule) && !slices.Contains(o.added, rule) {
			o.added = append(o.added, rule)
		}
	}
	for _, l := range f.file.lines {
		if l.fields[0] == "p" && l.fields[5] == "allow" && !slices.Contains(then, l.text()) && !slices.Contains(o.withdrawn, l.text()) {
			o.withdrawn = append(o.withdrawn, l.text())
		}
	}
	return o, nil
}

// ChangePolicy writes the next version of the policy, and puts it into force when the
// transaction is committed. It returns nil when the policy is already so. It refuses what
// would give somebody what the actor does not hold, or leave no administrator.
func (t *Tx) ChangePolicy(ctx context.Context, c PolicyChange) (*registry.PolicyVersion, error) {
	old, err := newestPolicyVersion(ctx, t.tx)
	if err != nil {
		return nil, err
	}
	if c.IfVersion != nil && *c.IfVersion != old.Number {
		e := registry.Errorf(registry.Conflict, "the policy was changed meanwhile: you saw version %d, it is at %d; read it again and repeat your change", *c.IfVersion, old.Number)
		e.Details = map[string]any{"version": old.Number}
		return nil, e
	}
	before, err := t.policyInForce(ctx)
	if err != nil {
		return nil, err
	}
	f := &t.gate.policy
	next, err := f.next(ctx, t.tx, old, c)
	if err != nil || (overlay{next.Added, next.Withdrawn}).equal(overlay{old.Added, old.Withdrawn}) {
		return nil, err
	}
	after, err := f.compile(overlay{next.Added, next.Withdrawn}, old.Number+1)
	if err != nil {
		return nil, err
	}
	if len(next.Added) > maxAddedRules && len(next.Added) > len(old.Added) {
		return nil, registry.Errorf(registry.ResourceExhausted, "the API has added %d rules, which is as many as it may; move some into the policy file", len(old.Added))
	}
	for _, l := range after.Unused {
		if next.Change != registry.PolicyReverted && !slices.Contains(before.Unused, l) {
			return nil, registry.Errorf(registry.InvalidArgument, "the policy would be left with a line that names nothing: %s", l)
		}
	}
	if err := t.checkPolicyChange(ctx, before, after); err != nil {
		return nil, err
	}
	next.Number, next.Hash, next.Text, next.Reason = after.Number, after.Version, after.Text, c.Reason
	next.By, next.At = t.Subject(), t.now
	t.policy = after
	return &next, nil
}

// checkPolicyChange refuses a change that gives any role what the actor does not hold over
// everything, and one after which nobody is an administrator.
func (t *Tx) checkPolicyChange(ctx context.Context, before, after *Table) error {
	var held []string
	for _, g := range t.scope.actor.Grants {
		if g.Scope == registry.ScopeAll {
			held = append(held, g.Role)
		}
	}
	if !before.administers(t.scope.actor.Grants) {
		return registry.Errorf(registry.Forbidden, "the policy is for everything: to change it, you need %s over everything", registry.AccessManage)
	}
	for _, name := range after.Roles() {
		// What the role had stays its own; what is new must be held.
		gained := before.withReachesOf(after)
		if right := gained.firstBeyond(after.roles[name], append(slices.Clone(held), name)); right != "" {
			return registry.Errorf(registry.Forbidden, "you may not give the role %s what you do not hold: %s", name, right)
		}
	}
	had, err := t.hasAdministrator(ctx, before, "")
	if err != nil || !had {
		return err // Nobody to lock out: the operator of the store sets it up.
	}
	return t.checkAdministrators(ctx, after, "")
}

// withReachesOf returns the table with the reaches of another one, which firstBeyond walks.
func (t *Table) withReachesOf(other *Table) *Table {
	c := *t
	c.reaches = slices.Clone(t.reaches)
	for _, at := range other.reaches {
		if !slices.Contains(c.reaches, at) {
			c.reaches = append(c.reaches, at)
		}
	}
	return &c
}
