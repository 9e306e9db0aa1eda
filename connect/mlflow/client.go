// Package mlflow reads MLflow: runs from its tracking server, and models, versions and runs from a
// server, a folder or a database, for an import. It maps what it reads to facts of this registry.
package mlflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pedigree/registry"
)

// Client reads from a server of MLflow. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	login   Login
	http    *http.Client
	retries int
	sleep   func(ctx context.Context, d time.Duration) error
}

// Login is how a client logs in: with a token, or else with a name and password. It is empty for a
// server without accounts.
type Login struct{ Token, Username, Password string }

// LoginOf returns the login of the environment, in the variables that MLflow's own client reads.
func LoginOf(env func(string) string) Login {
	return Login{Token: env("MLFLOW_TRACKING_TOKEN"), Username: env("MLFLOW_TRACKING_USERNAME"), Password: env("MLFLOW_TRACKING_PASSWORD")}
}

// The limits of an answer. MLflow bounds a tag at 100,000 characters and a run at 100 of them and
// 1,000 parameters.
const (
	maxAnswer      = 64 << 20
	maxModelFile   = 1 << 20
	attemptTimeout = 30 * time.Second
	clientRetries  = 4
	firstPause     = 250 * time.Millisecond
)

// ClientOption configures a Client.
type ClientOption func(*Client)

// Once makes a client give up after the first failure.
func Once() ClientOption { return func(c *Client) { c.retries = 0 } }

// Sleep replaces the function that waits before a retry.
func Sleep(sleep func(ctx context.Context, d time.Duration) error) ClientOption {
	return func(c *Client) { c.sleep = sleep }
}

