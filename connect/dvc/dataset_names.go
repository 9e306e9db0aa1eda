package dvc

import (
	"net/url"
	"path"
	"regexp"
	"strings"

	"pedigree/service/facts"
)

// datasetName identifies a dataset by namespace and name, as OpenLineage does.
type datasetName struct{ namespace, name string }

// resolveInRepository resolves a path in a file of the folder dir, relative to wdir, to a
// path in the repository. It returns false for a URL and for a path outside the repository.
func resolveInRepository(dir, wdir, p string) (string, bool) {
	if strings.Contains(p, "://") || path.IsAbs(p) || isDrive(p) {
		return p, false
	}
	joined := path.Join(dir, wdir, strings.ReplaceAll(p, `\`, "/"))
	return joined, joined != ".." && !strings.HasPrefix(joined, "../")
}

// isDrive reports whether a path starts with a Windows drive letter.
func isDrive(p string) bool {
	return len(p) > 2 && p[1] == ':' && (p[2] == '\\' || p[2] == '/')
}

// externalDataset returns the name of a dataset outside the repository. For a URL it is
// scheme://host and the path (s3://bucket and the key), for others "file" and the path.
func externalDataset(p string) datasetName {
	u, err := url.Parse(p)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return datasetName{"file", p}
	}
	name := strings.TrimPrefix(u.Path, "/")
	if name == "" {
		name = "/"
	}
	return datasetName{strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Host), name}
}

// datasetInRepository returns the name of a file in another repository.
func datasetInRepository(origin, name string) datasetName {
	return datasetName{facts.NormaliseURL(origin), strings.TrimPrefix(path.Clean(name), "/")}
}

// contains reports whether a path is the folder itself or inside it.
func contains(folder, p string) bool {
	return folder == p || folder == "." || strings.HasPrefix(p, folder+"/")
}

var template = regexp.MustCompile(`\$\{[^}]*\}`)

// matchesTemplate reports whether a path is equal to a pattern. A ${...} template in the
// pattern matches any text.
func matchesTemplate(pattern, p string) bool {
	if !strings.Contains(pattern, "${") {
		return pattern == p
	}
	var b strings.Builder
	start := 0
	b.WriteString("^")
	for _, m := range template.FindAllStringIndex(pattern, -1) {
		b.WriteString(regexp.QuoteMeta(pattern[start:m[0]]) + ".*")
		start = m[1]
	}
	b.WriteString(regexp.QuoteMeta(pattern[start:]) + "$")
	re, err := regexp.Compile(b.String())
	return err == nil && re.MatchString(p)
}

// splitForeach splits the name of a stage that foreach or matrix generates: report@de is
// the stage report with the key de.
func splitForeach(stage string) (name, key string) {
	if i := strings.LastIndex(stage, "@"); i > 0 {
		return stage[:i], stage[i+1:]
	}
	return stage, ""
}
