package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"pedigree/registry"
	"pedigree/service/artifacts"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// opSweepArtifacts removes stored bytes that no version names.
const opSweepArtifacts = `mutation SweepArtifacts($input: SweepArtifactsInput!) { sweepArtifacts(input: $input) { files unfinished bytes } }`

// SweepArtifacts removes stored files that no version names on the server.
func (c *Client) SweepArtifacts(ctx context.Context, in artifacts.SweepArtifactsInput) (*artifacts.SweepArtifactsPayload, error) {
	return mutate[*artifacts.SweepArtifactsPayload](ctx, c, opSweepArtifacts, "sweepArtifacts", in)
}

// artifactFields are the fields that artifacts are read with.
var artifactFields = fieldsOf(registry.KindArtifact)

// opArtifacts lists the artifacts of a version.
var opArtifacts = `query Artifacts($id: ID!, $first: Int, $after: String) { node(id: $id) { ... on ModelVersion { artifacts(first: $first, after: $after) {
	edges { cursor node { ` + artifactFields + ` } } ` + pageFields + ` } } } }`

// ArtifactsOf returns one page of the artifacts of a version, by name.
func (c *Client) ArtifactsOf(ctx context.Context, v *registry.ModelVersion, p core.Paging) (*catalog.ArtifactConnection, error) {
	var out struct {
		Node struct{ Artifacts *list[*registry.Artifact] }
	}
	if err := c.execute(ctx, opArtifacts, addPaging(map[string]any{"id": v.ID}, p), &out); err != nil {
		return nil, err
	}
	page, err := connection(out.Node.Artifacts, func(cursor string, a *registry.Artifact) *catalog.ArtifactEdge {
		return &catalog.ArtifactEdge{Cursor: cursor, Node: a}
	})
	return &catalog.ArtifactConnection{Connection: page}, err
}

// VerifyArtifact has the server read a file that lies elsewhere. It goes by the REST API, where that
// may take as long as a download.
func (c *Client) VerifyArtifact(ctx context.Context, in artifacts.VerifyArtifactInput) (*artifacts.VerifyArtifactPayload, error) {
	resp, err := c.file(ctx, http.MethodPost, "/api/v1/artifacts/"+url.PathEscape(string(in.ID))+"/verify", nil, 0)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var out struct {
		Artifact *struct {
			URI, Digest string
			Matches     *bool
		}
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&out); err != nil {
		return nil, c.unreachable(ctx, errors.New("the answer cannot be read"))
	}
	if out.Artifact == nil {
		return &artifacts.VerifyArtifactPayload{}, nil
	}
	return &artifacts.VerifyArtifactPayload{Artifact: &registry.Artifact{URI: out.Artifact.URI, Digest: out.Artifact.Digest, Matches: out.Artifact.Matches}}, nil
}

// filesPath returns the path of a version's files in the REST API.
func filesPath(model, version string) string {
	return "/api/v1/models/" + url.PathEscape(model) + "/" + url.PathEscape(version) + "/artifacts"
}

// escapePath escapes each name of a path.
func escapePath(path string) string {
	names := strings.Split(path, "/")
	for i := range names {
		names[i] = url.PathEscape(names[i])
	}
	return strings.Join(names, "/")
}

// file sends a request about files. The answer has a status of success.
func (c *Client) file(ctx context.Context, method, path string, body io.Reader, from int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.Server()+path, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	if from > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(from, 10)+"-")
	}
	return c.do(ctx, req)
}

// do sends a request about files.
func (c *Client) do(ctx context.Context, req *http.Request) (*http.Response, error) {
	c.setHeaders(req)
	resp, err := c.streams.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return nil, c.restError(resp, media)
}

// VersionFiles lists the stored files of a version by path.
func (c *Client) VersionFiles(ctx context.Context, model, version string) (out []artifacts.VersionFile, err error) {
	for token := ""; ; {
		resp, err := c.file(ctx, http.MethodGet, filesPath(model, version)+"?page_size=200&fields=name,digest,size_bytes,stored&page_token="+url.QueryEscape(token), nil, 0)
		if err != nil {
			return nil, err
		}
		var page struct {
			Artifacts []struct {
				Name, Digest string
				SizeBytes    int64 `json:"size_bytes"`
				Stored       bool
			}
			Next string `json:"next_page_token"`
		}
		err = json.NewDecoder(io.LimitReader(resp.Body, 16<<20)).Decode(&page)
		resp.Body.Close()
		if err != nil {
			return nil, c.unreachable(ctx, errors.New("the list of files cannot be read"))
		}
		for _, a := range page.Artifacts {
			if a.Stored {
				out = append(out, artifacts.VersionFile{Path: a.Name, Digest: a.Digest, Size: a.SizeBytes})
			}
		}
		if token = page.Next; token == "" {
			return out, nil
		}
	}
}

// UploadFile stores what body reads as a file of a version that is named by model and version. The
// payload has no artifact.
func (c *Client) UploadFile(ctx context.Context, in artifacts.UploadFileInput, body io.Reader) (*artifacts.FilePayload, error) {
	if in.Model == nil || in.Version == nil {
		return nil, registry.Invalid("version", "give the model and the version")
	}
	path := filesPath(*in.Model, *in.Version) + "/" + escapePath(in.Path)
	if in.Digest != "" {
		path += "?digest=" + url.QueryEscape(in.Digest)
	}
	resp, err := c.file(ctx, http.MethodPut, path, body, 0)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return &artifacts.FilePayload{Created: resp.StatusCode != http.StatusOK}, nil
}

// ResumeFile goes on with the upload of a file of a version that is named by model and version. The
// file of the answer has no artifact.
func (c *Client) ResumeFile(ctx context.Context, in artifacts.ResumeFileInput, body io.Reader) (*artifacts.ResumedFile, error) {
	if in.Model == nil || in.Version == nil {
		return nil, registry.Invalid("version", "give the model and the version")
	}
	path := filesPath(*in.Model, *in.Version) + "/" + escapePath(in.Path) + "?digest=" + url.QueryEscape(in.Digest)
	if in.Offset == nil {
		body = http.NoBody
	}
	// The caller's file stays open: it goes on with it.
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.Server()+path, io.NopCloser(body))
	if err != nil {
		return nil, err
	}
	span := "*"
	if in.Offset != nil {
		span = fmt.Sprintf("%d-%d", *in.Offset, in.Size-1)
		req.ContentLength = in.Size - *in.Offset
	}
	req.Header.Set("Content-Range", fmt.Sprintf("bytes %s/%d", span, in.Size))
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := c.do(ctx, req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	out := &artifacts.ResumedFile{Offset: in.Size}
	if resp.StatusCode != http.StatusAccepted {
		out.File = &artifacts.FilePayload{Created: resp.StatusCode != http.StatusOK}
		return out, nil
	}
	if out.Offset, err = strconv.ParseInt(resp.Header.Get("Upload-Offset"), 10, 64); err != nil || out.Offset < 0 || out.Offset > in.Size {
		return nil, c.unreachable(ctx, errors.New("the server does not say where the upload stands"))
	}
	return out, nil
}

// ReadFile opens a stored file of a version from an offset.
func (c *Client) ReadFile(ctx context.Context, model, version, path string, from int64) (io.ReadCloser, error) {
	resp, err := c.file(ctx, http.MethodGet, filesPath(model, version)+"/"+escapePath(path), nil, from)
	if err != nil {
		return nil, err
	}
	if from > 0 && resp.StatusCode != http.StatusPartialContent {
		resp.Body.Close()
		return nil, c.unreachable(ctx, errors.New("the server sends no part of a file"))
	}
	return resp.Body, nil
}
