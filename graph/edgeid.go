package graph

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"

	"pedigree/registry"
)

var edgeCoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// edgeID hashes the kind, the ends (whose ids have no "|") and the sequence.
func edgeID(kind registry.EdgeKind, from, to registry.ID, seq int64) registry.ID {
	h := sha256.Sum256([]byte(string(kind) + "|" + string(from) + "|" + string(to) + "|" + strconv.FormatInt(seq, 10)))
	return registry.ID("edge_" + edgeCoding.EncodeToString(h[:16]))
}
