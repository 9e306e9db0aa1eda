package v1

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"

	"pedigree/registry"
	"pedigree/rest/wire"
)

// httpStatus is the HTTP status of an error code and the title of its problem.
type httpStatus struct {
	status int
	title  string
}

// statusOf maps error codes to HTTP. Errors of HTTP itself (unknown path, method, media
// type or length) have their own status.
func statusOf(code registry.Code) httpStatus {
	switch code {
	case registry.Unauthenticated:
		return httpStatus{http.StatusUnauthorized, "Who asks is not known"}
	case registry.Forbidden:
		return httpStatus{http.StatusForbidden, "Not allowed"}
	case registry.NotFound:
		return httpStatus{http.StatusNotFound, "Not found"}
	case registry.InvalidArgument:
		return httpStatus{http.StatusBadRequest, "The request is not valid"}
	case registry.AlreadyExists:
		return httpStatus{http.StatusConflict, "It exists already"}
	case registry.Conflict:
		return httpStatus{http.StatusConflict, "It conflicts with what is there"}
	case registry.FailedPrecondition:
		return httpStatus{http.StatusUnprocessableEntity, "The state of things does not allow it"}
	case registry.ResourceExhausted:
		return httpStatus{http.StatusTooManyRequests, "Too much is asked"}
	case registry.Unavailable:
		return httpStatus{http.StatusServiceUnavailable, "The store does not answer"}
	}
	return httpStatus{http.StatusInternalServerError, "Internal error"}
}

// problem is the body of a failed request (RFC 9457), with two extensions: the registry's
// code and the invalid field. Instance is the id of the request.
type problem struct {
	Type     string        `json:"type"`
	Title    string        `json:"title"`
	Status   int           `json:"status"`
	Detail   string        `json:"detail"`
	Instance string        `json:"instance,omitempty"`
	Code     registry.Code `json:"code"`
	Field    string        `json:"field,omitempty"`
}

// problemType returns the URI of a kind of problem. It is only a name and cannot be
// fetched.
func problemType(code registry.Code) string {
	return "urn:pedigree:problem:" + strings.ToLower(strings.ReplaceAll(string(code), "_", "-"))
}

// Refuse answers a request that does not reach the service.
func (d *Handler) Refuse(w http.ResponseWriter, r *http.Request, status int, code registry.Code, detail string) {
	d.writeProblem(w, r, problem{Status: status, Detail: detail, Code: code}, nil)
}

// writeProblem writes a problem. extensions are further members; they cannot replace the
// members of problem.
func (d *Handler) writeProblem(w http.ResponseWriter, r *http.Request, p problem, extensions map[string]any) {
	p.Type, p.Title, p.Instance = problemType(p.Code), statusOf(p.Code).title, d.requestID(r.Context())
	body, err := json.Marshal(p)
	if len(extensions) > 0 && err == nil {
		members := map[string]any{}
		for k, v := range extensions {
			members[k] = v
		}
		if err = json.Unmarshal(body, &members); err == nil {
			body, err = json.Marshal(members)
		}
	}
	if err != nil {
		d.log.ErrorContext(r.Context(), "a problem could not be written", "request", p.Instance, "cause", err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Del("Content-Disposition")
	h.Del("ETag")
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // The client may have disconnected.
}

// writeError writes the error of a route. The cause of an internal error is only logged,
// with the request's id.
func (d *Handler) writeError(w http.ResponseWriter, r *http.Request, rt *route, err error) {
	var known *registry.Error
	var large *http.MaxBytesError
	var stale errPrecondition
	var spelled errSpelled
	switch {
	case errors.As(err, &spelled) && errors.As(err, &known):
		d.writeProblem(w, r, problem{Status: statusOf(known.Code).status, Detail: known.Message, Code: known.Code, Field: known.Field}, known.Details)
	case errors.As(err, &stale) && errors.As(err, &known):
		d.writeProblem(w, r, problem{Status: http.StatusPreconditionFailed, Detail: known.Message, Code: known.Code, Field: "If-Match"}, known.Details)
	case errors.As(err, &large):
		d.Refuse(w, r, http.StatusRequestEntityTooLarge, registry.ResourceExhausted, tooLarge(large.Limit).Message)
	case errors.Is(err, os.ErrDeadlineExceeded):
		d.Refuse(w, r, http.StatusRequestTimeout, registry.ResourceExhausted, "the body did not come in time; send it without pauses")
	case errors.As(err, &known) && known.Code != registry.Internal:
		if known.Code == registry.Unavailable {
			d.log.ErrorContext(r.Context(), "request failed", "request", d.requestID(r.Context()), "code", known.Code, "cause", registry.Cause(err))
		}
		field, detail := rt.wireNames(known)
		d.writeProblem(w, r, problem{Status: statusOf(known.Code).status, Detail: detail, Code: known.Code, Field: field}, known.Details)
	case errors.Is(err, context.DeadlineExceeded):
		d.Refuse(w, r, statusOf(registry.ResourceExhausted).status, registry.ResourceExhausted, "the request took longer than "+rt.time.String()+"; ask for less at once")
	case errors.Is(err, context.Canceled):
		d.Refuse(w, r, statusOf(registry.Unavailable).status, registry.Unavailable, "the request was cancelled")
	default:
		id := d.requestID(r.Context())
		d.log.ErrorContext(r.Context(), "request failed", "request", id, "cause", registry.Cause(err))
		d.Refuse(w, r, statusOf(registry.Internal).status, registry.Internal, "internal error; the log has the cause under request "+id)
	}
}

// wireNames returns the field at fault and the message of an error as the request spells them.
// Routes without types keep the domain's spelling.
func (rt *route) wireNames(e *registry.Error) (field, message string) {
	if rt.out == nil {
		return e.Field, e.Message
	}
	field = wire.Snake(e.Field)
	if renamed := map[string]string{"first": "page_size", "after": "page_token", "idempotency_key": "Idempotency-Key", "if_revision": "If-Match", "to": "to_stage"}[field]; renamed != "" {
		field = renamed
	}
	if e.Field != "" {
		if rest, ok := strings.CutPrefix(e.Message, e.Field); ok {
			return field, field + rest
		}
	}
	return field, e.Message
}
