package git

import (
	"errors"
	"fmt"
	"slices"

	"pedigree/registry"
)

// Report is what an import did, and what it could not do.
type Report struct {
	// Repository is the key of the repository that was read.
	Repository string
	// Counts tells how many of each kind were new, in the order of first mention.
	Counts []Count
	// Problems lists what was not read, not recorded or changed on the way.
	Problems []Problem
}

// Count is how many things of a kind were added.
type Count struct {
	What  string
	Added int
}

// Problem is one thing that did not go as the source says.
type Problem struct {
	Kind ProblemKind
	// Where names the place in the source, What says what is the matter.
	Where, What string
}

// ProblemKind says what became of the thing.
type ProblemKind string

// The kinds of problems, gravest first.
const (
	NotRead     ProblemKind = "not read"
	NotRecorded ProblemKind = "not recorded"
	NotDone     ProblemKind = "not done"
	Changed     ProblemKind = "changed"
	Remark      ProblemKind = "to know"
)

var problemKinds = []ProblemKind{NotRead, NotRecorded, NotDone, Changed, Remark}

// ProblemKinds lists the kinds of problems, gravest first.
func ProblemKinds() []ProblemKind { return slices.Clone(problemKinds) }

// Add counts what was added; 0 makes the kind known to the summary.
func (r *Report) Add(what string, added int) {
	for i := range r.Counts {
		if r.Counts[i].What == what {
			r.Counts[i].Added += added
			return
		}
	}
	r.Counts = append(r.Counts, Count{what, added})
}

// Added returns how many of a kind were new.
func (r *Report) Added(what string) int {
	for _, c := range r.Counts {
		if c.What == what {
			return c.Added
		}
	}
	return 0
}

// Total is how many things were added.
func (r *Report) Total() (n int) {
	for _, c := range r.Counts {
		n += c.Added
	}
	return n
}

// AddProblem lists a problem, once.
func (r *Report) AddProblem(kind ProblemKind, where, format string, args ...any) {
	p := Problem{kind, where, fmt.Sprintf(format, args...)}
	if !slices.Contains(r.Problems, p) {
		r.Problems = append(r.Problems, p)
	}
}

// ProblemsOf lists the problems of a kind.
func (r *Report) ProblemsOf(kind ProblemKind) (out []Problem) {
	for _, p := range r.Problems {
		if p.Kind == kind {
			out = append(out, p)
		}
	}
	return out
}

// AddRefusal tells of a fact that the registry refused and returns nil, so that the
// import goes on; an error that is no refusal of this one fact is returned.
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

// Refused reports whether an error is the registry's refusal of one fact, also as
// too large for it, after which the others may still be recorded.
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

// Progress is told how far a step is; total is 0 when it is not known.
type Progress func(step string, done, total int)

// report calls a Progress that may be nil.
func (p Progress) report(step string, done, total int) {
	if p != nil {
		p(step, done, total)
	}
}

// ShortSHA is the form of a sha that lists show.
func ShortSHA(sha string) string { return sha[:min(len(sha), 12)] }
