package mlflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"

	"pedigree/registry"
)

// errorBody is MLflow's error envelope. Its clients read the code, not the status.
type errorBody struct {
	status  int
	Code    string `json:"error_code"`
	Message string `json:"message"`
}

// codeOf maps error codes to MLflow's. Its clients send a request again for minutes after 429,
// 500, 503 and 504, and lose the message, so that no mistake of a caller has one of these. They
// take 400 and RESOURCE_ALREADY_EXISTS for a model that is there.
func codeOf(code registry.Code) (status int, name string) {
	switch code {
	case registry.Unauthenticated:
		return http.StatusUnauthorized, "UNAUTHENTICATED"
	case registry.Forbidden:
		return http.StatusForbidden, "PERMISSION_DENIED"
	case registry.NotFound:
		return http.StatusNotFound, "RESOURCE_DOES_NOT_EXIST"
	case registry.InvalidArgument, registry.FailedPrecondition:
		return http.StatusBadRequest, "INVALID_PARAMETER_VALUE"
	case registry.AlreadyExists:
		return http.StatusBadRequest, "RESOURCE_ALREADY_EXISTS"
	case registry.Conflict:
		return http.StatusConflict, "ABORTED"
	case registry.ResourceExhausted:
		return http.StatusBadRequest, "BAD_REQUEST"
	case registry.Unavailable:
		return http.StatusServiceUnavailable, "TEMPORARILY_UNAVAILABLE"
	}
	return http.StatusInternalServerError, "INTERNAL_ERROR"
}

// Refuse answers a request that does not reach the service.
func (d *Handler) Refuse(w http.ResponseWriter, r *http.Request, status int, code registry.Code, message string) {
	_, name := codeOf(code)
	if status == http.StatusTooManyRequests {
		name = "REQUEST_LIMIT_EXCEEDED"
	}
	d.write(w, r, errorBody{status, name, message})
}

// writeError writes the error of a route. The cause of an internal error is only logged, with
// the request's id.
func (d *Handler) writeError(w http.ResponseWriter, r *http.Request, err error) {
	var known *registry.Error
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		d.write(w, r, errorBody{http.StatusRequestEntityTooLarge, "BAD_REQUEST", fmt.Sprintf("the body is larger than %d bytes", large.Limit)})
	case errors.Is(err, os.ErrDeadlineExceeded):
		d.write(w, r, errorBody{http.StatusBadRequest, "BAD_REQUEST", "the body did not come in time"})
	case errors.As(err, &known) && known.Code != registry.Internal:
		status, name := codeOf(known.Code)
		if known.Code == registry.Unavailable {
			d.log.ErrorContext(r.Context(), "request failed", "request", d.requestID(r.Context()), "code", known.Code, "cause", registry.Cause(err))
		}
		d.write(w, r, errorBody{status, name, known.Message})
	case errors.Is(err, context.DeadlineExceeded):
		d.write(w, r, errorBody{http.StatusBadRequest, "BAD_REQUEST", "the request took longer than " + maxTime.String() + "; ask for less at once"})
	case errors.Is(err, context.Canceled):
		d.Refuse(w, r, http.StatusServiceUnavailable, registry.Unavailable, "the request was cancelled")
	default:
		id := d.requestID(r.Context())
		d.log.ErrorContext(r.Context(), "request failed", "request", id, "cause", registry.Cause(err))
		d.Refuse(w, r, http.StatusInternalServerError, registry.Internal, "internal error; the log has the cause under request "+id)
	}
}

func (d *Handler) write(w http.ResponseWriter, r *http.Request, e errorBody) {
	d.answer(w, r, e.status, e)
}

// answer writes a value as JSON.
func (d *Handler) answer(w http.ResponseWriter, r *http.Request, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		d.log.ErrorContext(r.Context(), "an answer could not be written", "request", d.requestID(r.Context()), "cause", err)
		status, b = http.StatusInternalServerError, []byte(`{"error_code":"INTERNAL_ERROR","message":"internal error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store") // Answers depend on the caller.
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // The client may have disconnected.
}
