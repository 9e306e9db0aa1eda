package v1

import (
	"context"
	"errors"
	"net/http"
)

// logCheckpoint answers the signed checkpoint of the log as text (c2sp.org/tlog-tiles).
func logCheckpoint(ctx context.Context, c *call) error {
	checkpoint, err := c.service.AuditCheckpoint(ctx)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "private, no-cache")
	return c.write(http.StatusOK, "text/plain; charset=utf-8", []byte(checkpoint.Note))
}

// logTile answers the hashes of a tile of the log. A full tile never changes.
func logTile(ctx context.Context, c *call) error {
	hashes, full, err := c.service.LogTile(ctx, c.path["path"])
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "private, max-age=60")
	if full {
		c.w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	return c.write(http.StatusOK, "application/octet-stream", hashes)
}

// exportLog answers the whole log with a signed checkpoint, in JSON Lines that verify offline.
func exportLog(ctx context.Context, c *call) error {
	err := c.service.ExportLog(ctx, &downloadWriter{c: c, media: "application/x-ndjson", name: "pedigree-log.jsonl"})
	if errors.Is(err, errHeadOnly) {
		return nil
	}
	return err
}

// downloadWriter writes a download. Its header is sent with the first byte, so that an error
// before that is answered as a problem.
type downloadWriter struct {
	c           *call
	media, name string
}

// Write implements io.Writer.
func (d *downloadWriter) Write(b []byte) (int, error) {
	if !d.c.begun {
		d.c.begun = true
		d.c.w.Header().Set("Content-Type", d.media)
		d.c.w.Header().Set("Content-Disposition", `attachment; filename="`+d.name+`"`)
		d.c.w.Header().Set("X-Content-Type-Options", "nosniff")
		d.c.w.WriteHeader(http.StatusOK)
	}
	if d.c.r.Method == http.MethodHead {
		return 0, errHeadOnly
	}
	return d.c.w.Write(b)
}
