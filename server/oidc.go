package server

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"pedigree/registry"
)

// OIDCConfig configures the identity provider of a server (OpenID Connect).
type OIDCConfig struct {
	// Issuer is the URL of the provider, as its tokens name it.
	Issuer string
	// Audience is what a bearer token must be for. Without it every token of the provider for
	// any other service would be accepted, so it is required.
	Audience string
	// ClientID and ClientSecret are those of the login in a browser; without ClientID there is
	// none.
	ClientID, ClientSecret string
	// RoleClaim is the claim that is looked up in Roles: a text or a list of texts. A dot leads
	// into an object. The default is roles.
	RoleClaim string
	// Roles are the roles of each value of the claim, which must be equal to it.
	Roles map[string][]string
	// Now is the clock; nil means that of the system.
	Now func() time.Time
}

// OIDC verifies the tokens of an identity provider.
type OIDC struct {
	config OIDCConfig
	client *http.Client
	mu     sync.Mutex
	// provider is what the issuer said about itself, and its keys; nil until it answered. Until
	// retry it is not asked again.
	provider *oidc.Provider
	keys     oidc.KeySet
	retry    time.Time
	failed   error
}

// signatures are the algorithms that are accepted. All of them have a public key: with none there
// is no signature, and HS256 would take the public key for a secret.
var signatures = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// NewOIDC checks a configuration. It does not ask the issuer, so that the server starts while the
// issuer is down.
func NewOIDC(c OIDCConfig) (*OIDC, error) {
	u, err := url.Parse(c.Issuer)
	local := err == nil && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && local):
		return nil, registry.Invalid("oidc-issuer", "must be an https URL, such as https://login.example.com")
	case c.Audience == "":
		return nil, registry.Invalid("oidc-audience", "must not be empty: without it, tokens of the issuer for any other service would be accepted")
	}
	c.RoleClaim = cmp.Or(c.RoleClaim, "roles")
	if c.Now == nil {
		c.Now = time.Now
	}
	return &OIDC{config: c, client: &http.Client{Timeout: 10 * time.Second, Transport: &keyFetcher{next: http.DefaultTransport, now: c.Now}}}, nil
}

// providerRetry is how long the issuer is not asked again after it did not answer.
const providerRetry = 5 * time.Second

// discover returns what the issuer says about itself, which it is asked once, and its keys.
func (o *OIDC) discover() (*oidc.Provider, oidc.KeySet, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.provider != nil {
		return o.provider, o.keys, nil
	}
	if now := o.config.Now(); now.Before(o.retry) {
		return nil, nil, o.failed
	}
	// Keys are fetched later with this context, so it is not that of a request.
	ctx := oidc.ClientContext(context.Background(), o.client)
	provider, err := oidc.NewProvider(ctx, o.config.Issuer)
	var told struct {
		Keys string `json:"jwks_uri"`
	}
	if err == nil {
		err = provider.Claims(&told)
	}
	if err != nil {
		o.failed, o.retry = noProvider(err), o.config.Now().Add(providerRetry)
		return nil, nil, o.failed
	}
	o.provider, o.keys = provider, oidc.NewRemoteKeySet(ctx, told.Keys)
	return o.provider, o.keys, nil
}

func noProvider(err error) error {
	return &registry.Error{Code: registry.Unavailable, Message: "the identity provider does not answer", Err: err}
}

// keysOf are the keys of the provider. It keeps the error of fetching them, which the library
// does not pass on.
type keysOf struct {
	oidc.KeySet
	failed error
}

// VerifySignature implements oidc.KeySet.
func (k *keysOf) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, jwt)
	var network *url.Error
	if errors.As(err, &network) || ctx.Err() != nil {
		k.failed = err
	}
	return payload, err
}

// isJWT reports whether a token has the form of a signed JWT. The registry's own tokens do not.
func isJWT(token string) bool {
	return len(token) <= maxFederated && strings.Count(token[:min(len(token), maxFederated)], ".") == 2 && strings.HasPrefix(token, "ey")
}

// subjectPrefix starts the subjects of an identity provider, so that none is equal to a local one.
const subjectPrefix = "oidc:"

// verifyBearer checks a bearer token: signature, algorithm, issuer, audience and times. It returns
// the subject and the grants of its roles.
func (o *OIDC) verifyBearer(ctx context.Context, token string) (string, []registry.Grant, error) {
	verified, err := o.verify(ctx, token, o.config.Audience)
	if err != nil {
		return "", nil, err
	}
	return o.subject(verified)
}

