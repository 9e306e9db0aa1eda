package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// newCompletion prints the scripts that make shells complete commands, flags and names.
func newCompletion() *cobra.Command {
	return &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: "Print the script with which a shell completes commands, models and versions",
		Long: `Print the script with which a shell completes commands, flags, models, versions,
aliases and stages. Names come from the registry that the command line or the
environment names.`,
		Example: "  source <(pedigree completion bash)     # needs the package bash-completion; put it into ~/.bashrc\n" +
			"  pedigree completion zsh > \"${fpath[1]}/_pedigree\"\n  pedigree completion fish > ~/.config/fish/completions/pedigree.fish",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			var script bytes.Buffer
			root := cmd.Root()
			write := map[string]func() error{
				"bash": func() error { return root.GenBashCompletionV2(&script, true) },
				"zsh":  func() error { return root.GenZshCompletion(&script) },
				"fish": func() error { return root.GenFishCompletion(&script, true) },

				"powershell": func() error { return root.GenPowerShellCompletionWithDesc(&script) },
			}[args[0]]
			if err := write(); err != nil {
				return err
			}
			text := script.String()
			if args[0] == "bash" {
				text = keepVersionsWhole(text)
			}
			_, err := fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		},
	}
}

// keepVersionsWhole changes cobra's script for bash. Bash splits a word at @, which stands in
// MODEL@VERSION, as it does at = and :, for which the script has a remedy already.
func keepVersionsWhole(script string) string {
	const remedy = "__pedigree_handle_special_char \"$cur\" =\n"
	script = strings.Replace(script, remedy, remedy+strings.Replace(remedy, "=", "@", 1), 1)
	return strings.ReplaceAll(script, " -n =: ", " -n =:@ ")
}
