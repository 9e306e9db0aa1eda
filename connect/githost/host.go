package githost

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"pedigree/registry"
)

// Host is a kind of git host.
type Host string

// The kinds of git hosts.
const (
	GitHub Host = "github"
	GitLab Host = "gitlab"
	Gitea  Host = "gitea"
)

// rules are how a kind of host sends its hooks.
type rules struct {
	// event, delivery and proof are headers: what happened, which delivery it is, and what proves
	// who sent it. Of delivery, the first that is set counts.
	event, proof string
	delivery     []string
	// prefix stands before a signature. A proof that is no signature is the secret itself.
	prefix string
	signed bool
	// news are the events after which there is something to fetch.
	news map[string]bool
}

// rules returns the rules of a kind of host, nil when there is no such kind.
func (h Host) rules() *rules {
	switch h {
	case GitHub:
		return &rules{event: "X-GitHub-Event", delivery: []string{"X-GitHub-Delivery"}, proof: "X-Hub-Signature-256", prefix: "sha256=", signed: true,
			news: map[string]bool{"push": true, "create": true, "delete": true, "release": true}}
	case GitLab:
		return &rules{event: "X-Gitlab-Event", delivery: []string{"Idempotency-Key", "X-Gitlab-Event-UUID"}, proof: "X-Gitlab-Token",
			news: map[string]bool{"Push Hook": true, "Tag Push Hook": true, "Release Hook": true}}
	case Gitea:
		return &rules{event: "X-Gitea-Event", delivery: []string{"X-Gitea-Delivery"}, proof: "X-Gitea-Signature", signed: true,
			news: map[string]bool{"push": true, "create": true, "delete": true, "release": true}}
	}
	return nil
}

// proves reports whether a header and a body come from who knows the secret. It takes the same time
// for every wrong proof.
func (r *rules) proves(header http.Header, body []byte, secret string) bool {
	sent := header.Values(r.proof)
	if len(sent) != 1 || secret == "" {
		return false
	}
	if !r.signed { // Digests are compared, so that the length of the secret does not show.
		a, b := sha256.Sum256([]byte(sent[0])), sha256.Sum256([]byte(secret))
		return subtle.ConstantTimeCompare(a[:], b[:]) == 1
	}
	digits, ok := strings.CutPrefix(sent[0], r.prefix)
	signature, err := hex.DecodeString(digits)
	if !ok || err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hmac.Equal(signature, mac.Sum(nil))
}

// deliveryOf returns the id of a delivery, "" when there is none.
func (r *rules) deliveryOf(header http.Header) string {
	for _, name := range r.delivery {
		if id := header.Get(name); id != "" && len(id) <= 200 {
			return id
		}
	}
	return ""
}

// payload is what is read of a hook: which repository it is about.
type payload struct {
	Repository addresses `json:"repository"`
	Project    addresses `json:"project"`
}

type addresses struct {
	Clone   string `json:"clone_url"`
	HTML    string `json:"html_url"`
	SSH     string `json:"ssh_url"`
	GitHTTP string `json:"git_http_url"`
	Web     string `json:"web_url"`
	GitSSH  string `json:"git_ssh_url"`
}

// isAbout reports whether a hook is about a repository. One that is read on this machine has no
// address that the host knows, unless the configuration names it.
func isAbout(body []byte, r *Repository) (bool, error) {
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return false, registry.Errorf(registry.InvalidArgument, "the body is no JSON of a hook; set the content type of the hook to application/json")
	}
	known := append([]string{r.URL}, r.Web...)
	if r.onThisMachine() && len(r.Web) == 0 {
		return true, nil
	}
	for _, a := range []addresses{p.Repository, p.Project} {
		for _, told := range []string{a.Clone, a.HTML, a.SSH, a.GitHTTP, a.Web, a.GitSSH} {
			for _, k := range known {
				if told != "" && plainAddress(told) == plainAddress(k) {
					return true, nil
				}
			}
		}
	}
	return false, nil
}

// plainAddress returns host and path of a repository's address, as https and ssh agree on them.
func plainAddress(address string) string {
	a, ok := registry.ParseAddress(address)
	if !ok {
		return address
	}
	host, _, _ := strings.Cut(a.Host, ":")
	return strings.ToLower(host) + "/" + strings.TrimSuffix(strings.Trim(a.Path, "/"), ".git")
}
