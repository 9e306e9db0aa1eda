package policies

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// Find returns one page of the rows that the actor may see. Where the rows of all grants
// can be told by columns, as those of the rule served can, the store filters inside the
// query and totals are exact. The rows of a grant on one model depend on the graph, except
// for models and versions: they are filtered after each page is read and have
// no total (-1), unless the actor sees every row. A filter or sort on a column that all
// grants hide is FORBIDDEN; where only some grants hide it, their rows do not match.
func (s *Scope) Find(ctx context.Context, q graph.Query) (graph.Page, error) {
	grants, err := s.rowGrantsFor(q)
	if err != nil {
		return graph.Page{Total: -1}, err
	}
	if len(grants) == 0 {
		return graph.Page{Total: 0, TotalOf: noneOf(q)}, nil
	}
	rows, inQuery := rowPredicates(grants, q.Kinds)
	if !inQuery || len(q.Kinds) == 0 {
		return s.findByFiltering(ctx, q, grants)
	}
	q.AnyOf = rows
	page, err := s.store.Find(ctx, q)
	if err != nil {
		return page, err
	}
	masks, err := s.masks(ctx, page.Nodes)
	if err != nil {
		return page, err
	}
	page.Nodes = redactAll(page.Nodes, masks)
	return page, nil
}

// rowPredicates returns the alternatives that the rows of some kinds must meet, none when
// all rows are covered; false when no query can tell which rows are.
func rowPredicates(grants []rowGrant, kinds []registry.Kind) (rows [][]graph.Predicate, ok bool) {
	ok = true
	for _, c := range grants {
		if c.coversAll() {
			return nil, true
		}
		for i, k := range kinds {
			p, can := c.predicates(k)
			ok = ok && can && (len(kinds) == 1 || c.models == nil) // Without models, p is the same for all kinds.
			if i == 0 {
				rows = append(rows, p)
			}
		}
	}
	return rows, ok
}

// rowGrantsFor returns the row grants whose rows may match: those that show a noun of
// the query and every column that it filters or sorts by.
func (s *Scope) rowGrantsFor(q graph.Query) ([]rowGrant, error) {
	var out []rowGrant
	columns, byTag := []registry.Index{}, false
	if q.Order != "" {
		columns = append(columns, q.Order)
	}
	for _, p := range q.Where {
		if p.Column != "" && p.Child == "" {
			columns = append(columns, p.Column)
		}
		byTag = byTag || p.Label != ""
	}
	hidden := registry.Index("")
	for _, c := range s.rowGrants {
		visible := false
		for _, k := range q.Kinds {
			noun := registry.NounOf(k)
			if noun == nil || c.masks[noun.Name] == 0 {
				continue
			}
			if col := hiddenColumn(noun, c.masks[noun.Name], columns); col != "" {
				hidden = col
				continue
			}
			if byTag && !c.masks[noun.Name].Has(registry.Bit(noun.Name, "tags")) {
				hidden = "tags"
				continue
			}
			visible = true
		}
		if visible || len(q.Kinds) == 0 {
			out = append(out, c)
		}
	}
	if len(out) == 0 && hidden != "" {
		return nil, registry.Errorf(registry.Forbidden, "you may not filter or sort by %s, which you cannot see", hidden)
	}
	return out, nil
}

// hiddenColumn returns a column that is not in the mask, "" when all are.
func hiddenColumn(noun *registry.Noun, mask registry.Mask, columns []registry.Index) registry.Index {
	for _, col := range columns {
		if col == registry.IndexSerial {
			continue // It says no more of a row than its place among those that are seen.
		}
		i := slices.IndexFunc(noun.Fields, func(f registry.Field) bool { return f.Column == col })
		if i < 0 || !mask.Has(i) {
			return col
		}
	}
	return ""
}

