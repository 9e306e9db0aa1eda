package registry

import (
	"errors"
	"fmt"
)

// Code is the kind of a failure. Every API has one table that maps these codes to its
// own error codes, such as HTTP statuses.
type Code string

// The codes that a caller can get, in extensions.code of GraphQL.
const (
	Unauthenticated    Code = "UNAUTHENTICATED"
	Forbidden          Code = "FORBIDDEN"
	NotFound           Code = "NOT_FOUND"
	InvalidArgument    Code = "INVALID_ARGUMENT"
	AlreadyExists      Code = "ALREADY_EXISTS"
	Conflict           Code = "CONFLICT"
	FailedPrecondition Code = "FAILED_PRECONDITION"
	ResourceExhausted  Code = "RESOURCE_EXHAUSTED"
	Unavailable        Code = "UNAVAILABLE"
	Internal           Code = "INTERNAL"
)

// Error is a failure that a caller may see: a code, one sentence that says what to
// do, and, for a bad input, the wrong field. Err is the cause, for the server log
// only; no answer shows it.
type Error struct {
	Code    Code
	Message string
	Field   string
	Details map[string]any
	Err     error
}

// Error returns the sentence for the caller, without the cause.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the hidden cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of a code from a format.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalid makes an INVALID_ARGUMENT error that names the wrong field.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Code: InvalidArgument, Field: field, Message: field + ": " + fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of an error: INTERNAL when it has none, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// Cause returns the text of an error's cause for the server log. It removes the
// credentials of URLs, because database drivers repeat the URL they were given.
func Cause(err error) string {
	text := err.Error()
	var known *Error
	if errors.As(err, &known) && known.Err != nil {
		text = known.Err.Error()
	}
	return WithoutCredentials(text)
}
