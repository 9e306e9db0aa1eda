// Package oidctest is an identity provider (OpenID Connect) for tests. It has keys of its own, tells
// them over HTTP, rotates them, and runs the code flow with PKCE.
package oidctest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The client that the issuer knows.
const (
	ClientID     = "pedigree-web"
	ClientSecret = "s3cret"
)

// Issuer is an identity provider. Everybody who asks for a login gets in, as the subject ada with
// the group ml-engineers.
type Issuer struct {
	testing.TB
	// URL is the issuer, as its tokens name it.
	URL string
	// Fetches counts how often the keys were asked for, Down makes every answer a failure.
	Fetches atomic.Int64
	Down    atomic.Bool
	now     func() time.Time
	mu      sync.Mutex
	key     jose.JSONWebKey
	// codes are the logins that wait for their exchange, changes those of identity tokens.
	codes   map[string]codeOfIssuer
	changes map[string]any
}

// codeOfIssuer is what a code stands for.
type codeOfIssuer struct{ challenge, nonce, redirect string }

// New starts an issuer with the key first. It ends with the test.
func New(t testing.TB, now func() time.Time) *Issuer {
	t.Helper()
	p := &Issuer{TB: t, now: now, codes: map[string]codeOfIssuer{}}
	key, err := firstKey()
	if err != nil {
		t.Fatal(err)
	}
	p.sign("first", key)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"issuer": p.URL, "jwks_uri": p.URL + "/keys", "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
			"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.Fetches.Add(1)
		p.mu.Lock()
		defer p.mu.Unlock()
		json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{p.key.Public()}})
	})
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.exchange)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.Down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	p.URL = srv.URL
	return p
}

// firstKey is the key of every new issuer: making one takes a second.
var firstKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// Rotate makes a new key, which signs from now on; the old one is not told any more.
func (p *Issuer) Rotate(id string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		p.Fatal(err)
	}
	p.sign(id, key)
}

// sign makes a key the one that signs.
func (p *Issuer) sign(id string, key *rsa.PrivateKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key = jose.JSONWebKey{Key: key, KeyID: id, Algorithm: "RS256", Use: "sig"}
}

// Key returns the key that signs.
func (p *Issuer) Key() jose.JSONWebKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.key
}

// Change changes the claims of the identity tokens of the code flow.
func (p *Issuer) Change(claims map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes = claims
}

// Claims returns the claims of a good token for an audience, with changes; nil removes one.
func (p *Issuer) Claims(audience string, changes map[string]any) map[string]any {
	now := p.now()
	out := map[string]any{"iss": p.URL, "aud": audience, "sub": "ada", "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(), "groups": []string{"ml-engineers"}}
	maps.Copy(out, changes)
	maps.DeleteFunc(out, func(_ string, v any) bool { return v == nil })
	return out
}

// Sign signs claims with the key of the issuer.
func (p *Issuer) Sign(claims map[string]any) string {
	p.Helper()
	return SignWith(p, jose.SigningKey{Algorithm: jose.RS256, Key: p.Key()}, claims)
}

// SignWith signs claims with any key.
func SignWith(t testing.TB, key jose.SigningKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(raw)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// authorize lets everybody in who asks with a challenge.
func (p *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("client_id") != ClientID || q.Get("nonce") == "" {
		http.Error(w, "not the code flow with PKCE", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = codeOfIssuer{q.Get("code_challenge"), q.Get("nonce"), q.Get("redirect_uri")}
	p.mu.Unlock()
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusSeeOther)
}

// exchange gives an identity token for a code, once, to who knows the verifier.
func (p *Issuer) exchange(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	code, known := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	changes := maps.Clone(p.changes)
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	client, secret, _ := r.BasicAuth()
	if !known || base64.RawURLEncoding.EncodeToString(sum[:]) != code.challenge || r.FormValue("redirect_uri") != code.redirect || client != ClientID || secret != ClientSecret {
		w.WriteHeader(http.StatusBadRequest)
		json.NewEncoder(w).Encode(map[string]string{"error": "invalid_grant"})
		return
	}
	all := map[string]any{"nonce": code.nonce}
	maps.Copy(all, changes)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"access_token": "unused", "token_type": "Bearer", "id_token": p.Sign(p.Claims(ClientID, all))})
}
