package main

import (
	"strings"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

func newModel(s *settings) *cobra.Command {
	cmd := &cobra.Command{Use: "model", Short: "List, show, register, change and delete models"}
	cmd.AddCommand(newModelList(s), newModelGet(s), newModelRegister(s), newModelUpdate(s), newModelDelete(s))
	return cmd
}

// modelColumns are the columns of a table of models; leading has their leading versions.
func modelColumns(leading map[registry.ID]catalog.LeadingVersions) []column[*registry.Model] {
	type model = registry.Model
	return []column[*model]{{"NAME", func(m *model) string { return m.Name }}, {"OWNER", func(m *model) string { return m.Owner }},
		{"LATEST", func(m *model) string { return semver(leading[m.ID].Latest) }}, {"PRODUCTION", func(m *model) string { return semver(leading[m.ID].Production) }},
		{"UPDATED", func(m *model) string { return day(m.UpdatedAt) }}, {"DESCRIPTION", func(m *model) string { return m.Description }}}
}

// semver returns the semver of a version, "" for none.
func semver(v *registry.ModelVersion) string {
	if v == nil {
		return ""
	}
	return v.Version
}

// leadingFields are the leading versions as fields of a model.
func leadingFields(l catalog.LeadingVersions) map[string]any {
	out := map[string]any{}
	if l.Latest != nil {
		out["latestVersion"] = l.Latest.Version
	}
	if l.Production != nil {
		out["productionVersion"] = l.Production.Version
	}
	return out
}

func newModelList(s *settings) *cobra.Command {
	var f catalog.ModelFilter
	var stage, tag string
	var format printFormat
	var web webPage
	cmd := &cobra.Command{
		Use: "list", Short: "List models with their latest version and the one in PRODUCTION", Args: cobra.NoArgs,
		Example: "  pedigree model list\n  pedigree model list --owner risk-team --stage production -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := parseStage("stage", stage)
			if err != nil {
				return err
			}
			if st != "" {
				f.Stage = &st
			}
			if tag != "" {
				tags, err := keyValues("tag", []string{tag})
				if err != nil {
					return err
				}
				f.Tag = &tags[0]
			}
			if web {
				return web.open(cmd, s, func(*connection) (registry.ID, error) { return "", nil })
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				models, err := allPages(func(p core.Paging) ([]*registry.Model, core.PageInfo, error) {
					page, err := r.Models(r.ctx, p, &f, nil)
					if err != nil {
						return nil, core.PageInfo{}, err
					}
					return nodesOf(page.Edges, func(e *catalog.ModelEdge) *registry.Model { return e.Node }), page.PageInfo, nil
				})
				if err != nil {
					return err
				}
				return printModels(cmd, r, format, models)
			})
		},
	}
	cmd.Flags().StringVar(&f.Owner, "owner", "", "the models of this owner")
	cmd.Flags().StringVar(&f.NamePrefix, "prefix", "", "the models whose name starts so")
	cmd.Flags().StringVar(&stage, "stage", "", "the models with a version in this stage")
	cmd.Flags().StringVar(&tag, "tag", "", "KEY=VALUE: the models with this tag")
	completeFlag(cmd, "stage", stageNames)
	addPrintFormat(cmd, &format)
	web.add(cmd)
	return cmd
}

// printModels prints models with their leading versions.
func printModels(cmd *cobra.Command, r *connection, format printFormat, models []*registry.Model) error {
	found, err := r.LeadingVersions(r.ctx, models)
	if err != nil {
		return err
	}
	leading := map[registry.ID]catalog.LeadingVersions{}
	for i, m := range models {
		leading[m.ID] = found[i]
	}
	more := func(m *registry.Model) map[string]any { return leadingFields(leading[m.ID]) }
	return printNounsWith(cmd.OutOrStdout(), format, models, modelColumns(leading), more)
}

func newModelGet(s *settings) *cobra.Command {
	var format printFormat
	var web webPage
	cmd := &cobra.Command{
		Use: "get MODEL", Short: "Show a model with its leading versions and aliases", Args: cobra.ExactArgs(1),
		Example:           "  pedigree model get credit-approval -o json\n  pedigree model get credit-approval --web --server https://pedigree.example.com",
		ValidArgsFunction: completeArgs(s, modelNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if web {
				return web.open(cmd, s, func(r *connection) (registry.ID, error) { return resolveVersion(r.ctx, r, args[0]) })
			}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				m, err := modelNamed(r.ctx, r, args[0])
				if err != nil {
					return err
				}
				leading, err := r.LeadingVersions(r.ctx, []*registry.Model{m})
				if err != nil {
					return err
				}
				aliases, err := r.AliasesOf(r.ctx, m)
				if err != nil && registry.CodeOf(err) != registry.ResourceExhausted {
					return err
				}
				more := leadingFields(leading[0])
				if named := map[string]string{}; len(aliases) > 0 {
					for _, a := range aliases {
						named[a.Name] = a.Version
					}
					more["aliases"] = named
				}
				return printNounWith(cmd.OutOrStdout(), format, m, more)
			})
		},
	}
	addPrintFormat(cmd, &format)
	web.add(cmd)
	return cmd
}

