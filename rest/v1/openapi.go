package v1

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"pedigree/registry"
	"pedigree/rest/wire"
)

// documentPath is where the OpenAPI document is.
const documentPath = "/openapi.json"

// documents are the descriptions of the API: the OpenAPI document and the same as a page.
type documents struct{ document, page []byte }

// openAPI handles GET /openapi.json.
func openAPI(ctx context.Context, c *call) error {
	return c.send(ctx, http.StatusOK, wire.Encoded{Body: c.documents().document}, "")
}

// newDocuments describes a route table.
func newDocuments(codec *wire.Codec, table []route) *documents {
	partial := map[reflect.Type]bool{} // What the parameter fields selects from.
	for _, rt := range table {
		if rt.filter != nil {
			partial[rt.out] = true
		}
	}
	s := codec.NewSchemas(answerNouns(), partial)
	paths := map[string]map[string]operation{}
	for i := range table {
		rt := &table[i]
		path := strings.ReplaceAll(rt.fullPath(), "...}", "}")
		if paths[path] == nil {
			paths[path] = map[string]operation{}
		}
		paths[path][strings.ToLower(rt.method)] = rt.describe(codec, s)
	}
	s.Components["Problem"] = problemSchema()
	doc := map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{"title": "Pedigree", "version": "1",
			"description": "The registry's REST API. Names are in snake_case, enums in lower case (any case is accepted), versions have a v. Fields that you may not see are left out; the header " + hiddenHeader + " names them."},
		"servers":  []any{map[string]any{"url": "./"}},
		"security": []any{map[string]any{"bearer": []string{}}, map[string]any{"basic": []string{}}},
		"paths":    paths,
		"components": map[string]any{"schemas": s.Components, "securitySchemes": map[string]any{
			"bearer": map[string]any{"type": "http", "scheme": "bearer"}, "basic": map[string]any{"type": "http", "scheme": "basic", "description": "The token is the password."}},
			"responses": map[string]any{"Problem": map[string]any{"description": "What is wrong (RFC 9457)",
				"content": map[string]any{"application/problem+json": map[string]any{"schema": map[string]any{"$ref": "#/components/schemas/Problem"}}}}}},
	}
	body, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		panic("rest: the description cannot be written: " + err.Error()) // It has texts, lists and maps only.
	}
	return &documents{document: append(body, '\n'), page: newPage(paths, s.Components)}
}

// answerNouns are the objects that an answer can hold where it may hold any.
func answerNouns() []reflect.Type {
	return []reflect.Type{reflect.TypeFor[registry.DatasetVersion](), reflect.TypeFor[registry.Run](), reflect.TypeFor[registry.Feature](), reflect.TypeFor[registry.Commit](),
		reflect.TypeFor[registry.Tag](), reflect.TypeFor[registry.ModelVersion](), reflect.TypeFor[registry.Deployment](), reflect.TypeFor[registry.Model](),
		reflect.TypeFor[registry.ModelCard](), reflect.TypeFor[registry.Dataset](), reflect.TypeFor[registry.Repository](), reflect.TypeFor[registry.Artifact](), reflect.TypeFor[registry.Signature](), reflect.TypeFor[registry.Alias](),
		reflect.TypeFor[registry.Transition](), reflect.TypeFor[registry.TransitionRequest](), reflect.TypeFor[registry.TransitionGuard](), reflect.TypeFor[registry.Gate](), reflect.TypeFor[registry.Review](), reflect.TypeFor[registry.Deprecation](), reflect.TypeFor[registry.Consumer](),
		reflect.TypeFor[registry.Actor](), reflect.TypeFor[registry.Token](), reflect.TypeFor[registry.PolicyVersion](), reflect.TypeFor[registry.Restricted]()}
}

// problemSchema describes a problem. Further members give details.
func problemSchema() wire.Schema {
	text := wire.Schema{"type": "string"}
	return wire.Schema{"type": "object", "required": []string{"code", "detail", "status", "title", "type"}, "properties": map[string]any{
		"type": text, "title": text, "status": wire.Schema{"type": "integer", "format": "int32"}, "detail": text, "instance": text, "code": text, "field": text}}
}

// operation is one method of a path in the document.
type operation struct {
	ID         string           `json:"operationId"`
	Summary    string           `json:"summary"`
	Tags       []string         `json:"tags"`
	Parameters []map[string]any `json:"parameters,omitempty"`
	Body       map[string]any   `json:"requestBody,omitempty"`
	Responses  map[string]any   `json:"responses"`
}

// describe returns the operation of a route.
func (rt *route) describe(codec *wire.Codec, s *wire.Schemas) operation {
	tag, _, _ := strings.Cut(strings.TrimPrefix(rt.pattern, "/"), "/")
	return operation{ID: rt.operationID(), Summary: rt.summary, Tags: []string{tag}, Parameters: rt.describeParameters(codec, s), Body: rt.describeBody(s), Responses: rt.describeResponses(s)}
}

// operationID names an operation for generated clients: getModelsByName, listModelsVersions.
func (rt *route) operationID() string {
	verb := map[string]string{"GET": "get", "POST": "post", "PUT": "put", "PATCH": "patch", "DELETE": "delete"}[rt.method]
	if rt.list != "" {
		verb = "list"
	}
	var out strings.Builder
	out.WriteString(verb)
	last := ""
	segments := strings.Split(strings.TrimPrefix(rt.pattern, "/"), "/")
	for i, segment := range segments {
		last = ""
		if segment == "{version}" && i+1 < len(segments) {
			segment = "version" // What belongs to a version has another name than what belongs to a model.
		}
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			last = "By" + capital(strings.TrimRight(name, ".}"))
			continue
		}
		for word := range strings.FieldsFuncSeq(segment, func(r rune) bool { return r == '-' || r == '.' }) {
			out.WriteString(capital(word))
		}
	}
	return out.String() + last
}

