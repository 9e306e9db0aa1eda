package server_test

import (
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/server"
	"pedigree/service/access"
	"pedigree/service/core"
)

// signIn starts a session with a token and returns its cookie.
func (s *site) signIn(token string) *http.Cookie {
	s.Helper()
	r := s.do("POST", "/session", "", "Authorization", "Bearer "+token)
	c := r.cookie("pedigree_session")
	if r.status != http.StatusNoContent || c == nil {
		s.Fatalf("%d %s", r.status, r.body)
	}
	return c
}

// with returns the headers of a request of the page in a session.
func with(c *http.Cookie) []string {
	return []string{"Cookie", c.Name + "=" + c.Value, "X-Pedigree-Request", "1"}
}

func TestASessionBeginsWithATokenAndEndsAtLogout(t *testing.T) {
	s := newSite(t, server.Config{})
	token := s.token("ada", registry.RoleViewer)
	c := s.signIn(token)
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.Path != "/" || strings.Contains(c.Value, token) {
		t.Errorf("%+v", c)
	}
	if r := s.viewer(with(c)...); !r.is("ada") {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := s.do("GET", "/session", "", with(c)...); r.body != "{\"signedIn\":true}\n" {
		t.Error(r.body)
	}
	if r := s.do("POST", "/logout", "", with(c)...); r.status != http.StatusNoContent || r.cookie(c.Name) == nil || r.cookie(c.Name).MaxAge >= 0 {
		t.Errorf("%d %v", r.status, r.header)
	}
	if r := s.viewer(with(c)...); r.status != http.StatusUnauthorized || r.code() != "UNAUTHENTICATED" {
		t.Errorf("after logout: %d %s", r.status, r.body)
	}
	if r := s.do("GET", "/session", "", with(c)...); r.body != "{\"signedIn\":false}\n" {
		t.Error(r.body)
	}
	for what, headers := range map[string][]string{"nothing": nil, "an unknown token": {"Authorization", "Bearer pdg_unknown_unknown"}} {
		if r := s.do("POST", "/session", "", headers...); r.status != http.StatusUnauthorized || r.cookie("pedigree_session") != nil {
			t.Errorf("%s: %d %v", what, r.status, r.header)
		}
	}
	if r := s.do("DELETE", "/session", "", with(c)...); r.status != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: %d", r.status)
	}
	if r := s.do("GET", "/logout", "", with(c)...); r.status != http.StatusMethodNotAllowed {
		t.Errorf("GET of logout: %d", r.status)
	}
}

