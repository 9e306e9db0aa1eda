package facts

import (
	"context"
	"net/url"
	"strings"
	"time"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// RepositoryInput identifies a repository by Name, or else by its normalised URL.
type RepositoryInput struct {
	Name          string `json:"name,omitzero"`
	URL           string `json:"url,omitzero"`
	DefaultBranch string `json:"defaultBranch,omitzero"`
}

// key returns the natural key of the repository.
func (r *RepositoryInput) key() string {
	if r.Name != "" {
		return r.Name
	}
	return r.URL
}

func (r *RepositoryInput) check() error {
	r.URL = NormaliseURL(r.URL)
	if err := core.FirstError(core.CheckKey("repository.name", &r.Name), core.CheckLabel("url", r.URL), core.CheckKey("repository.defaultBranch", &r.DefaultBranch)); err != nil {
		return err
	}
	if r.key() == "" {
		return registry.Invalid("repository", "give its name or its url")
	}
	return nil
}

// NormaliseURL returns the https URL of a git origin. The https, ssh and scp forms of the same
// host and path give the same URL, without credentials, the ports 22, 80 and 443, a trailing
// slash and ".git". Text that is no network URL is returned trimmed.
func NormaliseURL(raw string) string {
	text := strings.TrimSpace(raw)
	if user, rest, ok := strings.Cut(text, "@"); ok && !strings.Contains(user, "/") && !strings.Contains(text, "://") {
		if host, path, ok := strings.Cut(rest, ":"); ok { // scp form: git@host:path
			text = "ssh://" + host + "/" + path
		}
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	host := strings.ToLower(u.Hostname())
	if p := u.Port(); p != "" && p != "22" && p != "443" && p != "80" {
		host += ":" + p
	}
	return "https://" + host + "/" + strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
}

// ensureRepository creates a repository or merges the input into the stored one. The
// names of fields that were not taken begin with repository.
func ensureRepository(ctx context.Context, tx *policies.Tx, in RepositoryInput) (registry.ID, core.Written, error) {
	id := registry.RepositoryID(in.key())
	found, err := tx.NodesUnfiltered(ctx, id)
	if err != nil {
		return "", core.Written{}, err
	}
	r := &registry.Repository{Name: in.key(), URL: in.URL, DefaultBranch: in.DefaultBranch, RecordedAt: tx.Now()}
	r.ID = id
	written, err := core.PutFact(ctx, tx, core.ToldFact{Old: found[0], Noun: r, At: tx.Now(), SetTime: func(time.Time) {}})
	for i := range written.NotTaken {
		written.NotTaken[i] = "repository." + written.NotTaken[i]
	}
	return id, written, err
}
