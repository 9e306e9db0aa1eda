// Package stream sends and receives bodies of any length for the REST APIs: without a total time
// limit, but without long pauses.
package stream

import (
	"encoding/base64"
	"encoding/hex"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"pedigree/service/artifacts"
)

// IdleTimeout is the longest pause within a streamed body.
const IdleTimeout = 15 * time.Second

// Reader is a body without a total time limit. Every read moves the connection's read deadline,
// so the client may not pause for longer than IdleTimeout.
type Reader struct {
	Body    io.Reader
	Control *http.ResponseController
}

// Read reads what arrives within IdleTimeout.
func (r *Reader) Read(p []byte) (int, error) {
	_ = r.Control.SetReadDeadline(time.Now().Add(IdleTimeout)) // Fails only without a connection, as in tests.
	return r.Body.Read(p)
}

// Writer writes a download. Every write moves the connection's write deadline, so the client may
// not stop reading for longer than IdleTimeout.
type Writer struct {
	http.ResponseWriter
	Control *http.ResponseController
}

// Write writes within IdleTimeout.
func (w *Writer) Write(p []byte) (int, error) {
	_ = w.Control.SetWriteDeadline(time.Now().Add(IdleTimeout)) // Fails only without a connection, as in tests.
	return w.ResponseWriter.Write(p)
}

// SendFile sends a file, or the ranges of it that the request asks for, as an attachment of a type
// that no client chose. It returns an error for a file that turned out not to be what its digest
// says; the answer has begun then, and must be broken off.
func SendFile(w http.ResponseWriter, r *http.Request, f *artifacts.File) error {
	digest := f.Object().Digest
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name()}))
	h.Set("ETag", `"`+digest+`"`)
	if sum, err := hex.DecodeString(strings.TrimPrefix(digest, "sha256:")); err == nil {
		h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
	}
	http.ServeContent(w, r, "", time.Time{}, f)
	return f.Err()
}
