package kubeflow

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"pedigree/registry"
	"pedigree/service/kubeflow"
)

// list answers one page of the objects of the route.
func list(ctx context.Context, c *call) (int, any, error) {
	q := kubeflow.ListQuery{Type: c.of}
	if c.in != "" {
		n, err := c.number(c.in)
		if err != nil {
			return 0, nil, err
		}
		q.Parent, q.ParentType = n, c.in
	}
	size, err := c.page(&q)
	if err == nil {
		q.Where, err = c.filter()
	}
	if err != nil {
		return 0, nil, err
	}
	page, err := c.KubeflowList(ctx, q)
	if err != nil {
		return 0, nil, c.asMissingParent(err)
	}
	out := listBody{Items: []map[string]any{}, Page: size, Size: len(page.Objects)}
	if page.Next != "" {
		out.Next = base64.StdEncoding.EncodeToString([]byte(page.Next))
	}
	for _, o := range page.Objects {
		out.Items = append(out.Items, wire(o))
	}
	return http.StatusOK, out, nil
}

// page decodes the parameters of a page, and returns the page size that the client asked for.
func (c *call) page(q *kubeflow.ListQuery) (size int, err error) {
	if text := c.query.Get("pageSize"); text != "" {
		if size, err = strconv.Atoi(text); err != nil || size < 0 || size > kubeflow.MaxPage {
			return 0, badRequest("invalid pageSize '%s': it is 0 to %d", registry.Shorten(text, 60), kubeflow.MaxPage)
		}
	}
	q.Size = cmp.Or(size, kubeflow.MaxPage)
	q.Order = kubeflow.Order(strings.ToUpper(cmp.Or(c.query.Get("orderBy"), string(kubeflow.ByID))))
	if !slices.Contains([]kubeflow.Order{kubeflow.ByID, kubeflow.ByCreated, kubeflow.ByUpdated}, q.Order) {
		if !c.alpha {
			return 0, badRequest("invalid orderBy '%s': it is CREATE_TIME, LAST_UPDATE_TIME or ID", registry.Shorten(string(q.Order), 60))
		}
		q.Order = kubeflow.ByID // The alpha takes any text.
	}
	switch order := strings.ToUpper(c.query.Get("sortOrder")); order {
	case "", "ASC":
	case "DESC":
		q.Desc = true
	default:
		return 0, badRequest("invalid sortOrder '%s': it is ASC or DESC", registry.Shorten(order, 60))
	}
	token, err := base64.StdEncoding.DecodeString(c.query.Get("nextPageToken"))
	if err != nil {
		return 0, badRequest("invalid nextPageToken: %s", err)
	}
	q.After = string(token)
	if text := c.query.Get("artifactType"); text != "" && c.of == kubeflow.AnyArtifact {
		t := kubeflow.Type(text)
		if !t.IsArtifact() {
			return 0, badRequest("invalid artifact type: %s", registry.Shorten(text, 60))
		}
		q.Types = []kubeflow.Type{t}
	}
	return size, nil
}

// maxSteps is the most steps of a metric that a request may name.
const maxSteps = 1000

// filter decodes the conditions of a list: its filterQuery, and the parameters that name things.
func (c *call) filter() (*kubeflow.Condition, error) {
	var all []*kubeflow.Condition
	if text := c.query.Get("filterQuery"); strings.TrimSpace(text) != "" {
		parsed, err := parseFilter(text)
		if err != nil {
			return nil, err
		}
		all = append(all, parsed)
	}
	for _, name := range []string{"name", "externalId"} {
		if text := c.query.Get(name); text != "" && (c.in != "" || c.of == kubeflow.MetricPoint) {
			all = append(all, &kubeflow.Condition{Key: name, Compare: "=", Values: []kubeflow.FilterValue{{Text: text}}})
		}
	}
	if text := c.query.Get("stepIds"); text != "" && c.of == kubeflow.MetricPoint {
		steps := &kubeflow.Condition{Key: "step", Compare: "IN"}
		for i, one := range strings.Split(text, ",") {
			n, err := strconv.ParseUint(one, 10, 31)
			if err != nil || i >= maxSteps {
				return nil, badRequest("invalid stepIds: they are up to %d numbers with commas between", maxSteps)
			}
			steps.Values = append(steps.Values, kubeflow.FilterValue{Number: new(float64(n))})
		}
		all = append(all, steps)
	}
	switch len(all) {
	case 0:
		return nil, nil
	case 1:
		return all[0], nil
	}
	return &kubeflow.Condition{All: all}, nil
}
