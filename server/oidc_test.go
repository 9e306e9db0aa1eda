package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pedigree/internal/oidctest"
	"pedigree/registry"
	"pedigree/server"
	"pedigree/service/access"
)

// audience is what the tests' bearer tokens are for.
const audience = "https://pedigree.example.com"

// newFederatedSite serves a site that accepts the tokens of an issuer.
func newFederatedSite(t *testing.T, change func(*server.Config)) (*site, *oidctest.Issuer) {
	t.Helper()
	clock := newTestClock()
	p := oidctest.New(t, clock.now)
	o, err := server.NewOIDC(server.OIDCConfig{Issuer: p.URL, Audience: audience, RoleClaim: "groups", ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret, Now: clock.now,
		Roles: map[string][]string{"ml-engineers": {registry.RoleDataScientist}, "risk": {registry.RoleViewer, registry.RoleDeveloper}, "ml": {registry.RoleAdmin}}})
	if err != nil {
		t.Fatal(err)
	}
	config := server.Config{OIDC: o}
	if change != nil {
		change(&config)
	}
	return newSiteOn(t, t.TempDir()+"/p.db", clock, config), p
}

// roles asks which roles a bearer token gives.
func (s *site) roles(token string) reply { return s.viewer("Authorization", "Bearer "+token) }

