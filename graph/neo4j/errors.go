package neo4j

import (
	"context"
	"errors"
	"net"
	"strings"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/registry"
)

// storeError gives every error a code: errors of closures stay as they are, errors of
// the driver become UNAVAILABLE, CONFLICT or INTERNAL with a fixed message.
func storeError(err error) error {
	var closure *closureError
	var coded *registry.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &closure):
		return closure.err
	case errors.As(err, &coded):
		return err
	case errors.Is(err, context.Canceled):
		return err
	}
	var limit *driver.TransactionExecutionLimit
	if errors.As(err, &limit) && len(limit.Errors) > 0 {
		return storeError(limit.Errors[len(limit.Errors)-1])
	}
	var server *driver.Neo4jError
	if errors.As(err, &server) {
		return serverError(server)
	}
	var network net.Error
	var connectivity *driver.ConnectivityError
	if errors.As(err, &connectivity) && strings.Contains(err.Error(), "commit") {
		return &registry.Error{Code: registry.Unavailable, Err: err,
			Message: "the store went away while committing, so the change may or may not have been made; look before you try again"}
	}
	if connectivity != nil || errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || driver.IsRetryable(err) {
		return &registry.Error{Code: registry.Unavailable, Message: "the store does not answer; try again", Err: err}
	}
	var auth *driver.InvalidAuthenticationError
	if errors.As(err, &auth) {
		return &registry.Error{Code: registry.Unavailable, Message: "the store refuses the user or password", Err: err}
	}
	return internal(err)
}

func serverError(e *driver.Neo4jError) error {
	switch {
	case e.Code == "Neo.ClientError.Schema.ConstraintValidationFailed":
		return &registry.Error{Code: registry.Conflict, Message: "another node holds that place already", Err: e}
	case strings.HasPrefix(e.Code, "Neo.ClientError.Security."):
		return &registry.Error{Code: registry.Unavailable, Message: "the store refuses the user or password", Err: e}
	case e.IsRetriable(), strings.Contains(e.Code, "TransactionTimedOut"), strings.HasSuffix(e.Code, "Transaction.Terminated"),
		strings.HasPrefix(e.Code, "Neo.ClientError.Database.DatabaseNotFound"), strings.Contains(e.Code, "DatabaseUnavailable"):
		return &registry.Error{Code: registry.Unavailable, Message: "the store does not answer; try again", Err: e}
	}
	return internal(e)
}

func internal(err error) error {
	return &registry.Error{Code: registry.Internal, Message: "the store failed", Err: err}
}
