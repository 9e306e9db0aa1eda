package dvc

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"path"
	"strings"

	"pedigree/connect/git"
	"pedigree/registry"
)

// The size limits of the files that are read, in bytes.
const (
	maxLock    = 32 << 20
	maxMetrics = 4 << 20
)

// projectReader builds a project from each commit. It parses each distinct file and each
// distinct set of files only once.
type projectReader struct {
	repo        *git.Repository
	finder      *git.FileFinder
	report      *git.Report
	namespace   string
	parsedFiles map[string]any // by extension and blob; nil for a file that cannot be read
	projects    map[string]*project
	// unreadableTrees counts the commits whose files are missing. The first one is
	// reported.
	unreadableTrees int
}

func newReader(repo *git.Repository, report *git.Report) *projectReader {
	r := &projectReader{repo: repo, report: report, namespace: repo.Key(), parsedFiles: map[string]any{}, projects: map[string]*project{}}
	r.finder = repo.FileFinder(func(name string) bool {
		return name == "dvc.lock" || name == "dvc.yaml" || strings.HasSuffix(name, ".dvc") && len(name) > len(".dvc")
	})
	return r
}

// project returns the project of a commit. isNew is false when an earlier commit had
// exactly the same files.
func (r *projectReader) project(c git.Commit) (p *project, isNew bool) {
	files, err := r.finder.Files(c)
	if err != nil {
		if r.unreadableTrees++; r.unreadableTrees == 1 {
			r.report.AddProblem(git.NotRead, "commit "+git.ShortSHA(c.SHA), "%v", err)
		}
	}
	var key strings.Builder
	for _, f := range files {
		key.WriteString(f.Blob + " " + f.Path + "\n")
	}
	if p := r.projects[key.String()]; p != nil {
		return p, false
	}
	b := &builder{namespace: r.namespace, locks: map[string]*lockFile{}, pipelines: map[string]*pipelineFile{},
		out: &project{artifacts: map[string]resolvedArtifact{}, datasets: map[string]lockDataset{}, metricsFiles: map[string][]string{}}}
	b.remark = func(file, what string) { r.report.AddProblem(git.Remark, file, "%s", what) }
	for _, f := range files {
		r.add(b, c, f)
	}
	p = b.build()
	r.projects[key.String()] = p
	return p, true
}

func (r *projectReader) add(b *builder, c git.Commit, f git.File) {
	dir := path.Dir(f.Path)
	switch path.Base(f.Path) {
	case "dvc.lock":
		if lock := parseOnce(r, c, f, parseLock); lock != nil {
			b.locks[dir] = lock
		}
	case "dvc.yaml":
		if p := parseOnce(r, c, f, parseAs[pipelineFile]); p != nil {
			b.pipelines[dir] = p
		}
	default:
		if d := parseOnce(r, c, f, parseAs[dvcFile]); d != nil {
			b.addDVC(f.Path, d)
		}
	}
}

func parseAs[T any](raw []byte) (*T, error) {
	t := new(T)
	return t, parse(raw, t)
}

// parseOnce parses a file the first time it is needed. A file that cannot be read is
// reported with the first commit that has it, and the import goes on.
func parseOnce[T any](r *projectReader, c git.Commit, f git.File, parse func([]byte) (*T, error)) *T {
	key := path.Ext(f.Path) + f.Blob
	if got, ok := r.parsedFiles[key]; ok {
		t, _ := got.(*T)
		return t
	}
	r.parsedFiles[key] = nil
	raw, err := r.repo.Blob(f.Blob, maxLock)
	var t *T
	if err == nil {
		t, err = parse(raw)
	}
	if err != nil {
		r.report.AddProblem(git.NotRead, f.Path+" at commit "+git.ShortSHA(c.SHA), "%v", err)
		return nil
	}
	r.parsedFiles[key] = t
	return t
}

// metricsOf returns the metrics in a file of a commit. It returns none when git does not
// have the file, as for files that only DVC's cache has, and when the file is not the one
// that dvc.lock describes.
func (r *projectReader) metricsOf(c git.Commit, file, digest string) []registry.Metric {
	blob, exists, err := r.repo.BlobAt(c, file)
	if err != nil || !exists || blob == "" {
		return nil
	}
	where := file + " at commit " + git.ShortSHA(c.SHA)
	raw, err := r.repo.Blob(blob, maxMetrics)
	if err != nil {
		if !errors.Is(err, git.ErrMissing) {
			r.report.AddProblem(git.NotRead, where, "%v", err)
		}
		return nil
	}
	if digest != "" && !digestMatches(raw, digest) {
		r.report.AddProblem(git.Remark, where, "it is not the file that dvc.lock means, so its metrics are left out; run dvc repro and commit both")
		return nil
	}
	ms, leftOut, ok := parseMetrics(raw)
	switch {
	case leftOut > 0:
		r.report.AddProblem(git.NotRecorded, where, "%d of its values; at most %d numbers of a file are recorded, and 100 of a list", leftOut, maxFileMetrics)
	case !ok:
		r.report.AddProblem(git.NotRead, where, "it holds no numbers in JSON or YAML")
	}
	return ms
}

// digestMatches reports whether a DVC digest is the digest of a content. It returns true
// for algorithms other than MD5, which it cannot check.
func digestMatches(raw []byte, digest string) bool {
	algorithm, want, _ := strings.Cut(digest, ":")
	sum := md5.Sum(raw)
	if hex.EncodeToString(sum[:]) == want {
		return true
	}
	if algorithm == "md5-dos2unix" {
		sum = md5.Sum([]byte(strings.ReplaceAll(string(raw), "\r\n", "\n")))
	}
	return hex.EncodeToString(sum[:]) == want || !strings.HasPrefix(algorithm, "md5")
}
