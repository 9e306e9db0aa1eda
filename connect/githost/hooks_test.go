package githost

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
)

const secret = "0123456789abcdef-secret"

func sign(body []byte, key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// hook is a hook of a host as it sends it.
type hook struct {
	host   Host
	header http.Header
	body   []byte
}

func newHook(t *testing.T, host Host, delivery, key string) hook {
	t.Helper()
	body, err := os.ReadFile("testdata/" + string(host) + "-push.json")
	if err != nil {
		t.Fatal(err)
	}
	h := hook{host, http.Header{}, body}
	h.set(key, delivery, "push")
	return h
}

// set signs the body and sets the headers of a delivery.
func (h *hook) set(key, delivery, event string) {
	switch h.host {
	case GitHub:
		h.header.Set("X-GitHub-Event", event)
		h.header.Set("X-GitHub-Delivery", delivery)
		h.header.Set("X-Hub-Signature-256", "sha256="+sign(h.body, key))
	case GitLab:
		h.header.Set("X-Gitlab-Event", map[string]string{"push": "Push Hook", "ping": "Note Hook"}[event])
		h.header.Set("X-Gitlab-Event-UUID", delivery)
		h.header.Set("X-Gitlab-Token", key)
	case Gitea:
		h.header.Set("X-Gitea-Event", event)
		h.header.Set("X-Gitea-Delivery", delivery)
		h.header.Set("X-Gitea-Signature", sign(h.body, key))
	}
}

// testHooks are hooks of one repository of each host, with a clock that the test moves.
type testHooks struct {
	*Hooks
	t      *testing.T
	queued []string
	time   time.Time
}

func newTestHooks(t *testing.T) *testHooks {
	h := &testHooks{t: t, time: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	h.Hooks = NewHooks(&Config{Repositories: []Repository{{Name: "one", Host: GitHub, URL: "https://github.com/Codertocat/Hello-World", Secret: secret},
		{Name: "one-lab", Host: GitLab, URL: "https://example.com/mike/diaspora.git", Secret: secret},
		{Name: "tea", Host: Gitea, URL: "https://git.example.com/x.git", Web: []string{"http://localhost:3000/gitea/webhooks"}, Secret: secret},
		{Name: "polled", URL: "https://example.com/mike/diaspora.git", Secret: secret}}}, func(name string) { h.queued = append(h.queued, name) }, nil, func() time.Time { return h.time })
	return h
}

func (h *testHooks) send(k hook, name string) (string, registry.Code) {
	status, err := h.Receive(h.t.Context(), string(k.host), name, k.header, bytes.NewReader(k.body))
	if err != nil && strings.Contains(err.Error(), secret) {
		h.t.Errorf("an error holds the secret: %v", err)
	}
	if err == nil {
		return status, ""
	}
	return status, registry.CodeOf(err)
}

var names = map[Host]string{GitHub: "one", GitLab: "one-lab", Gitea: "tea"}

// TestTheSignatureOfGitHubsManual has the example of GitHub's manual.
func TestTheSignatureOfGitHubsManual(t *testing.T) {
	header := http.Header{"X-Hub-Signature-256": {"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}}
	if !GitHub.rules().proves(header, []byte("Hello, World!"), "It's a Secret to Everybody") {
		t.Error("the signature of the manual does not prove its body")
	}
	if GitHub.rules().proves(header, []byte("Hello, World?"), "It's a Secret to Everybody") {
		t.Error("it proves another body")
	}
}

func TestAHookQueuesItsRepository(t *testing.T) {
	h := newTestHooks(t)
	for host, name := range names {
		if status, code := h.send(newHook(t, host, "d1", secret), name); status != "queued" || code != "" {
			t.Errorf("%s: %s %s", host, status, code)
		}
		quiet := newHook(t, host, "d2", secret)
		quiet.body = append(quiet.body, ' ')
		quiet.set(secret, "d2", "ping")
		if status, code := h.send(quiet, name); status != "ignored" || code != "" {
			t.Errorf("%s ping: %s %s", host, status, code)
		}
	}
	if len(h.queued) != 3 {
		t.Errorf("queued: %v", h.queued)
	}
}

// TestAHookThatIsNotVerifiedIsRefusedAlike: neither the kind of mistake nor the names of the
// configuration can be told from the answer.
func TestAHookThatIsNotVerifiedIsRefusedAlike(t *testing.T) {
	h := newTestHooks(t)
	var first string
	for host, name := range names {
		wrong := newHook(t, host, "d", secret+"x")
		bare := newHook(t, host, "d", secret)
		twice := newHook(t, host, "d", secret)
		for _, key := range []string{"X-Hub-Signature-256", "X-Gitlab-Token", "X-Gitea-Signature"} {
			bare.header.Del(key)
			twice.header[http.CanonicalHeaderKey(key)] = append(twice.header.Values(key), twice.header.Values(key)...)
		}
		changed := newHook(t, host, "d", secret)
		changed.body = append(changed.body, '\n')
		for what, send := range map[string]struct {
			hook
			name string
		}{"wrong secret": {wrong, name}, "no proof": {bare, name}, "two proofs": {twice, name}, "unknown name": {newHook(t, host, "d", secret), "nothing"},
			"no hook": {newHook(t, host, "d", secret), "polled"}, "empty name": {newHook(t, host, "d", secret), ""}, "changed body": {changed, name}} {
			if what == "changed body" && host == GitLab { // GitLab signs no body.
				continue
			}
			_, err := h.Receive(t.Context(), string(send.host), send.name, send.header, bytes.NewReader(send.body))
			if registry.CodeOf(err) != registry.Unauthenticated {
				t.Errorf("%s %s: %v", host, what, err)
				continue
			}
			if first == "" {
				first = err.Error()
			}
			if err.Error() != first {
				t.Errorf("%s %s: %q, another answer than %q", host, what, err, first)
			}
		}
	}
	if _, err := h.Receive(t.Context(), "bitbucket", "one", http.Header{}, nil); registry.CodeOf(err) != registry.Unauthenticated {
		t.Errorf("an unknown host: %v", err)
	}
	if len(h.queued) != 0 {
		t.Errorf("queued: %v", h.queued)
	}
}

// TestAReplayIsRefused sends a delivery again: as it was, with another id, and after a day.
func TestAReplayIsRefused(t *testing.T) {
	for host, name := range names {
		h := newTestHooks(t)
		h.send(newHook(t, host, "d1", secret), name)
		if _, code := h.send(newHook(t, host, "d1", secret), name); code != registry.Conflict {
			t.Errorf("%s, the same delivery: %q", host, code)
		}
		if _, code := h.send(newHook(t, host, "d2", secret), name); code != registry.Conflict {
			t.Errorf("%s, the same body with another id: %q", host, code)
		}
		other := newHook(t, host, "d1", secret)
		other.body = append(other.body, ' ')
		other.set(secret, "d1", "push")
		if _, code := h.send(other, name); code != registry.Conflict {
			t.Errorf("%s, the same id with another body: %q", host, code)
		}
		if len(h.queued) != 1 {
			t.Errorf("%s: %v", host, h.queued)
		}
		h.time = h.time.Add(replayWindow)
		if status, code := h.send(newHook(t, host, "d1", secret), name); status != "queued" {
			t.Errorf("%s, a day later: %q %s", host, status, code)
		}
	}
}

// TestARefusedHookIsNoDelivery: what was refused for its body may come again.
func TestARefusedHookIsNoDelivery(t *testing.T) {
	h := newTestHooks(t)
	k := newHook(t, GitHub, "d1", secret)
	good := k.body
	for body, want := range map[string]registry.Code{"{": registry.InvalidArgument, `{"repository":{"clone_url":"https://github.com/else/where"}}`: registry.InvalidArgument,
		`{"repository":5}`: registry.InvalidArgument, "payload=%7B%7D": registry.InvalidArgument, strings.Repeat("x", maxBody+1): registry.ResourceExhausted} {
		k.body = []byte(body)
		k.set(secret, "d1", "push")
		if _, code := h.send(k, "one"); code != want {
			t.Errorf("%.60q: %s", body, code)
		}
	}
	k.body = good
	k.set(secret, "", "push")
	if _, code := h.send(k, "one"); code != registry.InvalidArgument {
		t.Errorf("without the id of a delivery: %s", code)
	}
	k.set(secret, "d1", "push")
	if status, code := h.send(k, "one"); status != "queued" {
		t.Errorf("%q %s", status, code)
	}
}

// unread fails when it is read.
type unread struct{}

func (unread) Read([]byte) (int, error) { return 0, errors.New("the body was read") }

// TestABodyIsNotReadBeforeAHookCanBeVerified: without a proof, and with a wrong token, no byte of a
// body is read.
func TestABodyIsNotReadBeforeAHookCanBeVerified(t *testing.T) {
	h := newTestHooks(t)
	for _, c := range []struct {
		host, name string
		header     http.Header
	}{{"github", "one", http.Header{}}, {"github", "other", http.Header{"X-Hub-Signature-256": {"sha256=00"}}}, {"gitlab", "one-lab", http.Header{"X-Gitlab-Token": {"wrong"}}}} {
		if _, err := h.Receive(t.Context(), c.host, c.name, c.header, unread{}); registry.CodeOf(err) != registry.Unauthenticated {
			t.Errorf("%s/%s: %v", c.host, c.name, err)
		}
	}
	if _, err := h.Receive(t.Context(), "gitlab", "one-lab", http.Header{"X-Gitlab-Token": {secret}}, unread{}); registry.CodeOf(err) != registry.InvalidArgument {
		t.Errorf("a right token: %v", err)
	}
}

// TestDeliveriesAreForgottenBeyondTheirNumber: their memory does not grow without end.
func TestDeliveriesAreForgottenBeyondTheirNumber(t *testing.T) {
	h := newTestHooks(t)
	for i := range maxDeliveries {
		if isNew, err := h.isNew(t.Context(), &Repository{Name: "one"}, fmt.Sprint(i), []byte(fmt.Sprint(i))); !isNew || err != nil {
			t.Fatal(isNew, err)
		}
	}
	if h.seen.Len() != maxDeliveries {
		t.Errorf("%d deliveries are known", h.seen.Len())
	}
}

// TestMutatedHooksAreTakenOrRefused breaks hooks with a seed, and signs them: each is taken or refused
// as the sender's mistake.
func TestMutatedHooksAreTakenOrRefused(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 5))
	h, taken, refused := newTestHooks(t), 0, 0
	pieces := []string{"{", "}", "[", `"`, ":", "null", "\x00", "\xff", `"repository":{`, strings.Repeat("[", 200), "1e999", ","}
	for n := range 300 {
		host := []Host{GitHub, GitLab, Gitea}[n%3]
		k := newHook(t, host, "", secret)
		for range random.IntN(4) {
			at := random.IntN(len(k.body))
			k.body = append(k.body[:at:at], append([]byte(pieces[random.IntN(len(pieces))]), k.body[at+random.IntN(2):]...)...)
		}
		k.set(secret, fmt.Sprint("d", n), "push")
		switch status, code := h.send(k, names[host]); code {
		case "":
			taken++
		case registry.InvalidArgument, registry.Conflict:
			refused++
		default:
			t.Errorf("%s: %q %s", k.body, status, code)
		}
	}
	if taken < 20 || refused < 100 || len(h.queued) != taken {
		t.Errorf("%d taken, %d refused, %d queued", taken, refused, len(h.queued))
	}
	t.Logf("PROOF 300 mutated hooks: %d taken, %d refused", taken, refused)
}
