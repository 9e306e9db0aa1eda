package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"
)

// settings reads flags, PEDIGREE_* and the --config file, in that order.
type settings struct{ *viper.Viper }

func newRoot() *cobra.Command {
	s := &settings{viper.New()}
	root := &cobra.Command{
		Use:           "pedigree",
		Short:         "A model registry that knows where every model came from and where it runs",
		Version:       buildVersion(),
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return s.load(cmd)
		},
	}
	f := root.PersistentFlags()
	f.String("config", "", "a YAML file with any of these flags as keys")
	f.String("data", defaultData(), "folder for the embedded store and the first admin's token")
	f.String("store", "", "store URL: sqlite:///path/file.db or neo4j://user:password@host:7687/database (default: pedigree.db in --data)")
	f.String("server", "", "URL of a running server to speak to instead of opening the store; the token is PEDIGREE_TOKEN")
	f.String("store-namespace", "", "keeps this registry apart from others in the same Neo4j database")
	f.String("policy", "", "policy file in place of the built-in one; see pedigree policy check")
	f.String("log-format", "text", "log as text or json")
	f.String("log-level", "info", "debug, info, warn or error")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w; %w", err, errUsage) })
	root.AddCommand(newServe(s), newToken(s), newLineage(s), newDemo(s), newPolicy(s), newReady(), newImport(s), newLoad(s), newExport(s), newMigrate(s))
	return root
}

// load joins flags, environment and file.
func (s *settings) load(cmd *cobra.Command) error {
	s.SetEnvPrefix("PEDIGREE")
	s.SetEnvKeyReplacer(strings.NewReplacer("-", "_", ".", "_"))
	s.AutomaticEnv()
	if err := s.BindPFlags(cmd.Flags()); err != nil {
		return err
	}
	if file := s.GetString("config"); file != "" {
		s.SetConfigFile(file)
		s.SetConfigType("yaml")
		if err := s.ReadInConfig(); err != nil {
			return fmt.Errorf("the configuration file cannot be read: %w", err)
		}
		for _, key := range s.AllKeys() {
			if cmd.Flags().Lookup(strings.ReplaceAll(key, ".", "-")) == nil && cmd.Root().PersistentFlags().Lookup(key) == nil {
				if !knownKey(cmd.Root(), strings.ReplaceAll(key, ".", "-")) {
					return fmt.Errorf("the configuration file has an unknown key %q", key)
				}
			}
		}
	}
	return nil
}

// knownKey reports whether any command has a flag of that name.
func knownKey(cmd *cobra.Command, name string) bool {
	if cmd.Flags().Lookup(name) != nil {
		return true
	}
	for _, c := range cmd.Commands() {
		if knownKey(c, name) {
			return true
		}
	}
	return false
}

func defaultData() string {
	if dir, err := os.UserConfigDir(); err == nil {
		return filepath.Join(dir, "pedigree")
	}
	return "pedigree-data"
}

func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
