package server

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"pedigree/registry"
	"pedigree/service"
)

// loginCookie is the name of the cookie that a browser keeps while it is at the identity provider.
const loginCookie = "pedigree_login"

// loginTime is how long a login at the identity provider may take.
const loginTime = 10 * time.Minute

// login is what a browser keeps while it is at the identity provider.
type login struct {
	State, Nonce, Verifier, Next string
	Began                        time.Time
}

// flow returns the OAuth client of the login in a browser.
func (h *handler) flow(r *http.Request) (*oauth2.Config, error) {
	provider, _, err := h.config.OIDC.discover()
	if err != nil {
		return nil, err
	}
	c := h.config.OIDC.config
	return &oauth2.Config{ClientID: c.ClientID, ClientSecret: c.ClientSecret, Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "profile"},
		RedirectURL: h.config.Proxies.origin(r) + h.config.BasePath + "/callback"}, nil
}

// serveLogin sends a browser to the identity provider: GET /login?next=/graphiql. It uses the code
// flow with PKCE.
func (h *handler) serveLogin(w http.ResponseWriter, r *http.Request) {
	if !onlyMethod(w, r, http.MethodGet) || !h.loginByProvider(w, r) {
		return
	}
	flow, err := h.flow(r)
	if err != nil {
		h.refuseIdentity(w, r, h.notIdentified(r, err))
		return
	}
	l := login{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: localPath(r.URL.Query().Get("next")), Began: h.config.Now()}
	// The provider sends the browser back from another site, so the cookie must be lax.
	http.SetCookie(w, &http.Cookie{Name: loginCookie, Value: h.service.SealLogin(l), Path: h.config.BasePath + "/callback", HttpOnly: true,
		Secure: h.config.Proxies.secure(r), SameSite: http.SameSiteLaxMode, MaxAge: int(loginTime.Seconds())})
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, flow.AuthCodeURL(l.State, oidc.Nonce(l.Nonce), oauth2.S256ChallengeOption(l.Verifier)), http.StatusSeeOther)
}

// serveCallback takes the browser back from the identity provider and starts its session.
func (h *handler) serveCallback(w http.ResponseWriter, r *http.Request) {
	if !onlyMethod(w, r, http.MethodGet) || !h.loginByProvider(w, r) {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	// The address holds the code; no page that follows is told it.
	w.Header().Set("Referrer-Policy", "no-referrer")
	from := h.config.Proxies.address(r)
	if wait := h.logins.wait(from, "callback"); wait > 0 {
		h.refuseIdentity(w, r, tooMany(wait, "too many logins failed"))
		return
	}
	l, err := h.openLogin(r)
	h.clearCookie(w, r, loginCookie, h.config.BasePath+"/callback")
	var subject string
	var told []registry.Grant
	var actor registry.Actor
	if err == nil {
		subject, told, err = h.exchange(r, l)
	}
	if err == nil {
		actor, err = h.service.Federated(r.Context(), subject, told)
	}
	if err != nil {
		if registry.CodeOf(err) == registry.Unauthenticated {
			h.logins.failed(from, "callback")
		}
		h.refuseIdentity(w, r, h.notIdentified(r, err))
		return
	}
	r = r.WithContext(service.As(r.Context(), actor, requestIDOf(r.Context())))
	if h.startSession(w, r, told) {
		http.Redirect(w, r, h.config.BasePath+l.Next, http.StatusSeeOther)
	}
}

// loginByProvider answers 404 when there is no login at an identity provider.
func (h *handler) loginByProvider(w http.ResponseWriter, r *http.Request) bool {
	if h.config.OIDC != nil && h.config.OIDC.config.ClientID != "" {
		return true
	}
	http.NotFound(w, r)
	return false
}

// openLogin returns the login that a callback belongs to: the one that this browser began lately,
// with the same state.
func (h *handler) openLogin(r *http.Request) (l login, err error) {
	cookie, err := r.Cookie(loginCookie)
	if err == nil {
		err = h.service.OpenLogin(cookie.Value, &l)
	}
	state := r.URL.Query().Get("state")
	if err != nil || subtle.ConstantTimeCompare([]byte(state), []byte(l.State)) != 1 || h.config.Now().Sub(l.Began) > loginTime {
		return l, registry.Errorf(registry.Unauthenticated, "this login was not begun here, or took too long; sign in again")
	}
	return l, nil
}

// exchange gives the code of a callback to the provider, and checks the token that it gets.
func (h *handler) exchange(r *http.Request, l login) (string, []registry.Grant, error) {
	if refused := r.URL.Query().Get("error"); refused != "" {
		return "", nil, registry.Errorf(registry.Unauthenticated, "the identity provider refused the login (%s)", registry.Shorten(refused, 60))
	}
	flow, err := h.flow(r)
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(r.Context(), h.config.OIDC.client), 10*time.Second)
	defer cancel()
	answer, err := flow.Exchange(ctx, r.URL.Query().Get("code"), oauth2.VerifierOption(l.Verifier))
	if err != nil {
		return "", nil, &registry.Error{Code: registry.Unauthenticated, Message: "the identity provider did not accept the login; sign in again", Err: err}
	}
	text, _ := answer.Extra("id_token").(string)
	if !isJWT(text) {
		return "", nil, registry.Errorf(registry.Unauthenticated, "the identity provider told no identity")
	}
	token, err := h.config.OIDC.verify(ctx, text, h.config.OIDC.config.ClientID)
	if err != nil {
		return "", nil, err
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(l.Nonce)) != 1 {
		return "", nil, registry.Errorf(registry.Unauthenticated, "the identity provider answered another login; sign in again")
	}
	return h.config.OIDC.subject(token)
}

// localPath returns a path of this server, "/" for everything else: no login leads to another
// site.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n") {
		return "/"
	}
	return u.EscapedPath()
}
