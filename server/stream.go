package server

import (
	"context"
	"net/http"
	"slices"

	"pedigree/registry"
	"pedigree/resolvers/door"
	"pedigree/service"
)

// serveGraphQL answers at /graphql. A connection that stays open is for pages of this server and of
// the configured origins, and authenticates its caller again while it lasts.
func (h *handler) serveGraphQL(w http.ResponseWriter, r *http.Request) {
	if !door.Streams(r) {
		h.authenticated(h.graphql).ServeHTTP(w, r)
		return
	}
	if !h.ownOrigin(r) {
		h.refuse(w, r, http.StatusForbidden, registry.Forbidden, "pages of this origin may not open a connection here; see --cors-origins")
		return
	}
	h.authenticated(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := service.WithRenewal(r.Context(), func(ctx context.Context) (registry.Actor, error) { return h.identifyAgain(ctx, r) })
		h.graphql.ServeHTTP(w, r.WithContext(ctx))
	})).ServeHTTP(w, r)
}

// ownOrigin reports whether no page, a page of this server, or one of a configured origin asks. A
// browser asks no server before it opens a WebSocket.
func (h *handler) ownOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	return len(origins) == 0 || len(origins) == 1 && (origins[0] == h.config.Proxies.origin(r) || slices.Contains(h.config.Origins, origins[0]))
}

// identifyAgain returns the actor that the credential of a request stands for now.
func (h *handler) identifyAgain(ctx context.Context, r *http.Request) (registry.Actor, error) {
	if r.Header.Get("Authorization") == "" {
		if cookie, err := r.Cookie(sessionCookie); err == nil {
			actor, _, err := h.service.AuthenticateSession(ctx, cookie.Value, h.config.SessionIdle)
			return actor, err
		}
	}
	token, ok := h.credential(r)
	if !ok {
		return registry.Actor{}, registry.Errorf(registry.Unauthenticated, "this needs a token: send the header Authorization: Bearer TOKEN")
	}
	return h.authenticate(r.WithContext(ctx), token)
}
