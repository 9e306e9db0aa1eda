package mlflow

import (
	"context"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"pedigree/registry"
)

// Source is a registry of MLflow that is imported: a server, a folder or a database.
type Source interface {
	runSource
	// models passes the registered models, with their aliases, to emit.
	models(ctx context.Context, emit func(registeredModel) error) error
	// versions passes the versions of all models to emit.
	versions(ctx context.Context, emit func(modelVersion) error) error
	// Close ends reading.
	Close() error
}

// Close does nothing: a client holds nothing open.
func (c *Client) Close() error { return nil }

// Open opens a source: an http or https URL, a folder such as mlruns, or a file such as mlflow.db.
// artifacts is the folder of the files that a server keeps for its clients, "" when it is unknown.
func Open(from, artifacts string, login Login) (Source, error) {
	if strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://") {
		return NewClient(from, login)
	}
	from = strings.TrimPrefix(strings.TrimPrefix(from, "sqlite:///"), "file://")
	info, err := os.Stat(from)
	switch {
	case err != nil:
		return nil, registry.Errorf(registry.NotFound, "there is nothing at %s; give the URL of a server, a folder mlruns or a file mlflow.db", registry.Shorten(registry.WithoutCredentials(from), 200))
	case info.IsDir():
		return openFolder(from, artifacts)
	}
	return openDatabase(from, artifacts)
}

// localFiles reads the files of models on this machine: below a folder, and nowhere else. What a
// source says of other places is not followed.
type localFiles struct {
	// base is the folder of the source, artifacts that of the files which a server keeps.
	base, artifacts string
}

// read returns the file MLmodel of a folder that a source names by its URI, nil when there is none
// that may be read.
func (l localFiles) read(uri, folder string) ([]byte, error) {
	root, rest := l.base, ""
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return nil, nil
	case u.Scheme == "mlflow-artifacts" && l.artifacts != "":
		root, rest = l.artifacts, strings.TrimPrefix(u.Path, "/")
	case u.Scheme == "file" || u.Scheme == "":
		base, err := filepath.Abs(l.base)
		if err != nil {
			return nil, err
		}
		if rest, err = filepath.Rel(base, filepath.FromSlash(u.Path)); err != nil {
			return nil, nil
		}
	default:
		return nil, nil
	}
	return readBelow(root, path.Join(filepath.ToSlash(rest), folder, modelFileName), maxModelFile)
}

// readBelow reads a file below a folder; nil when there is none, when it leads out of the folder,
// or when it is too long.
func readBelow(dir, name string, limit int64) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil
	}
	defer root.Close()
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil || int64(len(b)) > limit {
		return nil, nil
	}
	return b, nil
}

func noRun(id string) error {
	return registry.Errorf(registry.NotFound, "there is no run %s", registry.Shorten(id, 60))
}
