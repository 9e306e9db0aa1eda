package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service"
)

func newLineage(s *settings) *cobra.Command {
	in := service.LineageInput{}
	var down bool
	var depth int
	cmd := &cobra.Command{
		Use:   "lineage REF",
		Short: "Draw what a version, deployment or any other node came from",
		Long: `Draw the provenance tree of REF: the id of a node, or MODEL@VERSION such as
credit-approval@1.0.0 (MODEL@latest and MODEL@ALIAS too).`,
		Example: "  pedigree lineage credit-approval@1.0.0\n  pedigree lineage --down dv_0123456789abcdefghjkmnpqrs",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, r, done, err := reach(cmd, s)
			if err != nil {
				return err
			}
			defer done()
			if in.Of, err = resolve(ctx, r, args[0]); err != nil {
				return err
			}
			if in.MaxDepth = &depth; down {
				in.Direction = lineage.Downstream
			}
			return draw(ctx, cmd.OutOrStdout(), r, in)
		},
	}
	cmd.Flags().BoolVar(&down, "down", false, "draw what came of it instead")
	cmd.Flags().IntVar(&depth, "depth", 20, "the most hops, 0 to 50")
	return cmd
}

// resolve turns MODEL@VERSION or an id into an id.
func resolve(ctx context.Context, s registryOf, ref string) (registry.ID, error) {
	if model, version, ok := strings.Cut(ref, "@"); ok {
		v, err := s.ModelVersion(ctx, model, version)
		if err != nil {
			return "", err
		}
		if v == nil {
			return "", registry.Errorf(registry.NotFound, "there is no version %q of a model %q; list models with the query models", version, model)
		}
		return v.ID, nil
	}
	return registry.ParseID(ref)
}

// draw prints every page of a lineage as a tree, and what is missing.
func draw(ctx context.Context, w io.Writer, s registryOf, in service.LineageInput) error {
	under := map[registry.ID][]*service.LineageNode{}
	var root *service.LineageNode
	for {
		g, err := s.Lineage(ctx, in)
		if err != nil {
			return err
		}
		for _, n := range g.Nodes {
			if n.TreeParent == nil {
				root = n
			} else {
				under[*n.TreeParent] = append(under[*n.TreeParent], n)
			}
		}
		if !g.PageInfo.HasNextPage {
			drawNode(w, root, under, "", "")
			tellMissing(w, g)
			return nil
		}
		in.After = &g.PageInfo.EndCursor
	}
}

func drawNode(w io.Writer, n *service.LineageNode, under map[registry.ID][]*service.LineageNode, lead, next string) {
	fmt.Fprintf(w, "%s%s\n", lead, describe(n))
	kids := under[n.Node.NodeMeta().ID]
	for i, k := range kids {
		if i == len(kids)-1 {
			drawNode(w, k, under, next+"└── ", next+"    ")
		} else {
			drawNode(w, k, under, next+"├── ", next+"│   ")
		}
	}
}

// describe is one line about a node.
func describe(n *service.LineageNode) string {
	m := n.Node.NodeMeta()
	kind := strings.ToLower(strings.ReplaceAll(string(m.Kind), "_", " "))
	line := kind
	switch x := n.Node.(type) {
	case *registry.ModelVersion:
		line = fmt.Sprintf("%s %s [%s]", x.ModelName, x.Version, x.Stage)
	case *registry.DatasetVersion:
		line = fmt.Sprintf("%s %s %s", kind, x.Name, registry.Shorten(x.Version, 16))
	case *registry.Run:
		line = fmt.Sprintf("%s %s (%s)", kind, x.Name, x.RunKind)
	case *registry.Commit:
		subject, _, _ := strings.Cut(x.Message, "\n")
		line = fmt.Sprintf("%s %s %s", kind, x.Name, subject)
	case *registry.Tag:
		line = fmt.Sprintf("%s %s", kind, x.Name)
	case *registry.Feature:
		line = fmt.Sprintf("%s %s", kind, x.Name)
	case *registry.Deployment:
		state := "ended"
		if x.Live || x.EndedAt.IsZero() {
			state = "live"
		}
		line = fmt.Sprintf("%s %s (%s)", kind, x.Name, state)
	case *registry.Restricted:
		line = "restricted " + kind
	}
	line = strings.TrimRight(strings.ReplaceAll(line, " ()", ""), " ") // Of what its reader may not see.
	if m.Deleted {
		line += " (deleted)"
	}
	if !m.ValidFrom.IsZero() {
		line += "  " + m.ValidFrom.Format("2006-01-02")
	}
	return line
}

func tellMissing(w io.Writer, g *service.LineageGraph) {
	if g.HistoryCut {
		fmt.Fprintln(w, "(older commit history is not shown)")
	}
	if g.Truncation.Truncated {
		var why []string
		for _, r := range g.Truncation.Reasons {
			why = append(why, string(r))
		}
		fmt.Fprintf(w, "(not all is shown: %s)\n", strings.Join(why, ", "))
	}
}
