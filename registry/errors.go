package registry

import (
	"errors"
	"fmt"
	"regexp"
)

// Code says what kind of failure an error is. Every door has one table from
// these codes to its own dialect.
type Code string

// The codes that a caller can meet, in extensions.code of GraphQL.
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

// Error is a failure that a caller may see: a code, one sentence that says what
// to do, and, for a bad input, the field that is at fault. Err holds the cause
// for the log and is never shown.
type Error struct {
	Code    Code
	Message string
	Field   string
	Details map[string]any
	Err     error
}

// Error returns the sentence for the caller; the cause stays hidden.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the hidden cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of a code from a format.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalid makes an INVALID_ARGUMENT error that names the field at fault.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Code: InvalidArgument, Field: field, Message: field + ": " + fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of an error, INTERNAL for one that carries none, and
// "" for nil.
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

// credentials are what stands before the host in a URL.
var urlCredentials = regexp.MustCompile(`(://)[^/@\s"']*@`)

// Cause is what a log tells of an error: what is behind it, with the credentials
// of any URL in it gone, for drivers repeat what they were given.
func Cause(err error) string {
	text := err.Error()
	var known *Error
	if errors.As(err, &known) && known.Err != nil {
		text = known.Err.Error()
	}
	return urlCredentials.ReplaceAllString(text, "$1…@")
}
