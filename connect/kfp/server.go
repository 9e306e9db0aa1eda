package kfp

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"pedigree/connect/git"
	"pedigree/connect/source"
	"pedigree/registry"
)

// runsPath ends the path of the list of runs.
const runsPath = "/apis/v2beta1/runs"

// maxPages is the most pages of a list.
const maxPages = 10_000

// readServer reads a URL: a run, the list of runs, or a compiled pipeline. Of a run of KFP 3 it
// reads the tasks and artifacts too.
func (in *inputs) readServer(ctx context.Context, from, token string, progress func(string, int, int)) error {
	f, err := source.NewFetcher(from, token)
	if err != nil {
		return err
	}
	at, list, isAPI := f.URL(), "", false
	if before, after, ok := strings.Cut(at.Path, runsPath); ok {
		list, isAPI = before+runsPath, true
		if id := strings.Trim(after, "/"); id != "" {
			return in.readRun(ctx, f, list, id)
		}
	}
	if !isAPI {
		d, err := f.Fetch(ctx, at)
		if err != nil {
			return err
		}
		return in.addDocument(d)
	}
	query := at.Query()
	if query.Get("page_size") == "" {
		query.Set("page_size", "100")
	}
	for page := 0; page < maxPages; page++ {
		next, ids, err := readPage(ctx, f, &url.URL{Scheme: at.Scheme, Host: at.Host, Path: list, RawQuery: query.Encode()})
		if err != nil {
			return err
		}
		for n, id := range ids {
			progress("reading runs", n, len(ids))
			if err := in.readRun(ctx, f, list, id); err != nil && !git.Refused(err) {
				return err
			} else if err != nil {
				in.report.AddProblem(git.NotRead, "run "+registry.Shorten(id, 60), "%s", err.Error())
			}
		}
		if next == "" || next == query.Get("page_token") {
			return nil
		}
		query.Set("page_token", next)
	}
	return registry.Errorf(registry.ResourceExhausted, "the list of runs has more than %d pages", maxPages)
}

// readPage reads the ids of a page of runs.
func readPage(ctx context.Context, f *source.Fetcher, at *url.URL) (next string, ids []string, err error) {
	d, err := f.Fetch(ctx, at)
	if err != nil {
		return "", nil, err
	}
	var page struct {
		Runs []struct {
			ID string `json:"run_id"`
		} `json:"runs"`
		Next string `json:"next_page_token"`
	}
	if json.Unmarshal(d.Body, &page) != nil {
		return "", nil, registry.Errorf(registry.Unavailable, "the source's list of runs is none of Kubeflow Pipelines")
	}
	for _, r := range page.Runs {
		ids = append(ids, r.ID)
	}
	return page.Next, ids, nil
}

// readRun reads a run, and its tasks and artifacts where the server has them.
func (in *inputs) readRun(ctx context.Context, f *source.Fetcher, list, id string) error {
	if !isPathPart(id) {
		return registry.Errorf(registry.InvalidArgument, "the id of a run is none")
	}
	d, err := fetchPath(ctx, f, list+"/"+id, nil)
	if err != nil {
		return err
	}
	d.Name = "run " + id
	if err := in.addDocument(d); err != nil {
		return err
	}
	return in.readParts(ctx, f, list, id)
}

// readParts reads what KFP 3 answers apart from a run: its tasks, which artifacts they read and wrote, and
// these. A server that has none of it is one of KFP 2.
func (in *inputs) readParts(ctx context.Context, f *source.Fetcher, list, id string) error {
	api := strings.TrimSuffix(list, "/runs")
	if err := in.readPages(ctx, f, list+"/"+id+"/tasks", nil, "tasks of run "+id); err != nil {
		return withoutMissing(err)
	}
	known := len(in.artifactTasks)
	if err := in.readPages(ctx, f, api+"/artifact_tasks", url.Values{"run_ids": {id}}, "artifacts of run "+id); err != nil {
		return withoutMissing(err)
	}
	for _, link := range in.artifactTasks[known:] {
		a := link.ArtifactID
		if _, read := in.artifacts[a]; read || !isPathPart(a) {
			continue
		}
		d, err := fetchPath(ctx, f, api+"/artifacts/"+a, nil)
		if isMissing(err) { // It was removed, and the task is recorded without it.
			in.report.AddProblem(git.NotRead, "artifact "+registry.Shorten(a, 60), "the server does not have it")
			continue
		}
		if err != nil {
			return err
		}
		d.Name = "artifact " + a
		if err := in.addDocument(d); err != nil {
			return err
		}
	}
	return nil
}

// readPages reads the pages of a list as documents.
func (in *inputs) readPages(ctx context.Context, f *source.Fetcher, path string, query url.Values, name string) error {
	asked := url.Values{"page_size": {"100"}}
	for key, values := range query {
		asked[key] = values
	}
	for range maxPages {
		d, err := fetchPath(ctx, f, path, asked)
		if err != nil {
			return err
		}
		var page struct {
			Next string `json:"next_page_token"`
		}
		if json.Unmarshal(d.Body, &page) != nil {
			return registry.Errorf(registry.Unavailable, "the source's list of %s is none of Kubeflow Pipelines", name)
		}
		d.Name = name
		if empty := len(strings.Trim(string(d.Body), "{} \n\t")) == 0; !empty {
			if err := in.addDocument(d); err != nil {
				return err
			}
		}
		if page.Next == "" || page.Next == asked.Get("page_token") {
			return nil
		}
		asked.Set("page_token", page.Next)
	}
	return registry.Errorf(registry.ResourceExhausted, "the list of %s has more than %d pages", name, maxPages)
}

// fetchPath reads a path of the server.
func fetchPath(ctx context.Context, f *source.Fetcher, path string, query url.Values) (source.Document, error) {
	u := f.URL()
	u.Path, u.RawQuery = path, query.Encode()
	return f.Fetch(ctx, u)
}

// isPathPart reports whether an id of a server is one part of a path.
func isPathPart(id string) bool {
	return id != "" && id != "." && id != ".." && !strings.ContainsAny(id, "/?#%\\")
}

// withoutMissing is the error of a path that a server may not have.
func withoutMissing(err error) error {
	if isMissing(err) {
		return nil
	}
	return err
}

// isMissing reports whether a server does not have a path.
func isMissing(err error) bool {
	code := registry.CodeOf(err)
	return code == registry.NotFound || code == registry.FailedPrecondition
}
