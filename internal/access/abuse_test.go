package access

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/server"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/catalog"
)

// identityCalls is the number of store calls of an authentication: the token and the
// actor. A request that is refused before a resolver runs makes no further call.
const identityCalls = 2

// TestAbuse sends each attack. The server refuses it with a short answer, before any
// resolver calls the store.
func TestAbuse(t *testing.T) {
	s := open(t, "")
	before := s.logHead()
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) {
			calls, start := s.store.calls(), time.Now()
			got := s.send(a.request(s))
			took := time.Since(start)
			if len(got.Errors) == 0 || len(got.Errors) > 10 {
				t.Errorf("%d errors, wanted 1 to 10: %.300s", len(got.Errors), got.raw)
			}
			if len(got.raw) > 8<<10 {
				t.Errorf("an answer of %d bytes", len(got.raw))
			}
			if a.status != 0 && got.status != a.status {
				t.Errorf("status %d, wanted %d: %.300s", got.status, a.status, got.raw)
			}
			if c := got.code(); a.code != "" && c != a.code || c == "" && a.contains == "" || c == "INTERNAL" {
				t.Errorf("code %q, wanted %q: %.300s", c, a.code, got.raw)
			}
			if n := s.store.calls() - calls; n > identityCalls {
				t.Errorf("the store was asked %d times", n)
			}
			if a.within != 0 && took > a.within {
				t.Errorf("it took %s", took)
			}
			if !strings.Contains(string(got.raw), a.contains) || a.excludes != "" && strings.Contains(string(got.raw), a.excludes) {
				t.Errorf("%.500s", got.raw)
			}
			for _, v := range got.Data {
				if v != nil {
					t.Errorf("it answered: %.300s", got.raw)
				}
			}
		})
	}
	if s.logHead() != before {
		t.Error("something was written")
	}
}

