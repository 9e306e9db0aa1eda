package webhooks

import (
	"context"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// NotificationSettings are what a subject wants to be told, where, and when.
type NotificationSettings struct {
	// Events are empty for a subject that wants to be told nothing.
	Events  []registry.WebhookEvent
	Format  registry.WebhookFormat
	Address *string
	Timing  registry.NoticeTiming
	// OwnedRecalls is true when the subject is told of recalls of what it owns, if it has an address.
	OwnedRecalls bool
}

// NotificationSettings returns the settings of the caller.
func (h *Hooks) NotificationSettings(ctx context.Context) (*NotificationSettings, error) {
	scope, err := h.core.Gate.Read(ctx, registry.ViewerRead)
	if err != nil {
		return nil, err
	}
	none := &NotificationSettings{Events: []registry.WebhookEvent{}, Format: registry.WebhookEmail, Timing: registry.TellAtOnce, OwnedRecalls: true}
	index, err := scope.WebhookIndex(ctx)
	if err != nil || index == nil {
		return none, err
	}
	id := personal(*index, scope.Actor().Subject)
	if id == "" {
		return none, nil
	}
	nodes, err := scope.Webhooks(ctx, id)
	if err != nil || nodes[0] == nil {
		return none, err
	}
	w, err := core.DecodeWhole(nodes[0], &registry.Webhook{})
	if err != nil {
		return nil, err
	}
	out := &NotificationSettings{Events: w.Events, Format: w.Format, Address: &w.Address, Timing: w.Timing, OwnedRecalls: w.TellsOwnedRecalls()}
	if w.Paused {
		out.Events = none.Events
	}
	return out, nil
}

// personal returns the id of the settings of a subject, "" when it has none.
func personal(index registry.WebhookIndex, subject string) registry.ID {
	for _, e := range index.Webhooks {
		if e.Personal && e.Subject == subject {
			return e.ID
		}
	}
	return ""
}

// UpdateNotificationSettingsInput says what the caller wants to be told. Without events it is told
// nothing.
type UpdateNotificationSettingsInput struct {
	Events []registry.WebhookEvent `json:"events"`
	// Format is EMAIL when empty, Timing AT_ONCE.
	Format  registry.WebhookFormat `json:"format,omitzero"`
	Address string                 `json:"address,omitzero"`
	Timing  registry.NoticeTiming  `json:"timing,omitzero"`
	// OwnedRecalls turns on or off that the caller is told of recalls of what it owns; nil leaves it
	// as it is: on at first, and off for who wants to be told nothing.
	OwnedRecalls *bool `json:"ownedRecalls,omitzero"`
	// IdempotencyKey makes a retry safe.
	IdempotencyKey *string `json:"-"`
}

// NotificationSettingsPayload has the settings after the mutation.
type NotificationSettingsPayload struct{ NotificationSettings *NotificationSettings }

func (in *UpdateNotificationSettingsInput) check() (err error) {
	if in.Format == "" {
		in.Format = registry.WebhookEmail
	}
	if in.Timing == "" {
		in.Timing = registry.TellAtOnce
	}
	if in.Timing != registry.TellAtOnce && in.Timing != registry.TellDaily {
		return registry.Invalid("timing", "%q is not AT_ONCE or DAILY", in.Timing)
	}
	if in.Format == registry.WebhookMLflow {
		return registry.Invalid("format", "%s is for webhooks", in.Format)
	}
	if len(in.Events) == 0 && (in.Address == "" || in.OwnedRecalls == nil || !*in.OwnedRecalls) {
		return core.FirstError(core.CheckKey("address", &in.Address), checkFormat(in.Format))
	}
	if len(in.Events) > 0 {
		if in.Events, err = checkEvents(in.Events); err != nil {
			return err
		}
	}
	return core.FirstError(checkFormat(in.Format), checkAddress(in.Format, &in.Address))
}

// UpdateNotificationSettings sets what the caller is told, from now on. Another way than by mail needs
// webhook.manage.own.
func (h *Hooks) UpdateNotificationSettings(ctx context.Context, in UpdateNotificationSettingsInput) (*NotificationSettingsPayload, error) {
	if _, err := h.core.Gate.Read(ctx, registry.ViewerRead); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	_, err := h.core.Write(ctx, registry.ViewerRead, core.Idempotent("updateNotificationSettings", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return core.WriteResult{Created: true, Changed: true}, h.putSettings(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	h.changed.ring()
	s, err := h.NotificationSettings(ctx)
	return &NotificationSettingsPayload{s}, err
}

func (h *Hooks) putSettings(ctx context.Context, tx *policies.Tx, in UpdateNotificationSettingsInput) error {
	caller := tx.Scope().Actor()
	if in.Format != registry.WebhookEmail && !tx.May(registry.WebhookManageOwn, "") {
		return registry.Errorf(registry.Forbidden, "you may be told by mail alone; ask an administrator for %s", registry.WebhookManageOwn)
	}
	w, revision := &registry.Webhook{Personal: true, Subject: caller.Subject}, int64(0)
	index, _, err := readIndex(ctx, tx)
	if err != nil {
		return err
	}
	if id := personal(index, caller.Subject); id != "" {
		nodes, err := tx.NodesUnfiltered(ctx, id)
		if err != nil {
			return err
		}
		if w, err = core.DecodeWhole(nodes[0], w); err != nil {
			return err
		}
		revision = nodes[0].Revision
	} else if err := add(ctx, tx, w); err != nil {
		return err
	}
	w.Events, w.Format, w.Address, w.Timing, w.Paused, w.Token = in.Events, in.Format, in.Address, in.Timing, len(in.Events) == 0, ""
	if in.OwnedRecalls != nil {
		w.OwnedRecalls = in.OwnedRecalls
	}
	if caller.Token != nil {
		w.Token = caller.Token.ID
	}
	if err := logHook(ctx, tx, w, registry.LogNotificationsSet); err != nil {
		return err
	}
	head, _ := tx.LastLogged()
	if revision == 0 {
		w.Start = head
	} else {
		w.Command(registry.OrderReplay, head) // What happened before is not told.
	}
	return put(ctx, tx, w, revision)
}
