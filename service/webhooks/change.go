package webhooks

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// CreateWebhookInput describes a new webhook.
type CreateWebhookInput struct {
	Name        string `json:"name"`
	Description string `json:"description,omitzero"`
	// Subject is whose sight decides, the caller's when empty.
	Subject string `json:"subject,omitzero"`
	// Format is STANDARD when empty.
	Format  registry.WebhookFormat  `json:"format,omitzero"`
	Address string                  `json:"address"`
	Events  []registry.WebhookEvent `json:"events"`
	// MLflow are the events of a webhook of the form MLFLOW, in place of Events. Secret signs what it
	// tells; without one nothing is signed.
	MLflow []registry.MLflowEvent `json:"mlflow,omitzero"`
	Secret string                 `json:"-"`
	Paused bool                   `json:"paused,omitzero"`
	Model  string                 `json:"model,omitzero"`
	// After is the sequence to begin after; nil begins with what happens from now on.
	After          *int64  `json:"after,omitzero"`
	IdempotencyKey *string `json:"-"`
}

// WebhookPayload has a webhook after a mutation, and its secret when it is new.
type WebhookPayload struct {
	Webhook *Hook
	Secret  *string
}

func (in *CreateWebhookInput) check() (err error) {
	if in.Format == "" {
		in.Format = registry.WebhookStandard
	}
	if err := core.FirstError(core.CheckName("name", &in.Name), core.CheckText("description", &in.Description), core.CheckKey("subject", &in.Subject), core.CheckKey("model", &in.Model), checkFormat(in.Format), checkAddress(in.Format, &in.Address)); err != nil {
		return err
	}
	return in.checkForm()
}

func checkFormat(f registry.WebhookFormat) error {
	for _, known := range registry.WebhookFormats() {
		if f == known {
			return nil
		}
	}
	return registry.Invalid("format", "%q is not one of %v", f, registry.WebhookFormats())
}

// CreateWebhook makes a webhook. Its secret is in the payload, this once.
func (h *Hooks) CreateWebhook(ctx context.Context, in CreateWebhookInput) (*WebhookPayload, error) {
	if _, err := h.core.Gate.Read(ctx, registry.WebhookManageOwn); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	return h.write(ctx, core.Idempotent("createWebhook", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (*registry.Webhook, error) {
		caller := tx.Scope().Actor()
		w := &registry.Webhook{Name: in.Name, Description: in.Description, Subject: in.Subject, Format: in.Format, Address: in.Address, Events: in.Events, MLflow: in.MLflow, Model: in.Model,
			Paused: in.Paused, Timing: registry.TellAtOnce}
		if err := h.setSubject(ctx, tx, w, caller); err != nil {
			return nil, err
		}
		var err error
		if w.ModelID, err = modelOf(ctx, tx, in.Model); err != nil {
			return nil, err
		}
		if err := add(ctx, tx, w); err != nil {
			return nil, err
		}
		if w.Sealed, err = h.seal(w.ID, in.Secret); err != nil {
			return nil, err
		}
		if err := logHook(ctx, tx, w, registry.LogWebhookCreated); err != nil {
			return nil, err
		}
		w.Start, _ = tx.LastLogged()
		if in.After != nil {
			if *in.After < 0 || *in.After > w.Start {
				return nil, registry.Invalid("after", "must be the sequence of an entry of the log, or 0 for everything")
			}
			w.Start = *in.After
		}
		return w, put(ctx, tx, w, 0)
	}, true)
}

// setSubject sets whose sight decides: that of the caller, no more than the token that he came
// with; or that of somebody else, for who may give every role.
func (h *Hooks) setSubject(ctx context.Context, tx *policies.Tx, w *registry.Webhook, caller registry.Actor) error {
	if w.Subject == "" || w.Subject == caller.Subject {
		if w.Subject = caller.Subject; caller.Token != nil {
			w.Token = caller.Token.ID
		}
	} else if !tx.May(registry.WebhookManageAny, "") || !tx.May(registry.AccessManage, "") {
		return registry.Errorf(registry.Forbidden, "you may make webhooks for yourself alone; ask an administrator for one for %q", registry.Shorten(w.Subject, 60))
	}
	actor, err := h.core.Gate.ActorOf(ctx, w.Subject, w.Token)
	if err == nil && len(actor.Grants) == 0 {
		err = registry.Errorf(registry.FailedPrecondition, "%q holds no role here, so a webhook of it would be told nothing; an administrator assigns one first, or name another subject", registry.Shorten(w.Subject, 60))
	}
	return err
}

// write writes a webhook and reads it back. With shows the payload has the secret, unless this is a
// retry.
func (h *Hooks) write(ctx context.Context, idem core.IdempotentCall, fn func(context.Context, *policies.Tx) (*registry.Webhook, error), shows bool) (*WebhookPayload, error) {
	secret := ""
	result, err := h.core.Write(ctx, registry.WebhookManageOwn, idem, func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		w, err := fn(ctx, tx)
		if err != nil {
			return core.WriteResult{}, err
		}
		if w.Format != registry.WebhookMLflow {
			secret = h.secret(w.ID, w.Secrets)
		}
		return core.WriteResult{IDs: []registry.ID{w.ID}, Created: true, Changed: true}, nil
	})
	if err != nil {
		return nil, err
	}
	h.changed.ring()
	w, err := h.Webhook(ctx, result.IDs[0])
	p := &WebhookPayload{Webhook: w}
	if shows && secret != "" {
		p.Secret = &secret
	}
	return p, err
}

