package policies

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/registry"
)

// edits is how many random edits the test below makes: 1,000 with PEDIGREE_ROUNDS of 125 or more.
func edits() int {
	rounds, err := strconv.Atoi(os.Getenv("PEDIGREE_ROUNDS"))
	if err != nil || rounds < 1 {
		rounds = 2
	}
	return min(8*rounds, 1000)
}

// policyBench is a gate on an empty store, and an administrator's context for each call.
type policyBench struct {
	*testing.T
	gate *Gate
	r    *rand.Rand
}

func newPolicyBench(t *testing.T, text string) *policyBench {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	table, err := Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewGate(t.Context(), s, table, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &policyBench{t, g, rand.New(rand.NewPCG(3, 3))}
	doc := []byte(`{"grants":[{"role":"admin","scope":"*"}],"subject":"root"}`)
	err = g.Write(b.admin(), registry.AccessManage, func(ctx context.Context, tx *Tx) error {
		if err := tx.Put(ctx, &graph.Node{ID: registry.ActorID("root"), Kind: registry.KindActor, Name: "root", ValidFrom: tx.Now(), Doc: doc}); err != nil {
			return err
		}
		return tx.Log(ctx, registry.LogEntry{Action: registry.LogRoleAssigned})
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *policyBench) as(grants ...registry.Grant) context.Context {
	return As(b.Context(), registry.Actor{Subject: "root", Grants: grants}, "r")
}

func (b *policyBench) admin() context.Context {
	return b.as(registry.Grant{Role: registry.RoleAdmin, Scope: registry.ScopeAll})
}

// change makes a change of the policy as the service does.
func (b *policyBench) change(c PolicyChange) error {
	return b.gate.Write(b.admin(), registry.AccessManage, func(ctx context.Context, tx *Tx) error {
		v, err := tx.ChangePolicy(ctx, c)
		if err != nil || v == nil {
			return err
		}
		doc, err := registry.Canonical(v)
		if err != nil {
			return err
		}
		id := registry.PolicyVersionID(v.Number)
		if err := tx.Put(ctx, &graph.Node{ID: id, Kind: registry.KindPolicy, ValidFrom: tx.Now(), Doc: doc, Columns: map[registry.Index]any{registry.IndexNumber: int64(v.Number)}}); err != nil {
			return err
		}
		return tx.Log(ctx, registry.LogEntry{Action: registry.LogPolicyRulePut, Objects: []registry.ID{id}})
	})
}

// randomRule writes a rule of some role about some object, at times under conditions.
func (b *policyBench) randomRule() string {
	pick := func(from ...string) string { return from[b.r.IntN(len(from))] }
	role, rows := pick("viewer", "developer", "data_scientist", "r1", "r2"), Rows(pick("all", "served", "models", "own"))
	models := []Condition{{ConditionOwner, []string{pick("ann", "bob,|; %#")}}, {ConditionTag, []string{pick("team=risk", "a=b=c"), "x="}}}[:b.r.IntN(5)/2]
	switch b.r.IntN(5) {
	case 0:
		return WriteRule(role, "transition", "do", rows, append(models, Condition{ConditionTo, []string{"STAGING", pick("CANARY", "PRODUCTION")}}))
	case 1:
		return WriteRule(role, "alias.set", "do", rows, append(models, Condition{ConditionAlias, []string{pick("champion", "größe")}}))
	case 2:
		return WriteRule(role, pick("class:metadata", "class:secret", "field:any"), "read", rows, append(models, Condition{ConditionKind, []string{pick("MODEL", "RUN"), "DATASET"}}))
	case 3:
		return WriteRule(role, pick("Artifact.uri", "Model.tags", "LogEntry.actor", "class:log"), "read", rows, models)
	}
	actions := registry.Actions()
	a := actions[b.r.IntN(len(actions))]
	if a == registry.AccessManage {
		models = nil
	}
	return WriteRule(role, string(a), "do", rows, models)
}

// randomChange puts a rule, withdraws one of those in force, or goes back.
func (b *policyBench) randomChange() PolicyChange {
	t := b.gate.Policy()
	rules := t.Rules()
	switch n := b.r.IntN(10); {
	case n < 6 && len(rules) < 60:
		return PolicyChange{Put: b.randomRule()}
	case n < 9:
		return PolicyChange{Withdraw: rules[1+b.r.IntN(len(rules)-1)].ID} // The first is how the administrator holds every field.
	}
	return PolicyChange{RevertTo: new(b.r.IntN(t.Number + 1))}
}

// TestEveryEditCompilesToWhatCasbinSays makes random edits through the gate, with readers in
// flight, and compares after each one the table in force with an enforcer that has loaded the
// merged text, over the whole cross product.
func TestEveryEditCompilesToWhatCasbinSays(t *testing.T) {
	b := newPolicyBench(t, DefaultPolicy()+"g2, Model.owner, mine\np, role:viewer, mine, read, own, deny\n")
	stop, reads := make(chan struct{}), atomic.Int64{}
	var readers sync.WaitGroup
	for _, role := range []string{registry.RoleViewer, registry.RoleDataScientist, "r1"} {
		readers.Go(func() {
			for ctx := b.as(registry.Grant{Role: role, Scope: "tag:team=risk"}, registry.Grant{Role: role, Scope: registry.ScopeAll}); ; {
				select {
				case <-stop:
					return
				default:
				}
				s, err := b.gate.Read(As(ctx, registry.Actor{Subject: role, Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}, {Role: role, Scope: "tag:team=risk"}}}, "r"), registry.CatalogRead)
				if code := registry.CodeOf(err); code != "" && code != registry.Forbidden {
					t.Error(err)
					return
				}
				if err == nil {
					if _, err = s.Find(ctx, graph.Query{Kinds: []registry.Kind{registry.KindModel}, Limit: 5, Order: registry.IndexName}); err != nil && registry.CodeOf(err) != registry.Forbidden {
						t.Error(err)
						return
					}
				}
				reads.Add(1)
				time.Sleep(time.Millisecond) // Leave the processor to Casbin.
			}
		})
	}
	asked, refused := 0, map[registry.Code]int{}
	for i := range edits() {
		c := b.randomChange()
		if err := b.change(c); err != nil {
			refused[registry.CodeOf(err)]++
			if code := registry.CodeOf(err); code != registry.FailedPrecondition && code != registry.InvalidArgument && code != registry.Forbidden {
				t.Fatal(i, c, err)
			}
		}
		table := b.gate.Policy()
		lines, problems := parsePolicy(table.Text)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		e, err := newEnforcer(lines, func(string) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		asked += compareTable(t, e, table, []string{"anonymous"})
		if i%8 == 0 {
			if again, err := Compile(table.Text); err != nil || again.Version != table.Version || fmt.Sprint(again.reaches) != fmt.Sprint(table.reaches) {
				t.Fatal(i, err, "the text is not the policy")
			}
		}
		if i%100 == 99 {
			t.Logf("%d edits, %d questions", i+1, asked)
		}
		if t.Failed() {
			t.Fatalf("after edit %d, %+v:\n%s", i, c, table.Text)
		}
	}
	close(stop)
	readers.Wait()
	t.Logf("PROOF %d random edits, %d refused %v, policy version %d with %d rules: %d questions, the table says what Casbin says; %d reads meanwhile", edits(), refused[registry.FailedPrecondition]+refused[registry.Forbidden], refused, b.gate.Policy().Number, len(b.gate.Policy().Rules()), asked, reads.Load())
	if b.gate.Policy().Number < edits()/3 || reads.Load() == 0 {
		t.Errorf("only %d edits were made, and %d reads", b.gate.Policy().Number, reads.Load())
	}
}

// TestATableThatDiffersIsSeen shows that the comparison above fails when the table has one bit
// too many or an action too few.
func TestATableThatDiffersIsSeen(t *testing.T) {
	for name, spoil := range map[string]func(*Table){
		"a field":   func(t *Table) { t.roles["viewer"].masks[reach{rows: RowsServed}]["Model"] ^= 1 << 6 },
		"an action": func(t *Table) { delete(t.roles["viewer"].actions, registry.ViewerRead) },
	} {
		table, err := Compile(DefaultPolicy())
		if err != nil {
			t.Fatal(err)
		}
		spoil(table)
		e, err := newEnforcer(table.lines, func(string) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		differs := table.mask("viewer", reach{rows: RowsServed}, "Model").Has(6) != enforce(t, e, "viewer", registry.NounNamed("Model").Fields[6].Coordinate(), "read", reach{rows: RowsServed}) ||
			table.may("viewer", reach{rows: RowsAll}, registry.ViewerRead) != enforce(t, e, "viewer", string(registry.ViewerRead), "do", reach{rows: RowsAll})
		if !differs {
			t.Errorf("%s that differs is not seen", name)
		}
	}
}

// BenchmarkDecision measures one decision of the compiled table.
func BenchmarkDecision(b *testing.B) {
	table, err := Compile(DefaultPolicy())
	if err != nil {
		b.Fatal(err)
	}
	bit, mask := registry.Bit("ModelVersion", "owner"), table.Mask("developer", RowsServed, "ModelVersion")
	b.ReportAllocs()
	for b.Loop() {
		if !mask.Has(bit) {
			b.Fatal("it is hidden")
		}
	}
}

// BenchmarkCompile measures how long a change of the policy takes to compile.
func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := Compile(DefaultPolicy()); err != nil {
			b.Fatal(err)
		}
	}
}
