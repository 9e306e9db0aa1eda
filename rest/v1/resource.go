package v1

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"pedigree/registry"
	"pedigree/rest/wire"
	"pedigree/service"
	"pedigree/service/core"
)

// Most routes are made by read, list or write: the table gives the method of the service, and the
// rest follows from its types.

// pathFields are the fields of an input that path parameters set.
var pathFields = map[string]string{"name": "Model", "version": "Version", "alias": "Alias", "id": "ID", "gate": "Name", "subject": "Subject", "recall": "Recall", "digest": "Digest"}

// read makes a route for one object. get answers nil when there is none that the caller sees.
func read[Query, Out any](pattern, operation, summary string, get func(context.Context, *call, *Query) (*Out, error)) route {
	return route{method: http.MethodGet, pattern: pattern, operation: operation, summary: summary, filter: reflect.TypeFor[Query](), out: reflect.TypeFor[Out](),
		serve: func(ctx context.Context, c *call) error {
			q := new(Query)
			if err := c.parameters(q); err != nil {
				return spelled(err)
			}
			v, err := get(ctx, c, q)
			if err == nil && v == nil {
				err = c.nothing()
			}
			if err != nil {
				return err
			}
			return c.respond(ctx, http.StatusOK, v)
		}}
}

// under names the field of a noun that the caller must see.
func (rt route) under(field string) route {
	rt.field = field
	return rt
}

// list makes a route for a page of objects, which the answer calls name. get answers a connection
// of the service whose nodes are, or become by shown, the items.
func list[Query, Item any](pattern, operation, name, summary string, get func(context.Context, *call, core.Paging, *Query) (page[Item], error)) route {
	return route{method: http.MethodGet, pattern: pattern, operation: operation, summary: summary, filter: reflect.TypeFor[Query](), out: reflect.TypeFor[Item](), list: name,
		serve: func(ctx context.Context, c *call) error {
			q := new(Query)
			if err := c.parameters(q); err != nil {
				return spelled(err)
			}
			size, err := c.intParam("page_size")
			if err != nil {
				return err
			}
			token := c.query.Get("page_token")
			p, err := get(ctx, c, core.Paging{First: size, After: &token}, q)
			if err != nil {
				return err
			}
			return c.respondList(ctx, p.items, p.next)
		}}
}

// page is a page of a list; next is the cursor of the next page, "" for the last one.
type page[Item any] struct {
	items []*Item
	next  string
}

// nodes makes a page from a connection of the service.
func nodes[Item any](connection any, err error) (page[Item], error) {
	out := page[Item]{items: []*Item{}}
	if err != nil {
		return out, err
	}
	v := reflect.ValueOf(connection).Elem()
	edges, info := v.FieldByName("Edges"), v.FieldByName("PageInfo").Interface().(core.PageInfo)
	for i := range edges.Len() {
		item, _ := edges.Index(i).Elem().FieldByName("Node").Interface().(*Item)
		out.items = append(out.items, item)
	}
	if info.HasNextPage {
		out.next = info.EndCursor
	}
	return out, nil
}

// wrap makes a page of other items.
func wrap[From, To any](p page[From], err error, as func(*From) *To) (page[To], error) {
	out := page[To]{items: []*To{}, next: p.next}
	for _, item := range p.items {
		out.items = append(out.items, as(item))
	}
	return out, err
}

// write makes a route for a change. The path parameters, the headers If-Match and
// Idempotency-Key and the body, or the query of a DELETE, make the input.
func write[In, Out any](method, pattern, operation, summary string, do func(*service.Service, context.Context, In) (*Out, error), set ...func(*route)) route {
	rt := route{method: method, pattern: pattern, operation: operation, summary: summary, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out]()}
	for _, s := range set {
		s(&rt)
	}
	rt.serve = func(ctx context.Context, c *call) error {
		in, err := input[In](c)
		if err != nil {
			return spelled(err)
		}
		out, err := do(c.service, ctx, in)
		if err != nil {
			return c.conditional(err)
		}
		status := c.route.statusOf(reflect.ValueOf(out).Elem())
		c.setLocation(status, out)
		return c.respond(ctx, status, out)
	}
	return rt
}

