package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pedigree/connect/git"
	"pedigree/registry"
)

// printCandidates prints what may be models, and the command that registers them.
func printCandidates(cmd *cobra.Command, from string, report *git.Report) {
	candidates, w := report.Candidates, cmd.OutOrStdout()
	if len(candidates) == 0 {
		if report.NoModels && report.Total() > 0 { // Once is enough for a repository of data.
			fmt.Fprintln(w, "the repository names no model. When one of its outputs is one, register its states with --model NAME=PATH")
		}
		return
	}
	fmt.Fprintln(w, "no tag says what a model is. These may be models:")
	command, used := commandAgain(cmd, from), map[string]int{}
	for i, c := range candidates {
		if i == maxListed {
			fmt.Fprintf(w, "  … and %d more\n", len(candidates)-maxListed)
			break
		}
		with := ""
		if len(c.Beside) > 0 {
			with = ", with " + strings.Join(c.Beside, ", ")
		}
		fmt.Fprintf(w, "  %s: %s%s\n", c.Path, c.Why, with)
		name := c.Model
		if used[name]++; used[name] > 1 {
			name = fmt.Sprintf("%s-%d", name, used[name])
		}
		command += " --model " + quoted(name+"="+c.Path)
		for _, b := range c.Beside {
			command += " --artifact " + quoted(b)
		}
	}
	fmt.Fprintf(w, "register them with (names are yours to choose):\n  %s\n", command)
}

// commandAgain returns the command line of an import with the flags that were given. The
// credentials of a URL are left out of it.
func commandAgain(cmd *cobra.Command, from string) string {
	line := cmd.CommandPath() + " " + quoted(registry.WithoutCredentials(from))
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Name == "dry-run" {
			return
		}
		line += " --" + f.Name
		if f.Value.Type() != "bool" {
			line += " " + quoted(registry.WithoutCredentials(f.Value.String()))
		}
	})
	return line
}

// plainWord matches a word that a shell takes as it is.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// quoted returns a word as a shell takes it.
func quoted(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