func TestATokenOfTheIssuerGivesTheRolesOfItsClaim(t *testing.T) {
	s, p := newFederatedSite(t, nil)
	for what, c := range map[string]struct {
		claims map[string]any
		want   string
	}{
		"a list":            {nil, `"roles":["data_scientist"]`},
		"a text":            {map[string]any{"groups": "risk"}, `"roles":["viewer","developer"]`},
		"several audiences": {map[string]any{"aud": []string{"other", audience}}, `"roles":["data_scientist"]`},
	} {
		if r := s.roles(p.Sign(p.Claims(audience, c.claims))); !r.is("oidc:ada") || !strings.Contains(r.body, c.want) {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
	for what, groups := range map[string]any{"no claim": nil, "an unknown value": "ml-engineer", "another case": "ML-Engineers", "a longer value": "ml-engineers2", "a number": 7, "an object": map[string]any{"ml": true}, "the name of a role": "admin"} {
		if r := s.roles(p.Sign(p.Claims(audience, map[string]any{"groups": groups}))); r.status != http.StatusOK || r.code() != "FORBIDDEN" {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
	// What is stored for the subject adds to the claim.
	if _, err := s.CreateAPIToken(s.admin, access.CreateAPITokenInput{Subject: "oidc:ada", Roles: []string{registry.RoleViewer}, GrantRoles: true}); err != nil {
		t.Fatal(err)
	}
	if r := s.roles(p.Sign(p.Claims(audience, nil))); !strings.Contains(r.body, `"roles":["data_scientist","viewer"]`) {
		t.Error(r.body)
	}
}

// TestASubjectOfTheIssuerIsNoLocalSubject names local subjects in sub.
func TestASubjectOfTheIssuerIsNoLocalSubject(t *testing.T) {
	s, p := newFederatedSite(t, nil)
	s.token("root", registry.RoleAdmin)
	for _, sub := range []string{"root", "cli:root", "oidc:ada", "role:admin", " root"} {
		if r := s.roles(p.Sign(p.Claims(audience, map[string]any{"sub": sub}))); !r.is("oidc:"+sub) || strings.Contains(r.body, "admin\"]") {
			t.Errorf("%q: %d %s", sub, r.status, r.body)
		}
	}
	for what, sub := range map[string]any{"none": nil, "empty": "", "too long": strings.Repeat("x", 300), "a control character": "a\u0000b", "a number": 7} {
		if r := s.roles(p.Sign(p.Claims(audience, map[string]any{"sub": sub}))); r.status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
}

// TestForgedTokensOfTheIssuerAreRefused has one line for each way.
func TestForgedTokensOfTheIssuerAreRefused(t *testing.T) {
	s, p := newFederatedSite(t, nil)
	good := p.Sign(p.Claims(audience, nil))
	if r := s.roles(good); !r.is("oidc:ada") {
		t.Fatalf("%d %s", r.status, r.body)
	}
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := p.Key()
	public, err := x509.MarshalPKIXPublicKey(key.Public().Key)
	if err != nil {
		t.Fatal(err)
	}
	own := key.Key
	now := s.clock.now()
	claims := func(changes map[string]any) string { return p.Sign(p.Claims(audience, changes)) }
	parts := strings.Split(good, ".")
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	with := func(alg jose.SignatureAlgorithm, key any, id string) string {
		return oidctest.SignWith(t, jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: id}}, p.Claims(audience, nil))
	}
	for what, token := range map[string]string{
		"alg none":                           encode(`{"alg":"none","typ":"JWT"}`) + "." + parts[1] + ".",
		"alg None":                           encode(`{"alg":"None","typ":"JWT"}`) + "." + parts[1] + ".",
		"alg none with the old signature":    encode(`{"alg":"none","typ":"JWT"}`) + "." + parts[1] + "." + parts[2],
		"no signature":                       parts[0] + "." + parts[1] + ".",
		"HS256 with the public key":          with(jose.HS256, public, "first"),
		"another key under the known kid":    with(jose.RS256, foreign, "first"),
		"another key under an unknown kid":   with(jose.RS256, foreign, "second"),
		"the known key under an unknown kid": with(jose.RS256, own, "second"),
		"another kind of key":                with(jose.ES256, curve, "first"),
		"a path as kid":                      with(jose.RS256, foreign, "../../dev/null"),
		"a key in the header":                encode(`{"alg":"RS256","jwk":{"kty":"RSA"}}`) + "." + parts[1] + "." + parts[2],
		"other claims under the signature":   parts[0] + "." + encode(`{"sub":"root"}`) + "." + parts[2],
		"another issuer":                     claims(map[string]any{"iss": "https://evil.example"}),
		"the issuer with a slash":            claims(map[string]any{"iss": p.URL + "/"}),
		"no issuer":                          claims(map[string]any{"iss": nil}),
		"another audience":                   claims(map[string]any{"aud": "https://other.example.com"}),
		"the client of the browser":          claims(map[string]any{"aud": oidctest.ClientID}),
		"no audience":                        claims(map[string]any{"aud": nil}),
		"an empty audience":                  claims(map[string]any{"aud": []string{}}),
		"expired":                            claims(map[string]any{"exp": now.Add(-time.Second).Unix()}),
		"no expiry":                          claims(map[string]any{"exp": nil}),
		"not valid yet":                      claims(map[string]any{"nbf": now.Add(10 * time.Minute).Unix()}),
		"dots":                               "ey..",
		"nothing but dots":                   strings.Repeat(".", 7000),
		"many parts":                         "ey" + strings.Repeat(".ey", 2000),
		"JSON":                               `{"payload":"","signatures":[]}`,
		"five parts":                         good + ".a.b",
		"huge":                               good + strings.Repeat("A", 9000),
		"an encrypted one":                   encode(`{"alg":"dir","enc":"A256GCM"}`) + ".." + parts[1],
	} {
		r := s.roles(token)
		if r.status != http.StatusUnauthorized || r.code() != "UNAUTHENTICATED" {
			t.Errorf("%s: %d %.300s", what, r.status, r.body)
		}
		if strings.Contains(r.body, p.URL) || strings.Contains(r.body, parts[1][:20]) {
			t.Errorf("%s: it tells %.300s", what, r.body)
		}
	}
	if r := s.roles(good); !r.is("oidc:ada") {
		t.Errorf("%d %s", r.status, r.body)
	}
	s.clock.advance(2 * time.Hour)
	if r := s.roles(good); r.status != http.StatusUnauthorized {
		t.Errorf("two hours later: %d", r.status)
	}
}

// lockedLog is a log that requests write while a test reads it.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestTheLogSaysWhyATokenWasRefused reads the debug log, which holds no part of the token.
func TestTheLogSaysWhyATokenWasRefused(t *testing.T) {
	var log lockedLog
	s, p := newFederatedSite(t, func(c *server.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	token := p.Sign(p.Claims("https://other.example.com", nil))
	if r := s.roles(token); r.status != http.StatusUnauthorized || strings.Contains(r.body, "other.example.com") {
		t.Errorf("%d %s", r.status, r.body)
	}
	if text := log.String(); !strings.Contains(text, "expected audience") || !strings.Contains(text, "other.example.com") || strings.Contains(text, token[len(token)-40:]) || strings.Contains(text, token[:40]) {
		t.Error(text)
	}
}

// TestAMegabyteOfDotsIsNotParsed asks for its cost in reads, requests to the issuer and time.
func TestAMegabyteOfDotsIsNotParsed(t *testing.T) {
	s, p := newFederatedSite(t, nil)
	before, fetches := s.reads.n.Load(), p.Fetches.Load()
	for _, token := range []string{strings.Repeat(".", 900<<10), "ey" + strings.Repeat(".", 900<<10), "ey." + strings.Repeat("A", 900<<10) + ".A"} {
		if r := s.roles(token); r.status != http.StatusUnauthorized {
			t.Errorf("%d", r.status)
		}
	}
	if s.reads.n.Load() != before || p.Fetches.Load() != fetches {
		t.Errorf("%d reads, %d requests to the issuer", s.reads.n.Load()-before, p.Fetches.Load()-fetches)
	}
}

// TestKeysRotate signs with a new key. Tokens with unknown keys do not make the server ask the
// issuer each time.
func TestKeysRotate(t *testing.T) {
	s, p := newFederatedSite(t, nil)
	old := p.Sign(p.Claims(audience, nil))
	if r := s.roles(old); !r.is("oidc:ada") {
		t.Fatalf("%d %s", r.status, r.body)
	}
	p.Rotate("second")
	s.clock.advance(time.Minute)
	if r := s.roles(p.Sign(p.Claims(audience, nil))); !r.is("oidc:ada") {
		t.Errorf("signed with the new key: %d %s", r.status, r.body)
	}
	if r := s.roles(old); r.status != http.StatusUnauthorized {
		t.Errorf("signed with the withdrawn key: %d", r.status)
	}
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	before := p.Fetches.Load()
	for i := range 50 {
		token := oidctest.SignWith(t, jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: foreign, KeyID: fmt.Sprint("k", i)}}, p.Claims(audience, nil))
		if r := s.roles(token); r.status != http.StatusUnauthorized {
			t.Fatal(r.status)
		}
	}
	if n := p.Fetches.Load() - before; n > 1 {
		t.Errorf("50 tokens with unknown keys cost %d requests to the issuer", n)
	}
}

// TestAnIssuerThatIsDownIsNotAWrongToken lets the issuer fail from the start, and come back.
func TestAnIssuerThatIsDownIsNotAWrongToken(t *testing.T) {
	s, p := newFederatedSite(t, func(c *server.Config) { c.Limits.FailedLogins = 3 })
	p.Down.Store(true)
	token := p.Sign(p.Claims(audience, nil))
	for range 10 {
		if r := s.roles(token); r.status != http.StatusServiceUnavailable || r.code() != "UNAVAILABLE" {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	if r := s.viewer("Authorization", "Bearer "+s.token("bob", registry.RoleViewer)); !r.is("bob") {
		t.Errorf("a token of the registry: %d %s", r.status, r.body)
	}
	p.Down.Store(false)
	s.clock.advance(time.Minute)
	if r := s.roles(token); !r.is("oidc:ada") {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestOIDCNeedsAnAudienceAndTLS(t *testing.T) {
	for what, c := range map[string]server.OIDCConfig{
		"no audience": {Issuer: "https://login.example.com"}, "no TLS": {Issuer: "http://login.example.com", Audience: audience}, "no URL": {Issuer: "login.example.com", Audience: audience},
		"a file": {Issuer: "file:///etc/passwd", Audience: audience},
	} {
		if _, err := server.NewOIDC(c); registry.CodeOf(err) != registry.InvalidArgument {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := server.NewOIDC(server.OIDCConfig{Issuer: "https://login.example.com", Audience: audience}); err != nil {
		t.Error(err)
	}
}

// browse is a browser at the login: it keeps the cookies of the site and follows one redirect at
// a time.
func (s *site) browse(target string, cookies map[string]string) reply {
	s.Helper()
	var all []string
	for name, value := range cookies {
		all = append(all, name+"="+value)
	}
	r := s.do("GET", target, "", "Cookie", strings.Join(all, "; "))
	for _, c := range (&http.Response{Header: r.header}).Cookies() {
		cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(cookies, c.Name)
		}
	}
	return r
}

// login goes to the issuer and returns the address that it sends the browser back to.
func (s *site) login(next string, cookies map[string]string) string {
	s.Helper()
	there := s.browse("/login?next="+url.QueryEscape(next), cookies)
	if there.status != http.StatusSeeOther || cookies["pedigree_login"] == "" {
		s.Fatalf("%d %v %s", there.status, there.header, there.body)
	}
	back := s.do("GET", there.header.Get("Location"), "")
	if back.status != http.StatusSeeOther {
		s.Fatalf("%d %s", back.status, back.body)
	}
	return back.header.Get("Location")
}

func TestTheCodeFlowStartsASession(t *testing.T) {
	s, _ := newFederatedSite(t, nil)
	for next, want := range map[string]string{"/graphiql": "/graphiql", "": "/", "https://evil.example/": "/", "//evil.example": "/", `/\evil.example`: "/", "javascript:alert(1)": "/", "/a?b=c": "/a"} {
		cookies := map[string]string{}
		done := s.browse(s.login(next, cookies), cookies)
		if done.status != http.StatusSeeOther || done.header.Get("Location") != want {
			t.Fatalf("%q: %d %v %s", next, done.status, done.header, done.body)
		}
		c := done.cookie("pedigree_session")
		if c == nil || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || cookies["pedigree_login"] != "" {
			t.Fatalf("%+v %v", c, cookies)
		}
		if r := s.viewer(with(c)...); !r.is("oidc:ada") || !strings.Contains(r.body, `"roles":["data_scientist"]`) {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
}

// TestALoginThatIsNotThisBrowsersIsRefused changes what comes back from the issuer.
func TestALoginThatIsNotThisBrowsersIsRefused(t *testing.T) {
	change := func(address string, set map[string]string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		for k, v := range set {
			q.Set(k, v)
		}
		u.RawQuery = q.Encode()
		return u.String()
	}
	for what, attack := range map[string]func(s *site, p *oidctest.Issuer, back string, cookies map[string]string) string{
		"no cookie": func(_ *site, _ *oidctest.Issuer, back string, cookies map[string]string) string {
			delete(cookies, "pedigree_login")
			return back
		},
		"the login of another browser": func(s *site, _ *oidctest.Issuer, _ string, _ map[string]string) string {
			return s.login("/", map[string]string{})
		},
		"another state": func(_ *site, _ *oidctest.Issuer, back string, _ map[string]string) string {
			return change(back, map[string]string{"state": "x"})
		},
		"no state": func(_ *site, _ *oidctest.Issuer, back string, _ map[string]string) string {
			return change(back, map[string]string{"state": ""})
		},
		"another code": func(_ *site, _ *oidctest.Issuer, back string, _ map[string]string) string {
			return change(back, map[string]string{"code": "x"})
		},
		"the code of another login": func(s *site, _ *oidctest.Issuer, back string, _ map[string]string) string {
			u, _ := url.Parse(s.login("/", map[string]string{}))
			return change(back, map[string]string{"code": u.Query().Get("code")}) // PKCE: its verifier is another one.
		},
		"a forged cookie": func(_ *site, _ *oidctest.Issuer, back string, cookies map[string]string) string {
			c := cookies["pedigree_login"]
			cookies["pedigree_login"] = c[:len(c)-2] + "AA"
			return back
		},
		"the cookie of a session list": func(_ *site, _ *oidctest.Issuer, back string, cookies map[string]string) string {
			cookies["pedigree_login"] = "AAAAAAAAAAAAAAAAe30"
			return back
		},
		"too late": func(s *site, _ *oidctest.Issuer, back string, _ map[string]string) string {
			s.clock.advance(11 * time.Minute)
			return back
		},
		"another nonce":    identity(map[string]any{"nonce": "x"}),
		"no nonce":         identity(map[string]any{"nonce": nil}),
		"another client":   identity(map[string]any{"aud": "other-client"}),
		"another issuer":   identity(map[string]any{"iss": "https://evil.example"}),
		"an expired token": identity(map[string]any{"exp": 1}),
		"refused there": func(_ *site, _ *oidctest.Issuer, back string, _ map[string]string) string {
			return change(back, map[string]string{"error": "access_denied"})
		},
		"the code used twice": func(s *site, _ *oidctest.Issuer, back string, cookies map[string]string) string {
			again := map[string]string{"pedigree_login": cookies["pedigree_login"]}
			if r := s.browse(back, again); r.status != http.StatusSeeOther {
				t.Fatalf("%d %s", r.status, r.body)
			}
			return back
		},
	} {
		t.Run(what, func(t *testing.T) {
			s, p := newFederatedSite(t, nil)
			cookies := map[string]string{}
			back := s.login("/", cookies)
			r := s.browse(attack(s, p, back, cookies), cookies)
			if r.status != http.StatusUnauthorized || r.cookie("pedigree_session") != nil || r.header.Get("Location") != "" {
				t.Errorf("%d %v %s", r.status, r.header, r.body)
			}
			if strings.Contains(r.body, oidctest.ClientSecret) || strings.Contains(r.body, "code=") {
				t.Error(r.body)
			}
		})
	}
}

// identity makes the issuer tell other claims in its identity tokens.
func identity(claims map[string]any) func(*site, *oidctest.Issuer, string, map[string]string) string {
	return func(_ *site, p *oidctest.Issuer, back string, _ map[string]string) string {
		p.Change(claims)
		return back
	}
}

// TestALoginWithoutARoleStartsNoSession logs in as somebody whose claim gives nothing.
func TestALoginWithoutARoleStartsNoSession(t *testing.T) {
	s, p := newFederatedSite(t, nil)
	cookies := map[string]string{}
	back := identity(map[string]any{"groups": "nobody"})(s, p, s.login("/", cookies), cookies)
	if r := s.browse(back, cookies); r.status != http.StatusForbidden || r.cookie("pedigree_session") != nil {
		t.Errorf("%d %s", r.status, r.body)
	}
	plain := newSite(t, server.Config{})
	for _, target := range []string{"/login", "/callback"} {
		if r := plain.do("GET", target, ""); r.status != http.StatusNotFound {
			t.Errorf("%s without an identity provider: %d", target, r.status)
		}
		if r := s.do("POST", target, ""); r.status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", target, r.status)
		}
	}
}

// TestABearerTokenOfTheIssuerStartsASession exchanges it as the pages do.
func TestABearerTokenOfTheIssuerStartsASession(t *testing.T) {
	s, p := newFederatedSite(t, nil)
	c := s.signIn(p.Sign(p.Claims(audience, nil)))
	s.clock.advance(2 * time.Hour) // The session outlives the token, within its own times.
	if r := s.viewer(with(c)...); !r.is("oidc:ada") {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := s.do("POST", "/logout", "", with(c)...); r.status != http.StatusNoContent {
		t.Error(r.status)
	}
	if r := s.viewer(with(c)...); r.status != http.StatusUnauthorized {
		t.Error(r.status)
	}
}