// NewClient returns a client of the server at a URL. It sends no request.
func NewClient(server string, login Login, options ...ClientOption) (*Client, error) {
	u, err := url.Parse(strings.TrimSpace(server))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, registry.Errorf(registry.InvalidArgument, "a tracking server is an http or https URL, such as http://tracking:5000")
	case u.User != nil:
		return nil, registry.Errorf(registry.InvalidArgument, "the URL of a tracking server must not hold a name or password; put them into MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, registry.Errorf(registry.InvalidArgument, "the URL of a tracking server must not have a query or a fragment")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	c := &Client{base: u, login: login, retries: clientRetries, sleep: sleep}
	// A redirect would send the token elsewhere.
	c.http = &http.Client{Timeout: attemptTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, o := range options {
		o(c)
	}
	return c, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// get reads an answer of the API as JSON.
func (c *Client) get(ctx context.Context, path string, query url.Values, into any) error {
	body, err := c.read(ctx, "/api/2.0/mlflow/"+path, query, maxAnswer)
	if err != nil {
		return err
	}
	// MLflow writes NaN and Infinity, which are no JSON.
	if err := json.Unmarshal(withoutNaN(body), into); err != nil {
		return registry.Errorf(registry.Unavailable, "the tracking server's answer to %s is no JSON of MLflow's", path)
	}
	return nil
}

// withoutNaN replaces the values of numbers that JSON does not have by null.
func withoutNaN(body []byte) []byte {
	for _, name := range []string{"NaN", "Infinity", "-Infinity"} {
		for _, gap := range []string{": ", ":"} {
			body = bytes.ReplaceAll(body, []byte(`"value"`+gap+name), []byte(`"value":null`))
		}
	}
	return body
}

// read sends a request, and sends it again with growing pauses when the server fails.
func (c *Client) read(ctx context.Context, path string, query url.Values, limit int64) ([]byte, error) {
	for attempt, pause := 0, firstPause; ; attempt, pause = attempt+1, 2*pause {
		body, retry, err := c.readOnce(ctx, path, query, limit)
		if err == nil || !retry || attempt >= c.retries {
			return body, err
		}
		if err := c.sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

func (c *Client) readOnce(ctx context.Context, path string, query url.Values, limit int64) (body []byte, retry bool, err error) {
	u := *c.base
	u.Path, u.RawQuery = u.Path+path, query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, false, err
	}
	req.Header.Set("User-Agent", "pedigree")
	switch {
	case c.login.Username != "": // As MLflow's client chooses.
		req.SetBasicAuth(c.login.Username, c.login.Password)
	case c.login.Token != "":
		req.Header.Set("Authorization", "Bearer "+c.login.Token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, true, c.unreachable(ctx, err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, true, c.unreachable(ctx, err)
	case int64(len(body)) > limit:
		return nil, false, registry.Errorf(registry.ResourceExhausted, "the tracking server's answer is longer than %d bytes", limit)
	case resp.StatusCode == http.StatusOK:
		return body, false, nil
	}
	return nil, resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500 || resp.StatusCode == http.StatusRequestTimeout, refusal(resp.StatusCode, body)
}

// unreachable is the error of a request without an answer. It names no address.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	return &registry.Error{Code: registry.Unavailable, Message: "the tracking server did not answer", Err: err}
}

// refusal is the error of an answer that is not 200.
func refusal(status int, body []byte) error {
	var e struct {
		Code    string `json:"error_code"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &e) // What is no error of MLflow's has no message.
	code := registry.Unavailable
	switch {
	case status == http.StatusNotFound || e.Code == "RESOURCE_DOES_NOT_EXIST":
		code = registry.NotFound
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return registry.Errorf(registry.FailedPrecondition, "the tracking server refuses the login (%d); set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD", status)
	case status == http.StatusBadRequest:
		code = registry.InvalidArgument
	}
	message := fmt.Sprintf("the tracking server answers %d", status)
	if e.Code != "" {
		message += " " + registry.Shorten(e.Code, 60)
	}
	return registry.Errorf(code, "%s", message)
}

// run returns a run.
func (c *Client) run(ctx context.Context, id string) (*run, error) {
	var out struct {
		Run *run `json:"run"`
	}
	if err := c.get(ctx, "runs/get", url.Values{"run_id": {id}}, &out); err != nil {
		return nil, err
	}
	if out.Run == nil || out.Run.Info.RunID != id {
		return nil, registry.Errorf(registry.Unavailable, "the tracking server answers with another run than %s", registry.Shorten(id, 60))
	}
	return out.Run, nil
}

// runOfModel returns the id of the run that logged a model, "" when none did.
func (c *Client) runOfModel(ctx context.Context, loggedModel string) (string, error) {
	var out struct {
		Model struct {
			Info struct {
				Run string `json:"source_run_id"`
			} `json:"info"`
		} `json:"model"`
	}
	err := c.get(ctx, "logged-models/"+loggedModel, nil, &out)
	return out.Model.Info.Run, err
}

// modelFile returns the file MLmodel of a model that a run logged: by the id of the logged model,
// or else by its folder among the artifacts of the run. It is nil when there is none.
func (c *Client) modelFile(ctx context.Context, at modelPlace) ([]byte, error) {
	var body []byte
	var err error
	if at.loggedModel != "" {
		body, err = c.read(ctx, "/ajax-api/2.0/mlflow/logged-models/"+at.loggedModel+"/artifacts/files", url.Values{"artifact_file_path": {modelFileName}}, maxModelFile)
	} else {
		body, err = c.read(ctx, "/get-artifact", url.Values{"run_uuid": {at.runID}, "path": {strings.TrimPrefix(at.folder+"/"+modelFileName, "/")}}, maxModelFile)
	}
	switch registry.CodeOf(err) {
	case registry.NotFound, registry.InvalidArgument, registry.ResourceExhausted, registry.FailedPrecondition:
		return nil, nil
	}
	return body, err
}

// models passes the registered models, with their aliases, to emit.
func (c *Client) models(ctx context.Context, emit func(registeredModel) error) error {
	// The client's own filter leaves prompts out; this takes them too.
	return pages(ctx, c, "registered-models/search", url.Values{"max_results": {strconv.Itoa(modelsPerPage)}}, "registered_models", emit)
}

// versions passes the versions of all models to emit.
func (c *Client) versions(ctx context.Context, emit func(modelVersion) error) error {
	return pages(ctx, c, "model-versions/search", url.Values{"max_results": {strconv.Itoa(versionsPerPage)}}, "model_versions", emit)
}

// The sizes of pages of an import.
const (
	modelsPerPage   = 1000
	versionsPerPage = 5000
)

// pages passes the items of all pages of a list to emit.
func pages[T any](ctx context.Context, c *Client, path string, query url.Values, field string, emit func(T) error) error {
	for {
		var answer map[string]json.RawMessage
		if err := c.get(ctx, path, query, &answer); err != nil {
			return err
		}
		var items []T
		if raw := answer[field]; raw != nil {
			if err := json.Unmarshal(raw, &items); err != nil {
				return registry.Errorf(registry.Unavailable, "the server's answer to %s is no list of MLflow's", path)
			}
		}
		for _, item := range items {
			if err := emit(item); err != nil {
				return err
			}
		}
		var token string
		if raw := answer["next_page_token"]; raw != nil {
			_ = json.Unmarshal(raw, &token) // A token that is no text ends the list.
		}
		if token == "" || token == query.Get("page_token") {
			return nil
		}
		query.Set("page_token", token)
	}
}
