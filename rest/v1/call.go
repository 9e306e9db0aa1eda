package v1

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

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

// steady is a body that may take long but may not pause: every read moves the
// connection's deadline.
type steady struct {
	body    io.Reader
	control *http.ResponseController
}

// Read reads what comes within the pause that is allowed.
func (s *steady) Read(p []byte) (int, error) {
	_ = s.control.SetReadDeadline(time.Now().Add(silence)) // A test's request has no connection.
	return s.body.Read(p)
}
