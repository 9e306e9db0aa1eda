package server

import (
	"net/http"

	"pedigree/registry"
)

// serveHook receives the hook of a git host. It has no caller: it is verified by its secret. An
// address that sends hooks that are not verified has to wait, as one with wrong tokens does.
func (h *handler) serveHook(w http.ResponseWriter, r *http.Request) {
	from := "hooks of " + h.config.Proxies.address(r).String()
	guard := h.logins.failures
	if guard != nil {
		if wait := guard.wait(from); wait > 0 {
			w.Header().Set("Retry-After", retryAfter(wait))
			h.hooks.Refuse(w, http.StatusTooManyRequests, registry.ResourceExhausted, "too many hooks that are not verified came from you; try again in "+retryAfter(wait)+" s")
			return
		}
	}
	err := h.hooks.Receive(w, r)
	if err == nil {
		return
	}
	if guard != nil && registry.CodeOf(err) == registry.Unauthenticated {
		guard.take(from, 1)
	}
	h.hooks.Error(w, r, err)
}
