package v1

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"pedigree/registry"
	"pedigree/rest/wire"
	"pedigree/service/access"
	"pedigree/service/audit"
	"pedigree/service/core"
)

// proofQuery is the size of the log of a proof; the present one, when left out.
type proofQuery struct{ Size *int64 }

// consistencyQuery are the sizes of two logs; to is the present one, when left out.
type consistencyQuery struct {
	From int64  `json:"from"`
	To   *int64 `json:"to,omitempty"`
}

// auditRoutes are the routes of the log and its proofs.
func auditRoutes() []route {
	return []route{
		list("audit", "auditLog", "entries", "The log entries that you see, newest first", func(ctx context.Context, c *call, p core.Paging, q *access.LogFilter) (page[registry.LogEntry], error) {
			return nodes[registry.LogEntry](c.service.AuditLog(ctx, p, q))
		}),
		read("audit/checkpoint", "auditCheckpoint", "The signed size and root of the log", func(ctx context.Context, c *call, _ *noQuery) (*audit.AuditCheckpoint, error) {
			return c.service.AuditCheckpoint(ctx)
		}),
		read("audit/proofs/{seq}", "auditProof", "The proof that an entry is in the log", func(ctx context.Context, c *call, q *proofQuery) (*audit.AuditProof, error) {
			seq, err := strconv.ParseInt(c.path["seq"], 10, 64)
			if err != nil {
				return nil, registry.Invalid("seq", "must be a whole number")
			}
			return c.service.AuditProof(ctx, seq, q.Size)
		}),
		read("audit/consistency", "auditConsistency", "The proof that the log grew out of an earlier one", func(ctx context.Context, c *call, q *consistencyQuery) (*audit.AuditConsistency, error) {
			return c.service.AuditConsistency(ctx, q.From, q.To)
		}),
	}
}

// stageOf makes the virtual field of a stage that the detail of a log entry names under a key.
func stageOf(name, key string) wire.Virtual {
	return virtual(name, "LogEntry.detail", func(_ context.Context, e *registry.LogEntry) (registry.Stage, error) {
		var detail map[string]any
		if len(e.Detail) > 0 {
			if err := json.Unmarshal(e.Detail, &detail); err != nil {
				return "", err
			}
		}
		text, _ := detail[key].(string)
		if stage := registry.Stage(text); slices.Contains(registry.Stages(), stage) {
			return stage, nil
		}
		return "", nil
	})
}