// statuses sets the statuses of success. The last one is for what was created, or is still to be
// approved.
func statuses(all ...int) func(*route) { return func(rt *route) { rt.statuses = all } }

// without leaves fields out of the body.
func without(fields ...string) func(*route) {
	return func(rt *route) { rt.without = append(rt.without, fields...) }
}

// requires names members that the body must have.
func requires(members ...string) func(*route) {
	return func(rt *route) { rt.required = members }
}

// inBody makes the body one field of the input.
func inBody(field string) func(*route) { return func(rt *route) { rt.bodyField = field } }

// statusOf returns the status of an answer: of several, the last one when something was created
// or a request was made.
func (rt *route) statusOf(out reflect.Value) int {
	switch {
	case len(rt.statuses) == 0:
		return http.StatusOK
	case len(rt.statuses) == 1:
		return rt.statuses[0]
	}
	for _, name := range []string{"Created", "Request"} {
		if f := out.FieldByName(name); f.IsValid() && !f.IsZero() {
			return rt.statuses[1]
		}
	}
	return rt.statuses[0]
}

// notInBody lists the fields of the input that the body cannot hold: those that the path and
// headers set, and the other ways to name the same object.
func (rt *route) notInBody() []string {
	out := append([]string{"IdempotencyKey", "IfRevision"}, rt.without...)
	for _, param := range rt.paramNames {
		out = append(out, pathFields[param])
	}
	if slices.ContainsFunc(rt.paramNames, func(p string) bool { return p == "name" || p == "id" }) {
		out = append(out, "ID")
	}
	return out
}

// input decodes the input of a change.
func input[In any](c *call) (in In, err error) {
	v := reflect.ValueOf(&in).Elem()
	var nulls []string
	if c.body != nil {
		if nulls, err = c.decodeBody(v); err != nil {
			return in, err
		}
	} else if err := c.parameters(&in); err != nil {
		return in, err
	}
	for param, text := range c.path {
		f := v.FieldByName(pathFields[param])
		if !f.IsValid() {
			continue
		}
		if err := c.codec.DecodeText(text, param, f); err != nil {
			return in, err
		}
	}
	if err := c.headers(v); err != nil {
		return in, err
	}
	if clears, ok := any(in).(interface{ Clearing([]string) In }); ok {
		in = clears.Clearing(nulls)
	}
	return in, nil
}

// decodeBody reads the body into an input, or into the one field of it that the body holds.
func (c *call) decodeBody(v reflect.Value) (nulls []string, err error) {
	body, err := io.ReadAll(c.body)
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	if c.route.bodyField == "" {
		return c.codec.Decode(body, v.Addr().Interface(), c.route.notInBody())
	}
	f := v.FieldByName(c.route.bodyField)
	f.Set(reflect.New(f.Type().Elem()))
	nulls, err = c.codec.Decode(body, f.Interface(), nil)
	for i := range nulls {
		nulls[i] = strings.ToLower(c.route.bodyField) + "." + nulls[i]
	}
	return nulls, err
}

// headers reads If-Match and Idempotency-Key into an input, and refuses one that it has no field for.
func (c *call) headers(v reflect.Value) error {
	if key := c.r.Header.Get("Idempotency-Key"); key != "" {
		f := v.FieldByName("IdempotencyKey")
		if !f.IsValid() {
			return registry.Invalid("Idempotency-Key", "this path takes none")
		}
		f.Set(reflect.ValueOf(&key))
	}
	tag := c.r.Header.Get("If-Match")
	if tag == "" || tag == "*" {
		return nil
	}
	f := v.FieldByName("IfRevision")
	if !f.IsValid() {
		return registry.Invalid("If-Match", "this path takes none")
	}
	revision, _, _ := strings.Cut(strings.Trim(tag, `"`), "-")
	n, err := strconv.ParseInt(revision, 10, 32)
	if err != nil {
		return registry.Invalid("If-Match", "must be the ETag of an object, such as \"3-…\"")
	}
	i := int(n)
	f.Set(reflect.ValueOf(&i))
	return nil
}

