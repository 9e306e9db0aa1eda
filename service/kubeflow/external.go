package kubeflow

import (
	"context"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// externalID says which object has an external id. Of is empty when none has it any more.
type externalID struct {
	Of registry.ID `json:"of,omitempty"`
	At string      `json:"at"`
}

func externalRecord(t Type, text string) registry.ID {
	if t.IsArtifact() {
		t = AnyArtifact
	}
	return registry.ForeignID("external-id", string(t), text)
}

// claimExternalID gives the external id of an input to an object; ALREADY_EXISTS when another one
// of its type has it. The one that it had is free again.
func claimExternalID(ctx context.Context, tx *policies.Tx, in *Input, id registry.ID) error {
	if in.ExternalID == nil {
		return nil
	}
	if err := freeExternalID(ctx, tx, id); err != nil {
		return err
	}
	if *in.ExternalID == "" {
		return nil
	}
	if err := registry.CheckKey("externalId", *in.ExternalID); err != nil {
		return err
	}
	record := externalRecord(in.Type, *in.ExternalID)
	found, err := tx.NodesUnfiltered(ctx, record)
	if err != nil {
		return err
	}
	if found[0] != nil {
		var held externalID
		if err := core.DecodeDoc(found[0], &held); err != nil {
			return err
		}
		holder, err := tx.NodesUnfiltered(ctx, held.Of)
		if err != nil {
			return err
		}
		if held.Of != "" && held.Of != id && holder[0] != nil && !holder[0].Deleted {
			return registry.Errorf(registry.AlreadyExists, "another %s has the externalId %q", in.Type, registry.Shorten(*in.ExternalID, 100))
		}
	}
	return putExternalID(ctx, tx, record, externalID{Of: id, At: *in.ExternalID}, "external/"+string(id))
}

// freeExternalID frees the external id that an object has.
func freeExternalID(ctx context.Context, tx *policies.Tx, id registry.ID) error {
	n, err := tx.SlotHolder(ctx, "external/"+string(id))
	if err != nil || n == nil {
		return err
	}
	var held externalID
	if err := core.DecodeDoc(n, &held); err != nil {
		return err
	}
	return putExternalID(ctx, tx, n.ID, externalID{At: held.At})
}

func putExternalID(ctx context.Context, tx *policies.Tx, record registry.ID, e externalID, slots ...string) error {
	doc, err := registry.Canonical(e)
	if err != nil {
		return err
	}
	return tx.Put(ctx, &graph.Node{ID: record, Kind: registry.KindForeign, Parent: registry.ExternalIDs, Name: registry.Shorten(e.At, 254), Slots: slots,
		Columns: map[registry.Index]any{registry.IndexNamespace: "external-id"}, ValidFrom: tx.Now(), Since: tx.Now(), Doc: doc})
}

// holderOf returns the object that has an external id, "" when none has.
func holderOf(ctx context.Context, scope *policies.Scope, t Type, text string) (registry.ID, error) {
	nodes, err := recordsByID(ctx, scope, externalRecord(t, text))
	if err != nil || len(nodes) == 0 {
		return "", err
	}
	var held externalID
	return held.Of, core.DecodeDoc(nodes[0], &held)
}

// recordsByID returns the records with ids, as far as there are such.
func recordsByID(ctx context.Context, scope *policies.Scope, ids ...registry.ID) ([]*graph.Node, error) {
	values := make([]any, len(ids))
	for i, id := range ids {
		values[i] = string(id)
	}
	page, err := scope.Records(ctx, graph.Query{Kinds: []registry.Kind{registry.KindForeign}, Where: []graph.Predicate{{Self: graph.SelfID, Op: graph.In, Values: values}}, Limit: 1000})
	return page.Nodes, err
}