func (o *OIDC) verify(ctx context.Context, token, audience string) (*oidc.IDToken, error) {
	_, set, err := o.discover()
	if err != nil {
		return nil, err
	}
	keys := &keysOf{KeySet: set}
	verified, err := oidc.NewVerifier(o.config.Issuer, keys, &oidc.Config{ClientID: audience, SupportedSigningAlgs: signatures, Now: o.config.Now}).Verify(ctx, token)
	if keys.failed != nil {
		return nil, noProvider(keys.failed)
	}
	if err != nil { // The library's text repeats parts of the token.
		return nil, &registry.Error{Code: registry.Unauthenticated, Message: "the token of the identity provider is not valid; sign in there again", Err: err}
	}
	return verified, nil
}

// subject returns the subject of a verified token and the grants of its roles.
func (o *OIDC) subject(token *oidc.IDToken) (string, []registry.Grant, error) {
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil || token.Subject == "" {
		return "", nil, &registry.Error{Code: registry.Unauthenticated, Message: "the token of the identity provider names no subject", Err: err}
	}
	grants := []registry.Grant{}
	for _, value := range textsOf(claimAt(claims, o.config.RoleClaim)) {
		for _, role := range o.config.Roles[value] {
			if g := (registry.Grant{Role: role, Scope: registry.ScopeAll}); !registry.Covers(grants, g) {
				grants = append(grants, g)
			}
		}
	}
	return subjectPrefix + token.Subject, grants, nil
}

// claimAt returns a claim by its name or, when there is none of that name, by a path of names.
func claimAt(claims map[string]any, path string) any {
	if v, ok := claims[path]; ok {
		return v
	}
	first, rest, ok := strings.Cut(path, ".")
	below, isObject := claims[first].(map[string]any)
	if !ok || !isObject {
		return nil
	}
	return claimAt(below, rest)
}

func textsOf(v any) (out []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, x := range v {
			if s, ok := x.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}

// keyRefresh is how often the keys of the provider are fetched at most. A token with an unknown
// key makes the library fetch them, and anybody can send such tokens.
const keyRefresh = 5 * time.Second

// maxKeys is the largest answer of a provider, in bytes.
const maxKeys = 1 << 20

// keyFetcher is the transport to the provider. It repeats its last answer to a GET of an address
// within keyRefresh, also a failure, and bounds every answer.
type keyFetcher struct {
	next http.RoundTripper
	now  func() time.Time
	mu   sync.Mutex
	last map[string]keptAnswer
}

// maxKept is the most addresses whose answers are kept; a provider has two.
const maxKept = 8

// keptAnswer is an answer, and when it came.
type keptAnswer struct {
	at     time.Time
	status int
	header http.Header
	body   []byte
	err    error
}

// RoundTrip implements http.RoundTripper.
func (f *keyFetcher) RoundTrip(r *http.Request) (*http.Response, error) {
	key := r.URL.String()
	f.mu.Lock()
	k, ok := f.last[key]
	f.mu.Unlock()
	if r.Method == http.MethodGet && ok && f.now().Sub(k.at) < keyRefresh {
		return k.response(r)
	}
	k = f.fetch(r)
	if r.Method == http.MethodGet && r.Context().Err() == nil {
		f.mu.Lock()
		if f.last == nil || len(f.last) >= maxKept {
			f.last = map[string]keptAnswer{}
		}
		f.last[key] = k
		f.mu.Unlock()
	}
	return k.response(r)
}

func (f *keyFetcher) fetch(r *http.Request) keptAnswer {
	resp, err := f.next.RoundTrip(r)
	if err != nil {
		return keptAnswer{at: f.now(), err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeys+1))
	if err == nil && len(body) > maxKeys {
		err = errors.New("the answer of the identity provider is too large")
	}
	return keptAnswer{f.now(), resp.StatusCode, resp.Header, body, err}
}

func (k keptAnswer) response(r *http.Request) (*http.Response, error) {
	if k.err != nil {
		return nil, k.err
	}
	return &http.Response{StatusCode: k.status, Status: http.StatusText(k.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: k.header.Clone(),
		Body: io.NopCloser(bytes.NewReader(k.body)), ContentLength: int64(len(k.body)), Request: r}, nil
}
