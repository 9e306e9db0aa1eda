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

// Sizes beyond which a file is not read.
const (
	maxLock    = 32 << 20
	maxMetrics = 4 << 20
)

// projectReader turns commits into projects. Files and whole projects that were seen
// before are not parsed again.
type projectReader struct {
	repo        *git.Repository
	finder      *git.FileFinder
	report      *git.Report
	namespace   string
	parsedFiles map[string]any // kind and blob → what it says, nil for what cannot be read
	projects    map[string]*project
	// unreadableTrees counts commits whose files are missing, which is told once.
	unreadableTrees int
}

func newReader(repo *git.Repository, report *git.Report) *projectReader {
	r := &projectReader{repo: repo, report: report, namespace: repo.Key(), parsedFiles: map[string]any{}, projects: map[string]*project{}}
	r.finder = repo.FileFinder(func(name string) bool {
		return name == "dvc.lock" || name == "dvc.yaml" || strings.HasSuffix(name, ".dvc") && len(name) > len(".dvc")
	})
	return r
}

// project reads the DVC files of a commit; fresh is false when an earlier commit
// had the very same ones.
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

// parseOnce parses a file once; one that cannot be read is told with the first commit
// that carries it, and the rest goes on.
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

// metricsOf reads the metrics file of a stage where git has it at that commit and
// it is the one that dvc.lock means; files that lie in DVC's cache alone are
// nowhere to be read.
func (r *projectReader) metricsOf(c git.Commit, file, digest string) []registry.Metric {
	blob, there, err := r.repo.BlobAt(c, file)
	if err != nil || !there || blob == "" {
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
	ms, ok := parseMetrics(raw)
	if !ok {
		r.report.AddProblem(git.NotRead, where, "it holds no numbers in JSON or YAML")
	}
	return ms
}

// digestMatches reports whether a digest of DVC is that of a content.
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
