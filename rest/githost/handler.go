// Package githost receives the hooks of git hosts over HTTP. It hands them to a receiver, which
// verifies them, and answers by an error table. It has no business rules.
package githost

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"pedigree/registry"
)

// Prefix is the path below which hooks are received, at HOST/NAME.
const Prefix = "/api/v1/hooks/"

// Path is the path of hooks, with parameters.
const Path = Prefix + "{host}/{name}"

// Receiver verifies hooks and acts on them. It returns UNAUTHENTICATED for one that is not verified.
type Receiver interface {
	Receive(ctx context.Context, host, name string, header http.Header, body io.Reader) (status string, err error)
}

// Handles reports whether a path is one of hooks.
func Handles(path string) bool { return strings.HasPrefix(path, Prefix) }

// Handler receives hooks. They need no caller: a hook is verified by its own secret.
type Handler struct {
	to        Receiver
	log       *slog.Logger
	requestID func(context.Context) string
}

// New returns the handler; with nil as the receiver it lets no hook in.
func New(to Receiver, log *slog.Logger, requestID func(context.Context) string) *Handler {
	return &Handler{to, log, requestID}
}

var statuses = map[registry.Code]int{registry.Unauthenticated: http.StatusUnauthorized, registry.InvalidArgument: http.StatusBadRequest,
	registry.Conflict: http.StatusConflict, registry.ResourceExhausted: http.StatusRequestEntityTooLarge}

// answer is the body of an answer.
type answer struct {
	Status  string `json:"status,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// Receive serves a hook: 202 when it is taken. It returns the error of one that is not.
func (h *Handler) Receive(w http.ResponseWriter, r *http.Request) error {
	host, name, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, Prefix), "/")
	if h.to == nil || !ok || r.Method != http.MethodPost {
		return registry.Errorf(registry.Unauthenticated, "this receives verified hooks, and nothing else")
	}
	status, err := h.to.Receive(r.Context(), host, name, r.Header, r.Body)
	if err != nil {
		return err
	}
	h.write(w, http.StatusAccepted, answer{Status: status})
	return nil
}

// Error answers an error.
func (h *Handler) Error(w http.ResponseWriter, r *http.Request, err error) {
	code := registry.CodeOf(err)
	if status := statuses[code]; status != 0 {
		h.write(w, status, answer{Code: string(code), Message: err.Error()})
		return
	}
	id := h.requestID(r.Context())
	h.log.ErrorContext(r.Context(), "a hook failed", "request", id, "cause", registry.Cause(err))
	h.write(w, http.StatusInternalServerError, answer{Code: string(registry.Internal), Message: "internal error; the log has the cause under request " + id})
}

// Refuse answers a request that does not reach the receiver.
func (h *Handler) Refuse(w http.ResponseWriter, status int, code registry.Code, message string) {
	h.write(w, status, answer{Code: string(code), Message: message})
}

func (h *Handler) write(w http.ResponseWriter, status int, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(a) // The host may have disconnected.
}
