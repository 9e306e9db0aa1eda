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
	if strings.ContainsAny(id, "/?#%") || id == "" || id == "." || id == ".." {
		return registry.Errorf(registry.InvalidArgument, "the id of a run is none")
	}
	get := func(path string, query url.Values) (source.Document, error) {
		u := f.URL()
		u.Path, u.RawQuery = path, query.Encode()
		return f.Fetch(ctx, u)
	}
	d, err := get(list+"/"+id, nil)
	if err != nil {
		return err
	}
	d.Name = "run " + id
	if err := in.addDocument(d); err != nil {
		return err
	}
	if tasks, err := get(list+"/"+id+"/tasks", nil); err == nil { // KFP 2 has none.
		tasks.Name = "tasks of run " + id
		if err := in.addDocument(tasks); err != nil {
			return err
		}
	} else if !isMissing(err) {
		return err
	}
	return nil
}

// isMissing reports whether a server does not have a path.
func isMissing(err error) bool {
	code := registry.CodeOf(err)
	return code == registry.NotFound || code == registry.FailedPrecondition
}
