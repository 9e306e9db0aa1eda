package dvc

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"pedigree/registry"
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

// naming gives the data that a repository reads its names in the registry.
type naming struct {
	// repository is the repository's key, under which its own data is named.
	repository string
	// remotes returns the URLs of the DVC remotes of the commit by name.
	remotes func() map[string]string
}

// external returns the name of data outside the repository that a file of the folder dir
// names. For a URL it is scheme://host and the path with its query (s3://bucket and the key).
// An absolute path is in the namespace "file". A relative path, and a DVC remote whose URL is
// not in the repository, mean something in this repository only.
func (n naming) external(dir, p string) datasetName {
	return n.externalUpTo(dir, p, 5)
}

func (n naming) externalUpTo(dir, p string, remotes int) datasetName {
	scheme, rest, isURL := strings.Cut(p, "://")
	switch {
	case !isURL && (path.IsAbs(p) || isDrive(p)):
		return datasetName{"file", p}
	case !isURL:
		return datasetName{n.repository, path.Join(dir, strings.ReplaceAll(p, `\`, "/"))}
	case scheme == "file":
		return datasetName{"file", rest}
	case scheme == "remote":
		name, below, _ := strings.Cut(rest, "/")
		if base := n.remotes()[name]; base != "" && remotes > 0 {
			return n.externalUpTo(".dvc", strings.TrimSuffix(base, "/")+"/"+below, remotes-1)
		}
		return datasetName{n.repository, p}
	}
	a, ok := registry.ParseAddress(p)
	if !ok {
		return datasetName{"file", scheme + "://" + rest[strings.LastIndex(rest, "@")+1:]}
	}
	name := a.Path
	if query := registry.PublicQuery(a.Query); query != "" {
		name += "?" + query
	}
	if name == "" {
		name = "/"
	}
	host := a.Host
	switch a.Scheme {
	case "http", "https", "ssh", "sftp", "ftp", "hdfs", "webhdfs", "webdav", "webdavs": // Other schemes have ids there, and ids have a case.
		host = strings.ToLower(host)
	}
	return datasetName{a.Scheme + "://" + host, name}
}

// inRepository returns the name of a file in another repository, or in this one when the
// origin is ".".
func (n naming) inRepository(origin, name string) datasetName {
	name = strings.TrimPrefix(path.Clean(name), "/")
	if u := facts.NormaliseURL(origin); strings.HasPrefix(u, "https://") {
		return datasetName{u, name}
	}
	if !strings.Contains(origin, "://") && !path.IsAbs(origin) && !isDrive(origin) && strings.Contains(origin, "@") {
		origin = origin[strings.LastIndex(origin, "@")+1:]
	}
	return n.external(".", strings.TrimSuffix(origin, "/")+"/"+name)
}

// inDatabase returns the name of a table or query of a database. The connection is a name of
// this repository's settings.
func (n naming) inDatabase(d *database) datasetName {
	what := strings.Join(strings.Fields(cmp.Or(d.Table, d.Query)), " ")
	return datasetName{n.repository, shorten("db://"+cmp.Or(d.Connection, "default")+"/"+what, 1000)}
}

// named returns the version of a dataset that a stage reads as ds://NAME.
func (n naming) named(d lockDataset) datasetVersion {
	v := datasetVersion{version: cmp.Or(d.RevLock, d.Rev)}
	if d.Version != nil {
		v.version = fmt.Sprint(d.Version)
	}
	scheme, rest, _ := strings.Cut(d.URL, "://")
	switch {
	case d.Type == "dvc":
		v.datasetName = n.inRepository(d.URL, d.Path)
	case scheme == "dc":
		v.datasetName = datasetName{"dc", cmp.Or(strings.Trim(rest, "/"), d.Name)}
	case d.URL == "":
		v.datasetName = datasetName{"dvc-dataset", d.Name}
	default:
		v.datasetName = n.external(".", d.URL)
		v.digest = folderDigest("md5", d.Files)
		v.version = cmp.Or(v.version, d.Meta.version())
	}
	return v
}

// contains reports whether a path is the folder itself or inside it.
func contains(folder, p string) bool {
	return folder == p || folder == "." || strings.HasPrefix(p, folder+"/")
}

// splitForeach splits the name of a stage that foreach or matrix generates: report@de is
// the stage report with the key de. A key may hold another @.
func splitForeach(stage string, stages map[string]pipelineStage) (name, key string) {
	for i, c := range stage {
		if _, ok := stages[stage[:i]]; c == '@' && ok {
			return stage[:i], stage[i+1:]
		}
	}
	return stage, ""
}