// mayTurn returns FORBIDDEN for who would turn what somebody else sees to himself.
func mayTurn(tx *policies.Tx, w *registry.Webhook) error {
	if w.Subject == tx.Subject() || tx.May(registry.AccessManage, "") {
		return nil
	}
	return registry.Errorf(registry.Forbidden, "you may not change what a webhook of %q tells to whom; that needs %s", registry.Shorten(w.Subject, 60), registry.AccessManage)
}

// UpdateWebhookInput changes a webhook; what is nil stays.
type UpdateWebhookInput struct {
	ID          registry.ID              `json:"id"`
	Name        *string                  `json:"name,omitzero"`
	Description *string                  `json:"description,omitzero"`
	Address     *string                  `json:"address,omitzero"`
	Events      *[]registry.WebhookEvent `json:"events,omitzero"`
	// MLflow and Secret are of a webhook of the form MLFLOW; a secret "" is none.
	MLflow []registry.MLflowEvent `json:"mlflow,omitzero"`
	Secret *string                `json:"-"`
	// Model "" tells those of all models.
	Model          *string `json:"model,omitzero"`
	Paused         *bool   `json:"paused,omitzero"`
	IfRevision     *int    `json:"ifRevision,omitzero"`
	IdempotencyKey *string `json:"-"`
}

