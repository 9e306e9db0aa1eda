package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/audit"
	"pedigree/service/core"
)

const opAuditLog = `query AuditLog($first: Int, $after: String, $filter: LogFilter) { auditLog(first: $first, after: $after, filter: $filter) {
	edges { cursor node { seq at actor action objects model reason approval requestId detail leafHash } } ` + pageFields + ` } }`

// AuditLog returns one page of the log entries that the caller sees, newest first.
func (c *Client) AuditLog(ctx context.Context, p core.Paging, f *access.LogFilter) (*access.LogEntryConnection, error) {
	vars := addPaging(map[string]any{}, p)
	if err := addInput(vars, "filter", f); err != nil {
		return nil, err
	}
	var out struct {
		AuditLog *struct {
			Edges []struct {
				Cursor string
				Node   *registry.LogEntry
			}
			PageInfo core.PageInfo
		}
	}
	if err := c.execute(ctx, opAuditLog, vars, &out); err != nil {
		return nil, err
	}
	if out.AuditLog == nil {
		return nil, errHiddenList
	}
	page := &access.LogEntryConnection{Connection: core.Connection[*access.LogEntryEdge]{Edges: []*access.LogEntryEdge{}, PageInfo: out.AuditLog.PageInfo}}
	for _, e := range out.AuditLog.Edges {
		page.Edges = append(page.Edges, &access.LogEntryEdge{Cursor: e.Cursor, Node: e.Node})
	}
	return page, nil
}

// AuditCheckpoint returns the signed checkpoint of the server's log.
func (c *Client) AuditCheckpoint(ctx context.Context) (*audit.AuditCheckpoint, error) {
	var out struct{ AuditCheckpoint *audit.AuditCheckpoint }
	err := c.execute(ctx, opAuditCheckpoint, nil, &out)
	return out.AuditCheckpoint, err
}

// AuditConsistency returns the proof that the log grew out of an earlier one.
func (c *Client) AuditConsistency(ctx context.Context, from int64, to *int64) (*audit.AuditConsistency, error) {
	vars := map[string]any{"from": from}
	if to != nil {
		vars["to"] = *to
	}
	var out struct{ AuditConsistency *audit.AuditConsistency }
	err := c.execute(ctx, opAuditConsistency, vars, &out)
	return out.AuditConsistency, err
}

// ExportLog writes the server's whole log with its signed checkpoint.
func (c *Client) ExportLog(ctx context.Context, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.rest(ctx, http.MethodGet, "/api/v1/log/export", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	stalled := time.AfterFunc(attemptTimeout, cancel)
	defer stalled.Stop()
	buffer := make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(buffer)
		stalled.Reset(attemptTimeout)
		if _, failed := w.Write(buffer[:n]); failed != nil {
			return failed
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return c.unreachable(ctx, errors.New("the export broke off"))
		}
	}
}
