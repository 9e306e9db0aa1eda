package main

import (
	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/catalog"
)

func newVersionAlias(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "alias", Short: "List, set and delete the movable names of versions"}
	cmd.AddCommand(newAliasList(s), newAliasSet(s), newAliasDelete(s))
	return cmd
}

// aliasColumns are the columns of a table of aliases.
func aliasColumns() []column[*registry.Alias] {
	type alias = registry.Alias
	return []column[*alias]{{"ALIAS", func(a *alias) string { return a.Name }}, {"VERSION", func(a *alias) string { return a.Version }},
		{"BY", func(a *alias) string { return a.SetBy }}, {"SINCE", func(a *alias) string { return day(a.SetAt) }}}
}

func newAliasList(s *settings) *cobra.Command {
	var format printFormat
	cmd := &cobra.Command{
		Use: "list MODEL", Short: "List the aliases of a model's versions", Args: cobra.ExactArgs(1),
		ValidArgsFunction: completeArgs(s, modelNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				m, err := modelNamed(r.ctx, r, args[0])
				if err != nil {
					return err
				}
				aliases, err := r.AliasesOf(r.ctx, m)
				if err != nil {
					return err
				}
				return printNouns(cmd.OutOrStdout(), format, aliases, aliasColumns())
			})
		},
	}
	addPrintFormat(cmd, &format)
	return cmd
}

func newAliasSet(s *settings) *cobra.Command {
	var format printFormat
	cmd := &cobra.Command{
		Use: "set MODEL@VERSION ALIAS", Short: "Point an alias at a version; the same again changes nothing", Args: cobra.ExactArgs(2),
		Example:           "  pedigree version alias set credit-approval@1.1.0 champion",
		ValidArgsFunction: completeArgs(s, versionRefs, aliasNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := parseVersionRef(args[0])
			if err != nil {
				return err
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				if ref.id != nil { // An alias is set by the names.
					v, err := versionOf(r.ctx, r, args[0])
					if err != nil {
						return err
					}
					ref.model, ref.version = &v.ModelName, &v.Version
				}
				p, err := r.SetAlias(r.ctx, catalog.SetAliasInput{Model: *ref.model, Version: *ref.version, Alias: args[1]})
				if err != nil || p.Alias == nil {
					return err
				}
				return printNouns(cmd.OutOrStdout(), format, []*registry.Alias{p.Alias}, aliasColumns())
			})
		},
	}
	addPrintFormat(cmd, &format)
	return cmd
}

func newAliasDelete(s *settings) *cobra.Command {
	var format printFormat
	cmd := &cobra.Command{
		Use: "delete MODEL ALIAS", Short: "Delete an alias; one that does not exist is no error", Args: cobra.ExactArgs(2),
		ValidArgsFunction: completeArgs(s, modelNames, aliasNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				p, err := r.DeleteAlias(r.ctx, catalog.DeleteAliasInput{Model: args[0], Alias: args[1]})
				if err != nil {
					return err
				}
				return printDeleted(cmd, format, p)
			})
		},
	}
	addPrintFormat(cmd, &format)
	return cmd
}
