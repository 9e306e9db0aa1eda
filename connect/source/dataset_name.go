package source

import (
	"path"
	"strings"

	"pedigree/openlineage"
	"pedigree/registry"
)

// DatasetName returns the namespace and name of the data at a URI, as OpenLineage names it: the
// scheme with the host, and the path. It holds no credentials. A path is of the namespace file.
func DatasetName(uri string) (namespace, name string) {
	scheme, rest, isURL := strings.Cut(strings.TrimSpace(uri), "://")
	switch {
	case !isURL:
		return split(openlineage.Name{Namespace: "file", Name: path.Clean("/" + strings.TrimPrefix(uri, "file:"))})
	case strings.EqualFold(scheme, "file"):
		return split(openlineage.Name{Namespace: "file", Name: path.Clean("/" + strings.TrimPrefix(rest, "localhost/"))})
	}
	a, ok := registry.ParseAddress(uri)
	if !ok {
		return split(openlineage.Name{Namespace: strings.ToLower(scheme), Name: rest[strings.LastIndex(rest, "@")+1:]})
	}
	host, name := a.Host, a.Path
	if a.Scheme == "abfss" || a.Scheme == "wasbs" { // The container stands before the host.
		if a.User != nil {
			host = a.User.Username() + "@" + host
		}
	}
	if query := registry.PublicQuery(a.Query); query != "" {
		name += "?" + query
	}
	if name == "" {
		name = "/"
	}
	if a.Scheme == "http" || a.Scheme == "https" {
		host = strings.ToLower(host)
	}
	return split(openlineage.Name{Namespace: a.Scheme + "://" + host, Name: name})
}

func split(n openlineage.Name) (namespace, name string) {
	n = openlineage.Normalise(n)
	return n.Namespace, n.Name
}
