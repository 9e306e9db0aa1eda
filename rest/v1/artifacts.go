package v1

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"pedigree/registry"
	"pedigree/rest/stream"
	"pedigree/service"
	"pedigree/service/artifacts"
	"pedigree/service/core"
)

// anyMedia is the media type of a file.
const anyMedia = "*/*"

// filePath returns the path of a file below a version. Each name is unescaped once, and an
// escaped slash is no slash between names.
func (c *call) filePath() (string, error) {
	names := strings.Split(c.path["path"], "/")
	for i, escaped := range names {
		name, err := url.PathUnescape(escaped)
		if err != nil || strings.Contains(name, "/") {
			return "", registry.Invalid("path", "must be names with a slash between them, each escaped by itself")
		}
		names[i] = name
	}
	return strings.Join(names, "/"), nil
}

// of returns the names of the version in the path of a request.
func (c *call) of() (model, version *string) {
	m, v := c.path["name"], c.path["version"]
	return &m, &v
}

func putFile(ctx context.Context, c *call) error {
	path, err := c.filePath()
	if err != nil {
		return err
	}
	model, version := c.of()
	in := artifacts.UploadFileInput{Model: model, Version: version, Path: path, Digest: c.query.Get("digest")}
	if c.r.Header.Get("Content-Range") != "" {
		return c.putPart(ctx, in)
	}
	out, err := c.service.UploadFile(ctx, in, c.body)
	if err != nil {
		return err
	}
	return c.answerFile(ctx, out)
}

// answerFile answers with the record of a stored file.
func (c *call) answerFile(ctx context.Context, out *artifacts.FilePayload) error {
	switch {
	case out.Artifact == nil: // The caller may write and not read.
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	case out.Created:
		return c.respond(ctx, http.StatusCreated, out.Artifact)
	}
	return c.respond(ctx, http.StatusOK, out.Artifact)
}

func deleteFile(ctx context.Context, c *call) error {
	path, err := c.filePath()
	if err != nil {
		return err
	}
	model, version := c.of()
	out, err := c.service.DeleteArtifact(ctx, artifacts.DeleteArtifactInput{Model: model, Version: version, Path: path})
	if err != nil {
		return err
	}
	return c.respond(ctx, http.StatusOK, out)
}

func getFile(ctx context.Context, c *call) error {
	path, err := c.filePath()
	if err != nil {
		return err
	}
	v, err := c.version(ctx)
	if err != nil {
		return err
	}
	f, err := c.service.OpenFile(ctx, registry.ArtifactID(v.ID, path))
	if err != nil {
		return err
	}
	c.tellDeprecation(ctx)
	return c.sendFile(f)
}

func getContent(ctx context.Context, c *call) error {
	f, err := c.service.OpenFile(ctx, registry.ID(c.path["id"]))
	if err != nil {
		return err
	}
	return c.sendFile(f)
}

// sendFile sends a file.
func (c *call) sendFile(f *artifacts.File) error {
	defer f.Close()
	err := stream.SendFile(c.w, c.r, f)
	c.begun = c.begun || err != nil
	return err
}

// artifactRoutes are the routes of the bytes of files.
func artifactRoutes() []route {
	const one = "models/{name}/{version}/artifacts/{path...}"
	artifact := reflect.TypeFor[registry.Artifact]()
	created := []int{http.StatusOK, http.StatusCreated, http.StatusAccepted}
	return []route{
		{method: http.MethodPut, pattern: one, operation: "deleteArtifact", serve: putFile, file: true, query: []string{"digest", "fields"}, out: artifact, statuses: created,
			summary: "Stores the body as a file of a version; with digest=sha256:HEX only when it has that content. With Content-Range the body is a part"},
		{method: http.MethodGet, pattern: one, operation: "artifact", serve: getFile, download: true, time: fileTime, answerMedia: "application/octet-stream",
			summary: "The bytes of a stored file, or a range of them"},
		{method: http.MethodDelete, pattern: one, operation: "deleteArtifact", serve: deleteFile, out: reflect.TypeFor[core.DeletePayload](),
			summary: "Removes a stored file from a version"},
		verifyRoute(),
		{method: http.MethodGet, pattern: "artifacts/{id}/content", operation: "artifact", serve: getContent, download: true, time: fileTime, answerMedia: "application/octet-stream",
			summary: "The bytes of a stored file by the id of its artifact, or a range of them"},
	}
}

// verifyRoute is the route that reads a file where it lies. It has the time of a download.
func verifyRoute() route {
	rt := write(http.MethodPost, "artifacts/{id}/verify", "verifyArtifact", "Reads a file that lies elsewhere, and records whether it has its digest", (*service.Service).VerifyArtifact)
	rt.time, rt.download = fileTime, true
	return rt
}
