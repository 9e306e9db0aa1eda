// Command client tells the story of a version by the generated client: register, card, guard,
// request, approval, deployment, lineage and impact.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
)

func main() {
	if err := story(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// as returns a client that sends a token.
func as(url, token string) (*ClientWithResponses, error) {
	return NewClientWithResponses(url, WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}))
}

// step prints what a request answered, and fails when that is not what the story needs.
func step(what string, resp *http.Response, body []byte, err error, want int) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if resp.StatusCode != want {
		return fmt.Errorf("%s: %d, not %d: %s", what, resp.StatusCode, want, body)
	}
	fmt.Println(what, resp.StatusCode)
	return nil
}

func to[T any](v T) *T { return &v }

func story(ctx context.Context, url, requester, approver string) error {
	c, err := as(url, requester)
	if err != nil {
		return err
	}
	second, err := as(url, approver)
	if err != nil {
		return err
	}
	registered, err := c.PostModelsRegisterWithResponse(ctx, &PostModelsRegisterParams{IdempotencyKey: to("once")}, PostModelsRegisterJSONRequestBody{Name: "fraud", Version: to("v1.0.0"),
		Algorithm: to("xgboost"), Metrics: to(map[string]float64{"accuracy": 0.92, "auc": 0.97})})
	if err := step("register", registered.HTTPResponse, registered.Body, err, 201); err != nil {
		return err
	}
	if *registered.JSON201.ModelId != "fraud-v1.0.0" || (*registered.JSON201.Metrics)["auc"] != 0.97 || *registered.JSON201.Status != StageDevelopment {
		return fmt.Errorf("registered %s", registered.Body)
	}
	card, err := c.PatchModelsVersionCardWithResponse(ctx, "fraud", "v1.0.0", &PatchModelsVersionCardParams{IfMatch: to(`"1-x"`)}, PatchModelsVersionCardJSONRequestBody{Limitations: to([]string{"not for minors"})})
	if err := step("card", card.HTTPResponse, card.Body, err, 200); err != nil {
		return err
	}
	stale, err := c.PatchModelsVersionCardWithResponse(ctx, "fraud", "v1.0.0", &PatchModelsVersionCardParams{IfMatch: to(`"1-x"`)}, PatchModelsVersionCardJSONRequestBody{Description: to("again")})
	if err := step("the same revision again", stale.HTTPResponse, stale.Body, err, 412); err != nil {
		return err
	}
	guard, err := c.PutTransitionGuardsWithResponse(ctx, nil, PutTransitionGuardsJSONRequestBody{Model: to("fraud"), Profile: ApprovalProfileGuarded})
	if err := step("guard", guard.HTTPResponse, guard.Body, err, 200); err != nil {
		return err
	}
	for stage, want := range map[Stage]int{StageStaging: 200} {
		moved, err := c.PostModelsVersionTransitionWithResponse(ctx, "fraud", "v1.0.0", nil, PostModelsVersionTransitionJSONRequestBody{ToStage: stage, Reason: to("try it")})
		if err := step("to staging", moved.HTTPResponse, moved.Body, err, want); err != nil {
			return err
		}
	}
	asked, err := c.PostModelsVersionTransitionWithResponse(ctx, "fraud", "v1.0.0", nil, PostModelsVersionTransitionJSONRequestBody{ToStage: StageProduction, Reason: to("beats the old one")})
	if err := step("to production", asked.HTTPResponse, asked.Body, err, 202); err != nil {
		return err
	}
	request := *asked.JSON202.Request.Id
	own, err := c.PostTransitionRequestsApproveWithResponse(ctx, request, nil, PostTransitionRequestsApproveJSONRequestBody{})
	if err := step("approve one's own", own.HTTPResponse, own.Body, err, 403); err != nil {
		return err
	}
	approved, err := second.PostTransitionRequestsApproveWithResponse(ctx, request, nil, PostTransitionRequestsApproveJSONRequestBody{Comment: to("yes")})
	if err := step("approve", approved.HTTPResponse, approved.Body, err, 200); err != nil {
		return err
	}
	return deploy(ctx, c, *registered.JSON201.Id)
}

// deploy deploys the version and reads what it came from and what came of it.
func deploy(ctx context.Context, c *ClientWithResponses, version string) error {
	deployed, err := c.PostModelsVersionDeploymentsWithResponse(ctx, "fraud", "v1.0.0", nil, PostModelsVersionDeploymentsJSONRequestBody{Environment: "live"})
	if err := step("deploy", deployed.HTTPResponse, deployed.Body, err, 201); err != nil {
		return err
	}
	lineage, err := c.GetModelsVersionLineageWithResponse(ctx, "fraud", "v1.0.0", &GetModelsVersionLineageParams{Direction: to(LineageDirectionDownstream)})
	if err := step("lineage", lineage.HTTPResponse, lineage.Body, err, 200); err != nil {
		return err
	}
	if len(*lineage.JSON200.Nodes) != 2 || len(*lineage.JSON200.Edges) != 1 || *lineage.JSON200.Root != version {
		return fmt.Errorf("lineage %s", lineage.Body)
	}
	impact, err := c.GetModelsVersionImpactWithResponse(ctx, "fraud", "v1.0.0", nil)
	if err := step("impact", impact.HTTPResponse, impact.Body, err, 200); err != nil {
		return err
	}
	affected, err := (*impact.JSON200.Affected)[0].Node.AsDeployment()
	if err != nil || *affected.Environment != "live" || *affected.Version != "v1.0.0" {
		return fmt.Errorf("impact %s", impact.Body)
	}
	models, err := c.ListModelsWithResponse(ctx, nil)
	if err := step("models", models.HTTPResponse, models.Body, err, 200); err != nil {
		return err
	}
	if m := models.JSON200.Models[0]; m.ProductionVersion != "v1.0.0" || (*m.Versions)[0] != "v1.0.0" {
		return fmt.Errorf("models %s", models.Body)
	}
	return nil
}
