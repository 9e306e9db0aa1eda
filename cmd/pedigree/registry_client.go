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

// registryClient is what commands ask of a registry, whether they open its store or
// speak to its server.
type registryClient interface {
	dvc.Registry
	demo.Registry
	Export(ctx context.Context, in provenance.ExportInput) (*provenance.LineageExport, error)
}

// connect returns the registry that the settings name and the context to ask it
// with: a server, as its token's subject, or the store, as the operator. Call done
// at the end.
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

// serverURL returns the server to speak to, "" for opening the store. A store that
// the command line names stands above a server that the environment or the
// configuration file names; both on the command line is INVALID_ARGUMENT.
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

// rejectServer refuses a command that opens the store, or reads a file, when a server
// is named: it would answer for another registry than its caller thinks.
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

// rejectServerFlag refuses --server on a command that it means nothing to.
func rejectServerFlag(cmd *cobra.Command, todo string) error {
	if !cmd.Flags().Changed("server") {
		return nil
	}
	return registry.Invalid("server", "%s does not speak to a server; %s", cmd.CommandPath(), todo)
}

func capitalize(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
