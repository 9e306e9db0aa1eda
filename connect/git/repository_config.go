package git

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/util"
	"github.com/go-git/go-git/v5/config"
	format "github.com/go-git/go-git/v5/plumbing/format/config"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"pedigree/registry"
)

// plainStorage is the storage of a repository without its settings. go-git checks settings
// of branches and remotes that reading commits does not need, and git takes what it refuses.
type plainStorage struct{ *filesystem.Storage }

// Config returns the settings of a new repository.
func (plainStorage) Config() (*config.Config, error) { return config.NewConfig(), nil }

// repositoryConfig holds what an import needs of .git/config.
type repositoryConfig struct {
	// origin is the URL of the origin, with the rules of url.*.insteadOf applied.
	origin string
}

// oldSection matches [branch.main], an older form of [branch "main"].
var oldSection = regexp.MustCompile(`(?m)^(\s*)\[([A-Za-z0-9-]+)\.([^\]"\n]+)\]`)

// configLine matches the line number in an error of the parser. The rest of the error may
// repeat a line, and lines hold passwords.
var configLine = regexp.MustCompile(`^(\d+):`)

// readConfig reads .git/config. It refuses a file that git could not read either, and formats of
// storage that this importer does not know.
func readConfig(dir billy.Filesystem) (repositoryConfig, error) {
	raw, err := util.ReadFile(dir, "config")
	if errors.Is(err, fs.ErrNotExist) {
		return repositoryConfig{}, nil
	}
	if err != nil {
		return repositoryConfig{}, err
	}
	c := format.New()
	text := oldSection.ReplaceAllString(string(raw), `$1[$2 "$3"]`)
	if err := format.NewDecoder(strings.NewReader(text)).Decode(c); err != nil {
		where := ""
		if m := configLine.FindStringSubmatch(err.Error()); m != nil {
			where = " in line " + m[1]
		}
		return repositoryConfig{}, registry.Errorf(registry.FailedPrecondition, "the repository's file .git/config cannot be read%s; check it with git config --list", where)
	}
	if err := checkFormat(c); err != nil {
		return repositoryConfig{}, err
	}
	return repositoryConfig{origin: originOf(c)}, nil
}

// harmlessExtensions change nothing for a reader of commits and files.
var harmlessExtensions = map[string]bool{"noop": true, "noop-v1": true, "partialclone": true, "preciousobjects": true, "worktreeconfig": true,
	"compatobjectformat": true, "relativeworktrees": true, "submodulepathconfig": true}

// checkFormat refuses a repository whose objects or references are stored in a way that
// this importer does not read. In format 0, git ignores extensions that it does not know.
func checkFormat(c *format.Config) error {
	version := c.Section("core").Option("repositoryformatversion")
	if version != "" && version != "0" && version != "1" {
		return registry.Errorf(registry.FailedPrecondition, "the repository has the format %s, which this importer does not read yet", registry.Shorten(version, 20))
	}
	for _, o := range c.Section("extensions").Options {
		switch key, value := strings.ToLower(o.Key), strings.ToLower(o.Value); {
		case key == "objectformat" && value != "sha1":
			return registry.Errorf(registry.FailedPrecondition, "the repository names its objects by SHA-256, which this importer does not read yet; record its commits with the mutation recordCommits, which takes 64-digit names")
		case key == "refstorage" && value != "files":
			return registry.Errorf(registry.FailedPrecondition, "the repository keeps its references as a reftable, which this importer does not read yet; make a copy with git clone --ref-format=files and import that")
		case key != "objectformat" && key != "refstorage" && !harmlessExtensions[key] && version == "1":
			return registry.Errorf(registry.FailedPrecondition, "the repository uses the extension %s, which this importer does not know", registry.Shorten(o.Key, 60))
		}
	}
	return nil
}

// originOf returns the first URL of the origin. The longest prefix of url.*.insteadOf that
// it begins with is replaced, as git does.
func originOf(c *format.Config) string {
	origins := c.Section("remote").Subsection("origin").OptionAll("url")
	if len(origins) == 0 {
		return ""
	}
	origin, longest, base := origins[0], "", ""
	for _, rule := range c.Section("url").Subsections {
		for _, prefix := range rule.OptionAll("insteadOf") {
			if strings.HasPrefix(origin, prefix) && len(prefix) > len(longest) {
				longest, base = prefix, rule.Name
			}
		}
	}
	if longest == "" {
		return origin
	}
	return base + strings.TrimPrefix(origin, longest)
}
