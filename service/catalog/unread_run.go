package catalog

import (
	"context"
	"reflect"
	"slices"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// UnreadRuns says what became of the runs that were still to be read.
type UnreadRuns struct {
	// Filled were read to their end. Waiting are read again later, GivenUp are not.
	Filled, Waiting, GivenUp int
	// Reason is why the last one was not read, "" when all were.
	Reason string
}

// maxRunReads is after how many reads a run that the tracking system does not have, or that cannot
// be recorded, is given up.
const maxRunReads = 10

// ReadUnreadRuns reads the runs of versions whose tracking system did not answer when they were
// registered, or whose runs went on, and are due. It stops at the first that gets no answer. What
// another server has filled meanwhile is left alone.
func (c *Catalog) ReadUnreadRuns(ctx context.Context) (*UnreadRuns, error) {
	if _, err := c.core.Gate.Read(ctx, registry.RunRecord); err != nil || c.core.Runs == nil {
		return &UnreadRuns{}, err
	}
	now := c.core.Now()
	if !c.runs.answers(now) { // Nothing is looked through to learn that.
		return c.runs.lastState(), nil
	}
	out := &UnreadRuns{}
	defer func() { c.runs.keep(*out) }()
	unread, err := c.unreadRuns(ctx)
	if err != nil {
		return nil, err
	}
	c.runs.forget(unread)
	for _, u := range unread {
		switch {
		case u.GivenUp:
			out.GivenUp++
			continue
		case !c.runs.answers(now) || !c.runs.due(u.Version, now):
			out.Waiting++
			continue
		}
		reason, err := c.readUnread(ctx, u)
		if err != nil {
			return out, err
		}
		c.runs.answered(registry.CodeOf(reason) != registry.Unavailable, now)
		if reason == nil {
			out.Filled++
			continue
		}
		out.Waiting++
		out.Reason = reasonOf(reason)
	}
	return out, nil
}

// unreadRuns returns all runs that are not read.
func (c *Catalog) unreadRuns(ctx context.Context) (out []registry.UnreadRun, err error) {
	err = c.core.Gate.Inspect(ctx, registry.RunRecord, func(ctx context.Context, tx *policies.Tx) error {
		nodes, err := tx.ChildrenUnfiltered(ctx, registry.KindUnreadRun, registry.IndexName, registry.UnreadRuns)
		if err != nil {
			return err
		}
		for _, n := range nodes {
			var u registry.UnreadRun
			if err := core.DecodeDoc(n, &u); err != nil {
				return err
			}
			out = append(out, u)
		}
		return nil
	})
	return out, err
}

// readUnread reads one run and writes what it says. reason says why something is left to read.
func (c *Catalog) readUnread(ctx context.Context, u registry.UnreadRun) (reason, err error) {
	model, err := c.modelNameOf(ctx, u.Version)
	if err != nil {
		return nil, err
	}
	if model == "" { // The version is gone.
		return nil, c.writeUnread(ctx, u, &core.RunEvidence{Ended: true})
	}
	evidence, reason := c.readRun(ctx, core.TrackedRun{RunID: u.RunID, LoggedModel: u.LoggedModel, Source: u.Source, Model: model})
	if reason == nil && evidence == nil {
		evidence = &core.RunEvidence{Ended: true}
	}
	if reason == nil {
		reason = c.writeUnread(ctx, u, evidence)
	}
	switch code := registry.CodeOf(reason); {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case code == registry.Unavailable || code == registry.Internal:
		return reason, nil
	case reason == nil && evidence.Ended:
		return nil, nil
	case reason == nil:
		c.runs.failed(u.Version, c.core.Now())
		return registry.Errorf(registry.FailedPrecondition, runGoesOn), nil
	}
	if c.runs.failed(u.Version, c.core.Now()) < maxRunReads {
		return reason, nil
	}
	return reason, c.giveUp(ctx, u, reason)
}

// modelNameOf returns the name of the model of a version, "" when it is gone.
func (c *Catalog) modelNameOf(ctx context.Context, version registry.ID) (string, error) {
	v, err := core.NounAs[*registry.ModelVersion](c.core.NodeAt(ctx, registry.Instant{}, version))
	if err != nil || v == nil || v.Deleted {
		return "", err
	}
	m, err := core.NounAs[*registry.Model](c.core.NodeAt(ctx, registry.Instant{}, v.Parent))
	if err != nil || m == nil {
		return "", err
	}
	return m.Name, nil
}

// giveUp writes that a run is not read again, unless another server has read it meanwhile.
func (c *Catalog) giveUp(ctx context.Context, u registry.UnreadRun, reason error) error {
	return c.core.Gate.Write(ctx, registry.RunRecord, func(ctx context.Context, tx *policies.Tx) error {
		n, err := stillUnread(ctx, tx, u)
		if err != nil || n == nil {
			return err
		}
		u.Reason, u.GivenUp = reasonOf(reason), true
		next, err := unreadNode(u, n.Parent, n.ValidFrom, core.LaterTime(tx.Now(), n.Since))
		if err != nil {
			return err
		}
		return core.FirstError(tx.Put(ctx, next), logRead(ctx, tx, u, "", "given up"))
	})
}

// logRead logs what became of a run that was to be read.
func logRead(ctx context.Context, tx *policies.Tx, u registry.UnreadRun, model registry.ID, became string) error {
	return tx.Log(ctx, registry.LogEntry{Action: registry.LogRunRecorded, Objects: []registry.ID{u.Version}, Model: model,
		Detail: core.LogDetail("producer", registry.MLflowProducer, "runId", u.RunID, "read", became)})
}

// stillUnread returns the node of a run, nil when it was read or given up since it was seen.
func stillUnread(ctx context.Context, tx *policies.Tx, u registry.UnreadRun) (*graph.Node, error) {
	found, err := tx.NodesUnfiltered(ctx, registry.UnreadRunID(u.Version))
	if err != nil || found[0] == nil || found[0].Deleted {
		return nil, err
	}
	var known registry.UnreadRun
	if err := core.DecodeDoc(found[0], &known); err != nil || known.GivenUp {
		return nil, err
	}
	return found[0], nil
}

// writeUnread writes what a run says, and that it is read when it has ended, in one transaction.
func (c *Catalog) writeUnread(ctx context.Context, u registry.UnreadRun, evidence *core.RunEvidence) error {
	return c.core.Gate.WriteBatch(ctx, registry.RunRecord, func(ctx context.Context, batch *policies.Batch) error {
		n, err := stillUnread(ctx, batch.Tx(), u)
		if err != nil || n == nil {
			return err
		}
		vs, err := batch.Tx().NodesUnfiltered(ctx, u.Version)
		if err != nil {
			return err
		}
		deleted, model := vs[0] == nil || vs[0].Deleted, registry.ID("")
		if !deleted {
			model = vs[0].Parent
		}
		if !deleted && evidence.Run != "" {
			err := addEvidence(ctx, batch, vs[0], evidence)
			if _, err = policies.StepOf(err, 0); err != nil {
				return err
			}
		}
		if evidence.Ended || deleted {
			if err := core.FirstError(tombstone(ctx, batch.Tx(), n), logRead(ctx, batch.Tx(), u, model, "read")); err != nil {
				return err
			}
		}
		return batch.Flush(ctx)
	})
}

// addEvidence writes the facts of a run, and joins them to a version that is registered: its
// edges, and what its card and tags do not say yet.
func addEvidence(ctx context.Context, batch *policies.Batch, n *graph.Node, evidence *core.RunEvidence) error {
	features, err := writeEvidence(ctx, batch, evidence)
	if err != nil {
		return err
	}
	v, err := core.DecodeWhole(n, &registry.ModelVersion{})
	if err != nil {
		return err
	}
	step := len(evidence.Facts)
	tx, err := batch.Step(step, registry.LineageLink)
	if err != nil {
		return err
	}
	edges := (&RegisterModelVersionInput{Run: &evidence.Run, Features: features}).edges(v.ID)
	if _, err := core.LinkAndLog(ctx, tx, core.Written{}, v.ID, edges, registry.LogEntry{Action: registry.LogLineageLinked, Objects: []registry.ID{v.ID, evidence.Run},
		Model: v.Parent, Detail: core.LogDetail("kind", registry.EdgeGeneratedBy)}); err != nil {
		return err
	}
	if tx, err = batch.Step(step, registry.CardUpdate); err != nil {
		return err
	}
	if err := addToCard(ctx, tx, v, evidence.Card); err != nil {
		return err
	}
	if tx, err = batch.Step(step, registry.ModelUpdate); err != nil {
		return err
	}
	return addTags(ctx, tx, v, n, evidence.Tags)
}

// addToCard fills the empty fields of a card with what a run says.
func addToCard(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, known *registry.ModelCard) error {
	found, err := tx.NodesUnfiltered(ctx, registry.CardID(v.ID))
	if err != nil || found[0] == nil || found[0].Deleted || known == nil {
		return err
	}
	card, err := core.DecodeWhole(found[0], &registry.ModelCard{})
	if err != nil {
		return err
	}
	had := *card
	told := withEvidence(&ModelCardInput{ModelDetails: card.ModelDetails, Training: card.Training, Performance: card.Performance, Features: card.Features}, known)
	changed := told.Apply(card)
	if reflect.DeepEqual(had, *card) {
		return nil
	}
	if err := putCard(ctx, tx, v, card, core.LaterTime(tx.Now(), found[0].Since)); err != nil {
		return err
	}
	return tx.Log(ctx, registry.LogEntry{Action: registry.LogCardUpdated, Objects: []registry.ID{card.ID, v.ID}, Model: v.Parent, Detail: core.LogDetail("changed", changed)})
}

// addTags adds the tags that a run says and the version does not have.
func addTags(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, n *graph.Node, tags []registry.KeyValue) error {
	all := missingTags(v.Tags, tags)
	if slices.Equal(all, v.Tags) {
		return nil
	}
	if err := core.CheckTags("tags", all); err != nil {
		return err
	}
	v.Tags, v.UpdatedAt = all, tx.Now()
	if err := PutVersion(ctx, tx, v, core.LaterTime(tx.Now(), n.Since)); err != nil {
		return err
	}
	return tx.Log(ctx, registry.LogEntry{Action: registry.LogVersionUpdated, Objects: []registry.ID{v.ID}, Model: v.Parent,
		Detail: core.LogDetail("version", v.Version, "changed", []string{"tags"})})
}
