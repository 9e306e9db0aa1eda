package kubeflow

import (
	"context"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// exportBatch is how many records are read at a time.
const exportBatch = 500

// foreignExport writes the foreign records that a caller sees as facts.
type foreignExport struct {
	k     *Kubeflow
	scope *policies.Scope
	// existing returns those of nodes that the export has facts of.
	existing func(context.Context, []registry.ID) (map[registry.ID]*graph.Node, error)
	emit     func(*graph.Node, *RecordForeignInput) error
	// left are the records that were left out, and leftOut counts them.
	left    map[registry.ID]bool
	leftOut int64
}

// ExportForeign passes the foreign records that the caller of a scope sees to emit, as facts: what
// contains an object comes before it. existing says which nodes facts may name. It returns how many
// were left out, because they name a node that is left out.
func ExportForeign(ctx context.Context, c *core.Core, scope *policies.Scope, existing func(context.Context, []registry.ID) (map[registry.ID]*graph.Node, error),
	emit func(*graph.Node, *RecordForeignInput) error) (int64, error) {
	e := &foreignExport{k: New(c, nil), scope: scope, existing: existing, emit: emit, left: map[registry.ID]bool{}}
	q := graph.Query{Kinds: []registry.Kind{registry.KindForeign}, Order: registry.IndexSerial, Limit: exportBatch}
	for {
		page, err := scope.Records(ctx, q)
		if err != nil {
			return e.leftOut, err
		}
		if err := e.page(ctx, page.Nodes); err != nil || !page.More {
			return e.leftOut, err
		}
		q.After = policies.KeyOf(page.Nodes[len(page.Nodes)-1], q.Order)
	}
}

// page exports one page of records.
func (e *foreignExport) page(ctx context.Context, nodes []*graph.Node) error {
	var records []*record
	var owners []externalID
	var stored []*graph.Node
	var ids []registry.ID
	for _, n := range nodes {
		if n.Deleted {
			continue
		}
		r, held := &record{}, externalID{}
		if n.Parent == registry.ExternalIDs {
			if err := core.DecodeDoc(n, &held); err != nil {
				return err
			}
			if k := held.Of.Kind(); k != registry.KindModel && k != registry.KindModelVersion { // Others have it in their own fact.
				continue
			}
			ids = append(ids, held.Of)
		} else {
			var err error
			if r, err = decodeRecord(n); err != nil {
				return err
			}
			for _, id := range []registry.ID{r.Of, r.Node} {
				if id != "" {
					ids = append(ids, id)
				}
			}
		}
		records, owners, stored = append(records, r), append(owners, held), append(stored, n)
	}
	seen, err := e.k.visible(ctx, e.scope, records)
	if err != nil {
		return err
	}
	known, err := e.existing(ctx, ids)
	if err != nil {
		return err
	}
	refs, err := e.refsOf(ctx, records)
	if err != nil {
		return err
	}
	for i, r := range records {
		n := stored[i]
		if held := owners[i]; held.Of != "" {
			if owner := known[held.Of]; owner != nil && e.seesTags(owner) {
				if err := e.emit(n, &RecordForeignInput{Type: string(externalIDType), Node: &held.Of, ExternalID: held.At}); err != nil {
					return err
				}
			}
			continue
		}
		if !seen[i] {
			e.left[n.ID] = true
			continue
		}
		in, err := r.fact(refs)
		if err != nil {
			return err
		}
		if r.Of != "" && known[r.Of] == nil || r.Node != "" && known[r.Node] == nil && r.Type != InferenceService || e.left[r.parent] || in == nil {
			e.left[n.ID] = true
			e.leftOut++
			continue
		}
		if known[r.Node] == nil { // The deployment is left out, and the service stands without it.
			in.Node = nil
		}
		if err := e.emit(n, in); err != nil {
			return err
		}
	}
	return nil
}

// seesTags reports whether the caller sees the tags of a model or version, which have its external id.
func (e *foreignExport) seesTags(n *graph.Node) bool {
	return n.Mask.Has(registry.Bit(registry.NounOf(n.Kind).Name, "tags"))
}

// refsOf returns the ids of the nodes that records refer to by number, as far as the caller sees them.
func (e *foreignExport) refsOf(ctx context.Context, records []*record) (map[int64]registry.ID, error) {
	numbers, out := map[registry.Kind][]any{}, map[int64]registry.ID{}
	for _, r := range records {
		for name, kind := range refKinds {
			if n := r.ref(name); n != 0 {
				numbers[kind] = append(numbers[kind], n)
			}
		}
	}
	for kind, values := range numbers {
		for len(values) > 0 {
			part := values[:min(len(values), exportBatch)]
			values = values[len(part):]
			page, err := find(ctx, e.scope, graph.Query{Kinds: []registry.Kind{kind}, Order: registry.IndexSerial, Limit: exportBatch,
				Where: []graph.Predicate{{Column: registry.IndexSerial, Op: graph.In, Values: part}}})
			if err != nil {
				return nil, err
			}
			for _, n := range page.Nodes {
				out[n.Number] = n.ID
			}
		}
	}
	return out, nil
}

// fact returns the record as a fact, nil when it refers to something that the caller does not see.
func (r *record) fact(refs map[int64]registry.ID) (*RecordForeignInput, error) {
	in := &RecordForeignInput{Type: string(r.Type), Name: r.Name, Description: r.Description, ExternalID: r.ExternalID, CreatedAt: r.Created, UpdatedAt: r.Updated}
	for to, id := range map[**registry.ID]registry.ID{&in.Of: r.Of, &in.Node: r.Node, &in.Parent: r.parent} {
		if id != "" && id != registry.LooseArtifacts && id != registry.ServingEnvironments && id != registry.Experiments {
			*to = &id
		}
	}
	fields := map[string]any{}
	for name, value := range r.Fields {
		if refKinds[name] != "" {
			id := refs[r.ref(name)]
			if id == "" {
				return nil, nil
			}
			value = id
		}
		fields[name] = value
	}
	var err error
	if len(r.Properties) > 0 {
		if in.Properties, err = registry.Canonical(r.Properties); err != nil {
			return nil, err
		}
	}
	if len(fields) > 0 {
		in.Fields, err = registry.Canonical(fields)
	}
	return in, err
}