// TestACookieFromAnotherOriginIsRefused sends what a page of another site makes a browser send.
func TestACookieFromAnotherOriginIsRefused(t *testing.T) {
	s := newSite(t, server.Config{})
	c := s.signIn(s.token("ada", registry.RoleDataScientist))
	cookie := c.Name + "=" + c.Value
	host := strings.TrimPrefix(s.url, "http://")
	model := `{"query":"mutation { registerModel(input: {name: \"x\"}) { model { name } } }"}`
	for what, headers := range map[string][]string{
		"a form of another site":              {"Origin", "https://evil.example"},
		"another origin with the header":      {"Origin", "https://evil.example", "X-Pedigree-Request", "1"},
		"a sandboxed page":                    {"Origin", "null", "X-Pedigree-Request", "1"},
		"another port of this machine":        {"Origin", "http://127.0.0.1:1", "X-Pedigree-Request", "1"},
		"another scheme":                      {"Origin", "https://" + host, "X-Pedigree-Request", "1"},
		"two origins":                         {"Origin", s.url, "Origin", "https://evil.example", "X-Pedigree-Request", "1"},
		"no origin and no header":             {},
		"a link: no origin, another referrer": {"Referer", "https://evil.example/"},
		"an origin that a proxy was told":     {"Origin", "https://" + host, "X-Forwarded-Proto", "https"},
	} {
		if r := s.do("POST", "/graphql", model, append([]string{"Content-Type", "application/json", "Cookie", cookie}, headers...)...); r.status != http.StatusForbidden || r.code() != "FORBIDDEN" {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
		if r := s.do("POST", "/logout", "", append([]string{"Cookie", cookie}, headers...)...); r.status != http.StatusForbidden {
			t.Errorf("logout by %s: %d", what, r.status)
		}
		if r := s.do("GET", "/graphql?query=%7Bviewer%7Bsubject%7D%7D", "", append([]string{"Cookie", cookie}, headers...)...); r.status != http.StatusForbidden {
			t.Errorf("GET by %s: %d", what, r.status)
		}
	}
	if m, err := s.Model(s.admin, "x"); m != nil || err != nil {
		t.Errorf("it was written: %v %v", m, err)
	}
	if r := s.do("POST", "/graphql", model, "Content-Type", "application/json", "Cookie", cookie, "Origin", s.url); r.status != http.StatusOK || !strings.Contains(r.body, `"name":"x"`) {
		t.Errorf("from this server's page: %d %s", r.status, r.body)
	}
}

// TestAPersonOpensADescription opens a page of the REST API as a browser does: without Origin. A
// browser says which site asked; a page cannot. Only reading is let in by that.
func TestAPersonOpensADescription(t *testing.T) {
	s := newSite(t, server.Config{})
	c := s.signIn(s.token("ada", registry.RoleDataScientist))
	cookie := c.Name + "=" + c.Value
	for _, q := range []struct {
		method, path, site, body string
		status                   int
	}{
		{"GET", "/api/v1/docs", "none", "", 200}, {"GET", "/openapi.json", "same-origin", "", 200},
		{"GET", "/api/v1/docs", "cross-site", "", 403}, {"GET", "/api/v1/docs", "same-site", "", 403}, {"GET", "/api/v1/docs", "", "", 403},
		{"POST", "/api/v1/models", "none", `{"name":"x"}`, 403}, {"GET", "/graphql?query=%7Bviewer%7Bsubject%7D%7D", "none", "", 403},
	} {
		headers := []string{"Cookie", cookie, "Content-Type", "application/json"}
		if q.site != "" {
			headers = append(headers, "Sec-Fetch-Site", q.site)
		}
		if r := s.do(q.method, q.path, q.body, headers...); r.status != q.status {
			t.Errorf("%s %s from %q: %d %.200s", q.method, q.path, q.site, r.status, r.body)
		}
	}
	if r := s.do("GET", "/api/v1/docs", "", "Cookie", cookie, "Sec-Fetch-Site", "none", "Origin", "https://evil.example"); r.status != 403 {
		t.Errorf("with another origin: %d", r.status)
	}
}

// TestASessionEnds lets a session go unused, grow old, and lose its token.
func TestASessionEnds(t *testing.T) {
	limits := server.Config{SessionIdle: time.Hour, SessionLifetime: 10 * time.Hour}
	for what, end := range map[string]func(s *site, c **http.Cookie){
		"unused": func(s *site, _ **http.Cookie) { s.clock.advance(time.Hour + time.Second) },
		"old": func(s *site, c **http.Cookie) { // It is used all the time, and its cookie renewed.
			for range 20 {
				s.clock.advance(29 * time.Minute)
				r := s.viewer(with(*c)...)
				if renewed := r.cookie("pedigree_session"); r.is("ada") && renewed != nil {
					*c = renewed
				} else {
					s.Fatalf("%d %s %v", r.status, r.body, r.header)
				}
			}
			s.clock.advance(29 * time.Minute)
		},
		"its token was revoked": func(s *site, _ **http.Cookie) {
			tokens, err := s.APITokens(s.admin, "ada", core.Paging{})
			if err != nil {
				s.Fatal(err)
			}
			if _, err := s.RevokeAPIToken(s.admin, access.RevokeAPITokenInput{ID: tokens.Edges[0].Node.ID}); err != nil {
				s.Fatal(err)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSite(t, limits)
			c := s.signIn(s.token("ada", registry.RoleViewer))
			if r := s.viewer(with(c)...); !r.is("ada") || r.cookie("pedigree_session") != nil {
				t.Fatalf("%d %v", r.status, r.header)
			}
			end(s, &c)
			if r := s.viewer(with(c)...); r.status != http.StatusUnauthorized {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
}

// TestASessionHoldsOnAllServersOfAStore signs in on one server, uses the session on the other and
// ends it there.
func TestASessionHoldsOnAllServersOfAStore(t *testing.T) {
	file, clock := filepath.Join(t.TempDir(), "p.db"), newTestClock()
	one, two := newSiteOn(t, file, clock, server.Config{}), newSiteOn(t, file, clock, server.Config{})
	c := one.signIn(one.token("ada", registry.RoleViewer))
	if r := two.viewer(with(c)...); !r.is("ada") {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := two.do("POST", "/logout", "", with(c)...); r.status != http.StatusNoContent {
		t.Fatal(r.status)
	}
	start := time.Now()
	for r := one.viewer(with(c)...); r.status != http.StatusUnauthorized; r = one.viewer(with(c)...) {
		if time.Since(start) > 30*time.Second {
			t.Fatal("the session goes on for ever")
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("refused on the other server after %v", time.Since(start).Round(time.Millisecond))
}

// TestAForgedCookieCostsNoRead changes the parts of a cookie.
func TestAForgedCookieCostsNoRead(t *testing.T) {
	s := newSite(t, server.Config{})
	c := s.signIn(s.token("ada", registry.RoleViewer))
	parts := strings.Split(c.Value, ".")
	flip := func(text string) string {
		if text[0] == 'A' {
			return "B" + text[1:]
		}
		return "A" + text[1:]
	}
	before := s.reads.n.Load()
	for what, value := range map[string]string{
		"empty": "", "dots": "...", "many dots": strings.Repeat(".", 4000), "another secret": flip(parts[0]) + "." + parts[1] + "." + parts[2],
		"another time": parts[0] + "." + "zzzzzz" + "." + parts[2], "another MAC": parts[0] + "." + parts[1] + "." + flip(parts[2]), "no MAC": parts[0] + "." + parts[1] + ".",
		"the secret alone": parts[0], "the secret and the time": parts[0] + "." + parts[1],
	} {
		if r := s.viewer("Cookie", c.Name+"="+value, "X-Pedigree-Request", "1"); r.status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
	if n := s.reads.n.Load(); n != before {
		t.Errorf("%d reads", n-before)
	}
	if r := s.viewer(with(c)...); !r.is("ada") {
		t.Error(r.body)
	}
}

// TestTheCookieIsSecureBehindTLS believes X-Forwarded-Proto of trusted proxies alone.
func TestTheCookieIsSecureBehindTLS(t *testing.T) {
	local := netip.MustParsePrefix("127.0.0.0/8")
	for what, c := range map[string]struct {
		proxies server.Proxies
		proto   []string
		secure  bool
	}{
		"a trusted proxy with TLS":        {server.Proxies{local}, []string{"https"}, true},
		"a trusted proxy without TLS":     {server.Proxies{local}, []string{"http"}, false},
		"nobody is trusted":               {nil, []string{"https"}, false},
		"another network is trusted":      {server.Proxies{netip.MustParsePrefix("10.0.0.0/8")}, []string{"https"}, false},
		"the client said https before it": {server.Proxies{local}, []string{"https, http"}, false},
	} {
		s := newSite(t, server.Config{Proxies: c.proxies})
		token := s.token("ada", registry.RoleViewer)
		r := s.do("POST", "/session", "", "Authorization", "Bearer "+token, "X-Forwarded-Proto", strings.Join(c.proto, ","))
		if got := r.cookie("pedigree_session"); got == nil || got.Secure != c.secure {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

// TestEverythingWorksBelowABasePath asks below the path, and at the root.
func TestEverythingWorksBelowABasePath(t *testing.T) {
	s := newSite(t, server.Config{BasePath: "/ml/pedigree"})
	token := s.token("ada", registry.RoleViewer)
	if r := s.do("GET", "/ml/pedigree", ""); r.status != http.StatusMovedPermanently || r.header.Get("Location") != "/ml/pedigree/" {
		t.Errorf("%d %v", r.status, r.header)
	}
	page := s.do("GET", "/ml/pedigree/", "")
	if page.status != 200 {
		t.Errorf("%d %s", page.status, page.body)
	}
	if built := strings.Contains(page.body, "/assets/"); built {
		if !strings.Contains(page.body, `data-base="/ml/pedigree"`) || strings.Contains(page.body, `="/assets/`) || strings.Contains(page.body, `="/graphiql`) {
			t.Error(page.body)
		}
		from := strings.Index(page.body, `src="`) + len(`src="`)
		if asset := page.body[from:]; s.do("GET", asset[:strings.IndexByte(asset, '"')], "").status != 200 {
			t.Errorf("no script at %.80s", asset)
		}
	}
	r := s.do("POST", "/ml/pedigree/session", "", "Authorization", "Bearer "+token)
	c := r.cookie("pedigree_session")
	if c == nil || c.Path != "/ml/pedigree/" {
		t.Fatalf("%+v", c)
	}
	query := "/graphql?query=%7Bviewer%7Bsubject%7D%7D"
	if r := s.do("GET", "/ml/pedigree"+query, "", with(c)...); !r.is("ada") {
		t.Errorf("%d %s", r.status, r.body)
	}
	for target, status := range map[string]int{query: 404, "/": 404, "/healthz": 404, "/ml/pedigreex/healthz": 404, "/ml/pedigree/healthz": 200, "/ml/pedigree//healthz": 404,
		"/ml/pedigree/api/v1/viewer": 401, "/ml/pedigree/ml/pedigree/healthz": 404, "/ml/": 404} {
		if r := s.do("GET", target, ""); r.status != status {
			t.Errorf("%s: %d, want %d", target, r.status, status)
		}
	}
}
