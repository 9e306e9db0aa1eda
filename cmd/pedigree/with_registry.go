package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pedigree/registry"
)

// withRegistry connects to the registry of the settings, passes it to do, and closes it.
func withRegistry(cmd *cobra.Command, s *settings, mode storeMode, do func(r *connection) error) error {
	r, err := connect(cmd, s, mode)
	if err != nil {
		return err
	}
	defer r.close()
	return do(r)
}

// nodesOf returns the nodes of the edges of a page.
func nodesOf[E, N any](edges []E, node func(E) N) []N {
	out := make([]N, len(edges))
	for i, e := range edges {
		out[i] = node(e)
	}
	return out
}

// keyValues parses the values of a flag, KEY=VALUE each.
func keyValues(flag string, texts []string) (out []registry.KeyValue, err error) {
	for _, text := range texts {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, registry.Invalid(flag, "%q is no KEY=VALUE", registry.Shorten(text, 60))
		}
		out = append(out, registry.KeyValue{Key: key, Value: value})
	}
	return out, nil
}

// parseStage parses a stage in any case, "" when there is none.
func parseStage(flag, text string) (registry.Stage, error) {
	st := registry.Stage(strings.ToUpper(text))
	if text != "" && !slices.Contains(registry.Stages(), st) {
		return "", registry.Invalid(flag, "%q is no stage; use one of %v", registry.Shorten(text, 60), registry.Stages())
	}
	return st, nil
}

// given returns a pointer to the value of a flag, nil when the flag is not on the command line.
func given[T any](cmd *cobra.Command, flag string, value T) *T {
	if !cmd.Flags().Changed(flag) {
		return nil
	}
	return &value
}

// confirm refuses to delete something without the flag --yes.
func confirm(cmd *cobra.Command, what string) error {
	if yes, err := cmd.Flags().GetBool("yes"); err != nil || yes {
		return err
	}
	return registry.Invalid("yes", "%s, and nothing brings it back; give --yes to do it", what)
}

// addYesFlag adds the flag that confirm asks for.
func addYesFlag(cmd *cobra.Command) {
	cmd.Flags().Bool("yes", false, "do it (required)")
}
