package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"pedigree/service/audit"
)

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
