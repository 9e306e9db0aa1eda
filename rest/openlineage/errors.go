package openlineage

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"

	"pedigree/registry"
)

// failure is the body of a refused request: the status and message that Marquez has, and the
// registry's code and the path of the wrong member of the event.
type failure struct {
	status  int
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field,omitempty"`
}

// statusOf maps error codes to HTTP. Clients send an event again after 500, 502, 503 and 504, and
// drop it after any other status, so that no mistake of a caller has one of these.
func statusOf(code registry.Code) int {
	switch code {
	case registry.Unauthenticated:
		return http.StatusUnauthorized
	case registry.Forbidden:
		return http.StatusForbidden
	case registry.NotFound:
		return http.StatusNotFound
	case registry.InvalidArgument:
		return http.StatusBadRequest
	case registry.AlreadyExists, registry.Conflict:
		return http.StatusConflict
	case registry.FailedPrecondition:
		return http.StatusUnprocessableEntity
	case registry.ResourceExhausted:
		return http.StatusRequestEntityTooLarge
	case registry.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// failureOf returns the answer to an error. The cause of an internal one is only logged, with
// the request's id.
func (d *Handler) failureOf(r *http.Request, err error) failure {
	var known *registry.Error
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large), errors.Is(err, errTooLarge):
		return failure{http.StatusRequestEntityTooLarge, string(registry.ResourceExhausted), "the body is larger than 10 MiB, or was packed to less than a hundredth; send fewer events at once", ""}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failure{http.StatusRequestTimeout, string(registry.InvalidArgument), "the body did not come in time", ""}
	case errors.As(err, &known) && known.Code != registry.Internal:
		return failure{statusOf(known.Code), string(known.Code), known.Message, known.Field}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return failure{http.StatusServiceUnavailable, string(registry.Unavailable), "the event was not recorded in time; send it again", ""}
	}
	id := d.requestID(r.Context())
	d.log.ErrorContext(r.Context(), "request failed", "request", id, "cause", registry.Cause(err))
	return failure{http.StatusInternalServerError, string(registry.Internal), "internal error; the log has the cause under request " + id, ""}
}

func (d *Handler) writeError(w http.ResponseWriter, r *http.Request, err error) {
	d.write(w, r, d.failureOf(r, err))
}

// Refuse answers a request that does not reach the service.
func (d *Handler) Refuse(w http.ResponseWriter, r *http.Request, status int, code registry.Code, message string) {
	d.write(w, r, failure{status: status, Code: string(code), Message: message})
}

func (d *Handler) write(w http.ResponseWriter, r *http.Request, f failure) {
	d.answer(w, r, f.status, f)
}

// answer writes a value as JSON.
func (d *Handler) answer(w http.ResponseWriter, r *http.Request, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		d.log.ErrorContext(r.Context(), "an answer could not be written", "request", d.requestID(r.Context()), "cause", err)
		status, b = http.StatusInternalServerError, []byte(`{"code":"INTERNAL","message":"internal error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store") // Answers depend on the caller.
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // The client may have disconnected.
}
