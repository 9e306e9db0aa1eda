package dvc

import (
	"crypto/md5"
	"crypto/sha256"
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

// projectReader builds a project from each commit. It keeps what lately read commits have,
// so that its memory depends on the files of a commit, not on the number of commits.
type projectReader struct {
	repo   *git.Repository
	finder *git.FileFinder
	report *git.Report
	key    string // of the repository
	// parsed holds files by kind and blob, projects holds projects by the digest of their
	// files.
	parsed   *git.Recent[any]
	projects *git.Recent[*project]
	// The least limits of both.
	parsedLimit, projectLimit int
	// seen holds the digests of all sets of files, unreadable the files that were reported.
	seen       map[[sha256.Size]byte]bool
	unreadable map[string]bool
	// submodules holds the paths of the submodules that were reported.
	submodules map[string]bool
	// hasFiles is true when a commit had files of DVC.
	hasFiles bool
	// unreadableTrees counts the commits whose files are missing. The first one is
	// reported.
	unreadableTrees int
}

// The sizes of what is kept: bytes of parsed files, and files of projects. The files of one
// commit may be more; then that many are kept.
const (
	keptBytes = 4 << 20
	keptFiles = 20_000
)

func newReader(repo *git.Repository, report *git.Report) *projectReader {
	r := &projectReader{repo: repo, report: report, key: repo.Key(), parsed: git.NewRecent[any](keptBytes), projects: git.NewRecent[*project](keptFiles),
		parsedLimit: keptBytes, projectLimit: keptFiles,
		seen: map[[sha256.Size]byte]bool{}, unreadable: map[string]bool{}, submodules: map[string]bool{}}
	r.finder = repo.FileFinder(func(name string) bool {
		return isDVCFile(name) || name == "params.yaml" || name == "artifacts.yaml"
	})
	return r
}

func isDVCFile(name string) bool {
	return name == "dvc.lock" || name == "dvc.yaml" || strings.HasSuffix(name, ".dvc") && len(name) > len(".dvc")
}

// project returns the project of a commit. isNew is false when an earlier commit had
// exactly the same files.
func (r *projectReader) project(c git.Commit) (p *project, isNew bool) {
	files, submodules, err := r.finder.Files(c)
	if err != nil {
		if r.unreadableTrees++; r.unreadableTrees == 1 {
			r.report.AddProblem(git.NotRead, "commit "+git.ShortSHA(c.SHA), "%v", err)
		}
	}
	for _, at := range submodules {
		if !r.submodules[at] {
			r.submodules[at] = true
			r.report.AddProblem(git.Remark, "submodule "+at, "its files are those of another repository and are not read; import that one too")
		}
	}
	var list []byte
	for _, f := range files {
		list = append(append(append(append(list, f.Blob...), ' '), f.Path...), '\n')
	}
	key := sha256.Sum256(list)
	isNew = !r.seen[key]
	r.seen[key] = true
	if p, _, ok := r.projects.Get(string(key[:])); ok {
		return p, isNew
	}
	b := r.builder(c)
	bytes := 0
	for _, f := range files {
		r.hasFiles = r.hasFiles || isDVCFile(path.Base(f.Path))
		bytes += r.add(b, c, f)
	}
	r.parsed.SetLimit(max(r.parsedLimit, bytes))
	p = b.build()
	r.projects.SetLimit(max(r.projectLimit, len(files)))
	r.projects.Put(string(key[:]), p, len(files)+1)
	return p, isNew
}

func (r *projectReader) builder(c git.Commit) *builder {
	b := &builder{locks: map[string]*lockFile{}, pipelines: map[string]*pipelineFile{}, variables: map[string]variables{},
		out: &project{artifacts: map[string]resolvedArtifact{}, datasets: map[string]lockDataset{}, metricsFiles: map[string][]string{}}}
	b.remark = func(file, what string) { r.report.AddProblem(git.Remark, file, "%s", what) }
	b.naming = r.naming(c)
	b.readValues = func(file string) map[string]any {
		blob, exists, err := r.repo.BlobAt(c, file)
		if err != nil || !exists || blob == "" {
			return nil
		}
		values, _ := parseOnce(r, c, git.File{Path: file, Blob: blob}, valuesParser(file))
		if values == nil {
			return nil
		}
		return *values
	}
	return b
}

// naming returns the names of data as the files of a commit mean them.
func (r *projectReader) naming(c git.Commit) naming {
	var known map[string]string
	return naming{repository: r.key, remotes: func() map[string]string {
		if known != nil {
			return known
		}
		known = map[string]string{}
		blob, exists, err := r.repo.BlobAt(c, ".dvc/config")
		if err != nil {
			r.report.AddProblem(git.NotRead, ".dvc/config at commit "+git.ShortSHA(c.SHA), "%v", err)
		} else if exists && blob != "" {
			if remotes, _ := parseOnce(r, c, git.File{Path: ".dvc/config", Blob: blob}, parseRemotes); remotes != nil {
				known = *remotes
			}
		}
		return known
	}}
}

// add adds a file to a project and returns the weight of what was parsed.
func (r *projectReader) add(b *builder, c git.Commit, f git.File) (weight int) {
	dir := path.Dir(f.Path)
	switch path.Base(f.Path) {
	case "params.yaml": // Read when a template names a value.
	case "dvc.lock":
		var lock *lockFile
		if lock, weight = parseOnce(r, c, f, parseLock); lock != nil {
			b.locks[dir] = lock
		}
	case "dvc.yaml":
		var p *pipelineFile
		if p, weight = parseOnce(r, c, f, parsePipeline); p != nil {
			b.pipelines[dir] = p
		}
	case "artifacts.yaml":
		if dir != "." {
			break
		}
		var old *map[string]oldArtifact
		if old, weight = parseOnce(r, c, f, parseAs[map[string]oldArtifact]); old != nil {
			b.oldArtifacts = *old
		}
	default:
		var d *dvcFile
		if d, weight = parseOnce(r, c, f, parseAs[dvcFile]); d != nil {
			b.addDVC(f.Path, d)
		}
	}
	return weight
}

// parseOnce parses a file, unless it was parsed lately. A file that cannot be read, and
// what is left out of one, is reported with the first commit that has it, and the import
// goes on.
func parseOnce[T any](r *projectReader, c git.Commit, f git.File, parse func([]byte) (*T, []string, error)) (t *T, weight int) {
	key := path.Ext(f.Path) + f.Blob
	if got, weight, ok := r.parsed.Get(key); ok {
		t, _ := got.(*T)
		return t, weight
	}
	raw, err := r.repo.Blob(f.Blob, maxLock)
	var leftOut []string
	if err == nil {
		t, leftOut, err = parse(raw)
	}
	where := f.Path + " at commit " + git.ShortSHA(c.SHA)
	if err != nil {
		t, leftOut = nil, []string{err.Error()}
	}
	for _, what := range leftOut {
		if !r.unreadable[key] {
			r.report.AddProblem(git.NotRead, where, "%s", what)
		}
	}
	if len(leftOut) > 0 {
		r.unreadable[key] = true
	}
	weight = len(raw) + 1024 // A parsed file takes more than its text.
	r.parsed.Put(key, t, weight)
	return t, weight
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
	ms, leftOut, ok := parseMetrics(file, raw)
	switch {
	case leftOut > 0:
		r.report.AddProblem(git.NotRecorded, where, "%d of its values; at most %d numbers of a file are recorded, and 100 of a list", leftOut, maxFileMetrics)
	case !ok:
		r.report.AddProblem(git.NotRead, where, "it holds no numbers in JSON, YAML or TOML")
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
