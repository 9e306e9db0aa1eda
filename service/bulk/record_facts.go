package bulk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/kubeflow"
)

// FactInput is one fact: exactly one field besides Ref is set. Wherever an id is expected,
// "@x" stands for the id of the node that an earlier fact with the Ref x is about.
type FactInput struct {
	Ref            string                               `json:"ref,omitzero"`
	Commits        *facts.RecordCommitsInput            `json:"commits,omitzero"`
	Tag            *facts.RecordTagInput                `json:"tag,omitzero"`
	DatasetVersion *facts.RecordDatasetVersionInput     `json:"datasetVersion,omitzero"`
	Model          *catalog.RegisterModelInput          `json:"model,omitzero"`
	Feature        *facts.RecordFeatureInput            `json:"feature,omitzero"`
	Run            *facts.RecordRunInput                `json:"run,omitzero"`
	ModelVersion   *catalog.RegisterModelVersionInput   `json:"modelVersion,omitzero"`
	Transition     *catalog.TransitionModelVersionInput `json:"transition,omitzero"`
	Alias          *catalog.SetAliasInput               `json:"alias,omitzero"`
	Deployment     *facts.RecordDeploymentInput         `json:"deployment,omitzero"`
	EndDeployment  *facts.EndDeploymentInput            `json:"endDeployment,omitzero"`
	Link           *facts.LinkLineageInput              `json:"link,omitzero"`
	Retract        *facts.RetractLineageInput           `json:"retract,omitzero"`
	Foreign        *kubeflow.RecordForeignInput         `json:"foreign,omitzero"`
}

// RecordFactsInput is a batch of 1 to registry.MaxFacts facts.
type RecordFactsInput struct {
	Facts          []FactInput `json:"facts"`
	IdempotencyKey *string     `json:"-"`
}

// RecordFactsPayload has the result of each fact, and counts of the facts that were new, that
// added something to a known fact, and that changed nothing.
type RecordFactsPayload struct {
	Facts     []*core.RecordedFact
	Created   int
	Merged    int
	Unchanged int
}

// RecordFacts records a batch of facts in their order, in one transaction. Each fact needs
// permission for its own action. If one fact is refused, nothing is recorded, and the error has
// the code of that fact and names it as input.facts[i].
func (b *Bulk) RecordFacts(ctx context.Context, in RecordFactsInput) (*RecordFactsPayload, error) {
	if err := b.MayRecordFacts(ctx); err != nil {
		return nil, err
	}
	facts, err := in.check()
	if err != nil {
		return nil, err
	}
	for i, f := range facts {
		if err := core.CheckTimesNotAhead(f, b.core.Now()); err != nil {
			return nil, factError(i, facts, err)
		}
	}
	var result core.WriteResult
	err = b.core.Gate.WriteBatch(b.core.KnowTrust(ctx), registry.FactsRecord, func(ctx context.Context, batch *policies.Batch) (err error) {
		result, err = core.RunIdempotent(ctx, batch.Tx(), core.Idempotent("recordFacts", in.IdempotencyKey, in), func() (core.WriteResult, error) {
			return writeFacts(ctx, batch, in.Facts, facts)
		})
		return err
	})
	core.ClearLoaders(ctx)
	if err != nil {
		return nil, err
	}
	out := &RecordFactsPayload{Facts: make([]*core.RecordedFact, len(result.Facts))}
	for i := range result.Facts {
		out.Facts[i] = &result.Facts[i]
		switch {
		case result.Facts[i].Created:
			out.Created++
		case result.Facts[i].Merged:
			out.Merged++
		default:
			out.Unchanged++
		}
	}
	return out, nil
}

// MayRecordFacts answers FORBIDDEN for callers without permission to record batches of facts.
func (b *Bulk) MayRecordFacts(ctx context.Context) error {
	_, err := b.core.Gate.Read(ctx, registry.FactsRecord)
	return err
}

// writeFacts writes facts in order and returns the result of each.
func writeFacts(ctx context.Context, batch *policies.Batch, ins []FactInput, facts []core.Fact) (core.WriteResult, error) {
	var ids, effects []registry.ID
	for _, f := range facts {
		i, e := f.FactReads()
		ids, effects = append(ids, i...), append(effects, e...)
	}
	if err := batch.Prefetch(ctx, ids, effects); err != nil {
		return core.WriteResult{}, err
	}
	out := core.WriteResult{Facts: make([]core.RecordedFact, len(facts))}
	results := make([]core.WriteResult, len(facts))
	idByRef := map[string]registry.ID{}
	for i, f := range facts {
		r, err := writeFact(ctx, batch, i, f, idByRef)
		if err != nil {
			return core.WriteResult{}, factError(i, facts, err)
		}
		if ref := ins[i].Ref; ref != "" {
			idByRef[ref] = subjectID(r, f.FactKind())
		}
		results[i] = r
	}
	if err := batch.Flush(ctx); err != nil {
		return core.WriteResult{}, factError(len(facts)-1, facts, err)
	}
	for i, r := range results {
		out.Created = out.Created || r.Changed
		out.Facts[i] = core.RecordedFact{Index: i, Kind: facts[i].FactKind(), Created: r.Created, Merged: r.Changed && !r.Created, NotTaken: r.NotTaken}
		if id := subjectID(r, facts[i].FactKind()); id != "" {
			out.Facts[i].ID = &id
		}
	}
	return out, nil
}

