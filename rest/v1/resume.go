package v1

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"pedigree/registry"
	"pedigree/service/artifacts"
)

// The headers of an upload that goes on, as the draft of the IETF on resumable uploads names them.
const (
	uploadOffset   = "Upload-Offset"
	uploadComplete = "Upload-Complete"
)

// contentRange is the header Content-Range of a part: bytes FIRST-LAST/SIZE, or bytes */SIZE, which
// asks where the upload stands. last is -1 then.
type contentRange struct{ first, last, size int64 }

func parseContentRange(text string) (r contentRange, err error) {
	refused := registry.Invalid("Content-Range", "must be bytes FIRST-LAST/SIZE, or bytes */SIZE to ask where the upload stands")
	unit, rest, _ := strings.Cut(text, " ")
	span, size, ok := strings.Cut(rest, "/")
	if unit != "bytes" || !ok {
		return r, refused
	}
	if r.size, err = parseBytes(size); err != nil {
		return r, refused
	}
	if span == "*" {
		r.last = -1
		return r, nil
	}
	first, last, _ := strings.Cut(span, "-")
	if r.first, err = parseBytes(first); err != nil {
		return r, refused
	}
	if r.last, err = parseBytes(last); err != nil || r.last < r.first || r.last >= r.size {
		return r, refused
	}
	return r, nil
}

// parseBytes reads a number without a sign.
func parseBytes(text string) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	return int64(n), err
}

// putPart takes a part of a file, or says where the upload stands.
func (c *call) putPart(ctx context.Context, in artifacts.UploadFileInput) error {
	span, err := parseContentRange(c.r.Header.Get("Content-Range"))
	if err != nil {
		return err
	}
	of := artifacts.ResumeFileInput{UploadFileInput: in, Size: span.size}
	if n := c.r.ContentLength; n >= 0 && n != span.last-span.first+1 {
		return registry.Invalid("Content-Range", "is not of the length of the body")
	}
	if span.last >= 0 {
		of.Offset = &span.first
	}
	out, err := c.service.ResumeFile(ctx, of, c.body)
	if out != nil {
		c.w.Header().Set(uploadOffset, strconv.FormatInt(out.Offset, 10))
	}
	if err != nil {
		return err
	}
	if out.File != nil {
		c.w.Header().Set(uploadComplete, "?1")
		return c.answerFile(ctx, out.File)
	}
	c.w.Header().Set(uploadComplete, "?0")
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}
