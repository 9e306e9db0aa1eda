package access

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/access"
)

// shownBy returns the canaries and the ids of an answer that are not in its query, each once.
func shownBy(query string, a *answer) []string {
	b := string(namedInstants.ReplaceAll(a.readable(), nil))
	out := append(canaryPattern.FindAllString(b, -1), idPattern.FindAllString(b, -1)...)
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(token string) bool { return strings.Contains(query, token) })
}

// TestATagScopeShowsWhatAModelScopeShows grants one subject the model beta and another the models
// with a tag that only beta has. Over paths to every type of the schema they see the same.
func TestATagScopeShowsWhatAModelScopeShows(t *testing.T) {
	s := open(t, "")
	var tags []registry.KeyValue
	for _, n := range s.seed.nodes {
		var m registry.Model
		if n.ID == s.seed.id["beta"] && json.Unmarshal(n.Doc, &m) == nil {
			tags = m.Tags
		}
	}
	if len(tags) == 0 {
		t.Fatal("beta has no tag")
	}
	as := service.As(t.Context(), registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: admin, Scope: registry.ScopeAll}}}, "r")
	token := map[string]string{"model": s.seed.tokens[scopedScientist]}
	for label, scope := range map[string]registry.GrantScope{"tag": {Tag: tags[0]}, "other tag": {Tag: registry.KeyValue{Key: tags[0].Key, Value: "other"}}} {
		text, err := s.service.CreateToken(as, access.CreateTokenInput{Subject: label, Role: dataScientist, Scope: scope.String()})
		if err != nil {
			t.Fatal(err)
		}
		token[label] = text
	}
	ask := func(label, query string) *answer {
		body, err := json.Marshal(map[string]any{"query": query})
		if err != nil {
			t.Fatal(err)
		}
		r := s.request("", string(body))
		r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + token[label]}}
		return s.send(r)
	}
	finder := pathFinder{loadSchema(t), s.seed}
	asked, told, empty := 0, 0, 0
	paths := finder.find()
	for _, name := range sortedKeys(paths) {
		for _, path := range paths[name][:min(3, len(paths[name]))] {
			// The viewer tells the scope, tokens and webhooks are the own ones, the tree of the log is one; hits are in another order when ids differ.
			if slices.ContainsFunc([]string{"viewer", "apiTokens", "webhook", "auditCheckpoint", "auditConsistency", "auditProof", "search"}, func(own string) bool { return strings.HasPrefix(path[0].call, own) }) {
				continue
			}
			query := path.query("__typename " + finder.scalars(name))
			want, got := shownBy(query, ask("model", query)), shownBy(query, ask("tag", query))
			if !slices.Equal(want, got) {
				t.Errorf("%s: the model scope shows %v, the tag scope %v", query, want, got)
			}
			if asked++; len(want) > 0 {
				told++
				if len(shownBy(query, ask("other tag", query))) < len(want) {
					empty++
				}
			}
		}
	}
	t.Logf("PROOF %d queries show the same under a scope of one model and of its tag, %d of them something; %d show less under another tag", asked, told, empty)
	if told < 20 || empty < told {
		t.Error("too little was seen to compare")
	}
}
