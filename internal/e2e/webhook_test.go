package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// delivery is a request that the receiver of the test got.
type delivery struct {
	id, model, transition string
	seq                   int64
	taken                 bool
}

// hookReceiver is a receiver that fails, hangs up, redirects and lies, at random.
type hookReceiver struct {
	*httptest.Server
	mu    sync.Mutex
	all   []delivery
	lines bytes.Buffer // for verify.py
	kind  bool         // takes everything
}

func newHookReceiver(t *testing.T) *hookReceiver {
	r := &hookReceiver{}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *hookReceiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	b, err := io.ReadAll(q.Body)
	if err != nil || q.URL.Path != "/hook" {
		w.WriteHeader(http.StatusOK) // Who follows a redirect would think that it arrived.
		return
	}
	var m struct {
		Data struct {
			Seq        int64
			Transition struct{ ID string }
			Version    struct{ ModelName string }
		}
	}
	json.Unmarshal(b, &m)
	r.mu.Lock()
	defer r.mu.Unlock()
	d := delivery{q.Header.Get("webhook-id"), m.Data.Version.ModelName, m.Data.Transition.ID, m.Data.Seq, false}
	line, _ := json.Marshal(map[string]any{"body": b, "headers": map[string]string{"webhook-id": d.id, "webhook-timestamp": q.Header.Get("webhook-timestamp"), "webhook-signature": q.Header.Get("webhook-signature")}})
	r.lines.Write(append(line, '\n'))
	choice := rand.IntN(8)
	if r.kind {
		choice = 7
	}
	switch choice {
	case 0:
		w.WriteHeader(http.StatusInternalServerError)
	case 1:
		http.Redirect(w, q, r.URL+"/elsewhere", http.StatusTemporaryRedirect)
	case 2:
		time.Sleep(50 * time.Millisecond)
		defer panic(http.ErrAbortHandler)
	case 3:
		d.taken = true
		fmt.Fprint(w, "<html>no JSON at all\x00")
	default:
		d.taken = true
	}
	r.all = append(r.all, d)
}

func (r *hookReceiver) taken() (out []delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.all {
		if d.taken {
			out = append(out, d)
		}
	}
	return out
}

// verified lets the library verify what came since it was last asked.
func (r *hookReceiver) verified(t *testing.T, python, secret string) (n int) {
	t.Helper()
	r.mu.Lock()
	lines := bytes.Clone(r.lines.Bytes())
	r.lines.Reset()
	r.mu.Unlock()
	cmd := exec.Command(python, filepath.Join("testdata", "webhooks", "verify.py"), secret)
	cmd.Stdin = bytes.NewReader(lines)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	fmt.Sscan(string(out), &n)
	if want := bytes.Count(lines, []byte("\n")); n != want {
		t.Errorf("%d of %d signatures hold", n, want)
	}
	return n
}

