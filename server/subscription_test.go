package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"pedigree/registry"
	"pedigree/server"
	"pedigree/service/access"
	"pedigree/service/catalog"
	"pedigree/service/governance"
)

// hangGuard ends a wait for what never comes.
const hangGuard = 30 * time.Second

// message is a message of graphql-transport-ws.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// socketClient speaks graphql-transport-ws.
type socketClient struct {
	*testing.T
	conn *websocket.Conn
}

// dial opens a socket and does not begin.
func (s *site) dial(headers ...string) *socketClient {
	s.Helper()
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Add(headers[i], headers[i+1])
	}
	conn, _, err := websocket.Dial(s.Context(), "ws"+strings.TrimPrefix(s.url, "http")+"/graphql", &websocket.DialOptions{HTTPHeader: h, Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		s.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	s.Cleanup(func() { conn.CloseNow() })
	return &socketClient{s.T, conn}
}

// open opens a socket of a token and begins.
func (s *site) open(token string) *socketClient {
	s.Helper()
	c := s.dial("Authorization", "Bearer "+token)
	c.send(message{Type: "connection_init"})
	if m := c.next(); m.Type != "connection_ack" {
		s.Fatalf("%+v for connection_ack", m)
	}
	return c
}

func (c *socketClient) send(m message) {
	c.Helper()
	raw, _ := json.Marshal(m)
	if err := c.conn.Write(c.Context(), websocket.MessageText, raw); err != nil {
		c.Fatal(err)
	}
}

func (c *socketClient) subscribe(id, query string) {
	c.Helper()
	payload, _ := json.Marshal(map[string]string{"query": query})
	c.send(message{id, "subscribe", payload})
}

// read returns the next message, or why the connection was closed.
func (c *socketClient) read() (m message, closed websocket.StatusCode) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), hangGuard)
	defer cancel()
	_, raw, err := c.conn.Read(ctx)
	if err != nil {
		return m, websocket.CloseStatus(err)
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		c.Fatal(err)
	}
	return m, 0
}

func (c *socketClient) next() message {
	c.Helper()
	m, closed := c.read()
	if closed != 0 {
		c.Fatalf("the connection was closed: %d", closed)
	}
	return m
}

// story registers versions of a model and moves them: the first is in PRODUCTION at the end.
func (s *site) story(model string) {
	s.Helper()
	if _, err := s.RegisterModelVersion(s.admin, catalog.RegisterModelVersionInput{Model: model, Version: new("1.0.0"), CreateModel: true}); err != nil {
		s.Fatal(err)
	}
	for _, to := range []registry.Stage{registry.Staging, registry.Canary, registry.Production} {
		s.move(model, to)
	}
}

func (s *site) move(model string, to registry.Stage) {
	s.Helper()
	if _, err := s.TransitionModelVersion(s.admin, catalog.TransitionModelVersionInput{Model: &model, Version: new("1.0.0"), To: to, Reason: "story"}); err != nil {
		s.Fatal(err)
	}
}

const transitionsQuery = `subscription { transitions%s { seq transition { from to by } version { version stage model { name } } } }`

type transitionAnswer struct {
	Data struct {
		Transitions struct {
			Seq        int64
			Transition struct{ From, To, By string }
			Version    struct {
				Version, Stage string
				Model          struct{ Name string }
			}
		}
	}
	Errors []struct{ Message string }
}

func (c *socketClient) transition() transitionAnswer {
	c.Helper()
	m := c.next()
	var a transitionAnswer
	if err := json.Unmarshal(m.Payload, &a); err != nil || m.Type != "next" || len(a.Errors) > 0 {
		c.Fatalf("%s: %s (%v)", m.Type, m.Payload, err)
	}
	return a
}