// findByFiltering reads pages from the store and drops hidden rows until the page is
// full.
func (s *Scope) findByFiltering(ctx context.Context, q graph.Query, grants []rowGrant) (graph.Page, error) {
	out := graph.Page{Total: -1}
	want, count := q.Limit, q.Count
	q.Count, q.Limit = false, min(max(2*want, 50), 1000)
	if q.Order == "" {
		q.Order = registry.IndexName
	}
	narrowed := *s
	narrowed.rowGrants = grants
	if q.PerParent {
		// Children are visible when their parent is, so a page has no gaps to fill.
		q.Limit, q.Count = want, count
		return narrowed.filterPerParent(ctx, q)
	}
	for {
		page, err := s.store.Find(ctx, q)
		if err != nil {
			return out, err
		}
		masks, err := narrowed.masksOfList(ctx, page.Nodes)
		if err != nil {
			return out, err
		}
		for i, n := range page.Nodes {
			if masks[i] == 0 {
				continue
			}
			if len(out.Nodes) == want {
				out.More = true
				return out, nil
			}
			out.Nodes = append(out.Nodes, redact(n, masks[i]))
		}
		if !page.More {
			if count && q.After == nil {
				out.Total = int64(len(out.Nodes)) // Everything was on one page.
			}
			return out, nil
		}
		q.After = KeyOf(page.Nodes[len(page.Nodes)-1], q.Order)
	}
}

// masksOfList returns the masks of the nodes of a list. RESOURCE_EXHAUSTED when some are not
// decided, because the list would then be wrong.
func (s *Scope) masksOfList(ctx context.Context, nodes []*graph.Node) ([]registry.Mask, error) {
	overBudget, timedOut := s.visibility.undecided()
	undecidedBefore := overBudget + timedOut
	masks, err := s.masks(ctx, nodes)
	if err != nil {
		return nil, err
	}
	if overBudget, timedOut := s.visibility.undecided(); overBudget+timedOut > undecidedBefore {
		return nil, registry.Errorf(registry.ResourceExhausted, "it takes too long to find out what you may see of this list; narrow it with a filter, or ask with lineage")
	}
	return masks, nil
}

// filterPerParent finds the first rows of each parent and drops the hidden ones; More reports
// that some were dropped. Only parents whose rows are all on the page have a total, as in a list
// of one parent.
func (s *Scope) filterPerParent(ctx context.Context, q graph.Query) (graph.Page, error) {
	const countable = 50
	out, want := graph.Page{Total: -1, TotalOf: noneOf(q)}, q.Limit
	if q.Count {
		q.Limit, q.Count = max(want, countable+1), false
	}
	page, err := s.store.Find(ctx, q)
	if err != nil {
		return out, err
	}
	masks, err := s.masksOfList(ctx, page.Nodes)
	if err != nil {
		return out, err
	}
	read, shown := map[registry.ID]int{}, map[registry.ID]int{}
	for i, n := range page.Nodes {
		read[n.Parent]++
		if out.More = out.More || masks[i] == 0; masks[i] == 0 {
			continue
		}
		if shown[n.Parent]++; shown[n.Parent] <= want {
			out.Nodes = append(out.Nodes, redact(n, masks[i]))
		}
	}
	for p := range out.TotalOf {
		if out.TotalOf[p] = int64(shown[p]); read[p] >= q.Limit || shown[p] > want {
			delete(out.TotalOf, p)
		}
	}
	return out, nil
}

// noneOf returns a total of zero for each parent of a query per parent.
func noneOf(q graph.Query) map[registry.ID]int64 {
	if !q.PerParent || !q.Count {
		return nil
	}
	out := make(map[registry.ID]int64, len(q.Parents))
	for _, p := range q.Parents {
		out[p] = 0
	}
	return out
}

// KeyOf returns the sort key of a node in a list that is ordered by a column.
func KeyOf(n *graph.Node, order registry.Index) *graph.Key {
	k := &graph.Key{ID: n.ID}
	switch order {
	case "", registry.IndexName:
		k.Value = n.Name
	case registry.IndexSerial:
		k.Value = n.Number
	case registry.IndexValidFrom:
		k.Value = int64(0)
		if !n.ValidFrom.IsZero() {
			k.Value = n.ValidFrom.UnixMicro()
		}
	default:
		if v, ok := n.Columns[order]; ok {
			k.Value = v
		} else {
			k.Value = zeroOf(order)
		}
	}
	return k
}

func zeroOf(order registry.Index) any {
	for _, c := range registry.IndexColumns() {
		if c.Name == order && c.Type == registry.IntIndex {
			return int64(0)
		}
	}
	return ""
}