// TestWebhooksOutliveKilledServers kills the server with SIGKILL while it tells a receiver that fails,
// hangs up, redirects and lies. Every acknowledged transition arrives, in order for each model.
func TestWebhooksOutliveKilledServers(t *testing.T) {
	t.Parallel()
	python := pythonWith(t, "webhooks", filepath.Join("testdata", "webhooks", "requirements.txt"))
	for name, flags := range stores {
		t.Run(name, func(t *testing.T) {
			f := append(flags(t), "--webhook-allow-private", "--webhook-pause", "20ms", "--webhook-attempts", "60")
			r := newHookReceiver(t)
			p := start(t, f...)
			var made struct{ CreateWebhook struct{ Secret string } }
			p.must(`mutation($u:String!){createWebhook(input:{name:"test",address:$u,events:[TRANSITIONS]}){secret}}`, map[string]any{"u": r.URL + "/hook"}, &made)
			secret := made.CreateWebhook.Secret
			for m := range hookModels {
				p.must(`mutation($m:String!){registerModel(input:{name:$m}){model{id}}}`, map[string]any{"m": fmt.Sprint("m", m)}, nil)
				p.must(`mutation($m:String!){registerModelVersion(input:{model:$m,version:"1.0.0"}){modelVersion{id}}}`, map[string]any{"m": fmt.Sprint("m", m)}, nil)
			}
			acked, verified, n := map[string]bool{}, 0, rounds(20)
			for range n {
				for id := range moveUntilKilled(t, p, r) {
					acked[id] = true
				}
				verified += r.verified(t, python, secret)
				p = start(t, f...)
			}
			r.mu.Lock()
			r.kind = true
			r.mu.Unlock()
			for deadline := time.Now().Add(2 * time.Minute); missing(acked, r) > 0 && time.Now().Before(deadline); {
				time.Sleep(100 * time.Millisecond)
			}
			verified += r.verified(t, python, secret)
			lost, disorder, again := missing(acked, r), outOfOrder(r.taken()), repeats(t, r.taken())
			if lost > 0 || disorder > 0 || len(acked) < n {
				t.Errorf("%d of %d transitions were lost, %d came out of order\n%s", lost, len(acked), disorder, p.log)
			}
			t.Logf("PROOF %s: %d kills -9 of a server that tells a receiver which fails, hangs up, redirects and lies: %d transitions, %d lost, %d out of order for their model, %d told again under the same id, %d signatures verified by standardwebhooks",
				name, n, len(acked), lost, disorder, again, verified)
		})
	}
}

// hookModels is how many models are moved.
const hookModels = 4

// moveUntilKilled moves versions to and fro, and kills the server after some were told. It returns
// the ids of the acknowledged transitions.
func moveUntilKilled(t *testing.T, p *process, r *hookReceiver) map[string]bool {
	var mu sync.Mutex
	var wg sync.WaitGroup
	acked := map[string]bool{}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	before := len(r.taken())
	for m := range hookModels {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil && i < 200; i++ {
				for _, to := range []string{"STAGING", "CANARY"} {
					a, err := p.ask(ctx, `mutation($m:String!,$to:Stage!){transitionModelVersion(input:{model:$m,version:"1.0.0",to:$to}){transition{id}}}`, map[string]any{"m": fmt.Sprint("m", m), "to": to})
					if err != nil {
						return // The server was killed.
					}
					if len(a.Errors) > 0 {
						continue // It is in that stage already, since the server was killed.
					}
					var got struct {
						TransitionModelVersion struct{ Transition struct{ ID string } }
					}
					if err := json.Unmarshal(a.Data, &got); err != nil {
						t.Error(err)
					}
					mu.Lock()
					acked[got.TransitionModelVersion.Transition.ID] = true
					mu.Unlock()
					time.Sleep(20 * time.Millisecond)
				}
			}
		})
	}
	for ctx.Err() == nil && len(r.taken()) < before+5 {
		time.Sleep(10 * time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Errorf("nothing was told in a minute:\n%s", p.log)
	}
	p.kill()
	wg.Wait()
	return acked
}

// missing counts the transitions that the receiver has not taken.
func missing(acked map[string]bool, r *hookReceiver) int {
	taken := map[string]bool{}
	for _, d := range r.taken() {
		taken[d.transition] = true
	}
	n := 0
	for id := range acked {
		if !taken[id] {
			n++
		}
	}
	return n
}

// outOfOrder counts the deliveries that came for the first time after a later one of their model.
func outOfOrder(all []delivery) (n int) {
	last, seen := map[string]int64{}, map[string]bool{}
	for _, d := range all {
		if seen[d.id] {
			continue
		}
		if seen[d.id] = true; d.seq <= last[d.model] {
			n++
		}
		last[d.model] = d.seq
	}
	return n
}

// repeats counts what was taken more than once. It has one id.
func repeats(t *testing.T, all []delivery) (n int) {
	ids := map[string]string{}
	for _, d := range all {
		if id, ok := ids[d.transition]; ok {
			if n++; id != d.id {
				t.Errorf("%s came as %s and as %s", d.transition, id, d.id)
			}
		}
		ids[d.transition] = d.id
	}
	return n
}

