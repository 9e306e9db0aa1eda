package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

const promotionsPerRound = 64 // Each of 32 versions is promoted on both servers.

// TestPromotionsFromTwoServersKeepOneInProduction races promotions from two processes
// on one store. Meanwhile readers poll both for the version in PRODUCTION.
func TestPromotionsFromTwoServersKeepOneInProduction(t *testing.T) {
	t.Parallel()
	for name, flags := range stores {
		t.Run(name, func(t *testing.T) {
			f := flags(t)
			servers := []*process{start(t, f...), start(t, f...)}
			versions := promotionsPerRound / len(servers)
			servers[0].must(`mutation{registerModel(input:{name:"race"}){model{id}}}`, nil, nil)
			for i := range versions {
				servers[i%2].must(`mutation($v:String!){registerModelVersion(input:{model:"race",version:$v}){modelVersion{id}}}`, map[string]any{"v": semver(i)}, nil)
				servers[i%2].must(promote, map[string]any{"v": semver(i), "to": "STAGING"}, nil)
			}
			servers[0].must(promote, map[string]any{"v": semver(0), "to": "PRODUCTION"}, nil)
			var acknowledged, lost atomic.Int64
			acknowledged.Store(1)
			polls, stop := poll(t, servers)
			n := rounds(50)
			for range n {
				promoteConcurrently(t, servers, versions, &acknowledged, &lost)
			}
			stop()
			into, out := transitions(servers[0], versions)
			if int64(into) != acknowledged.Load() || out != into-1 {
				t.Errorf("acknowledged %d, recorded %d into and %d out of PRODUCTION", acknowledged.Load(), into, out)
			}
			t.Logf("PROOF %s: %d promotions × %d rounds from two servers: %d acknowledged = %d recorded, %d refused each with a code, %d polls saw exactly one in PRODUCTION",
				name, promotionsPerRound, n, acknowledged.Load(), into, lost.Load(), polls.Load())
		})
	}
}

const promote = `mutation($v:String!,$to:Stage!,$if:Int){transitionModelVersion(input:{model:"race",version:$v,to:$to,ifRevision:$if}){version{stage}}}`

func semver(i int) string { return fmt.Sprintf("1.%d.0", i) }

func promoteConcurrently(t *testing.T, servers []*process, versions int, acknowledged, lost *atomic.Int64) {
	var wg sync.WaitGroup
	for i := range versions {
		// The client of the second server requires the revision that it read, so that some
		// promotions fail.
		var seen struct{ ModelVersion struct{ Revision int } }
		servers[1].must(`query($v:String!){modelVersion(model:"race",version:$v){revision}}`, map[string]any{"v": semver(i)}, &seen)
		for k, p := range servers {
			vars := map[string]any{"v": semver(i), "to": "PRODUCTION"}
			if k == 1 {
				vars["if"] = seen.ModelVersion.Revision
			}
			wg.Go(func() {
				a, err := p.ask(context.Background(), promote, vars)
				switch {
				case err != nil:
					t.Errorf("no answer: %v", err)
				case len(a.Errors) == 0:
					acknowledged.Add(1)
				case a.code() == "" || a.code() == "INTERNAL":
					t.Errorf("refused without a code: %+v", a.Errors)
				default:
					lost.Add(1)
				}
			})
		}
	}
	wg.Wait()
}

// poll reads from both servers until the returned function is called. Every answer
// must show exactly one version in PRODUCTION.
func poll(t *testing.T, servers []*process) (*atomic.Int64, func()) {
	var polls atomic.Int64
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, p := range servers {
		wg.Go(func() {
			for ctx.Err() == nil {
				a, err := p.ask(ctx, `{model(name:"race"){versionsByStage(stage:PRODUCTION){version}}}`, nil)
				if ctx.Err() != nil {
					return
				}
				var got struct {
					Model struct{ VersionsByStage []struct{ Version string } }
				}
				if err != nil || len(a.Errors) > 0 || json.Unmarshal(a.Data, &got) != nil {
					t.Errorf("a poll failed: %v %+v", err, a.Errors)
					return
				}
				if n := len(got.Model.VersionsByStage); n != 1 {
					t.Errorf("a reader saw %d in PRODUCTION", n)
				}
				polls.Add(1)
			}
		})
	}
	return &polls, func() { cancel(); wg.Wait() }
}

// transitions counts the recorded transitions into and out of PRODUCTION.
func transitions(p *process, versions int) (into, out int) {
	for i := range versions {
		after := ""
		for {
			var got struct {
				ModelVersion struct {
					Transitions struct {
						Edges    []struct{ Node struct{ From, To string } }
						PageInfo struct {
							HasNextPage bool
							EndCursor   string
						}
					}
				}
			}
			p.must(`query($v:String!,$a:String){modelVersion(model:"race",version:$v){transitions(first:200,after:$a){edges{node{from to}} pageInfo{hasNextPage endCursor}}}}`,
				map[string]any{"v": semver(i), "a": after}, &got)
			for _, e := range got.ModelVersion.Transitions.Edges {
				if e.Node.To == "PRODUCTION" {
					into++
				}
				if e.Node.From == "PRODUCTION" {
					out++
				}
			}
			if after = got.ModelVersion.Transitions.PageInfo.EndCursor; !got.ModelVersion.Transitions.PageInfo.HasNextPage {
				break
			}
		}
	}
	return into, out
}