func TestASubscriptionTellsWhatHappensAndGoesOn(t *testing.T) {
	s := newSite(t, server.Config{})
	c := s.open(s.token("ann", registry.RoleAdmin))
	c.subscribe("1", fmt.Sprintf(transitionsQuery, "(after: 0)"))
	c.send(message{Type: "ping"})
	if m := c.next(); m.Type != "pong" {
		t.Fatalf("%+v", m)
	}
	s.story("credit")
	var seen []int64
	for _, to := range []string{"STAGING", "CANARY", "PRODUCTION"} {
		a := c.transition().Data.Transitions
		if a.Transition.To != to || a.Transition.By != "root" || a.Version.Model.Name != "credit" {
			t.Errorf("%+v for the move to %s", a, to)
		}
		seen = append(seen, a.Seq)
	}
	s.story("other")
	again := s.open(s.token("ann", registry.RoleAdmin))
	again.subscribe("x", fmt.Sprintf(transitionsQuery, fmt.Sprintf(`(after: %d, model: "credit")`, seen[0])))
	for _, want := range seen[1:] {
		if a := again.transition().Data.Transitions; a.Seq != want {
			t.Errorf("%d for %d", a.Seq, want)
		}
	}
	s.move("credit", registry.Deprecated)
	if a := again.transition().Data.Transitions; a.Version.Model.Name != "credit" || a.Transition.To != "DEPRECATED" {
		t.Errorf("of one model: %+v", a)
	}
	again.subscribe("none", `subscription { transitions(model: "nothing") { seq } }`)
	if m := again.next(); m.Type != "error" || !strings.Contains(string(m.Payload), "NOT_FOUND") {
		t.Errorf("of no model: %+v", m)
	}
	again.send(message{ID: "x", Type: "complete"})
	again.subscribe("x", `{ viewer { subject } }`) // The id is free again, and a query has one response.
	if m := again.next(); m.Type != "next" || string(m.Payload) != `{"data":{"viewer":{"subject":"ann"}}}` {
		t.Errorf("%+v", m)
	}
	if m := again.next(); m.Type != "complete" || m.ID != "x" {
		t.Errorf("%+v", m)
	}
}

func TestASubscriptionTellsOnlyWhatItsCallerSees(t *testing.T) {
	s := newSite(t, server.Config{})
	s.story("credit")
	c := s.open(s.token("dev", registry.RoleDeveloper))
	c.subscribe("1", fmt.Sprintf(transitionsQuery, "(after: 0)"))
	for range 3 { // The version is in PRODUCTION: a developer sees it with its history.
		c.transition()
	}
	if _, err := s.RegisterModelVersion(s.admin, catalog.RegisterModelVersionInput{Model: "secret", Version: new("1.0.0"), CreateModel: true}); err != nil {
		t.Fatal(err)
	}
	s.move("secret", registry.Staging) // A developer does not see this one.
	s.move("credit", registry.Deprecated)
	if a := c.transition().Data.Transitions; a.Version.Model.Name != "credit" || a.Transition.To != "DEPRECATED" {
		t.Errorf("a developer is told %+v", a)
	}
	v := s.open(s.token("vic", registry.RoleViewer))
	for _, query := range []string{`subscription { logEntries { seq } }`, `subscription { approvals { seq } }`, `subscription { transitions { seq } }`} {
		v.subscribe("no", query)
		if m := v.next(); m.Type != "error" || !strings.Contains(string(m.Payload), `"FORBIDDEN"`) {
			t.Errorf("%s: %s %s", query, m.Type, m.Payload)
		}
	}
}