func writeFact(ctx context.Context, batch *policies.Batch, i int, f core.Fact, idByRef map[string]registry.ID) (core.WriteResult, error) {
	tx, err := batch.Step(i, f.FactAction())
	if err != nil {
		return core.WriteResult{}, err
	}
	return f.ResolveFact(core.References{One: func(id registry.ID) registry.ID {
		if ref, isRef := strings.CutPrefix(string(id), "@"); isRef {
			return idByRef[ref]
		}
		return id
	}}).WriteFact(ctx, tx)
}

// subjectID returns the id of the node or edge that a fact is about, "" when there is none.
func subjectID(r core.WriteResult, kind registry.FactKind) registry.ID {
	switch {
	case r.Edge != nil:
		return r.Edge.ID
	case len(r.IDs) == 0:
		return ""
	case kind == registry.FactCommits && len(r.IDs) == 2:
		return r.IDs[1] // The commit. Several commits are about their repository.
	case kind == registry.FactTransition && len(r.IDs) == 2:
		return r.IDs[1] // One that was not taken is about its version.
	}
	return r.IDs[0]
}

// factError adds to an error which fact it is about. Internal and transient errors stay
// unchanged, so that the store can retry the transaction.
func factError(i int, facts []core.Fact, err error) error {
	i, err = policies.StepOf(err, i)
	var cause *registry.Error
	if !errors.As(err, &cause) || cause.Code == registry.Internal || cause.Code == registry.Unavailable {
		return err
	}
	path := fmt.Sprintf("input.facts[%d]", i)
	field := path
	if cause.Field != "" {
		field += "." + cause.Field
	}
	details := map[string]any{"fact": i}
	maps.Copy(details, cause.Details)
	message := cause.Message
	if facts != nil {
		message = strings.ToLower(strings.ReplaceAll(string(facts[i].FactKind()), "_", " ")) + ": " + message
	}
	return &registry.Error{Code: cause.Code, Field: field, Message: path + ": " + message, Details: details, Err: cause.Err}
}

// refName matches a valid Ref.
var refName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// check checks a batch and each of its facts, and returns the facts.
func (in *RecordFactsInput) check() ([]core.Fact, error) {
	if len(in.Facts) == 0 || len(in.Facts) > registry.MaxFacts {
		return nil, registry.Invalid("facts", "must be 1 to %d facts, not %d; send more in several batches", registry.MaxFacts, len(in.Facts))
	}
	out := make([]core.Fact, len(in.Facts))
	indexByRef := map[string]int{}
	for i := range in.Facts {
		f, err := in.Facts[i].Check()
		if err != nil {
			return nil, factError(i, nil, err)
		}
		if ref := in.Facts[i].Ref; ref != "" {
			if _, duplicate := indexByRef[ref]; duplicate {
				return nil, factError(i, nil, registry.Invalid("ref", "%q is given twice", ref))
			}
			indexByRef[ref] = i
		}
		out[i] = f.fact
	}
	for i, f := range out {
		if err := checkRefs(f, i, indexByRef); err != nil {
			return nil, factError(i, nil, err)
		}
	}
	return out, nil
}

// checkRefs refuses references that are not the Ref of an earlier fact.
func checkRefs(f core.Fact, index int, indexByRef map[string]int) (err error) {
	f.ResolveFact(core.References{One: func(id registry.ID) registry.ID {
		ref, isRef := strings.CutPrefix(string(id), "@")
		refIndex, found := indexByRef[ref]
		switch {
		case !isRef || err != nil || found && refIndex < index:
		case found:
			err = registry.Errorf(registry.InvalidArgument, "%q is the ref of a later fact (%d); put causes before effects", "@"+ref, refIndex)
		default:
			err = registry.Errorf(registry.InvalidArgument, "%q is the ref of no earlier fact", "@"+registry.Shorten(ref, 64))
		}
		return id
	}})
	return err
}

// CheckedFact is a fact that FactInput.Check accepted.
type CheckedFact struct{ fact core.Fact }

// Kind returns the kind of the fact.
func (c CheckedFact) Kind() registry.FactKind { return c.fact.FactKind() }

// Check checks one fact without reading the store and normalizes its names. It does not
// resolve references and needs no permission.
func (in *FactInput) Check() (CheckedFact, error) {
	f, err := in.fact()
	if err != nil {
		return CheckedFact{}, err
	}
	if in.Ref != "" {
		switch kind := f.FactKind(); {
		case !refName.MatchString(in.Ref):
			return CheckedFact{}, registry.Invalid("ref", "must be 1 to 64 letters, digits, dots, dashes and underscores")
		case kind == registry.FactLink || kind == registry.FactRetract || kind == registry.FactCommits && len(in.Commits.Commits) != 1:
			return CheckedFact{}, registry.Invalid("ref", "this fact is about no single node")
		}
	}
	tooLong := false
	f.ResolveFact(core.References{One: func(id registry.ID) registry.ID { tooLong = tooLong || len(id) > 255; return id }})
	if tooLong {
		return CheckedFact{}, registry.Invalid("id", "longer than 255 characters")
	}
	return CheckedFact{f}, f.CheckFact()
}

// Resolve returns the fact with the references in idByRef replaced by their ids. Other
// references stay.
func (in FactInput) Resolve(idByRef map[string]registry.ID) FactInput {
	f, err := in.fact()
	if err != nil {
		return in
	}
	return factInputOf(in.Ref, f.ResolveFact(core.References{One: func(id registry.ID) registry.ID {
		if ref, isRef := strings.CutPrefix(string(id), "@"); isRef && idByRef[ref] != "" {
			return idByRef[ref]
		}
		return id
	}}))
}
