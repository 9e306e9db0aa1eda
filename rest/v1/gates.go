package v1

import (
	"context"
	"net/http"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/core"
	"pedigree/service/gates"
)

// gateRoutes are the routes of the conditions on transitions. What they say of a version is told by
// the check of its transition.
func gateRoutes() []route {
	return []route{
		list("gates", "gates", "gates", "The gates that stand: conditions on transitions", func(ctx context.Context, c *call, _ core.Paging, _ *noQuery) (page[registry.Gate], error) {
			all, err := c.service.Gates(ctx)
			return page[registry.Gate]{items: all}, err
		}),
		read("gates/{gate}", "gate", "One gate", func(ctx context.Context, c *call, q *pointInTime) (*registry.Gate, error) {
			return c.service.Gate(ctx, c.path["gate"], q.past())
		}).under("Gate.name"),
		write(http.MethodPost, "gates/test", "testGate", "Which past transitions a gate would have refused; it is not set", testGate, requires("name", "expression")),
		write(http.MethodPut, "gates/{gate}", "putGate", "Sets a gate, or sets it anew", (*service.Service).PutGate, requires("expression")),
		write(http.MethodDelete, "gates/{gate}", "withdrawGate", "Withdraws a gate", (*service.Service).WithdrawGate),
	}
}

// gateTestBody is a gate, and the number of past transitions to test it on: 100 when it is left out.
type gateTestBody struct {
	gates.GateInput
	Last *int `json:"last,omitzero"`
}

func testGate(s *service.Service, ctx context.Context, in gateTestBody) (*gates.GateTest, error) {
	last := 100
	if in.Last != nil {
		last = *in.Last
	}
	return s.TestGate(ctx, in.GateInput, last)
}
