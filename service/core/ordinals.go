package core

import (
	"context"
	"encoding/json"

	"pedigree/policies"
	"pedigree/registry"
)

// Records such as transitions are numbered 1, 2, 3… within their parent. Their name is the
// number, so that a list by name is in order.

// NextOrdinal returns the ordinal of the next record of a kind under a parent.
func NextOrdinal(ctx context.Context, tx *policies.Tx, kind registry.Kind, parent registry.ID) (int, error) {
	last, err := tx.LastChild(ctx, kind, registry.IndexName, parent)
	if err != nil || last == nil {
		return 1, err
	}
	var record struct {
		Ordinal int `json:"ordinal"`
	}
	if err := json.Unmarshal(last.Doc, &record); err != nil {
		return 0, &registry.Error{Code: registry.Internal, Message: "a stored document cannot be read", Err: err}
	}
	return record.Ordinal + 1, nil
}

// OrdinalName formats an ordinal with leading zeros, so that names sort by ordinal.
func OrdinalName(n int) string {
	const digits = "0123456789"
	b := []byte("00000000")
	for i := len(b) - 1; i >= 0 && n > 0; i, n = i-1, n/10 {
		b[i] = digits[n%10]
	}
	return string(b)
}
