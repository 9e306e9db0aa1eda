package kubeflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"pedigree/registry"
	"pedigree/service/kubeflow"
)

// errorBody is Kubeflow's error body. Code is the text of the status.
type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// statusOf maps error codes to HTTP.
func statusOf(code registry.Code) int {
	switch code {
	case registry.Unauthenticated:
		return http.StatusUnauthorized
	case registry.Forbidden:
		return http.StatusForbidden
	case registry.NotFound:
		return http.StatusNotFound
	case registry.InvalidArgument, registry.FailedPrecondition, registry.ResourceExhausted:
		return http.StatusBadRequest
	case registry.AlreadyExists, registry.Conflict:
		return http.StatusConflict
	case registry.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// missing is the error of a body without a field that it must have.
type missing struct{ field string }

// Error returns the text of Kubeflow's server.
func (m missing) Error() string { return fmt.Sprintf("required field '%s' is zero value.", m.field) }

// badRequest is a refusal with the ending that Kubeflow's server gives.
func badRequest(format string, args ...any) error {
	return registry.Errorf(registry.InvalidArgument, format+": bad request", args...)
}

// words is how Kubeflow's server writes the name of a type.
func words(t kubeflow.Type) string { return strings.ReplaceAll(string(t), "-", " ") }

// asAlreadyExists gives the refusal of a name that is taken the text of Kubeflow's server.
func asAlreadyExists(err error, t kubeflow.Type, name string) error {
	if code := registry.CodeOf(err); code == registry.AlreadyExists || code == registry.Conflict {
		return registry.Errorf(registry.AlreadyExists, "%s with name %s already exists: conflict", words(t), registry.Shorten(name, 300))
	}
	return err
}

// asNotFound gives the refusal of an id the text of Kubeflow's server.
func (c *call) asNotFound(err error, t kubeflow.Type) error {
	if registry.CodeOf(err) == registry.NotFound {
		return registry.Errorf(registry.NotFound, "no %s found for id %s: not found", words(t), registry.Shorten(c.id, 60))
	}
	return err
}

// Refuse answers a request that does not reach the service.
func (d *Handler) Refuse(w http.ResponseWriter, r *http.Request, status int, _ registry.Code, message string) {
	d.write(w, r, status, message)
}

// writeError writes the error of a route. The cause of an internal error is only logged, with
// the request's id.
func (d *Handler) writeError(w http.ResponseWriter, r *http.Request, _ *call, err error) {
	var known *registry.Error
	var large *http.MaxBytesError
	var absent missing
	switch {
	case errors.As(err, &absent): // Its status and code disagree in Kubeflow's server too.
		d.answer(w, r, http.StatusUnprocessableEntity, errorBody{http.StatusText(http.StatusBadRequest), absent.Error()})
	case errors.As(err, &large):
		d.write(w, r, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", large.Limit))
	case errors.Is(err, os.ErrDeadlineExceeded):
		d.write(w, r, http.StatusRequestTimeout, "the body did not come in time")
	case errors.As(err, &known) && known.Code != registry.Internal:
		if known.Code == registry.Unavailable {
			d.log.ErrorContext(r.Context(), "request failed", "request", d.requestID(r.Context()), "code", known.Code, "cause", registry.Cause(err))
		}
		d.write(w, r, statusOf(known.Code), known.Message)
	case errors.Is(err, context.DeadlineExceeded):
		d.write(w, r, http.StatusBadRequest, "the request took longer than "+maxTime.String()+"; ask for less at once")
	case errors.Is(err, context.Canceled):
		d.write(w, r, http.StatusServiceUnavailable, "the request was cancelled")
	default:
		id := d.requestID(r.Context())
		d.log.ErrorContext(r.Context(), "request failed", "request", id, "cause", registry.Cause(err))
		d.write(w, r, http.StatusInternalServerError, "internal error; the log has the cause under request "+id)
	}
}

func (d *Handler) write(w http.ResponseWriter, r *http.Request, status int, message string) {
	d.answer(w, r, status, errorBody{http.StatusText(status), message})
}

// answer writes a value as JSON, with the line end of Kubeflow's server.
func (d *Handler) answer(w http.ResponseWriter, r *http.Request, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		d.log.ErrorContext(r.Context(), "an answer could not be written", "request", d.requestID(r.Context()), "cause", err)
		status, b = http.StatusInternalServerError, []byte(`{"code":"Internal Server Error","message":"internal error"}`)
	}
	b = append(b, '\n')
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store") // Answers depend on the caller.
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // The client may have disconnected.
}
