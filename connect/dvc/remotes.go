package dvc

import (
	"regexp"
	"strings"
)

// remoteSection matches ['remote "storage"'], the head of a remote in DVC's settings.
var remoteSection = regexp.MustCompile(`^\[\s*['"]?remote\s+"?([^"'\]]+?)"?\s*['"]?\s*\]$`)

// parseRemotes returns the URLs of the remotes in .dvc/config by name. The rest of the file
// is not looked at.
func parseRemotes(raw []byte) (*map[string]string, []string, error) {
	out, remote := map[string]string{}, ""
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			remote = ""
			if m := remoteSection.FindStringSubmatch(line); m != nil {
				remote = m[1]
			}
			continue
		}
		if key, value, ok := strings.Cut(line, "="); ok && remote != "" && strings.TrimSpace(key) == "url" {
			out[remote] = strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return &out, nil, nil
}