// UpdateWebhook changes a webhook. One of the caller's own sees from then on what the credential
// sees that the caller came with.
func (h *Hooks) UpdateWebhook(ctx context.Context, in UpdateWebhookInput) (*WebhookPayload, error) {
	return h.write(ctx, core.Idempotent("updateWebhook", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (*registry.Webhook, error) {
		w, revision, err := find(ctx, tx, in.ID)
		if err != nil {
			return nil, err
		}
		if err := core.FirstError(mayTurn(tx, w), core.CheckRevision(in.IfRevision, revision)); err != nil {
			return nil, err
		}
		if err := core.FirstError(in.apply(ctx, tx, w), h.applyMLflow(&in, w)); err != nil {
			return nil, err
		}
		if caller := tx.Scope().Actor(); caller.Subject == w.Subject {
			if w.Token = ""; caller.Token != nil {
				w.Token = caller.Token.ID
			}
		}
		if err := logHook(ctx, tx, w, registry.LogWebhookUpdated); err != nil {
			return nil, err
		}
		return w, put(ctx, tx, w, revision)
	}, false)
}

func (in *UpdateWebhookInput) apply(ctx context.Context, tx *policies.Tx, w *registry.Webhook) (err error) {
	if in.Name != nil {
		w.Name = *in.Name
	}
	if in.Address != nil {
		w.Address = *in.Address
	}
	if in.Paused != nil {
		w.Paused = *in.Paused
	}
	if in.Description != nil {
		w.Description = *in.Description
	}
	if in.Events != nil {
		if w.Events, err = checkEvents(*in.Events); err != nil {
			return err
		}
	}
	if in.Model != nil {
		w.Model = *in.Model
		if err := core.CheckKey("model", &w.Model); err != nil {
			return err
		}
		if w.ModelID, err = modelOf(ctx, tx, w.Model); err != nil {
			return err
		}
	}
	return core.FirstError(core.CheckName("name", &w.Name), core.CheckText("description", &w.Description), checkAddress(w.Format, &w.Address))
}

// DeleteWebhookInput names a webhook to delete.
type DeleteWebhookInput struct {
	ID             registry.ID `json:"id"`
	IdempotencyKey *string     `json:"-"`
}

// DeleteWebhook deletes a webhook; it is no error if there is none.
func (h *Hooks) DeleteWebhook(ctx context.Context, in DeleteWebhookInput) (*core.DeletePayload, error) {
	result, err := h.core.Write(ctx, registry.WebhookManageOwn, core.Idempotent("deleteWebhook", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		w, revision, err := find(ctx, tx, in.ID)
		if registry.CodeOf(err) == registry.NotFound {
			return core.WriteResult{}, nil
		}
		if err == nil {
			err = end(ctx, tx, w, revision)
		}
		if err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{w.ID}, Created: true}, logHook(ctx, tx, w, registry.LogWebhookDeleted)
	})
	h.changed.ring()
	return core.NewDeletePayload(ctx, result, err)
}

// end ends a webhook, and takes it out of the index.
func end(ctx context.Context, tx *policies.Tx, w *registry.Webhook, revision int64) error {
	index, old, err := readIndex(ctx, tx)
	if err != nil {
		return err
	}
	kept := index.Webhooks[:0]
	for _, e := range index.Webhooks {
		if e.ID != w.ID {
			kept = append(kept, e)
		}
	}
	index.Webhooks = kept
	if err := putIndex(ctx, tx, index, old); err != nil {
		return err
	}
	w.ValidTo = tx.Now()
	return put(ctx, tx, w, revision)
}

// RotateWebhookSecretInput names a webhook whose secret is to be made anew.
type RotateWebhookSecretInput struct {
	ID registry.ID `json:"id"`
	// Overlap is for how many seconds the old secret signs too, 24 hours when nil.
	Overlap        *int    `json:"overlap,omitzero"`
	IdempotencyKey *string `json:"-"`
}

