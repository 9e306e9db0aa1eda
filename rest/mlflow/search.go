package mlflow

import (
	"context"
	"errors"

	"pedigree/registry"
	"pedigree/service/catalog"
)

// selection decodes a search.
func (c *call) selection(g *grammar, defaultSize int) (s catalog.Selection, err error) {
	if s.Size, err = c.fields.number("max_results", defaultSize); err != nil {
		return s, err
	}
	if s.After, err = c.fields.text("page_token"); err != nil {
		return s, err
	}
	filter, err := c.fields.text("filter")
	if err != nil {
		return s, err
	}
	if s.Where, err = g.parseFilter(filter); err != nil {
		return s, err
	}
	orders, err := c.fields.list("order_by")
	if err != nil {
		return s, err
	}
	s.Orders, err = g.parseOrders(orders)
	return s, err
}

// asSearchError gives the refusal of a page token its name.
func asSearchError(err error) error {
	var known *registry.Error
	if errors.As(err, &known) && known.Field == "after" {
		return registry.Errorf(registry.InvalidArgument, "Invalid page token: it is not one of this search and this caller")
	}
	return err
}

func searchModels(ctx context.Context, c *call) (any, error) {
	s, err := c.selection(&ofModels, 100)
	if err != nil {
		return nil, err
	}
	page, err := c.SelectModels(ctx, s)
	if err != nil {
		return nil, asSearchError(err)
	}
	out := modelsBody{Next: page.Next}
	for _, m := range page.Models {
		wire, err := c.wireModel(ctx, m)
		if err != nil {
			return nil, err
		}
		out.Models = append(out.Models, wire)
	}
	return out, nil
}

func searchVersions(ctx context.Context, c *call) (any, error) {
	s, err := c.selection(&ofVersions, catalog.MaxSelectedVersions)
	if err != nil {
		return nil, err
	}
	page, err := c.SelectVersions(ctx, s)
	if err != nil {
		return nil, asSearchError(err)
	}
	versions, err := c.wireVersions(ctx, page.Versions)
	return versionsBody{versions, page.Next}, err
}
