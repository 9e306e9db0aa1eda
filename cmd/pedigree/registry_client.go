package main

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"pedigree/connect/demo"
	"pedigree/connect/dvc"
	"pedigree/connect/remote"
	"pedigree/registry"
	"pedigree/service/provenance"
)

// registryClient holds the registry methods that the commands call. The service over a
// local store implements it, and so does the client of a server.
type registryClient interface {
	dvc.Registry
	demo.Registry
	Export(ctx context.Context, in provenance.ExportInput) (*provenance.LineageExport, error)
}

// connect returns the registry of the settings and the context for its calls: a server, as
// the token's subject, or a local store, as the operator. The caller must call done at the
// end.
func connect(cmd *cobra.Command, s *settings) (ctx context.Context, r registryClient, done func(), err error) {
	server, err := serverURL(cmd, s)
	if err != nil {
		return nil, nil, nil, err
	}
	if server != "" {
		purpose := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
		c, err := remote.New(server, os.Getenv("PEDIGREE_TOKEN"), remote.Purpose(purpose))
		if err != nil {
			return nil, nil, nil, err
		}
		return cmd.Context(), c, func() {}, nil
	}
	o, err := openLocalRegistry(cmd.Context(), s)
	if err != nil {
		return nil, nil, nil, err
	}
	return asOperator(cmd.Context()), o.service, func() { o.Close() }, nil
}

// serverURL returns the server's URL, or "" to open the store. A store on the command line
// has precedence over a server in the environment or the configuration file. Both on the
// command line are INVALID_ARGUMENT.
func serverURL(cmd *cobra.Command, s *settings) (string, error) {
	given := func(flag string) bool { return cmd.Flags().Changed(flag) }
	store := given("store") || given("data") || given("store-namespace")
	switch {
	case given("server") && store:
		return "", registry.Invalid("server", "give --server to speak to a server, or --store and --data to open its store, not both")
	case given("server") && s.GetString("server") == "":
		return "", registry.Invalid("server", "must not be empty; leave it out to open the store")
	case store:
		return "", nil
	}
	return s.GetString("server"), nil
}

// rejectServer returns an error when a server is set for a command that works on a local
// store or file. Such a command would use another registry than its caller expects.
func rejectServer(cmd *cobra.Command, s *settings, todo string) error {
	if err := rejectServerFlag(cmd, todo); err != nil {
		return err
	}
	server, err := serverURL(cmd, s)
	if err != nil || server == "" {
		return err
	}
	return registry.Errorf(registry.InvalidArgument, "%s does not speak to a server, and PEDIGREE_SERVER or the configuration file names one: unset it. %s", cmd.CommandPath(), capitalize(todo))
}

// rejectServerFlag returns an error when --server is set for a command that does not use
// it.
func rejectServerFlag(cmd *cobra.Command, todo string) error {
	if !cmd.Flags().Changed("server") {
		return nil
	}
	return registry.Invalid("server", "%s does not speak to a server; %s", cmd.CommandPath(), todo)
}

func capitalize(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