// RotateWebhookSecret makes the secret of a webhook anew, and shows it, this once. Until the end of
// the overlap both sign.
func (h *Hooks) RotateWebhookSecret(ctx context.Context, in RotateWebhookSecretInput) (*WebhookPayload, error) {
	overlap := registry.RotationOverlap
	if in.Overlap != nil {
		if overlap = time.Duration(*in.Overlap) * time.Second; *in.Overlap < 0 || *in.Overlap > int(30*24*time.Hour/time.Second) {
			return nil, registry.Invalid("overlap", "must be 0 to 2592000 seconds")
		}
	}
	return h.write(ctx, core.Idempotent("rotateWebhookSecret", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (*registry.Webhook, error) {
		w, revision, err := find(ctx, tx, in.ID)
		if err != nil {
			return nil, err
		}
		if err := mayTurn(tx, w); err != nil {
			return nil, err
		}
		if w.Format == registry.WebhookMLflow {
			return nil, errMLflowSecret()
		}
		w.Secrets++
		w.OldUntil = tx.Now().Add(overlap)
		if err := logHook(ctx, tx, w, registry.LogWebhookRotated); err != nil {
			return nil, err
		}
		return w, put(ctx, tx, w, revision)
	}, true)
}

// TestWebhookInput names a webhook to test.
type TestWebhookInput struct {
	ID registry.ID `json:"id"`
	// Event is the event of MLflow whose example is sent, for a webhook of the form MLFLOW.
	Event          registry.MLflowEvent `json:"event,omitzero"`
	IdempotencyKey *string              `json:"-"`
}

// TestWebhook sends a test: the log of deliveries shows what becomes of it, also of a webhook that
// is paused.
func (h *Hooks) TestWebhook(ctx context.Context, in TestWebhookInput) (*WebhookPayload, error) {
	return h.command(ctx, core.Idempotent("testWebhook", in.IdempotencyKey, in), in.ID, registry.LogWebhookTested, func(w *registry.Webhook, _ int64, _ []registry.DeadLetter) error {
		event, err := testEvent(w, in)
		w.Command(registry.OrderTest, 0)
		w.Commands[len(w.Commands)-1].Event = event
		return err
	})
}

// ReplayWebhookInput says what to tell again: everything after a sequence, or one dead letter.
type ReplayWebhookInput struct {
	ID             registry.ID `json:"id"`
	After          *int64      `json:"after,omitzero"`
	DeadLetter     *int64      `json:"deadLetter,omitzero"`
	IdempotencyKey *string     `json:"-"`
}

// ReplayWebhook tells events again, under the ids that they had.
func (h *Hooks) ReplayWebhook(ctx context.Context, in ReplayWebhookInput) (*WebhookPayload, error) {
	if _, err := h.core.Gate.Read(ctx, registry.WebhookManageOwn); err != nil {
		return nil, err
	}
	if (in.After == nil) == (in.DeadLetter == nil) {
		return nil, registry.Invalid("after", "give after or deadLetter")
	}
	return h.command(ctx, core.Idempotent("replayWebhook", in.IdempotencyKey, in), in.ID, registry.LogWebhookReplayed, func(w *registry.Webhook, head int64, dead []registry.DeadLetter) error {
		if in.After != nil {
			if *in.After < 0 || *in.After > head {
				return registry.Invalid("after", "must be the sequence of an entry of the log, or 0 for everything")
			}
			w.Command(registry.OrderReplay, *in.After)
			return nil
		}
		for _, d := range dead {
			if d.Seq == *in.DeadLetter {
				w.Command(registry.OrderRetry, d.Seq)
				return nil
			}
		}
		return registry.Errorf(registry.NotFound, "the webhook has no dead letter %d", *in.DeadLetter)
	})
}

// command adds a command to a webhook.
func (h *Hooks) command(ctx context.Context, idem core.IdempotentCall, id registry.ID, action registry.LogAction, add func(w *registry.Webhook, head int64, dead []registry.DeadLetter) error) (*WebhookPayload, error) {
	return h.write(ctx, idem, func(ctx context.Context, tx *policies.Tx) (*registry.Webhook, error) {
		w, revision, err := find(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		rows, err := tx.Scope().LedgerOf(ctx, stateKey(id), deadKey(id))
		if err != nil {
			return nil, err
		}
		state := stateOf(w, rows[0])
		if w.LastCommand-state.Commands >= registry.MaxWebhookCommands {
			return nil, registry.Errorf(registry.ResourceExhausted, "%d tests and replays of this webhook wait already", registry.MaxWebhookCommands)
		}
		head, err := tx.Scope().LogSize(ctx)
		if err == nil {
			err = add(w, head, deadOf(rows[1]))
		}
		if err == nil {
			err = logHook(ctx, tx, w, action)
		}
		if err != nil {
			return nil, err
		}
		return w, put(ctx, tx, w, revision)
	}, false)
}

func stateKey(id registry.ID) graph.CountKey { return graph.CountKey{Object: id, Subject: "state"} }
func deadKey(id registry.ID) graph.CountKey  { return graph.CountKey{Object: id, Subject: "dead"} }
func logKey(id registry.ID) graph.CountKey   { return graph.CountKey{Object: id, Subject: "deliveries"} }
