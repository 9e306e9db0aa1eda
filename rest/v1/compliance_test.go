package v1

import (
	"net/http"
	"strings"
	"testing"

	"pedigree/audit"
	"pedigree/compliance"
	"pedigree/registry"
	"pedigree/service"
)

// signLog gives the server of a test a key for its log.
func (a *api) signLog() {
	a.Helper()
	private, err := audit.NewKey(a.handler.service.LogOrigin())
	if err != nil {
		a.Fatal(err)
	}
	key, err := audit.ParseKey(private)
	if err != nil {
		a.Fatal(err)
	}
	admin := service.As(a.Context(), registry.Actor{Subject: "test", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "test")
	if err := a.handler.service.SetLogKey(admin, key); err != nil {
		a.Fatal(err)
	}
}

// TestAPackIsADownload reads a pack, its headers alone, and the packs of what there is not. The same
// state has the same bytes, a second later too.
func TestAPackIsADownload(t *testing.T) {
	a := newAPI(t)
	a.deprecated("")
	const target = "models/fraud/v1.0.0/compliance"
	if w := a.as(registry.RoleAdmin, "GET", target, ""); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "no key for the log") {
		t.Errorf("without a key: %d %s", w.Code, w.Body)
	}
	a.signLog()
	w := a.as(registry.RoleAdmin, "GET", target, "")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/zip" || w.Header().Get("X-Content-Type-Options") != "nosniff" ||
		!strings.HasPrefix(w.Header().Get("Content-Disposition"), `attachment; filename="compliance-mv_`) {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	v, err := compliance.Verify(w.Body.Bytes(), nil)
	if err != nil || v.Manifest.Version != "1.0.0" || v.Entries == 0 || v.Manifest.ReadFrom != v.Manifest.LogSize {
		t.Errorf("%v %+v", err, v)
	}
	if again := a.as(registry.RoleAdmin, "GET", target, ""); again.Body.String() != w.Body.String() {
		t.Error("a second later it is another file")
	}
	if head := a.as(registry.RoleAdmin, "HEAD", target, ""); head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("Content-Type") != "application/zip" {
		t.Errorf("HEAD: %d %v", head.Code, head.Header())
	}
	viewed := a.as(registry.RoleViewer, "GET", target, "")
	if viewed.Code != http.StatusNotFound { // It is in DEVELOPMENT.
		t.Errorf("a viewer: %d", viewed.Code)
	}
	for _, missing := range []string{"models/fraud/v9.0.0/compliance", "models/none/v1.0.0/compliance"} {
		if w := a.as(registry.RoleAdmin, "GET", missing, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", missing, w.Code)
		}
	}
}
