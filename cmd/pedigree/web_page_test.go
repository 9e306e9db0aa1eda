package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWebOpensThePage asks for pages with a browser, which keeps the address that it was given,
// and without one.
func TestWebOpensThePage(t *testing.T) {
	url, data := startServer(t)
	if code, _, stderr := run(t, "demo", "load", "--server", url); code != 0 {
		t.Fatal(stderr)
	}
	bin := t.TempDir()
	opened := filepath.Join(bin, "opened")
	script := "#!/bin/sh\nprintf %s \"$1\" > " + opened + "\n"
	if err := os.WriteFile(filepath.Join(bin, "xdg-open"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	_, id, _ := run(t, "version", "get", "credit-approval@champion", "-o", "json", "--data", data)
	_, id, _ = strings.Cut(id, `"id": "mv_`)
	page := url + "/lineage/mv_" + id[:26]
	for _, c := range []struct {
		want string
		args []string
	}{
		{url + "/", []string{"model", "list"}}, {page, []string{"model", "get", "credit-approval"}}, {page, []string{"version", "list", "credit-approval"}},
		{page, []string{"version", "get", "credit-approval@champion"}}, {page, []string{"lineage", "credit-approval"}},
	} {
		args := append(c.args, "--web", "--server", url)
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Setenv("PATH", bin+":/usr/bin:/bin")
			t.Setenv("DISPLAY", ":0")
			if code, out, stderr := run(t, args...); code != 0 || out != "" || !strings.Contains(stderr, c.want+" is open") {
				t.Errorf("exit %d %s%s", code, out, stderr)
			}
			if got, err := os.ReadFile(opened); err != nil || string(got) != c.want {
				t.Errorf("the browser got %q, want %q: %v", got, c.want, err)
			}
			os.Remove(opened)
			printsTheAddress := func(when string) {
				if code, out, stderr := run(t, args...); code != 0 || out != c.want+"\n" || stderr != "" {
					t.Errorf("%s: exit %d %s%s", when, code, out, stderr)
				}
				if _, err := os.Stat(opened); err == nil {
					t.Errorf("%s: a browser was opened", when)
				}
			}
			t.Setenv("PATH", t.TempDir())
			printsTheAddress("without a browser")
			t.Setenv("PATH", bin+":/usr/bin:/bin")
			for _, screen := range []string{"DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"} {
				t.Setenv(screen, "")
			}
			printsTheAddress("without a screen")
		})
	}
	if code, out, stderr := run(t, "model", "get", "nothing", "--web", "--server", url); code != 1 || out != "" || !strings.Contains(stderr, "NOT_FOUND") {
		t.Errorf("exit %d %s%s", code, out, stderr)
	}
	if code, _, stderr := run(t, "model", "get", "credit-approval", "--web", "--data", data); code != 1 || !strings.Contains(stderr, "INVALID_ARGUMENT: web: opens a page of a server") {
		t.Errorf("exit %d %s", code, stderr)
	}
}