// TestRequestsWithinTheLimits checks that requests just within the limits work.
func TestRequestsWithinTheLimits(t *testing.T) {
	s := open(t, "")
	for name, request := range map[string]func(*testServer) *http.Request{
		"twenty root fields":       post("{ " + repeat(20, "a%d: viewer { subject } ") + "}"),
		"thirty aliases":           post("{ viewer { " + repeat(30, "a%d: subject ") + "} }"),
		"first 0":                  post("{ models(first: 0) { totalCount } }"),
		"first 200 as an exponent": postVariables("query($n: Int) { models(first: $n) { totalCount } }", `{"n":2e2}`),
		"first 200":                post("{ models(first: 200) { totalCount } }"),
		"first 200 in a variable":  postVariables("query($n: Int) { models(first: $n) { totalCount } }", `{"n":200}`),
		"three exports": func(s *testServer) *http.Request {
			return post("{ " + repeat(3, "a%d: lineageExport(of: \""+string(s.seed.id["raw"])+"\", format: DOT) { body } ") + "}")(s)
		},
		"first null":                 post("{ models(first: null) { totalCount } }"),
		"a query by GET":             get("query=%7Bviewer%7Bsubject%7D%7D"),
		"charset utf-8":              withContentType("application/json; charset=utf-8", `{"query":"{ viewer { subject } }"}`),
		"a query under its own hash": rawBody(`{"query":"{ viewer { subject } }","extensions":{"persistedQuery":{"version":1,"sha256Hash":"68a6f0f2b1bcd4a1"}}}`),
		"introspection as it is asked by tools": post(`query IntrospectionQuery { __schema { queryType { name } mutationType { name } types { ...FullType } directives { name locations args { ...InputValue } } } }
			fragment FullType on __Type { kind name description fields(includeDeprecated: true) { name args { ...InputValue } type { ...TypeRef } isDeprecated }
			inputFields { ...InputValue } interfaces { ...TypeRef } enumValues(includeDeprecated: true) { name } possibleTypes { ...TypeRef } }
			fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
			fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } }`),
	} {
		t.Run(name, func(t *testing.T) {
			if name == "a query under its own hash" {
				request = rawBody(`{"query":"{ viewer { subject } }","extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + sha256Of("{ viewer { subject } }") + `"}}}`)
			}
			if a := s.send(request(s)); a.status != 200 || a.code() != "" {
				t.Errorf("%d %.300s", a.status, a.raw)
			}
		})
	}
}

// TestInvalidNames checks that an invalid name, in a variable or a literal, is not
// stored.
func TestInvalidNames(t *testing.T) {
	s := open(t, "")
	before := s.logHead()
	for name, text := range map[string]string{
		"NUL": `\u0000`, "a lone surrogate": `\ud800`, "a swapped pair": `\udc00\ud800`, "the replacement character": `\ufffd`, "a control character": `a\u0007b`,
		"a line end": `a\nb`, "C1": `\u0085`, "a line separator": `\u2028`, "a slash": `a/b`, "a colon": `a:b`, "dot": `.`, "dot dot": `..`, "empty": ``, "too long": strings.Repeat("x", 256),
	} {
		t.Run(name, func(t *testing.T) {
			for how, r := range map[string]*http.Request{
				"variable": s.jsonRequest("mutation($n: String!) { registerModel(input: {name: $n}) { model { id } } }", `{"n":"`+text+`"}`),
				"literal":  s.jsonRequest(`mutation { registerModel(input: {name: "`+text+`"}) { model { id } } }`, ""),
			} {
				if a := s.send(r); a.code() != "INVALID_ARGUMENT" {
					t.Errorf("%s: %d %.300s", how, a.status, a.raw)
				}
			}
		})
	}
	if s.logHead() != before {
		t.Error("something was written")
	}
	a := s.send(s.jsonRequest("mutation($n: String!) { registerModel(input: {name: $n}) { model { name } } }", `{"n":"`+"e\u0301"+`"}`))
	if !strings.Contains(string(a.raw), `"name":"é"`) {
		t.Errorf("a name is not normalized to NFC: %s", a.raw)
	}
}

// TestIdentity checks that the server authenticates before it reads the body, by a
// token in the header Authorization only.
func TestIdentity(t *testing.T) {
	s := open(t, "")
	token := s.seed.tokens[viewer]
	body := `{"query":"{ viewer { subject } __schema { types { name } } }"}`
	header := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = values }
	}
	for name, c := range map[string]struct {
		set   func(*http.Request)
		body  string
		calls int64
	}{
		"nothing":                      {func(*http.Request) {}, body, 0},
		"nothing and a malformed body": {func(*http.Request) {}, `{"query":`, 0},
		"nothing and 50 MB":            {func(*http.Request) {}, strings.Repeat("x", 50<<20), 0},
		"an empty token":               {header("Authorization", "Bearer "), body, 0},
		"spaces":                       {header("Authorization", "Bearer    "), body, 0},
		"an unknown token":             {header("Authorization", "Bearer pdg_"+strings.Repeat("A", 43)), body, 1},
		"part of a token":              {header("Authorization", "Bearer "+token[:len(token)-1]), body, 1},
		"a token in another case":      {header("Authorization", "Bearer "+strings.ToUpper(token)), body, 1},
		"another scheme":               {header("Authorization", "Token "+token), body, 0},
		"no scheme":                    {header("Authorization", token), body, 0},
		"two headers":                  {header("Authorization", "Bearer "+token, "Bearer "+token), body, 0},
		"a megabyte of dots":           {header("Authorization", "Bearer "+strings.Repeat(".", 900<<10)), body, 0},
		"Basic with the token as user": {header("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(token+":"))), body, 0},
		"Basic that is no base64":      {header("Authorization", "Basic ???"), body, 0},
		"X-Forwarded-User":             {header("X-Forwarded-User", "admin"), body, 0},
		"X-DataHub-Actor":              {header("X-DataHub-Actor", "urn:li:corpuser:admin"), body, 0},
		"X-Remote-User":                {header("X-Remote-User", "admin"), body, 0},
		"a cookie":                     {header("Cookie", "token="+token+"; session="+token), body, 0},
		"an unsigned JWT":              {header("Authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."), body, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.request("", c.body)
			c.set(r)
			calls, start := s.store.calls(), time.Now()
			a := s.send(r)
			if a.status != 401 || a.code() != "UNAUTHENTICATED" || a.header.Get("WWW-Authenticate") == "" || strings.Contains(string(a.raw), "__") {
				t.Errorf("%d %.300s", a.status, a.raw)
			}
			if n := s.store.calls() - calls; n > c.calls {
				t.Errorf("the store was asked %d times", n)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("it took %s", took)
			}
			if strings.Contains(string(a.raw), token) {
				t.Error("the token is echoed")
			}
		})
	}
	for name, value := range map[string]string{"Bearer": "Bearer " + token, "bearer": "bearer " + token,
		"Basic": "Basic " + base64.StdEncoding.EncodeToString([]byte("anybody:"+token))} {
		r := s.request("", `{"query":"{ viewer { subject roles } }"}`)
		r.Header.Set("Authorization", value)
		if a := s.send(r); a.status != 200 || !strings.Contains(string(a.raw), `"subject":"user-viewer","roles":["viewer"]`) {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
}

// TestTokensExpire checks that an expired token is refused.
func TestTokensExpire(t *testing.T) {
	s := open(t, "")
	ctx := service.As(t.Context(), registry.Actor{Subject: "x", Grants: []registry.Grant{{Role: admin, Scope: "*"}}}, "r")
	token, err := s.service.CreateToken(ctx, access.CreateTokenInput{Subject: "short", Role: viewer, ExpiresAt: s.service.Now().Add(30 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	s.seed = &seedData{tokens: map[string]string{"short": token}}
	codes := ""
	for range 40 { // The clock advances by a second at each reading.
		codes += fmt.Sprint(s.query("short", "{ viewer { subject } }").status, " ")
	}
	if !strings.HasPrefix(codes, "200") || !strings.HasSuffix(codes, "401 ") {
		t.Error(codes)
	}
}

// TestRoutes checks that only the known paths exist, in their exact spelling.
func TestRoutes(t *testing.T) {
	s := open(t, "")
	host := strings.TrimPrefix(s.url, "http://")
	for _, c := range []struct {
		method, target string
		status         int
	}{
		{"POST", "/graphql", 401}, {"GET", "/graphql?query=%7Bviewer%7Bsubject%7D%7D", 401}, {"HEAD", "/graphql", 401}, {"OPTIONS", "/graphql", 401}, {"PUT", "/graphql", 401},
		{"DELETE", "/graphql", 401}, {"POST", "/%67raphql", 401}, {"POST", "/graphql/", 404}, {"POST", "//graphql", 404}, {"POST", "/x;/graphql", 404}, {"POST", "/graphql;x", 404},
		{"POST", "/graphql%2f", 404}, {"POST", "/graphql/../graphql", 404}, {"POST", "/healthz/../graphql", 404}, {"POST", "/%2e/graphql", 404}, {"POST", "/./graphql", 404},
		{"POST", "/GRAPHQL", 404}, {"POST", "/graphql%00", 404}, {"POST", "/api/x;/healthz", 404}, {"GET", "/healthz/", 404}, {"GET", "/metrics", 401}, {"GET", "/debug/pprof/", 404},
		{"GET", "/healthz", 200}, {"HEAD", "/healthz", 200}, {"POST", "/healthz", 405}, {"GET", "/readyz", 200},
	} {
		t.Run(c.method+" "+c.target, func(t *testing.T) {
			conn, err := net.Dial("tcp", host)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			calls := s.store.calls()
			fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n", c.method, c.target)
			b, _ := io.ReadAll(conn)
			if got := string(b[:min(12, len(b))]); got != fmt.Sprintf("HTTP/1.1 %d", c.status) && (c.status != 404 || got != "HTTP/1.1 405" && got != "HTTP/1.1 400") {
				t.Errorf("%s", b)
			}
			if s.store.calls() != calls {
				t.Error("the store was asked")
			}
		})
	}
}

// failingStore is a store whose Find fails with a driver's error when on is set.
type failingStore struct {
	graph.Store
	on bool
}

const driverError = "dial neo4j://neo4j:hunter2@db.internal:7687: connection refused"

func (f *failingStore) Find(ctx context.Context, q graph.Query) (graph.Page, error) {
	if f.on {
		return graph.Page{}, errors.New(driverError)
	}
	return f.Store.Find(ctx, q)
}

// TestDriverErrors checks that the message of a driver's error is only in the log,
// without the password.
func TestDriverErrors(t *testing.T) {
	s := open(t, "")
	store := &failingStore{Store: s.store}
	table, err := defaultTable()
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), store, table, nil)
	if err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	srv := httptest.NewServer(server.New(service.New(gate), server.Config{Log: slog.New(slog.NewTextHandler(&log, nil))}))
	defer srv.Close()
	store.on = true
	r, _ := http.NewRequest(http.MethodPost, srv.URL+"/graphql", strings.NewReader(`{"query":"{ models { totalCount } }"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.seed.tokens[viewer])
	a := s.send(r)
	id := a.header.Get("X-Request-Id")
	if a.code() != "INTERNAL" || id == "" || !strings.Contains(string(a.raw), id) || bytes.Contains(a.raw, []byte("neo4j")) || bytes.Contains(a.raw, []byte("hunter2")) {
		t.Errorf("%s", a.raw)
	}
	if text := log.String(); !strings.Contains(text, id) || !strings.Contains(text, "connection refused") || strings.Contains(text, "hunter2") {
		t.Errorf("the log: %s", text)
	}
}

// TestSlowBody checks the read timeout of a body that never ends, and the limit on
// headers.
func TestSlowBody(t *testing.T) {
	s := open(t, "")
	srv := server.HTTP(server.New(s.service, server.Config{}))
	if srv.ReadTimeout != 15*time.Second || srv.ReadHeaderTimeout > 15*time.Second || srv.MaxHeaderBytes > 64<<10 {
		t.Errorf("%s %s %d", srv.ReadTimeout, srv.ReadHeaderTimeout, srv.MaxHeaderBytes)
	}
	srv.ReadTimeout = 300 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", s.seed.tokens[viewer])
	conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	if b, err := io.ReadAll(conn); err != nil || strings.Contains(string(b), "200 OK") {
		t.Errorf("%v %s", err, b)
	}
	big := http.Header{"Authorization": {"Bearer " + strings.Repeat(".", 1<<20)}, "Content-Type": {"application/json"}}
	r, _ := http.NewRequest(http.MethodPost, "http://"+l.Addr().String()+"/graphql", strings.NewReader("{}"))
	r.Header = big
	if resp, err := s.client.Do(r); err == nil && resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge && resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a megabyte of dots: %d", resp.StatusCode)
	}
}

// TestNPlusOne checks for each role that a list with nested fields makes the same number of
// store calls, however many items it has. resolvers/door checks it for every field.
func TestNPlusOne(t *testing.T) {
	s := open(t, "")
	ctx := service.As(t.Context(), registry.Actor{Subject: "x", Grants: []registry.Grant{{Role: admin, Scope: "*"}}}, "r")
	run := s.seed.id["train-a2"]
	var models []string
	for i := range 40 {
		name := fmt.Sprintf("zz-%02d", i)
		for k := range 3 {
			version := fmt.Sprintf("1.%d.0", k)
			p, err := s.service.RegisterModelVersion(ctx, catalog.RegisterModelVersionInput{Model: name, Version: &version, CreateModel: true, Run: &run,
				Artifacts: []catalog.ArtifactInput{{Name: "m", URI: "s3://b/m"}}})
			if err != nil {
				t.Fatal(err)
			}
			if k == 2 {
				models = append(models, string(p.ModelVersion.Parent))
				for _, st := range []registry.Stage{registry.Staging, registry.Production} {
					if _, err := s.service.TransitionModelVersion(ctx, catalog.TransitionModelVersionInput{ID: &p.ModelVersion.ID, To: st}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
	then := s.service.Now().Format(time.RFC3339)
	list := func(first int) string {
		return fmt.Sprintf(`models(first: %d, filter: {namePrefix: "zz-"}) { edges { node {`, first)
	}
	past := func(first int) string {
		return nodesAtCall(models[:first], fmt.Sprintf("asOf: %q", then)) + ` { __typename ... on Model { ... on Model {`
	}
	for i, who := range []string{admin, dataScientist, developer, viewer, admin, dataScientist, developer, viewer} {
		root := list
		if i > 3 {
			root = past
		}
		once := func(first int) int64 {
			before := s.store.calls()
			q := "{ " + root(first) + ` name latestVersion { version } productionVersion { version card { features } }
					versions(first: 3) { edges { node { version card { name } model { name } } } } } } } }`
			if who != viewer {
				q = strings.Replace(q, "model { name }", "model { name } artifacts(first: 2) { edges { node { name } } } transitions(first: 2) { edges { node { to } } } aliases { name }", 1)
			}
			a := s.query(who, q)
			if a.code() != "" {
				t.Fatalf("%s", a.raw)
			}
			return s.store.calls() - before
		}
		// The identity of the caller is read again when a second has passed.
		ask := func(first int) int64 { return min(once(first), once(first), once(first)) }
		few, many := ask(2), ask(20)
		t.Logf("%s: %d store calls for 2 models, %d for 20", who, few, many)
		if many != few {
			t.Errorf("as %s, 2 models cost %d store calls and 20 cost %d", who, few, many)
		}
	}
}
