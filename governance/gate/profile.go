package gate

import (
	"embed"
	"slices"

	"pedigree/registry"
)

//go:embed profiles/*.yaml
var profiles embed.FS

// Profiles lists the names of the profiles: sets of gates to begin with.
func Profiles() []string { return []string{"starter", "guarded", "regulated"} }

// Profile returns the file of a profile, as YAML.
func Profile(name string) ([]byte, error) {
	if !slices.Contains(Profiles(), name) {
		return nil, registry.Errorf(registry.NotFound, "there is no profile %q; take one of %v", registry.Shorten(name, 60), Profiles())
	}
	return profiles.ReadFile("profiles/" + name + ".yaml")
}
