package server

import (
	"encoding/json"
	"net/http"
	"time"

	"pedigree/registry"
	"pedigree/rest/v1"
	"pedigree/service"
	"pedigree/service/access"
)

// sessionCookie is the name of the cookie of a browser's session.
const sessionCookie = "pedigree_session"

// requestHeader is a header that pages of other origins cannot send: a browser asks the server
// first, and the server allows it to none.
const requestHeader = "X-Pedigree-Request"

// The times after which a session ends when the configuration does not say.
const (
	// DefaultSessionIdle is how long a session may be unused.
	DefaultSessionIdle = 8 * time.Hour
	// DefaultSessionLifetime is how long a session lasts at most.
	DefaultSessionLifetime = 7 * 24 * time.Hour
)

// sameOrigin reports whether a request with a cookie comes from a page of this server. A browser
// sends the cookie also with requests that pages of other sites make. A person may open a page of
// the REST API, such as its description: then the browser itself says that no other site asked.
func (h *handler) sameOrigin(r *http.Request) bool {
	if origins := r.Header.Values("Origin"); len(origins) > 0 {
		return len(origins) == 1 && origins[0] == h.config.Proxies.origin(r)
	}
	if asked := r.Header.Values("Sec-Fetch-Site"); len(asked) == 1 && (asked[0] == "same-origin" || asked[0] == "none") && r.Method == http.MethodGet && v1.Handles(r.URL.Path) {
		return true
	}
	return r.Header.Get(requestHeader) != ""
}

// identifySession returns the actor of a session's cookie.
func (h *handler) identifySession(w http.ResponseWriter, r *http.Request, cookie string) (registry.Actor, *refusedIdentity) {
	if !h.sameOrigin(r) {
		return registry.Actor{}, &refusedIdentity{status: http.StatusForbidden, code: registry.Forbidden,
			message: "a request with the session's cookie needs the header " + requestHeader + ", or the Origin of this server"}
	}
	actor, renewed, err := h.service.AuthenticateSession(r.Context(), cookie, h.config.SessionIdle)
	if err != nil {
		if registry.CodeOf(err) == registry.Unauthenticated {
			h.clearCookie(w, r, sessionCookie, h.config.BasePath+"/")
		}
		return registry.Actor{}, h.notIdentified(r, err)
	}
	if renewed != "" {
		h.setSession(w, r, renewed)
	}
	return actor, nil
}

// setSession sets the cookie of a session. The store ends the session; the cookie itself lasts
// until the browser is closed, or as long as the idle time.
func (h *handler) setSession(w http.ResponseWriter, r *http.Request, text string) {
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: text, Path: h.config.BasePath + "/", HttpOnly: true, Secure: h.config.Proxies.secure(r),
		SameSite: http.SameSiteStrictMode, MaxAge: int(h.config.SessionIdle.Seconds())})
}

func (h *handler) clearCookie(w http.ResponseWriter, r *http.Request, name, path string) {
	http.SetCookie(w, &http.Cookie{Name: name, Path: path, HttpOnly: true, Secure: h.config.Proxies.secure(r), SameSite: http.SameSiteStrictMode, MaxAge: -1})
}

// serveSession tells whether the browser has a session (GET), or starts one of the caller, who
// comes with a token (POST). Pages ask before they send anything that would be refused.
func (h *handler) serveSession(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	switch r.Method {
	case http.MethodGet:
		signedIn := false
		if cookie, err := r.Cookie(sessionCookie); err == nil {
			_, refused := h.identifySession(w, r, cookie.Value)
			signedIn = refused == nil
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]bool{"signedIn": signedIn})
	case http.MethodPost:
		h.authenticated(http.HandlerFunc(h.postSession)).ServeHTTP(w, r)
	default:
		w.Header().Set("Allow", "GET, POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (h *handler) postSession(w http.ResponseWriter, r *http.Request) {
	token, ok := h.credential(r)
	if !ok {
		w.WriteHeader(http.StatusNoContent) // The caller came with a session.
		return
	}
	told := []registry.Grant(nil)
	if h.config.OIDC != nil && isJWT(token) {
		var err error
		if _, told, err = h.config.OIDC.verifyBearer(r.Context(), token); err != nil {
			h.refuseIdentity(w, r, h.notIdentified(r, err))
			return
		}
	}
	if h.startSession(w, r, told) {
		w.WriteHeader(http.StatusNoContent)
	}
}

// startSession starts a session of the caller in the context and sets its cookie. When that is
// refused it answers, and returns false.
func (h *handler) startSession(w http.ResponseWriter, r *http.Request, told []registry.Grant) bool {
	secret, err := h.service.StartSession(r.Context(), access.StartSessionInput{Told: told, Lifetime: h.config.SessionLifetime})
	w.Header().Set("Cache-Control", "no-store")
	switch registry.CodeOf(err) {
	case "":
		h.setSession(w, r, h.service.SealSession(secret))
		return true
	case registry.Forbidden:
		h.refuse(w, r, http.StatusForbidden, registry.Forbidden, "you hold no role here; ask an administrator for one")
	default:
		h.refuseIdentity(w, r, h.notIdentified(r, err))
	}
	return false
}

// serveLogout ends the session of the caller, if there is one, and clears its cookie: POST /logout.
func (h *handler) serveLogout(w http.ResponseWriter, r *http.Request) {
	if !onlyMethod(w, r, http.MethodPost) {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if actor, refused := h.identifySession(w, r, cookie.Value); refused == nil {
		if err := h.service.EndSession(service.As(r.Context(), actor, requestIDOf(r.Context()))); err != nil && registry.CodeOf(err) != registry.Forbidden {
			h.refuseIdentity(w, r, h.notIdentified(r, err))
			return
		}
	} else if refused.status != http.StatusUnauthorized {
		h.refuseIdentity(w, r, refused)
		return
	}
	h.clearCookie(w, r, sessionCookie, h.config.BasePath+"/")
	w.WriteHeader(http.StatusNoContent)
}

// onlyMethod answers 405 to every other method.
func onlyMethod(w http.ResponseWriter, r *http.Request, method string) bool {
	if r.Method == method {
		return true
	}
	w.Header().Set("Allow", method)
	w.WriteHeader(http.StatusMethodNotAllowed)
	return false
}
