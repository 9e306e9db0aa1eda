package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"
)

// settings holds the values of flags, PEDIGREE_* variables and the --config file, in this
// order of precedence.
type settings struct {
	*viper.Viper
	// understood is true when the command line names a command with the arguments that it takes.
	understood bool
}

func newRoot() *cobra.Command { return newRootOf(&settings{Viper: viper.New()}) }

func newRootOf(s *settings) *cobra.Command {
	root := &cobra.Command{
		Use:           "pedigree",
		Short:         "A model registry that records where every model came from and where it runs",
		Version:       buildVersion(),
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			s.understood = true
			if err := errors.Join(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()); err != nil {
				return fmt.Errorf("%w; %w", err, errUsage)
			}
			if err := s.load(cmd); err != nil {
				return err
			}
			return checkSettings(cmd, s)
		},
	}
	f := root.PersistentFlags()
	f.String("config", "", "a YAML file whose keys are names of flags")
	f.String("data", defaultData(), "the folder of the embedded store and the first admin's token")
	f.String("store", "", "the URL of the store: sqlite:///path/file.db or neo4j://user:password@host:7687/database; the default is pedigree.db in --data")
	f.String("server", "", "the URL of a running server to use instead of opening the store; PEDIGREE_TOKEN is the token; see docs/commands.md")
	f.String("store-namespace", "", "a namespace that separates this registry from others in the same Neo4j database")
	f.String("policy", "", "a policy file that replaces the built-in policy; see pedigree policy check")
	f.String("log-format", "text", "the format of the log: text or json")
	f.String("log-level", "info", "the log level: debug, info, warn or error")
	root.AddCommand(newServe(s), newWatch(s), newToken(s), newLineage(s), newDemo(s), newPolicy(s), newAccess(s), newReady(), newImport(s), newLoad(s), newExport(s), newMigrate(s), newDoctor(s), newAudit(s), newRequest(s), newCheck(s), newGate(s), newRecall(s), newCompliance(s), newDiff(s), newReview(s), newDeprecations(s), newModel(s), newVersion(s), newDeploy(s), newLogList(s), newPush(s), newPull(s), newArtifacts(s), newSignature(s), newWebhook(s), newCompletion())
	return root
}

// load reads the environment and the configuration file.
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
			return fmt.Errorf("the configuration file cannot be read: %s", strings.Join(strings.Fields(err.Error()), " "))
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

// knownKey reports whether any command has a flag with this name.
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
