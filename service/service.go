// Package service holds the use cases, one file a noun: the one API that every
// door calls. It reads and writes through a policies.Gate, and never a store.
package service

import (
	"context"

	"pedigree/policies"
	"pedigree/registry"
)

// As puts an actor into the context; everything under it acts as that subject.
func As(ctx context.Context, actor registry.Actor, requestID string) context.Context {
	return policies.As(ctx, actor, requestID)
}

// RequestID returns the id of the request of a context, "" outside of one.
func RequestID(ctx context.Context) string { return policies.RequestID(ctx) }