// TestWebhooksOfARealServerStayInPublicNetworks starts a server without the flag for private addresses.
func TestWebhooksOfARealServerStayInPublicNetworks(t *testing.T) {
	t.Parallel()
	r := newHookReceiver(t)
	r.kind = true
	p := start(t, stores["SQLite"](t)...)
	var made struct {
		CreateWebhook struct{ Webhook struct{ ID string } }
	}
	p.must(`mutation($u:String!){createWebhook(input:{name:"test",address:$u,events:[TRANSITIONS]}){webhook{id}}}`, map[string]any{"u": strings.Replace(r.URL, "http://127.0.0.1", "https://localhost", 1) + "/hook"}, &made)
	id := made.CreateWebhook.Webhook.ID
	p.must(`mutation($id:ID!){testWebhook(input:{id:$id}){webhook{id}}}`, map[string]any{"id": id}, nil)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		var got struct {
			Webhook struct{ Deliveries []struct{ Outcome string } }
		}
		p.must(`query($id:ID!){webhook(id:$id){deliveries{outcome}}}`, map[string]any{"id": id}, &got)
		if d := got.Webhook.Deliveries; len(d) > 0 {
			if d[0].Outcome != "ADDRESS_REFUSED" || len(r.taken()) > 0 {
				t.Errorf("%v, and the receiver took %d", d, len(r.taken()))
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the test was not sent:\n%s", p.log)
		}
	}
}

// TestTwoServersOfOneStoreTellOnce moves versions through two servers of one store, one of which is
// stopped. Each transition is told once.
func TestTwoServersOfOneStoreTellOnce(t *testing.T) {
	t.Parallel()
	for name, flags := range stores {
		t.Run(name, func(t *testing.T) {
			f := append(flags(t), "--webhook-allow-private")
			r := newHookReceiver(t)
			r.kind = true
			servers := []*process{start(t, f...), start(t, f...)}
			servers[0].must(`mutation($u:String!){createWebhook(input:{name:"test",address:$u,events:[TRANSITIONS]}){webhook{id}}}`, map[string]any{"u": r.URL + "/hook"}, nil)
			for m := range hookModels {
				servers[0].must(`mutation($m:String!){registerModel(input:{name:$m}){model{id}}}`, map[string]any{"m": fmt.Sprint("m", m)}, nil)
				servers[0].must(`mutation($m:String!){registerModelVersion(input:{model:$m,version:"1.0.0"}){modelVersion{id}}}`, map[string]any{"m": fmt.Sprint("m", m)}, nil)
			}
			acked := map[string]bool{}
			var stopped error
			for i := range 24 {
				if i == 12 {
					stopped = servers[1].stop()
					servers = servers[:1]
				}
				to := []string{"STAGING", "CANARY"}[i/hookModels%2]
				var got struct {
					TransitionModelVersion struct{ Transition struct{ ID string } }
				}
				servers[i%len(servers)].must(`mutation($m:String!,$to:Stage!){transitionModelVersion(input:{model:$m,version:"1.0.0",to:$to}){transition{id}}}`, map[string]any{"m": fmt.Sprint("m", i%hookModels), "to": to}, &got)
				acked[got.TransitionModelVersion.Transition.ID] = true
			}
			for deadline := time.Now().Add(time.Minute); missing(acked, r) > 0 && time.Now().Before(deadline); {
				time.Sleep(50 * time.Millisecond)
			}
			lost, disorder, again := missing(acked, r), outOfOrder(r.taken()), repeats(t, r.taken())
			if lost > 0 || disorder > 0 || again > 0 || len(acked) != 24 || stopped != nil {
				t.Errorf("of %d transitions %d were lost, %d came out of order and %d twice (%v)", len(acked), lost, disorder, again, stopped)
			}
			t.Logf("PROOF %s: 2 servers on one store, one of them stopped: %d transitions told, %d lost, %d twice", name, len(acked), lost, again)
		})
	}
}
