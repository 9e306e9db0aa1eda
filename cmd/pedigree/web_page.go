package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/cli/browser"
	"github.com/spf13/cobra"

	"pedigree/registry"
)

// webPage is the flag --web: instead of printing something, the command opens its page.
type webPage bool

// add adds the flag to a command.
func (w *webPage) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar((*bool)(w), "web", false, "open the page of the server in the browser; without a browser, print its address")
}

// open opens the page of a server that shows a node, or its first page for the id "".
func (webPage) open(cmd *cobra.Command, s *settings, find func(*connection) (registry.ID, error)) error {
	if serverURL(cmd, s) == "" {
		return registry.Invalid("web", "opens a page of a server; name the server with --server")
	}
	return withRegistry(cmd, s, existingStore, func(r *connection) error {
		id, err := find(r)
		if err != nil {
			return err
		}
		address := r.server + "/"
		if id != "" {
			address += "lineage/" + string(id)
		}
		browser.Stdout, browser.Stderr = cmd.ErrOrStderr(), cmd.ErrOrStderr()
		if !hasScreen() || browser.OpenURL(address) != nil {
			fmt.Fprintln(cmd.OutOrStdout(), address)
			return nil
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s is open in the browser\n", address)
		return nil
	})
}

// hasScreen reports whether a browser has somewhere to show a page. Without one, a browser for
// terminals would take this terminal.
func hasScreen() bool {
	if runtime.GOOS != "linux" && runtime.GOOS != "freebsd" && runtime.GOOS != "openbsd" && runtime.GOOS != "netbsd" {
		return true
	}
	return os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "" || os.Getenv("WSL_DISTRO_NAME") != ""
}