func capital(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// describeParameters lists the parameters of the path, the query and the headers.
func (rt *route) describeParameters(codec *wire.Codec, s *wire.Schemas) (out []map[string]any) {
	add := func(in, name string, required bool, schema wire.Schema) {
		p := map[string]any{"in": in, "name": name, "required": required, "schema": schema}
		if in == "query" && schema["type"] == "array" {
			p["style"], p["explode"] = "form", false
		}
		out = append(out, p)
	}
	text := wire.Schema{"type": "string"}
	for _, name := range rt.paramNames {
		schema := map[string]wire.Schema{"id": {"type": "string", "pattern": "^[a-z]+_[0-9a-z]{26}$"}, "seq": {"type": "integer", "format": "int64"}}[name]
		if schema == nil {
			schema = text
		}
		add("path", name, true, schema)
	}
	typed, known := rt.filter, map[string]wire.Schema{"page_size": {"type": "integer", "format": "int32", "minimum": 0, "maximum": 200}}
	if rt.out != nil {
		known["fields"] = wire.Schema{"type": "array", "items": wire.Schema{"type": "string", "pattern": "^(" + strings.Join(codec.Names(rt.out), "|") + ")$"}}
	}
	if rt.in != nil && rt.method == http.MethodDelete {
		typed = rt.in
	}
	if typed != nil {
		for _, m := range codec.Members(typed, rt.without) {
			known[m.Name] = s.Parameter(m.Type)
		}
	}
	for _, name := range rt.query {
		schema := known[name]
		if schema == nil {
			schema = text
		}
		add("query", name, slices.Contains(rt.required, name), schema)
	}
	if rt.in != nil && hasField(rt.in, "IfRevision") {
		add("header", "If-Match", false, text)
	}
	if rt.in != nil && hasField(rt.in, "IdempotencyKey") {
		add("header", "Idempotency-Key", false, wire.Schema{"type": "string", "maxLength": 255})
	}
	return out
}

func hasField(t reflect.Type, name string) bool { _, ok := t.FieldByName(name); return ok }

// describeBody describes the body; nil when there is none.
func (rt *route) describeBody(s *wire.Schemas) map[string]any {
	if rt.body == 0 {
		return nil
	}
	content := map[string]any{}
	schema := wire.Schema{"type": "string"}
	if rt.in != nil {
		if rt.bodyField == "" {
			schema = s.Input(rt.in, rt.notInBody(), rt.required)
		} else {
			f, _ := rt.in.FieldByName(rt.bodyField)
			schema = s.Input(f.Type.Elem(), nil, nil)
		}
	}
	for _, media := range strings.Fields(rt.media) {
		content[media] = map[string]any{"schema": schema}
	}
	return map[string]any{"required": len(rt.required) > 0 || rt.in == nil, "content": content}
}

// describeResponses describes the statuses of a route.
func (rt *route) describeResponses(s *wire.Schemas) map[string]any {
	out := map[string]any{}
	var schema wire.Schema
	switch {
	case rt.list != "":
		item := s.Output(rt.out)
		schema = wire.Schema{"type": "object", "additionalProperties": false, "required": []string{rt.list},
			"properties": map[string]any{rt.list: wire.Schema{"type": "array", "items": item}, "next_page_token": wire.Schema{"type": "string"}}}
	case rt.out != nil:
		schema = s.Output(rt.out)
	case rt.answerMedia == "application/json":
		schema = wire.Schema{"type": "object"}
	default:
		schema = wire.Schema{"type": "string"}
	}
	media := rt.answerMedia
	if media == "" {
		media = "application/json"
	}
	ok := rt.statuses
	if len(ok) == 0 {
		ok = []int{http.StatusOK}
	}
	for _, status := range ok {
		out[strconv.Itoa(status)] = map[string]any{"description": http.StatusText(status), "headers": rt.describeHeaders(status), "content": map[string]any{media: map[string]any{"schema": schema}}}
	}
	refused := []int{400, 401, 403, 404, 422, 429, 500, 503}
	if rt.method == http.MethodGet {
		out["304"] = map[string]any{"description": "It is as If-None-Match says"}
	} else {
		refused = append(refused, 408, 409, 413, 415)
	}
	if rt.in != nil && hasField(rt.in, "IfRevision") {
		refused = append(refused, 412)
	}
	for _, status := range refused {
		out[strconv.Itoa(status)] = map[string]any{"$ref": "#/components/responses/Problem"}
	}
	return out
}

// describeHeaders describes the headers of a success that tell what its body does not.
func (rt *route) describeHeaders(status int) map[string]any {
	out := map[string]any{}
	add := func(name, text string) {
		out[name] = map[string]any{"description": text, "schema": wire.Schema{"type": "string"}}
	}
	if rt.out != nil {
		add(hiddenHeader, "The fields that are left out because you may not see them")
	}
	if status == http.StatusCreated {
		add("Location", "Where the one object is that was made")
	}
	if rt.method == http.MethodGet && rt.out != nil {
		add("ETag", "For If-None-Match; that of an object begins with its revision, for If-Match")
	}
	if rt.method == http.MethodGet && rt.isAboutVersion() {
		add("Deprecation", "When the deprecation of the version was announced (RFC 9745)")
		add("Sunset", "The first day on which the version may be retired (RFC 8594)")
		add("Link", "deprecation: how to migrate; successor-version: the version to go to")
	}
	return out
}
