package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

// TestNothingIsPromotedAfterItsRecall races a recall of data on one server against promotions of four
// versions that learned from it on both. Those that went through stand before the recall in the log.
func TestNothingIsPromotedAfterItsRecall(t *testing.T) {
	t.Parallel()
	for name, flags := range stores {
		t.Run(name, func(t *testing.T) {
			f := flags(t)
			servers := []*process{start(t, f...), start(t, f...)}
			servers[0].must(`mutation{registerModel(input:{name:"race"}){model{id}}}`, nil, nil)
			var won, lost int
			n := rounds(200)
			for i := range n {
				w, l := recallAgainstPromotions(t, servers, i)
				won, lost = won+w, lost+l
			}
			t.Logf("PROOF %s: %d recalls against 4 promotions each, from two servers: %d promotions came before their recall, %d were refused, 0 came after it", name, n, won, lost)
		})
	}
}

// recallAgainstPromotions runs one round, and returns how many promotions went through and how many
// were refused.
func recallAgainstPromotions(t *testing.T, servers []*process, round int) (won, lost int) {
	data := fmt.Sprintf("data%d", round)
	var recorded struct {
		RecordDatasetVersion struct{ DatasetVersion struct{ ID string } }
	}
	servers[0].must(`mutation($d:String!){recordDatasetVersion(input:{dataset:$d,version:"1"}){datasetVersion{id}}}`, map[string]any{"d": data}, &recorded)
	id := recorded.RecordDatasetVersion.DatasetVersion.ID
	var run struct {
		RecordRun struct{ Run struct{ ID string } }
	}
	servers[1].must(`mutation($r:String!,$d:ID!){recordRun(input:{producer:"test",runId:$r,name:"train",inputs:[$d]}){run{id}}}`, map[string]any{"r": data, "d": id}, &run)
	versions := make([]string, 4)
	for k := range versions {
		versions[k] = semver(round*len(versions) + k)
		servers[k%2].must(`mutation($v:String!,$r:ID!){registerModelVersion(input:{model:"race",version:$v,run:$r}){modelVersion{id}}}`, map[string]any{"v": versions[k], "r": run.RecordRun.Run.ID}, nil)
		servers[k%2].must(promote, map[string]any{"v": versions[k], "to": "STAGING"}, nil)
	}
	var wg sync.WaitGroup
	through := make([]bool, len(versions))
	for k, v := range versions {
		wg.Go(func() {
			a, err := servers[k%2].ask(context.Background(), promote, map[string]any{"v": v, "to": "CANARY"})
			switch {
			case err != nil:
				t.Errorf("no answer: %v", err)
			case len(a.Errors) == 0:
				through[k] = true
			case a.code() != "FAILED_PRECONDITION":
				t.Errorf("refused as %q: %+v", a.code(), a.Errors)
			}
		})
	}
	var recall struct {
		Recall struct{ Recall struct{ Seq int64 } }
	}
	wg.Go(func() {
		servers[round%2].must(`mutation($d:ID!){recall(input:{nodes:[$d],reason:"wrong",severity:HIGH}){recall{seq}}}`, map[string]any{"d": id}, &recall)
	})
	wg.Wait()
	after := recall.Recall.Recall.Seq
	if after == 0 {
		t.Fatal("the recall has no sequence")
	}
	for k, v := range versions {
		if !through[k] {
			lost++
			continue
		}
		won++
		var at struct {
			ModelVersion struct {
				ID    string
				Stage string
			}
			AuditLog struct {
				Edges []struct{ Node struct{ Seq int64 } }
			}
		}
		servers[k%2].must(`query($v:String!){modelVersion(model:"race",version:$v){id stage}}`, map[string]any{"v": v}, &at)
		servers[k%2].must(`query($id:ID!){auditLog(first:1,filter:{object:$id}){edges{node{seq}}}}`, map[string]any{"id": at.ModelVersion.ID}, &at)
		if len(at.AuditLog.Edges) != 1 || at.ModelVersion.Stage != "CANARY" {
			t.Fatalf("%s was promoted and is %+v", v, at)
		}
		if seq := at.AuditLog.Edges[0].Node.Seq; seq > after {
			t.Errorf("%s was promoted at %d, after its recall at %d", v, seq, after)
		}
	}
	for _, v := range versions { // From now on both servers refuse.
		for _, p := range servers {
			if a, err := p.ask(context.Background(), promote, map[string]any{"v": v, "to": "PRODUCTION"}); err != nil || a.code() != "FAILED_PRECONDITION" {
				t.Errorf("%s after the recall: %v %+v", v, err, a)
			}
		}
	}
	return won, lost
}
