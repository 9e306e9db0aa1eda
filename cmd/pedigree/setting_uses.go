package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pedigree/registry"
)

// storeFlags are the global flags that select a local store.
var storeFlags = []string{"data", "store", "store-namespace"}

// settingUse says which global settings a command uses. A flag that it does not use is refused.
// A variable or a key of the configuration file speaks to all commands, so one that a command
// does not use is passed over, unless the command would then answer for another registry than
// the one that is named.
type settingUse struct {
	// flags are the global flags that the command uses, besides --config, which all use.
	flags []string
	// instead says what to do in place of a flag that is refused.
	instead map[string]string
	// unlessFlags lists, for a command that refuses a server of the environment too, the flags
	// that say that another registry is meant.
	unlessFlags []string
	// token and bootstrapToken are true for a command that uses PEDIGREE_TOKEN or
	// PEDIGREE_BOOTSTRAP_TOKEN.
	token, bootstrapToken bool
}

var (
	ownStore      = []string{"data", "store", "store-namespace", "policy"}
	storeOrServer = settingUse{flags: append(slices.Clone(ownStore), "server"), token: true}
)

// settingUses has a row for every command that does something. A test fails for a command
// without a row.
var settingUses = map[string]settingUse{
	"access assign":    storeOrServer,
	"access list":      storeOrServer,
	"access revoke":    storeOrServer,
	"artifacts list":   storeOrServer,
	"artifacts sweep":  storeOrServer,
	"artifacts verify": storeOrServer,
	"audit checkpoint": storeOrServer,
	"audit export":     storeOrServer,
	"audit verify":     storeOrServer,
	"audit watch":      storeOrServer,

	"check":             storeOrServer,
	"completion":        {},
	"compliance":        storeOrServer,
	"compliance verify": {instead: map[string]string{"server": "a pack is verified with nothing but the file"}},
	"diff":              storeOrServer,
	"demo load":         storeOrServer,
	"deploy end":        storeOrServer,
	"deploy list":       storeOrServer,
	"deploy record":     storeOrServer,

	"deprecations":          storeOrServer,
	"deprecations announce": storeOrServer,
	"deprecations cleanup":  storeOrServer,
	"deprecations migrated": storeOrServer,
	"deprecations plan":     storeOrServer,
	"deprecations retire":   storeOrServer,
	"deprecations usage":    storeOrServer,
	"deprecations withdraw": storeOrServer,

	"doctor": {flags: storeFlags, unlessFlags: storeFlags,
		instead: map[string]string{"server": "the store is checked by who can open it: run this where it is, with --data or --store", "policy": "this reads no policy"}},
	"export":            storeOrServer,
	"import croissant":  storeOrServer,
	"import dvc":        storeOrServer,
	"gate apply":        storeOrServer,
	"gate list":         storeOrServer,
	"gate put":          storeOrServer,
	"gate test":         storeOrServer,
	"gate withdraw":     storeOrServer,
	"import git":        storeOrServer,
	"import kfp":        storeOrServer,
	"import kubernetes": storeOrServer,
	"import mlflow":     storeOrServer,
	"import modelcard":  storeOrServer,
	"lineage":           storeOrServer,
	"load":              storeOrServer,
	"log":               storeOrServer,
	"migrate": {instead: map[string]string{"server": "name the stores with --from and --to", "store": "name the stores with --from and --to",
		"data": "name the stores with --from and --to", "store-namespace": "name the namespaces with --from-namespace and --to-namespace"}},
	"model delete":   storeOrServer,
	"model get":      storeOrServer,
	"model list":     storeOrServer,
	"model register": storeOrServer,
	"model update":   storeOrServer,
	"policy check":   {instead: map[string]string{"server": "a policy file is checked here, before a server is started with it", "policy": "name the file as the argument"}},
	"policy explain": storeOrServer,
	"policy list":    storeOrServer,
	"policy put":     storeOrServer,
	"policy revert":  storeOrServer,
	"policy show": {instead: map[string]string{"server": "this prints the policy that is built in; policy list prints that of a server",
		"policy": "this prints the policy that is built in"}},
	"policy withdraw":  storeOrServer,
	"pull":             storeOrServer,
	"push":             storeOrServer,
	"ready":            {instead: map[string]string{"server": "name the server that is asked with --url"}, unlessFlags: []string{"url"}},
	"recall":           storeOrServer,
	"recall affected":  storeOrServer,
	"recall clear":     storeOrServer,
	"recall decide":    storeOrServer,
	"recall list":      storeOrServer,
	"recall resolve":   storeOrServer,
	"request approve":  storeOrServer,
	"request list":     storeOrServer,
	"request reject":   storeOrServer,
	"request show":     storeOrServer,
	"request withdraw": storeOrServer,
	"review due":       storeOrServer,
	"review list":      storeOrServer,
	"review plan":      storeOrServer,
	"review record":    storeOrServer,
	"serve": {flags: append(slices.Clone(ownStore), "log-format", "log-level"), bootstrapToken: true,
		instead: map[string]string{"server": "this command is the server; say where it listens with --listen"}},
	"signature attach": storeOrServer,
	"signature detach": storeOrServer,
	"signature get":    storeOrServer,
	"signature list":   storeOrServer,
	"signature verify": storeOrServer,

	"token create": storeOrServer,
	"token list":   storeOrServer,
	"token revoke": storeOrServer,

	"version alias delete": storeOrServer,
	"version alias list":   storeOrServer,
	"version alias set":    storeOrServer,
	"version delete":       storeOrServer,
	"version get":          storeOrServer,
	"version list":         storeOrServer,
	"version register":     storeOrServer,
	"version transition":   storeOrServer,
	"watch":                storeOrServer,

	"webhook create": storeOrServer,
	"webhook delete": storeOrServer,
	"webhook list":   storeOrServer,
	"webhook replay": storeOrServer,
	"webhook rotate": storeOrServer,
	"webhook test":   storeOrServer,
}

