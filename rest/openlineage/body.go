package openlineage

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"pedigree/registry"
)

// The limits of a body: its bytes as they are sent and as they are unpacked, and how many times
// larger the second may be.
const (
	maxBody  = 10 << 20
	maxRatio = 100
)

// errTooLarge is the error of a body beyond its limit.
var errTooLarge = errors.New("the body is larger than 10 MiB")

// readBody reads the body of a request, which is JSON and may be packed by gzip.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || media != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, registry.Errorf(registry.InvalidArgument, "Content-Type must be application/json")
	}
	packed, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, err
	}
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity":
		return packed, nil
	case "gzip":
		return unpack(packed)
	}
	return nil, registry.Errorf(registry.InvalidArgument, "Content-Encoding must be gzip or left out")
}

// unpack returns what gzip packed.
func unpack(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, registry.Errorf(registry.InvalidArgument, "the body is not packed by gzip, as Content-Encoding says")
	}
	limit := min(int64(maxBody), int64(len(packed))*maxRatio)
	out, err := io.ReadAll(io.LimitReader(z, limit+1))
	switch {
	case err != nil:
		return nil, registry.Errorf(registry.InvalidArgument, "the body that gzip packed is cut off or damaged")
	case int64(len(out)) > limit:
		return nil, errTooLarge
	}
	return out, nil
}
