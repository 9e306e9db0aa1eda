package server_test

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

// issuer is an identity provider: it has keys of its own, tells them over HTTP and runs the code
// flow.
type issuer struct {
	*testing.T
	url   string
	clock *testClock
	mu    sync.Mutex
	keys  []jose.JSONWebKey // the last one signs
	// fetches counts how often the keys were asked for, down makes every answer a failure.
	fetches atomic.Int64
	down    atomic.Bool
	// codes are the logins that wait for their exchange.
	codes map[string]codeOfIssuer
	// idClaims changes the claims of identity tokens.
	idClaims map[string]any
}

// codeOfIssuer is what a code stands for.
type codeOfIssuer struct{ challenge, nonce, redirect string }

func newIssuer(t *testing.T, clock *testClock) *issuer {
	t.Helper()
	p := &issuer{T: t, clock: clock, codes: map[string]codeOfIssuer{}}
	p.rotate("first")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"issuer": p.url, "jwks_uri": p.url + "/keys", "authorization_endpoint": p.url + "/authorize", "token_endpoint": p.url + "/token",
			"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.fetches.Add(1)
		p.mu.Lock()
		defer p.mu.Unlock()
		set := jose.JSONWebKeySet{}
		for _, k := range p.keys {
			set.Keys = append(set.Keys, k.Public())
		}
		json.NewEncoder(w).Encode(set)
	})
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.exchange)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	p.url = srv.URL
	return p
}

// rotate makes a new key, which signs from now on; the old ones are not told any more.
func (p *issuer) rotate(id string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		p.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = []jose.JSONWebKey{{Key: key, KeyID: id, Algorithm: "RS256", Use: "sig"}}
}

// claims returns the claims of a good token for an audience, with changes; nil removes one.
func (p *issuer) claims(audience string, changes map[string]any) map[string]any {
	now := p.clock.now()
	out := map[string]any{"iss": p.url, "aud": audience, "sub": "ada", "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(), "groups": []string{"ml-engineers"}}
	maps.Copy(out, changes)
	maps.DeleteFunc(out, func(_ string, v any) bool { return v == nil })
	return out
}

// sign signs claims with the key of the issuer.
func (p *issuer) sign(claims map[string]any) string {
	p.Helper()
	p.mu.Lock()
	key := p.keys[len(p.keys)-1]
	p.mu.Unlock()
	return signWith(p, jose.SigningKey{Algorithm: jose.RS256, Key: key}, claims)
}

func signWith(t testing.TB, key jose.SigningKey, claims map[string]any) string {
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
func (p *issuer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("client_id") != clientID || q.Get("nonce") == "" {
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
func (p *issuer) exchange(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	code, known := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	changes := maps.Clone(p.idClaims)
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	client, secret, _ := r.BasicAuth()
	if !known || base64.RawURLEncoding.EncodeToString(sum[:]) != code.challenge || r.FormValue("redirect_uri") != code.redirect || client != clientID || secret != clientSecret {
		w.WriteHeader(http.StatusBadRequest)
		json.NewEncoder(w).Encode(map[string]string{"error": "invalid_grant"})
		return
	}
	all := map[string]any{"nonce": code.nonce}
	maps.Copy(all, changes)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"access_token": "unused", "token_type": "Bearer", "id_token": p.sign(p.claims(clientID, all))})
}

const clientID, clientSecret, audience = "pedigree-web", "s3cret", "https://pedigree.example.com"
