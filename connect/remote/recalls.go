package remote

import (
	"context"

	"pedigree/registry"
	"pedigree/service/governance"
)

// opRecall sends a recall. What it names is read from the server, not sent back.
var opRecall = `mutation Recall($input: RecallInput!) { recall(input: $input) { recall { id revision number reason severity state seq recalledBy recalledAt } } }`

// Recall says that nodes are bad.
func (c *Client) Recall(ctx context.Context, in governance.RecallInput) (*governance.RecallPayload, error) {
	p, err := mutate[struct{ Recall *registry.Recall }](ctx, c, opRecall, "recall", in)
	return &governance.RecallPayload{Recall: p.Recall}, err
}
