package server_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pedigree/registry"
	"pedigree/server"
)

// fakeHooks answers each hook with an error.
type fakeHooks struct {
	err   error
	asked int
}

func (f *fakeHooks) Receive(_ context.Context, host, name string, header http.Header, body io.Reader) (string, error) {
	f.asked++
	_, _ = io.ReadAll(body)
	return "queued " + host + " " + name, f.err
}

// TestHooksAreAnsweredByTheirErrorTable has each kind of error, and an address that has to wait after
// too many hooks that were not verified.
func TestHooksAreAnsweredByTheirErrorTable(t *testing.T) {
	hooks := &fakeHooks{}
	h := server.New(newSite(t, server.Config{}).Service, server.Config{Hooks: hooks, Limits: server.Limits{FailedLogins: 3}})
	send := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader("{}")))
		return w
	}
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{{nil, 202, `{"status":"queued github churn"}`}, {registry.Errorf(registry.InvalidArgument, "odd"), 400, `{"code":"INVALID_ARGUMENT","message":"odd"}`},
		{registry.Errorf(registry.Conflict, "seen"), 409, "CONFLICT"}, {registry.Errorf(registry.ResourceExhausted, "large"), 413, "RESOURCE_EXHAUSTED"},
		{errors.New("password=hunter2"), 500, `"code":"INTERNAL"`}, {registry.Errorf(registry.Unauthenticated, "no"), 401, "UNAUTHENTICATED"}} {
		hooks.err = c.err
		w := send(http.MethodPost, "/api/v1/hooks/github/churn")
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%v: %d %s", c.err, w.Code, w.Body)
		}
	}
	asked := hooks.asked
	if w := send(http.MethodGet, "/api/v1/hooks/github/churn"); w.Code != 401 || hooks.asked != asked {
		t.Errorf("GET: %d %s", w.Code, w.Body)
	}
	send(http.MethodPost, "/api/v1/hooks/github/churn")
	asked = hooks.asked
	if w := send(http.MethodPost, "/api/v1/hooks/github/churn"); w.Code != 429 || w.Header().Get("Retry-After") == "" || hooks.asked != asked {
		t.Errorf("after three that were not verified: %d %s", w.Code, w.Body)
	}
}
