package v1

import (
	"context"

	"pedigree/registry"
	"pedigree/rest/wire"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// searchQuery are the words to look for, and where.
type searchQuery struct {
	Text   string `json:"text"`
	Kinds  []registry.Kind
	Stages []registry.Stage
	Tag    *registry.KeyValue
}

// foundNode is an object that was found, and its members that have one of the words.
type foundNode struct {
	Node    registry.Node
	Matched []string
}

// nodeBody is an object of any kind.
type nodeBody struct{ Node registry.Node }

// searchRoutes are the routes of objects of any kind.
func searchRoutes() []route {
	found := list("search", "search", "found", "What you see that has all of these words; the last one may be only the start of one", search)
	found.required = []string{"text"}
	return []route{found,
		read("nodes/{id}", "node", "One object of any kind by its id", func(ctx context.Context, c *call, q *pointInTime) (*nodeBody, error) {
			id, err := registry.ParseID(c.path["id"])
			if err != nil {
				return nil, err
			}
			n, err := c.service.Node(ctx, id, q.past())
			if err != nil || n == nil {
				return nil, err
			}
			c.meet(n)
			return &nodeBody{n}, nil
		}),
	}
}

func search(ctx context.Context, c *call, p core.Paging, q *searchQuery) (page[foundNode], error) {
	out := page[foundNode]{}
	conn, err := c.service.Search(ctx, catalog.SearchInput{Text: q.Text, Kinds: q.Kinds, Stages: q.Stages, Tag: q.Tag}, p)
	if err != nil {
		return out, err
	}
	for _, e := range conn.Edges {
		hit := &foundNode{Node: e.Node}
		for _, m := range e.Matched {
			hit.Matched = append(hit.Matched, wire.Snake(m))
		}
		out.items = append(out.items, hit)
	}
	if conn.PageInfo.HasNextPage {
		out.next = conn.PageInfo.EndCursor
	}
	return out, nil
}
