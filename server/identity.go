package server

import (
	"encoding/base64"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pedigree/registry"
	"pedigree/resolvers/door"
	"pedigree/service"
)

// maxAuthorization is the longest Authorization header that is accepted, in bytes. Tokens of an
// identity provider are longer than the registry's own.
const (
	maxAuthorization = 1024
	maxFederated     = 8 << 10
)

// refusedIdentity is an answer to a request whose caller is not let in.
type refusedIdentity struct {
	status    int
	code      registry.Code
	message   string
	challenge string        // of WWW-Authenticate
	wait      time.Duration // of Retry-After
}

// authenticated authenticates the caller before next reads the body.
func (h *handler) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		actor, refused := h.identify(w, r)
		if refused == nil {
			if wait := h.subjects.take(actor.Subject, 1); wait > 0 {
				refused = tooMany(wait, "you send more requests than the server allows")
			}
		}
		if refused != nil {
			h.refuseIdentity(w, r, refused)
			return
		}
		ctx := service.As(r.Context(), actor, requestIDOf(r.Context()))
		if h.subjects != nil {
			ctx = door.WithCharge(ctx, func(n int) time.Duration { return h.subjects.take(actor.Subject, n) })
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (h *handler) refuseIdentity(w http.ResponseWriter, r *http.Request, refused *refusedIdentity) {
	if refused.challenge != "" {
		w.Header().Set("WWW-Authenticate", refused.challenge)
	}
	if refused.wait > 0 {
		w.Header().Set("Retry-After", retryAfter(refused.wait))
	}
	h.refuse(w, r, refused.status, refused.code, refused.message)
}

// retryAfter returns a wait in whole seconds, rounded up.
func retryAfter(wait time.Duration) string {
	return strconv.Itoa(int(math.Ceil(wait.Seconds())))
}

func tooMany(wait time.Duration, why string) *refusedIdentity {
	return &refusedIdentity{status: http.StatusTooManyRequests, code: registry.ResourceExhausted, message: why + "; try again in " + retryAfter(wait) + " s", wait: wait}
}

// identify returns the actor of a request: by its token, else by the session of its cookie.
func (h *handler) identify(w http.ResponseWriter, r *http.Request) (registry.Actor, *refusedIdentity) {
	if r.Header.Get("Authorization") == "" {
		if cookie, err := r.Cookie(sessionCookie); err == nil {
			return h.identifySession(w, r, cookie.Value)
		}
	}
	token, ok := h.credential(r)
	if !ok {
		return registry.Actor{}, &refusedIdentity{status: http.StatusUnauthorized, code: registry.Unauthenticated, challenge: `Bearer realm="pedigree"`,
			message: "this needs a token: send the header Authorization: Bearer TOKEN"}
	}
	from := h.config.Proxies.address(r)
	if wait := h.logins.wait(from, token); wait > 0 {
		return registry.Actor{}, tooMany(wait, "too many wrong tokens came from you")
	}
	actor, err := h.authenticate(r, token)
	if err != nil {
		if registry.CodeOf(err) == registry.Unauthenticated {
			h.logins.failed(from, token)
		}
		return registry.Actor{}, h.notIdentified(r, err)
	}
	h.logins.succeeded(token)
	return actor, nil
}

// authenticate returns the actor of a token: of the registry's own, or of the identity provider.
func (h *handler) authenticate(r *http.Request, token string) (registry.Actor, error) {
	if h.config.OIDC != nil && isJWT(token) {
		subject, told, err := h.config.OIDC.verifyBearer(r.Context(), token)
		if err != nil {
			return registry.Actor{}, err
		}
		return h.service.Federated(r.Context(), subject, told)
	}
	return h.service.Authenticate(r.Context(), token)
}

// notIdentified returns the answer to an error of authentication.
func (h *handler) notIdentified(r *http.Request, err error) *refusedIdentity {
	switch registry.CodeOf(err) {
	case registry.Unauthenticated, registry.InvalidArgument:
		if cause := errors.Unwrap(err); cause != nil && h.config.OIDC != nil { // Who sets up a provider needs to know why.
			h.log.Debug("a token of the identity provider was refused", "request", requestIDOf(r.Context()), "cause", registry.Cause(err))
		}
		return &refusedIdentity{status: http.StatusUnauthorized, code: registry.Unauthenticated, message: err.Error(), challenge: `Bearer realm="pedigree", error="invalid_token"`}
	}
	id := requestIDOf(r.Context())
	h.log.Error("identity could not be read", "request", id, "cause", registry.Cause(err))
	return &refusedIdentity{status: http.StatusServiceUnavailable, code: registry.Unavailable,
		message: "who you are cannot be checked now; try again soon (request " + id + ")"}
}

// credential returns the token of the header Authorization: the bearer token, or the password
// of Basic. It ignores all other headers.
func (h *handler) credential(r *http.Request) (string, bool) {
	limit := maxAuthorization
	if h.config.OIDC != nil {
		limit = maxFederated
	}
	v := r.Header.Get("Authorization")
	if len(v) > limit || len(r.Header.Values("Authorization")) > 1 {
		return "", false
	}
	scheme, rest, _ := strings.Cut(v, " ")
	switch strings.ToLower(scheme) {
	case "bearer":
		rest = strings.TrimSpace(rest)
		return rest, rest != ""
	case "basic":
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
		_, password, ok := strings.Cut(string(raw), ":")
		return password, err == nil && ok && password != ""
	}
	return "", false
}
