package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

func newVersion(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "version", Short: "List, show, register, move, name and delete versions of models"}
	cmd.AddCommand(newVersionList(s), newVersionGet(s), newVersionRegister(s), newVersionTransition(s), newVersionAlias(s), newVersionDelete(s))
	return cmd
}

// versionColumns are the columns of a table of versions; aliases has their aliases.
func versionColumns(aliases map[registry.ID][]string) []column[*registry.ModelVersion] {
	type version = registry.ModelVersion
	return []column[*version]{{"VERSION", func(v *version) string { return v.ModelName + "@" + v.Version }}, {"STAGE", func(v *version) string { return string(v.Stage) }},
		{"ALIASES", func(v *version) string { return strings.Join(aliases[v.ID], ",") }}, {"CREATED", func(v *version) string { return day(v.CreatedDate) }},
		{"CREATOR", func(v *version) string { return v.Creator }}, {"LABEL", func(v *version) string { return v.Label }}, {"DESCRIPTION", func(v *version) string { return v.Description }}}
}

// printModelVersions prints versions of one model with their aliases.
func printModelVersions(cmd *cobra.Command, r *connection, format printFormat, m *registry.Model, versions []*registry.ModelVersion) error {
	names := map[registry.ID][]string{}
	aliases, err := r.AliasesOf(r.ctx, m)
	if registry.CodeOf(err) == registry.ResourceExhausted { // The versions are what was asked for.
		fmt.Fprintln(cmd.ErrOrStderr(), "the model has too many aliases to show them here; pedigree version get shows those of one version")
	} else if err != nil {
		return err
	}
	for _, a := range aliases {
		names[a.VersionID] = append(names[a.VersionID], a.Name)
	}
	more := func(v *registry.ModelVersion) map[string]any { return aliasFields(names[v.ID]) }
	return printNounsWith(cmd.OutOrStdout(), format, versions, versionColumns(names), more)
}

// aliasFields are the names of the aliases of a version as a field of it.
func aliasFields(names []string) map[string]any {
	if len(names) == 0 {
		return nil
	}
	return map[string]any{"aliases": names}
}

// printVersion prints one version as a row, after it was written.
func printVersion(cmd *cobra.Command, format printFormat, v *registry.ModelVersion) error {
	if v == nil {
		return nil // The caller may write and not read.
	}
	return printNouns(cmd.OutOrStdout(), format, []*registry.ModelVersion{v}, versionRowColumns())
}

// versionRowColumns are the columns of a version that was written: those of a list without the
// aliases, which were not read.
func versionRowColumns() (out []column[*registry.ModelVersion]) {
	for _, c := range versionColumns(nil) {
		if c.title != "ALIASES" {
			out = append(out, c)
		}
	}
	return out
}

func newVersionList(s *settings) *cobra.Command {
	var stages []string
	var format printFormat
	var web webPage
	cmd := &cobra.Command{
		Use: "list MODEL", Short: "List the versions of a model, highest first", Args: cobra.ExactArgs(1),
		Example:           "  pedigree version list credit-approval\n  pedigree version list credit-approval --stage staging,canary -o yaml",
		ValidArgsFunction: completeArgs(s, modelNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			f := &catalog.ModelVersionFilter{}
			for _, text := range stages {
				st, err := parseStage("stage", text)
				if err != nil {
					return err
				}
				f.Stages = append(f.Stages, st)
			}
			if web {
				return web.open(cmd, s, func(r *connection) (registry.ID, error) { return resolveVersion(r.ctx, r, args[0]) })
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				m, err := modelNamed(r.ctx, r, args[0])
				if err != nil {
					return err
				}
				versions, err := allPages(func(p core.Paging) ([]*registry.ModelVersion, core.PageInfo, error) {
					page, err := r.VersionsOf(r.ctx, m, p, f, nil)
					if err != nil {
						return nil, core.PageInfo{}, err
					}
					return nodesOf(page.Edges, func(e *catalog.ModelVersionEdge) *registry.ModelVersion { return e.Node }), page.PageInfo, nil
				})
				if err != nil {
					return err
				}
				return printModelVersions(cmd, r, format, m, versions)
			})
		},
	}
	cmd.Flags().StringSliceVar(&stages, "stage", nil, "the versions in this stage; more than one is possible")
	completeFlag(cmd, "stage", stageNames)
	addPrintFormat(cmd, &format)
	web.add(cmd)
	return cmd
}

func newVersionGet(s *settings) *cobra.Command {
	var format printFormat
	var web webPage
	cmd := &cobra.Command{
		Use: "get VERSION", Short: "Show a version with its aliases and its card", Args: cobra.ExactArgs(1),
		Long: `Show a version with its aliases and its card. VERSION is MODEL@VERSION, where VERSION
is a semver, a label, an alias or latest; or MODEL for the one in PRODUCTION, else the
latest; or an id.`,
		Example:           "  pedigree version get credit-approval@champion\n  pedigree version get credit-approval --web --server https://pedigree.example.com",
		ValidArgsFunction: completeArgs(s, versionRefs),
		RunE: func(cmd *cobra.Command, args []string) error {
			if web {
				return web.open(cmd, s, func(r *connection) (registry.ID, error) { return resolveVersion(r.ctx, r, args[0]) })
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				v, err := versionOf(r.ctx, r, args[0])
				if err != nil {
					return err
				}
				aliases, err := r.AliasesOfVersion(r.ctx, v)
				if err != nil && registry.CodeOf(err) != registry.ResourceExhausted {
					return err
				}
				more := map[string]any{}
				if names := nodesOf(aliases, func(a *registry.Alias) string { return a.Name }); len(names) > 0 {
					more["aliases"] = names
				}
				card, err := r.CardOf(r.ctx, v)
				if err != nil {
					return err
				}
				if card != nil {
					if more["card"], err = fieldsOf(card); err != nil {
						return err
					}
				}
				return printNounWith(cmd.OutOrStdout(), format, v, more)
			})
		},
	}
	addPrintFormat(cmd, &format)
	web.add(cmd)
	return cmd
}
