package v1

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"pedigree/registry"
	"pedigree/rest/wire"
	"pedigree/service"
)

// call is a request on its route: the decoded parameters and the writer of the response.
type call struct {
	service *service.Service
	codec   *wire.Codec
	route   *route
	// documents are the descriptions of this API.
	documents func() *documents
	w         http.ResponseWriter
	r         *http.Request
	// path holds the path parameters by name, query the query parameters.
	path  map[string]string
	query url.Values
	// body fails with an error at the route's size limit; nil when the route takes no body.
	body io.Reader
	// about is the version that the request is about, nil when there is none.
	about *registry.ModelVersion
	// begun is true once a part of a download was written.
	begun bool
}

// answer writes a value as JSON.
func (c *call) answer(status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.write(status, "application/json", append(b, '\n'))
}

// write writes a complete body. It ignores a client that has disconnected.
func (c *call) write(status int, media string, body []byte) error {
	c.w.Header().Set("Content-Type", media)
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body)
	return nil
}

// intParam returns an integer query parameter, or nil when it is not given.
func (c *call) intParam(name string) (*int, error) {
	if !c.query.Has(name) {
		return nil, nil
	}
	n, err := strconv.ParseInt(c.query.Get(name), 10, 32)
	if err != nil {
		return nil, registry.Invalid(name, "must be a whole number")
	}
	i := int(n)
	return &i, nil
}

// timeParam returns a query parameter in RFC 3339 or a date. It is the zero time when the
// parameter is not given.
func (c *call) timeParam(name string) (time.Time, error) {
	if !c.query.Has(name) {
		return time.Time{}, nil
	}
	t, err := registry.ParseTime(c.query.Get(name))
	if err != nil {
		return t, registry.Invalid(name, "must be a time such as 2026-01-31T12:00:00Z")
	}
	return t, nil
}
