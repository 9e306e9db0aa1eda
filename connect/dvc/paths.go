package dvc

import (
	"net/url"
	"path"
	"regexp"
	"strings"

	"pedigree/service/facts"
)

// datasetName is a dataset: where it is, and its name there, as OpenLineage names them.
type datasetName struct{ namespace, name string }

// resolveInRepository resolves a path of a file in dir, under wdir, to a path of the
// repository; false when it is a URL or lies outside.
func resolveInRepository(dir, wdir, p string) (string, bool) {
	if strings.Contains(p, "://") || path.IsAbs(p) || isDrive(p) {
		return p, false
	}
	joined := path.Join(dir, wdir, strings.ReplaceAll(p, `\`, "/"))
	return joined, joined != ".." && !strings.HasPrefix(joined, "../")
}

// isDrive reports whether a path starts with a drive letter of Windows.
func isDrive(p string) bool {
	return len(p) > 2 && p[1] == ':' && (p[2] == '\\' || p[2] == '/')
}

// externalDataset names a dataset by its URL or path: s3://bucket and the key, file and
// the absolute path.
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

// datasetInRepository names a file of another repository.
func datasetInRepository(origin, name string) datasetName {
	return datasetName{facts.NormaliseURL(origin), strings.TrimPrefix(path.Clean(name), "/")}
}

// contains reports whether a path is a folder's own or lies in it.
func contains(folder, p string) bool {
	return folder == p || folder == "." || strings.HasPrefix(p, folder+"/")
}

var template = regexp.MustCompile(`\$\{[^}]*\}`)

// matchesTemplate reports whether a path could come of a path that may be a template.
func matchesTemplate(pattern, p string) bool {
	if !strings.Contains(pattern, "${") {
		return pattern == p
	}
	var b strings.Builder
	at := 0
	b.WriteString("^")
	for _, m := range template.FindAllStringIndex(pattern, -1) {
		b.WriteString(regexp.QuoteMeta(pattern[at:m[0]]) + ".*")
		at = m[1]
	}
	b.WriteString(regexp.QuoteMeta(pattern[at:]) + "$")
	re, err := regexp.Compile(b.String())
	return err == nil && re.MatchString(p)
}

// splitForeach is the name of a stage in dvc.yaml, and the key of the one of its foreach
// or matrix that ran: report@de is the stage report for de.
func splitForeach(stage string) (name, key string) {
	if i := strings.LastIndex(stage, "@"); i > 0 {
		return stage[:i], stage[i+1:]
	}
	return stage, ""
}
