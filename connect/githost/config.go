package githost

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"pedigree/connect/git"
	"pedigree/registry"
)

// Config says which repositories are kept current, and how.
type Config struct {
	// Token is an API token of the registry: its subject writes what is imported, as far as its
	// roles permit.
	Token string
	// Interval is how often every repository is looked at without a hook.
	Interval     time.Duration
	Repositories []Repository
}

// Repository is one repository. Nothing but these is ever fetched.
type Repository struct {
	// Name is the last part of the path of its hook.
	Name string
	// Host is the kind of its git host, "" for a repository without a hook.
	Host Host
	// URL is an https URL, or the path of a repository on this machine.
	URL string
	// Web are other URLs of the repository, which its host may write into hooks.
	Web []string
	// Secret verifies its hooks.
	Secret string
	// User, Password and CA are for fetching.
	User, Password string
	CA             []byte
	// MaxBytes limits its clone.
	MaxBytes int64
	// OnlyGit imports commits and tags, and nothing of DVC.
	OnlyGit bool
	// Key, Models, Artifacts and ModelPrefix are the options of an import.
	Key               string
	Models, Artifacts []string
	ModelPrefix       string
}

// The form of the file. Secrets stand in it by the names of variables and files.
type (
	configFile struct {
		secretOf     `yaml:",inline"`
		Interval     string           `yaml:"interval"`
		Repositories []repositoryFile `yaml:"repositories"`
	}
	secretOf struct {
		TokenEnv  string `yaml:"token-env"`
		TokenFile string `yaml:"token-file"`
	}
	repositoryFile struct {
		Name         string   `yaml:"name"`
		Host         string   `yaml:"host"`
		URL          string   `yaml:"url"`
		Web          []string `yaml:"web"`
		SecretEnv    string   `yaml:"secret-env"`
		SecretFile   string   `yaml:"secret-file"`
		User         string   `yaml:"user"`
		PasswordEnv  string   `yaml:"password-env"`
		PasswordFile string   `yaml:"password-file"`
		CAFile       string   `yaml:"ca-file"`
		MaxBytes     int64    `yaml:"max-bytes"`
		Only         string   `yaml:"only"`
		Key          string   `yaml:"repo"`
		Models       []string `yaml:"model"`
		Artifacts    []string `yaml:"artifact"`
		ModelPrefix  string   `yaml:"model-prefix"`
	}
)

// The limits of the file.
const (
	defaultInterval = time.Hour
	minInterval     = 10 * time.Second
	minSecret       = 16
	maxRepositories = 1000
)

var plainName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// ReadConfig reads a configuration file, and the secrets that it names. Paths in it are relative to
// its folder. An error holds no secret.
func ReadConfig(file string, env func(string) string) (*Config, error) {
	body, err := os.ReadFile(file)
	if err != nil {
		return nil, registry.Errorf(registry.InvalidArgument, "the file of git hooks cannot be read: %s", registry.Shorten(file, 200))
	}
	var f configFile
	decoder := yaml.NewDecoder(bytes.NewReader(body))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, registry.Errorf(registry.InvalidArgument, "the file of git hooks: %s", registry.Shorten(strings.Join(strings.Fields(err.Error()), " "), 300))
	}
	read := secretReader{dir: filepath.Dir(file), env: env}
	c := &Config{Token: read.secret("token", f.TokenEnv, f.TokenFile), Interval: defaultInterval}
	if f.Interval != "" {
		if c.Interval, err = time.ParseDuration(f.Interval); err != nil || c.Interval < minInterval {
			return nil, registry.Invalid("interval", "must be a time such as 15m, and at least %s", minInterval)
		}
	}
	switch {
	case read.err != nil:
		return nil, read.err
	case c.Token == "":
		return nil, registry.Invalid("token-env", "name the variable or file of an API token of the registry: its roles decide what an import may record")
	case len(f.Repositories) == 0 || len(f.Repositories) > maxRepositories:
		return nil, registry.Invalid("repositories", "must list 1 to %d repositories", maxRepositories)
	}
	taken := map[string]bool{}
	for i, r := range f.Repositories {
		one, err := r.read(&read)
		if err == nil && taken[one.Name] {
			err = registry.Invalid("name", "is given twice")
		}
		if err != nil {
			return nil, fmt.Errorf("repositories[%d]: %w", i, err)
		}
		taken[one.Name] = true
		c.Repositories = append(c.Repositories, one)
	}
	return c, nil
}

func (f *repositoryFile) read(read *secretReader) (Repository, error) {
	r := Repository{Name: f.Name, Host: Host(f.Host), URL: f.URL, Web: f.Web, User: f.User, MaxBytes: f.MaxBytes, OnlyGit: f.Only == "git",
		Key: f.Key, Models: f.Models, Artifacts: f.Artifacts, ModelPrefix: f.ModelPrefix}
	r.Secret = read.secret("secret", f.SecretEnv, f.SecretFile)
	r.Password = read.secret("password", f.PasswordEnv, f.PasswordFile)
	if f.CAFile != "" {
		r.CA = []byte(read.secret("ca", "", f.CAFile))
	}
	switch {
	case read.err != nil:
		return r, read.err
	case !plainName.MatchString(r.Name):
		return r, registry.Invalid("name", "must be 1 to 63 small letters, digits, dots, dashes and underscores")
	case r.Host != "" && r.Host.rules() == nil:
		return r, registry.Invalid("host", "%q is not github, gitlab or gitea", registry.Shorten(f.Host, 60))
	case r.Host != "" && len(r.Secret) < minSecret:
		return r, registry.Invalid("secret-env", "name the variable or file of a secret of at least %d characters, which verifies its hooks", minSecret)
	case f.Only != "" && f.Only != "git":
		return r, registry.Invalid("only", "%q is not git", registry.Shorten(f.Only, 60))
	case r.MaxBytes < 0:
		return r, registry.Invalid("max-bytes", "must not be less than 0")
	case r.URL == "":
		return r, registry.Invalid("url", "must be an https:// URL, or the path of a repository on this machine")
	case registry.WithoutCredentials(r.URL) != r.URL:
		return r, registry.Invalid("url", "must not hold a password; name its variable with password-env")
	}
	if r.onThisMachine() {
		r.URL = read.path(strings.TrimPrefix(r.URL, "file://"))
		return r, nil
	}
	return r, git.CheckURL(r.URL)
}

// onThisMachine reports whether the repository is read where it lies.
func (r *Repository) onThisMachine() bool {
	return !strings.Contains(r.URL, "://") || strings.HasPrefix(r.URL, "file://")
}

// secretReader reads secrets, and keeps its first error.
type secretReader struct {
	dir string
	env func(string) string
	err error
}

func (s *secretReader) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(s.dir, p)
}

// secret returns what a variable or a file holds, "" when neither is named.
func (s *secretReader) secret(what, variable, file string) string {
	switch {
	case s.err != nil || variable == "" && file == "":
		return ""
	case variable != "" && file != "":
		s.err = registry.Invalid(what, "name %s-env or %s-file, not both", what, what)
		return ""
	case variable != "":
		if v := s.env(variable); v != "" {
			return v
		}
		s.err = registry.Invalid(what+"-env", "the variable %s is empty", registry.Shorten(variable, 60))
		return ""
	}
	body, err := os.ReadFile(s.path(file))
	if text := strings.TrimSpace(string(body)); err == nil && text != "" {
		return text
	}
	s.err = registry.Invalid(what+"-file", "the file %s cannot be read, or is empty", registry.Shorten(cmp.Or(file, "?"), 200))
	return ""
}
