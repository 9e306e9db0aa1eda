package git

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"pedigree/registry"
)

// Report says what an import added and which problems it met.
type Report struct {
	// Repository is the key of the repository that was read.
	Repository string
	// Counts holds the number of new items of each kind, in the order of first mention.
	Counts []Count
	// Problems lists what was not read, not recorded, or changed during the import.
	Problems []Problem
	// Candidates lists what may be models, when the repository says of nothing that it is one.
	Candidates []Candidate
	// NoModels is true when the repository says of nothing that it is a model.
	NoModels bool
}

// Candidate is an output that may be a model.
type Candidate struct {
	// Model is a name for it. Path is where it lies, Beside what the same run wrote beside it.
	Model, Path string
	Beside      []string
	// Why says what it is.
	Why string
}

// Count is the number of items of a kind that were added.
type Count struct {
	What  string
	Added int
}

// Problem is one difference between the source and what was recorded.
type Problem struct {
	Kind ProblemKind
	// Where is the place in the source, What describes the problem.
	Where, What string
}

// ProblemKind says what happened to the item.
type ProblemKind string

// The kinds of problems, the most serious first.
const (
	NotRead     ProblemKind = "not read"
	NotRecorded ProblemKind = "not recorded"
	NotDone     ProblemKind = "not done"
	Changed     ProblemKind = "changed"
	Remark      ProblemKind = "to know"
)

var problemKinds = []ProblemKind{NotRead, NotRecorded, NotDone, Changed, Remark}

// ProblemKinds lists the kinds of problems, the most serious first.
func ProblemKinds() []ProblemKind { return slices.Clone(problemKinds) }

// Add adds to the count of a kind. Adding 0 lists the kind with a count of zero.
func (r *Report) Add(what string, added int) {
	for i := range r.Counts {
		if r.Counts[i].What == what {
			r.Counts[i].Added += added
			return
		}
	}
	r.Counts = append(r.Counts, Count{what, added})
}

// Added returns how many items of a kind were added.
func (r *Report) Added(what string) int {
	for _, c := range r.Counts {
		if c.What == what {
			return c.Added
		}
	}
	return 0
}

// Total returns how many items were added.
func (r *Report) Total() (n int) {
	for _, c := range r.Counts {
		n += c.Added
	}
	return n
}

// AddProblem adds a problem, unless the same problem is listed already.
func (r *Report) AddProblem(kind ProblemKind, where, format string, args ...any) {
	p := Problem{kind, where, fmt.Sprintf(format, args...)}
	if !slices.Contains(r.Problems, p) {
		r.Problems = append(r.Problems, p)
	}
}

// AddNotTaken adds a remark for told fields that contradict what the registry has. inferred
// are fields that the importer guesses: the first guess stays, and that is no remark.
func (r *Report) AddNotTaken(where string, fields []string, inferred ...string) {
	fields = slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return slices.Contains(inferred, f) })
	if len(fields) > 0 {
		r.AddProblem(Remark, where, "the registry has other values, which stay: %s", strings.Join(fields, ", "))
	}
}

// ProblemsOf returns the problems of a kind.
func (r *Report) ProblemsOf(kind ProblemKind) (out []Problem) {
	for _, p := range r.Problems {
		if p.Kind == kind {
			out = append(out, p)
		}
	}
	return out
}

// AddRefusal adds a problem for a fact that the registry refused and returns nil, so that
// the import goes on. It returns every other error unchanged.
func (r *Report) AddRefusal(kind ProblemKind, where string, err error) error {
	if err == nil {
		return nil
	}
	if !Refused(err) {
		return err
	}
	r.AddProblem(kind, where, "%s", err.Error())
	return nil
}

// Refused reports whether an error means that the registry refused one fact, also because
// it is too large. Other facts may still be recorded after it.
func Refused(err error) bool {
	var e *registry.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case registry.InvalidArgument, registry.FailedPrecondition, registry.Conflict, registry.NotFound, registry.AlreadyExists, registry.Forbidden,
		registry.ResourceExhausted:
		return true
	}
	return false
}

// Progress receives the progress of a step. total is 0 when it is not known.
type Progress func(step string, done, total int)

// report calls p unless p is nil.
func (p Progress) report(step string, done, total int) {
	if p != nil {
		p(step, done, total)
	}
}

// ShortSHA returns the first 12 digits of a SHA, for messages.
func ShortSHA(sha string) string { return sha[:min(len(sha), 12)] }