func newModelRegister(s *settings) *cobra.Command {
	var in catalog.RegisterModelInput
	var tags []string
	var format printFormat
	cmd := &cobra.Command{
		Use: "register NAME", Short: "Register a model", Args: cobra.ExactArgs(1),
		Example: "  pedigree model register credit-approval --owner risk-team --description \"credit decisions\" --tag domain=credit",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			in.Name = args[0]
			if in.Tags, err = keyValues("tag", tags); err != nil {
				return err
			}
			return withRegistry(cmd, s, createStore, func(r *connection) error {
				p, err := r.RegisterModel(r.ctx, in)
				if err != nil || p.Model == nil {
					return err
				}
				return printModels(cmd, r, format, []*registry.Model{p.Model})
			})
		},
	}
	cmd.Flags().StringVar(&in.Description, "description", "", "what it is for")
	cmd.Flags().StringVar(&in.Owner, "owner", "", "who answers for it; the default is you")
	cmd.Flags().StringArrayVar(&tags, "tag", nil, "a tag KEY=VALUE; more than one is possible")
	addPrintFormat(cmd, &format)
	return cmd
}

func newModelUpdate(s *settings) *cobra.Command {
	var description, owner string
	var tags, without []string
	var revision int
	var format printFormat
	cmd := &cobra.Command{
		Use: "update MODEL", Short: "Change a model's description, owner or tags", Args: cobra.ExactArgs(1),
		Long: `Change a model's description, owner or tags. An empty description or owner clears it.
--tag sets one tag and --remove-tag takes one away; the other tags stay.`,
		Example:           "  pedigree model update credit-approval --owner risk-team --tag domain=credit --remove-tag draft",
		ValidArgsFunction: completeArgs(s, modelNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := keyValues("tag", tags)
			if err != nil {
				return err
			}
			in := catalog.UpdateModelInput{Model: &args[0], Description: given(cmd, "description", description), Owner: given(cmd, "owner", owner), IfRevision: given(cmd, "if-revision", revision)}
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				if len(set)+len(without) > 0 {
					m, err := modelNamed(r.ctx, r, args[0])
					if err != nil {
						return err
					}
					in.Tags = changeTags(m.Tags, set, without)
					if in.IfRevision == nil { // Tags are replaced as a whole, so nobody may change them in between.
						in.IfRevision = &m.Revision
					}
				}
				p, err := r.UpdateModel(r.ctx, in)
				if err != nil || p.Model == nil {
					return err
				}
				return printModels(cmd, r, format, []*registry.Model{p.Model})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&description, "description", "", "what it is for")
	f.StringVar(&owner, "owner", "", "who answers for it")
	f.StringArrayVar(&tags, "tag", nil, "a tag KEY=VALUE to set; more than one is possible")
	f.StringArrayVar(&without, "remove-tag", nil, "the key of a tag to take away; more than one is possible")
	f.IntVar(&revision, "if-revision", 0, "CONFLICT when the model has another revision by now")
	cmd.MarkFlagsOneRequired("description", "owner", "tag", "remove-tag")
	addPrintFormat(cmd, &format)
	return cmd
}

// changeTags returns tags with some set and some taken away. It is never nil, because no tags at
// all is a change too.
func changeTags(tags, set []registry.KeyValue, without []string) []registry.KeyValue {
	out, gone := []registry.KeyValue{}, map[string]bool{}
	for _, key := range without {
		gone[strings.TrimSpace(key)] = true
	}
	for _, kv := range set {
		gone[kv.Key] = true
	}
	for _, kv := range tags {
		if !gone[kv.Key] {
			out = append(out, kv)
		}
	}
	return append(out, set...)
}

func newModelDelete(s *settings) *cobra.Command {
	var in catalog.DeleteModelInput
	var revision int
	var format printFormat
	cmd := &cobra.Command{
		Use: "delete MODEL --yes", Short: "Delete a model with its versions; lineage keeps tombstones", Args: cobra.ExactArgs(1),
		Example:           "  pedigree model delete churn-try --reason \"an experiment\" --yes",
		ValidArgsFunction: completeArgs(s, modelNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := confirm(cmd, "this deletes the model "+registry.Shorten(args[0], 100)+" and all its versions"); err != nil {
				return err
			}
			in.Model, in.IfRevision = &args[0], given(cmd, "if-revision", revision)
			return withRegistry(cmd, s, existingStore, func(r *connection) error {
				p, err := r.DeleteModel(r.ctx, in)
				if err != nil {
					return err
				}
				return printDeleted(cmd, format, p)
			})
		},
	}
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why; it is logged")
	cmd.Flags().IntVar(&revision, "if-revision", 0, "CONFLICT when the model has another revision by now")
	addYesFlag(cmd)
	addPrintFormat(cmd, &format)
	return cmd
}

// printDeleted prints the id of what was deleted, and says so when there was nothing.
func printDeleted(cmd *cobra.Command, format printFormat, p *core.DeletePayload) error {
	type row struct {
		DeletedID *registry.ID `json:"deletedId"`
	}
	var rows [][]string
	data := row{}
	if p != nil && p.DeletedID != nil {
		data.DeletedID, rows = p.DeletedID, [][]string{{string(*p.DeletedID)}}
	}
	return format.print(cmd.OutOrStdout(), data, []string{"DELETED"}, rows)
}