// commandName returns the name of a command without that of the program.
func commandName(cmd *cobra.Command) string {
	return strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()), " ")
}

// checkSettings refuses the global settings that a command does not use, and those that
// contradict each other.
func checkSettings(cmd *cobra.Command, s *settings) error {
	name := commandName(cmd)
	use, given := settingUses[name], cmd.Flags().Changed
	for _, flag := range globalFlags(cmd.Root()) {
		if given(flag) && flag != "config" && !slices.Contains(use.flags, flag) {
			return registry.Invalid(flag, "means nothing to %s; %s", name, use.insteadOf(flag))
		}
	}
	if given("server") {
		switch {
		case slices.ContainsFunc(storeFlags, given):
			return registry.Invalid("server", "give --server to speak to a server, or --store and --data to open its store, not both")
		case s.GetString("server") == "":
			return registry.Invalid("server", "must not be empty; leave it out to open the store")
		}
	}
	if given("policy") && slices.Contains(use.flags, "server") && serverURL(cmd, s) != "" {
		return registry.Invalid("policy", "a server has its own policy; leave --policy out, or open the store with --data or --store")
	}
	if use.unlessFlags != nil && !slices.ContainsFunc(use.unlessFlags, given) && s.GetString("server") != "" {
		return registry.Errorf(registry.InvalidArgument, "%s does not speak to a server, and PEDIGREE_SERVER or the configuration file names one: unset it. %s",
			cmd.CommandPath(), capitalize(use.insteadOf("server")))
	}
	return nil
}

func (u settingUse) insteadOf(flag string) string {
	if text := u.instead[flag]; text != "" {
		return text
	}
	return "leave it out"
}

// globalFlags lists the global flags in alphabetical order.
func globalFlags(root *cobra.Command) (names []string) {
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

func capitalize(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