// errSpelled is an error in a request whose field is spelled as the request spells it.
type errSpelled struct{ error }

func (e errSpelled) Unwrap() error { return e.error }

// spelled marks an error of reading a request.
func spelled(err error) error {
	var large *http.MaxBytesError
	if err == nil || errors.As(err, &large) {
		return err
	}
	return errSpelled{err}
}

// errPrecondition is a conflict with If-Match, which has a status of its own.
type errPrecondition struct{ error }

func (e errPrecondition) Unwrap() error { return e.error }

// conditional marks a conflict of revisions in an answer to If-Match.
func (c *call) conditional(err error) error {
	var known *registry.Error
	if c.r.Header.Get("If-Match") != "" && errors.As(err, &known) && known.Code == registry.Conflict && known.Details["revision"] != nil {
		return errPrecondition{err}
	}
	return err
}

// nothing is the answer when there is no object that the caller sees.
func (c *call) nothing() error {
	return registry.Errorf(registry.NotFound, "there is no such object that you may see")
}

// parameters reads the query parameters of a type.
func (c *call) parameters(into any) error {
	v := reflect.ValueOf(into).Elem()
	for _, p := range c.codec.Members(v.Type(), c.route.without) {
		if !c.query.Has(p.Name) {
			continue
		}
		if err := c.codec.DecodeText(c.query.Get(p.Name), p.Name, v.FieldByIndex(p.Index)); err != nil {
			return err
		}
	}
	return nil
}

// fields returns the members to answer: those of the parameter fields, in its order.
func (c *call) fields() ([]string, error) {
	if !c.query.Has("fields") {
		return c.route.shown, nil
	}
	known := c.codec.Names(c.route.out)
	fields := strings.Split(c.query.Get("fields"), ",")
	for i, f := range fields {
		if !slices.Contains(known, f) {
			return nil, registry.Invalid("fields", "there is no field %q; there are %s", registry.Shorten(f, 60), strings.Join(known, ", "))
		}
		if slices.Contains(fields[:i], f) {
			return nil, registry.Invalid("fields", "names %s twice", f)
		}
	}
	return fields, nil
}

// respond answers an object.
func (c *call) respond(ctx context.Context, status int, v any) error {
	fields, err := c.fields()
	if err != nil {
		return spelled(err)
	}
	out, err := c.codec.Encode(ctx, v, fields)
	if err != nil {
		return err
	}
	revision := ""
	if n, ok := c.codec.Revision(v); ok {
		revision = strconv.Itoa(n) + "-"
	}
	return c.send(ctx, status, out, revision)
}

// respondList answers a page.
func (c *call) respondList(ctx context.Context, items any, next string) error {
	fields, err := c.fields()
	if err != nil {
		return spelled(err)
	}
	out, err := c.codec.EncodeList(ctx, c.route.list, items, next, fields)
	if err != nil {
		return err
	}
	return c.send(ctx, http.StatusOK, out, "")
}

// hiddenHeader names the fields that were left out of an answer because the caller may not see them.
const hiddenHeader = "Pedigree-Hidden-Fields"

// send writes an answer. Its ETag begins with the revision of the object, which If-Match compares,
// and goes on with a hash, because an answer can change without its object.
func (c *call) send(ctx context.Context, status int, out wire.Encoded, revision string) error {
	h := c.w.Header()
	if len(out.Hidden) > 0 {
		h.Set(hiddenHeader, strings.Join(out.Hidden, ", "))
	}
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		c.tellDeprecation(ctx)
		sum := sha256.Sum256(out.Body)
		tag := `"` + revision + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
		h.Set("ETag", tag)
		if matches(c.r, tag) {
			c.w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	return c.write(status, "application/json", out.Body)
}
