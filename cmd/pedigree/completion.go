package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/governance"
)

// completionTime is how long a completion may take. A shell waits for it.
const completionTime = time.Second

// completionPage is how many names a completion offers at most.
const completionPage = core.MaxPage

// completer lists words that begin with a text, and perhaps others, from an open registry.
type completer func(r *connection, prefix string) ([]string, error)

// argCompleter is a completer that knows the arguments before it.
type argCompleter func(r *connection, before []string, prefix string) ([]string, error)

// completeArgs completes each argument of a command from the registry of its settings. A failure
// is silent: whoever presses the tab key has not run anything yet.
func completeArgs(s *settings, each ...argCompleter) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= len(each) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		found := make(chan []string, 1)
		go func() {
			found <- completions(ctx, cmd, s, func(r *connection) ([]string, error) { return each[len(args)](r, args, prefix) })
		}()
		select {
		case words := <-found:
			return withPrefix(words, prefix), cobra.ShellCompDirectiveNoFileComp
		case <-ctx.Done(): // A store that opens slowly does not know the context.
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
}

// completions asks the registry, and returns nothing when that fails.
func completions(ctx context.Context, cmd *cobra.Command, s *settings, list func(*connection) ([]string, error)) []string {
	if s.load(cmd) != nil { // The hook of the root did this for the command __complete.
		return nil
	}
	cmd.SetContext(ctx)
	r, err := connect(cmd, s, existingStore)
	if err != nil {
		return nil
	}
	defer r.close()
	words, err := list(r)
	if err != nil {
		return nil
	}
	return words
}

func withPrefix(words []string, prefix string) (out []string) {
	for _, w := range words {
		if strings.HasPrefix(w, prefix) && !strings.ContainsAny(w, "\n\t") {
			out = append(out, w)
		}
	}
	return out
}

// completeFlag completes the value of a flag with words that need no registry.
func completeFlag(cmd *cobra.Command, flag string, list completer) {
	cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		words, _ := list(nil, prefix)
		return withPrefix(words, prefix), cobra.ShellCompDirectiveNoFileComp
	})
}

// stageNames lists the stages.
func stageNames(_ *connection, prefix string) (out []string, _ error) {
	for _, st := range registry.Stages() {
		name := string(st)
		if prefix == "" || strings.ToLower(prefix) == prefix {
			name = strings.ToLower(name)
		}
		out = append(out, name)
	}
	return out, nil
}

// modelNames lists the models whose name begins with a text.
func modelNames(r *connection, _ []string, prefix string) ([]string, error) {
	size := completionPage
	page, err := r.Models(r.ctx, core.Paging{First: &size}, &catalog.ModelFilter{NamePrefix: prefix}, nil)
	if err != nil {
		return nil, err
	}
	return nodesOf(page.Edges, func(e *catalog.ModelEdge) string { return e.Node.Name }), nil
}

// versionRefs lists models, and behind an @ the versions and aliases of the model before it.
func versionRefs(r *connection, before []string, prefix string) ([]string, error) {
	model, _, named := strings.Cut(prefix, "@")
	if !named {
		return modelNames(r, before, prefix)
	}
	m, err := r.Model(r.ctx, model)
	if err != nil || m == nil {
		return nil, err
	}
	size := completionPage
	page, err := r.VersionsOf(r.ctx, m, core.Paging{First: &size}, nil, nil)
	if err != nil {
		return nil, err
	}
	out := nodesOf(page.Edges, func(e *catalog.ModelVersionEdge) string { return model + "@" + e.Node.Version })
	aliases, err := r.AliasesOf(r.ctx, m)
	if err != nil { // There may be too many of them.
		return out, nil
	}
	return append(out, nodesOf(aliases, func(a *registry.Alias) string { return model + "@" + a.Name })...), nil
}

// aliasNames lists the aliases of the model that the argument before names.
func aliasNames(r *connection, before []string, _ string) ([]string, error) {
	model, _, _ := strings.Cut(before[0], "@")
	m, err := r.Model(r.ctx, model)
	if err != nil || m == nil {
		return nil, err
	}
	aliases, err := r.AliasesOf(r.ctx, m)
	if err != nil {
		return nil, err
	}
	return nodesOf(aliases, func(a *registry.Alias) string { return a.Name }), nil
}

// liveDeployments lists the ids of the deployments that stand.
func liveDeployments(r *connection, _ []string, _ string) ([]string, error) {
	size, live := completionPage, true
	page, err := r.Deployments(r.ctx, core.Paging{First: &size}, &facts.DeploymentFilter{Live: &live}, nil)
	if err != nil {
		return nil, err
	}
	return nodesOf(page.Edges, func(e *facts.DeploymentEdge) string { return string(e.Node.ID) }), nil
}

// pendingRequests lists the ids of the requests that wait for approvals.
func pendingRequests(r *connection, _ []string, _ string) ([]string, error) {
	size, pending := completionPage, registry.RequestPending
	page, err := r.TransitionRequests(r.ctx, core.Paging{First: &size}, &governance.RequestFilter{Status: &pending})
	if err != nil {
		return nil, err
	}
	return nodesOf(page.Edges, func(e *governance.RequestEdge) string { return string(e.Node.ID) }), nil
}
