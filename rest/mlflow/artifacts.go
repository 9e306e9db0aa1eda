package mlflow

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"pedigree/registry"
	"pedigree/rest/stream"
)

// The paths of MLflow's artifact server: files by their paths, and the list of a folder.
const (
	artifactPrefix = "/api/2.0/mlflow-artifacts/"
	artifactRoot   = artifactPrefix + "artifacts"
	// ajaxPrefix begins the twin of each path, which MLflow's own pages use.
	ajaxPrefix = "/ajax-api/2.0/mlflow-artifacts/"
	// versionFolder begins the paths of the files of versions: the id of the version follows. All
	// other paths are those of staged files.
	versionFolder = "versions/"
	// fileTime is the time limit of a whole file.
	fileTime = 12 * time.Hour
	// defaultFile is the size limit of a file in bytes.
	defaultFile = 10 << 30
)

// FileBytes sets the size limit of a file in bytes; 0 keeps the default.
func FileBytes(n int64) Option {
	return func(d *Handler) {
		if n > 0 {
			d.fileBytes = n
		}
	}
}

// Origin sets what tells the origin of the server as a client sees it. The files of a version are
// then downloaded from this server.
func Origin(of func(*http.Request) string) Option { return func(d *Handler) { d.origin = of } }

// artifactRoutes are the routes of the artifact server. The operation is the root field that needs
// the same action.
func artifactRoutes() (out []Route) {
	for _, root := range []string{artifactRoot, ajaxPrefix + "artifacts"} {
		out = append(out, Route{http.MethodGet, root, "artifact"}, Route{http.MethodGet, root + "/{path...}", "artifact"},
			Route{http.MethodPut, root + "/{path...}", "deleteArtifact"}, Route{http.MethodDelete, root + "/{path...}", "deleteArtifact"})
	}
	return out
}

// isArtifact reports whether a path is below the prefix of the artifact server, or of its twin.
func isArtifact(path string) bool {
	return strings.HasPrefix(path, artifactPrefix) || strings.HasPrefix(path, ajaxPrefix)
}

// artifactPattern returns the route of an escaped path, "" when there is none.
func artifactPattern(escaped string) string {
	root := artifactRoot
	if strings.HasPrefix(escaped, ajaxPrefix) {
		root = ajaxPrefix + "artifacts"
	}
	switch {
	case escaped == root:
		return root
	case strings.HasPrefix(escaped, root+"/"):
		return root + "/{path...}"
	}
	return ""
}

// fileRoute handles a request about a path.
type fileRoute func(context.Context, http.ResponseWriter, *http.Request, artifactPath) error

// serveArtifact handles a request below artifactPrefix.
func (d *Handler) serveArtifact(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	pattern := artifactPattern(r.URL.EscapedPath())
	root, _, below := strings.Cut(pattern, "/{path...}")
	serve := map[string]fileRoute{http.MethodGet: d.getFile, http.MethodPut: d.putFile, http.MethodDelete: d.deleteFile}[method]
	if !below {
		serve = map[string]fileRoute{http.MethodGet: d.listFiles}[method]
	}
	switch {
	case pattern == "":
		d.write(w, r, errorBody{status: http.StatusNotFound, Code: "ENDPOINT_NOT_FOUND", Message: "there is no such endpoint here; docs/mlflow.md lists those there are"})
		return
	case serve == nil:
		w.Header().Set("Allow", "DELETE, GET, HEAD, PUT")
		d.write(w, r, errorBody{status: http.StatusMethodNotAllowed, Code: "BAD_REQUEST", Message: "this endpoint takes DELETE, GET, HEAD, PUT"})
		return
	}
	ctx, cancel := context.WithTimeout(d.service.WithLoaders(r.Context()), fileTime)
	defer cancel()
	path, err := filePath(strings.TrimPrefix(strings.TrimPrefix(r.URL.EscapedPath(), root), "/"))
	if !below {
		path, err = artifactPath{text: strings.Trim(r.URL.Query().Get("path"), "/")}.split(), nil
	}
	if err == nil {
		err = serve(ctx, w, r, path)
	}
	if err != nil {
		d.writeError(w, r, err)
	}
}

