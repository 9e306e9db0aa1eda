package v1

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"pedigree/registry"
	"pedigree/service"
)

// call is one request on its route: what came in, decoded, and where the answer
// goes.
type call struct {
	service *service.Service
	w       http.ResponseWriter
	r       *http.Request
	// path holds the taken segments by name, query the parameters.
	path  map[string]string
	query url.Values
	// body ends with an error at the limit of the route; nil where none is taken.
	body io.Reader
}

// answer writes a value as JSON.
func (c *call) answer(status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.write(status, "application/json", append(b, '\n'))
}

// write writes a whole body. That the client has gone is no failure of ours.
func (c *call) write(status int, media string, body []byte) error {
	c.w.Header().Set("Content-Type", media)
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body)
	return nil
}

// intParam reads a parameter that is an integer; nil when it is not given.
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

// timeParam reads a parameter that is a time in RFC 3339; zero when it is not given.
func (c *call) timeParam(name string) (time.Time, error) {
	if !c.query.Has(name) {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, c.query.Get(name))
	if err != nil {
		return t, registry.Invalid(name, "must be a time such as 2026-01-31T12:00:00Z")
	}
	return t, nil
}

// idleTimeoutReader is a body that may take long but may not pause: every read moves the
// connection's deadline.
type idleTimeoutReader struct {
	body    io.Reader
	control *http.ResponseController
}

// Read reads what comes within the pause that is allowed.
func (s *idleTimeoutReader) Read(p []byte) (int, error) {
	_ = s.control.SetReadDeadline(time.Now().Add(idleTimeout)) // A test's request has no connection.
	return s.body.Read(p)
}