func TestASubscriptionTellsOfRecalls(t *testing.T) {
	s := newSite(t, server.Config{})
	s.story("credit")
	v, err := s.ModelVersion(s.admin, "credit", "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	c := s.open(s.token("ann", registry.RoleAdmin))
	c.subscribe("1", `subscription { recalls(after: 0) { seq action recall { id number state reason } } }`)
	made, err := s.Recall(s.admin, governance.RecallInput{Nodes: []registry.ID{v.ID}, Reason: "wrong labels", Severity: registry.SeverityHigh})
	if err != nil {
		t.Fatal(err)
	}
	if m := c.next(); m.Type != "next" || !strings.Contains(string(m.Payload), `"action":"recalled","recall":{"id":"`+string(made.Recall.ID)+`","number":1,"state":"OPEN","reason":"wrong labels"}`) {
		t.Errorf("%s: %s", m.Type, m.Payload)
	}
	if _, err := s.ClearRecall(s.admin, governance.ClearRecallInput{ID: made.Recall.ID, Reason: "labels are right"}); err != nil {
		t.Fatal(err)
	}
	if m := c.next(); !strings.Contains(string(m.Payload), `"action":"recall_clearing_asked"`) {
		t.Errorf("%s: %s", m.Type, m.Payload)
	}
	dev := s.open(s.token("dev", registry.RoleDeveloper))
	dev.subscribe("no", `subscription { recalls(after: 0) { seq } }`)
	if m := dev.next(); m.Type != "error" || !strings.Contains(string(m.Payload), `"FORBIDDEN"`) {
		t.Errorf("a developer: %s %s", m.Type, m.Payload)
	}
}

func TestASubscriptionEndsWithItsCredential(t *testing.T) {
	s := newSite(t, server.Config{})
	made, err := s.CreateAPIToken(s.admin, access.CreateAPITokenInput{Name: "feed", Subject: "ann", Roles: []string{registry.RoleAdmin}, GrantRoles: true})
	if err != nil {
		t.Fatal(err)
	}
	c := s.open(*made.Token)
	c.subscribe("1", `subscription { logEntries { seq action } }`)
	c.send(message{Type: "ping"})
	c.next()
	if _, err := s.RevokeAPIToken(s.admin, access.RevokeAPITokenInput{ID: made.APIToken.ID}); err != nil {
		t.Fatal(err)
	}
	if m := c.next(); m.Type != "error" || !strings.Contains(string(m.Payload), `"UNAUTHENTICATED"`) {
		t.Errorf("%s %s", m.Type, m.Payload)
	}
	c.subscribe("2", `{ viewer { subject } }`)
	if m := c.next(); !strings.Contains(string(m.Payload), `"UNAUTHENTICATED"`) {
		t.Errorf("a query on the same connection: %s %s", m.Type, m.Payload)
	}
}

func TestAnIdleSubscriptionEndsWithItsCredential(t *testing.T) {
	s := newSite(t, server.Config{AliveInterval: 20 * time.Millisecond})
	made, err := s.CreateAPIToken(s.admin, access.CreateAPITokenInput{Name: "feed", Subject: "ann", Roles: []string{registry.RoleViewer}, GrantRoles: true})
	if err != nil {
		t.Fatal(err)
	}
	c := s.open(*made.Token)
	if _, err := s.RevokeAPIToken(s.admin, access.RevokeAPITokenInput{ID: made.APIToken.ID}); err != nil {
		t.Fatal(err)
	}
	if m, closed := c.read(); closed != 4401 {
		t.Errorf("%+v, closed %d", m, closed)
	}
}

func TestTheProtocolOfSockets(t *testing.T) {
	s := newSite(t, server.Config{})
	token := s.token("ann", registry.RoleAdmin)
	live := `subscription { logEntries { seq } }`
	for name, c := range map[string]struct {
		closed websocket.StatusCode
		do     func(*socketClient)
	}{
		"a duplicate id":              {4409, func(c *socketClient) { c.subscribe("1", live); c.subscribe("1", live) }},
		"a second init":               {4429, func(c *socketClient) { c.send(message{Type: "connection_init"}) }},
		"an unknown message":          {4400, func(c *socketClient) { c.send(message{Type: "start"}) }},
		"an operation without id":     {4400, func(c *socketClient) { c.subscribe("", live) }},
		"no JSON":                     {4400, func(c *socketClient) { c.conn.Write(c.Context(), websocket.MessageText, []byte("{")) }},
		"a message that is too large": {websocket.StatusMessageTooBig, func(c *socketClient) { c.conn.Write(c.Context(), websocket.MessageText, make([]byte, 300<<10)) }},
	} {
		t.Run(name, func(t *testing.T) {
			client := s.open(token)
			defer client.conn.CloseNow()
			c.do(client)
			if m, closed := client.read(); closed != c.closed {
				t.Errorf("%+v, closed %d", m, closed)
			}
		})
	}
	early := s.dial("Authorization", "Bearer "+token)
	early.subscribe("1", live)
	if _, closed := early.read(); closed != 4401 {
		t.Errorf("a subscription before the beginning: closed %d", closed)
	}
}

func TestStreamsAreLimited(t *testing.T) {
	s := newSite(t, server.Config{})
	token := s.token("ann", registry.RoleAdmin)
	c := s.open(token)
	for i := range 21 {
		c.subscribe(fmt.Sprint(i), `subscription { logEntries { seq } }`)
	}
	if m := c.next(); m.ID != "20" || m.Type != "error" || !strings.Contains(string(m.Payload), "RESOURCE_EXHAUSTED") {
		t.Errorf("the 21st operation: %+v", m)
	}
	for range 4 {
		s.open(token)
	}
	sixth := s.do("GET", "/graphql", "", "Authorization", "Bearer "+token, "Connection", "Upgrade", "Upgrade", "websocket")
	if sixth.status != http.StatusTooManyRequests || sixth.code() != "RESOURCE_EXHAUSTED" {
		t.Errorf("the sixth connection: %d %s", sixth.status, sixth.body)
	}
	s.open(s.token("bob", registry.RoleViewer)) // Others have their own.
	c.conn.CloseNow()
	for { // The place is free once the server has seen the end.
		if r := s.do("POST", "/graphql", `{"query":"{ viewer { subject } }"}`, "Authorization", "Bearer "+token, "Content-Type", "application/json", "Accept", "text/event-stream"); r.status == http.StatusOK {
			if !strings.Contains(r.body, "event: next\ndata: {\"data\":{\"viewer\":{\"subject\":\"ann\"}}}\n\nevent: complete\n") {
				t.Errorf("a query by events: %q", r.body)
			}
			break
		} else if r.status != http.StatusTooManyRequests {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
}

func TestStreamsAreForPagesOfThisServer(t *testing.T) {
	s := newSite(t, server.Config{Origins: []string{"https://dash.example"}})
	auth := []string{"Authorization", "Bearer " + s.token("ann", registry.RoleAdmin), "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}
	for origin, want := range map[string]int{"https://evil.example": 403, "null": 403, s.url: 101, "https://dash.example": 101} {
		if r := s.do("GET", "/graphql", "", append(auth, "Origin", origin)...); r.status != want {
			t.Errorf("%s: %d %s", origin, r.status, r.body)
		}
	}
	if r := s.do("GET", "/graphql", "", auth[2:]...); r.status != 401 {
		t.Errorf("without a token: %d %s", r.status, r.body)
	}
	if r := s.do("POST", "/graphql", `{"query":"subscription { logEntries { seq } }"}`, auth[0], auth[1], "Content-Type", "application/json"); r.status != http.StatusNotAcceptable || !strings.Contains(r.body, "text/event-stream") {
		t.Errorf("a plain request: %d %s", r.status, r.body)
	}
}

// events reads server-sent events of a subscription to the log, from an id on, until it has n.
func (s *site) events(token, query, last string, n int) (out []string) {
	s.Helper()
	body, _ := json.Marshal(map[string]string{"query": query})
	ctx, cancel := context.WithTimeout(s.Context(), hangGuard)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "POST", s.url+"/graphql", strings.NewReader(string(body)))
	r.Header = http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}, "Accept": {"text/event-stream"}}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		s.Fatalf("%s %s", resp.Status, resp.Header)
	}
	lines := bufio.NewScanner(resp.Body)
	event := ""
	for len(out) < n && lines.Scan() {
		if line := lines.Text(); line != "" && line != ":" {
			event += line + "\n"
		} else if event != "" {
			out, event = append(out, event), ""
		}
	}
	return out
}

func TestServerSentEvents(t *testing.T) {
	s := newSite(t, server.Config{})
	token := s.token("ann", registry.RoleAdmin)
	s.story("credit")
	query := `subscription { logEntries(after: 0, filter: {actions: ["stage_changed", "model_deployed"]}) { seq action } }`
	got := s.events(token, query, "", 3)
	if len(got) != 3 || !strings.HasPrefix(got[2], "id: ") || !strings.Contains(got[2], "event: next\ndata: {\"data\":{\"logEntries\":{\"seq\":") || !strings.Contains(got[2], "model_deployed") {
		t.Fatalf("%q", got)
	}
	id := strings.TrimPrefix(strings.SplitN(got[1], "\n", 2)[0], "id: ")
	if again := s.events(token, query, id, 1); len(again) != 1 || again[0] != got[2] {
		t.Errorf("after %s: %q", id, again)
	}
	bad := s.events(token, `subscription { logEntries(after: 999999) { seq } }`, "", 2)
	if len(bad) != 2 || !strings.Contains(bad[0], "INVALID_ARGUMENT") || !strings.HasPrefix(bad[1], "event: complete\n") {
		t.Errorf("%q", bad)
	}
}