// artifactPath is a path of the artifact server: below a version, or of a staged file.
type artifactPath struct {
	text    string
	version registry.ID
}

// filePath unescapes the names of a path once. An escaped slash is no slash between names.
func filePath(escaped string) (artifactPath, error) {
	names := strings.Split(escaped, "/")
	for i, name := range names {
		text, err := url.PathUnescape(name)
		if err != nil || strings.Contains(text, "/") {
			return artifactPath{}, registry.Invalid("path", "must be names with a slash between them, each escaped by itself")
		}
		names[i] = text
	}
	return artifactPath{text: strings.Join(names, "/")}.split(), nil
}

// split takes the version out of a path that begins with one.
func (p artifactPath) split() artifactPath {
	rest, ok := strings.CutPrefix(p.text, versionFolder)
	if !ok {
		return p
	}
	id, path, _ := strings.Cut(rest, "/")
	return artifactPath{path, registry.ID(id)}
}

// listedFile is an entry of a folder on the wire.
type listedFile struct {
	Path     string `json:"path"`
	IsDir    bool   `json:"is_dir"`
	FileSize int64  `json:"file_size"`
}

func (d *Handler) listFiles(ctx context.Context, w http.ResponseWriter, r *http.Request, p artifactPath) error {
	found, err := d.service.ListFiles(ctx, p.version, p.text)
	if err != nil {
		return err
	}
	out := struct {
		Files []listedFile `json:"files"`
	}{[]listedFile{}}
	for _, f := range found {
		out.Files = append(out.Files, listedFile{f.Path, f.Folder, f.Size})
	}
	d.answer(w, r, http.StatusOK, out)
	return nil
}

func (d *Handler) getFile(ctx context.Context, w http.ResponseWriter, r *http.Request, p artifactPath) error {
	f, err := d.service.OpenPath(ctx, p.version, p.text)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := stream.SendFile(&stream.Writer{ResponseWriter: w, Control: http.NewResponseController(w)}, r, f); err != nil {
		d.log.ErrorContext(ctx, "a download broke off", "request", d.requestID(ctx), "cause", err)
		panic(http.ErrAbortHandler) // So that the reader sees that the file is not whole.
	}
	return nil
}

func (d *Handler) putFile(ctx context.Context, w http.ResponseWriter, r *http.Request, p artifactPath) error {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return registry.Errorf(registry.InvalidArgument, "send the body without Content-Encoding")
	}
	if r.ContentLength > d.fileBytes {
		return &http.MaxBytesError{Limit: d.fileBytes}
	}
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Now().Add(fileTime)) // Fails only without a connection, as in tests.
	defer func() { _ = control.SetWriteDeadline(time.Now().Add(time.Minute)) }()
	body := &stream.Reader{Body: http.MaxBytesReader(w, r.Body, d.fileBytes), Control: control}
	if err := d.service.StorePath(ctx, p.version, p.text, body); err != nil {
		return err
	}
	d.answer(w, r, http.StatusOK, empty{})
	return nil
}

func (d *Handler) deleteFile(ctx context.Context, w http.ResponseWriter, r *http.Request, p artifactPath) error {
	if err := d.service.DeletePath(ctx, p.version, p.text); err != nil {
		return err
	}
	d.answer(w, r, http.StatusOK, empty{})
	return nil
}

// filesURI returns where the files of a version are downloaded from, "" when this server has none
// of it that the caller may read.
func (c *call) filesURI(ctx context.Context, v *registry.ModelVersion) (string, error) {
	if c.origin == "" {
		return "", nil
	}
	has, err := c.HasFiles(ctx, v)
	if err != nil || !has {
		return "", err
	}
	return c.origin + artifactRoot + "/" + versionFolder + string(v.ID), nil
}
