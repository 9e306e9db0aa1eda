package facts

import (
	"context"
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
	if registry.WithoutCredentials(r.Name) != r.Name {
		return registry.Invalid("repository.name", "must not hold a user or a password")
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
	a, ok := registry.ParseAddress(raw)
	if !ok {
		return registry.WithoutCredentials(strings.TrimSpace(raw))
	}
	host := strings.ToLower(a.Host)
	for _, port := range []string{":22", ":443", ":80", ":"} {
		host = strings.TrimSuffix(host, port)
	}
	return "https://" + host + "/" + strings.TrimSuffix(strings.Trim(a.Path, "/"), ".git")
}

// ensureRepository creates a repository that begins at since, or merges the input into the
// stored one; when since is zero, it creates none. The names of fields that were not taken
// begin with repository.
func ensureRepository(ctx context.Context, tx *policies.Tx, in RepositoryInput, since time.Time) (core.Written, error) {
	id := registry.RepositoryID(in.key())
	found, err := tx.NodesUnfiltered(ctx, id)
	if err != nil || found[0] == nil && since.IsZero() {
		return core.Written{}, err
	}
	r := &registry.Repository{Name: in.key(), URL: in.URL, DefaultBranch: in.DefaultBranch, RecordedAt: tx.Now()}
	r.ID = id
	written, err := core.PutFact(ctx, tx, core.ToldFact{Old: found[0], Noun: r, At: since, SetTime: func(time.Time) {}})
	for i := range written.NotTaken {
		written.NotTaken[i] = "repository." + written.NotTaken[i]
	}
	return written, err
}
