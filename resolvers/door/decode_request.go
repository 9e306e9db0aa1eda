package door

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"pedigree/registry"
)

// The limits of a request: bytes of the body, and the form of the variables.
const (
	maxBody      = 256 << 10
	maxBatchBody = registry.MaxFactBytes // the body of a batch mutation
	maxItems     = 1000                  // entries of one list in variables
	maxNested    = 32                    // levels of variables
)

// refusal is the reason why a request is refused. Its message never contains parts of the
// body.
type refusal struct {
	status  int
	code    registry.Code
	message string
}

func refuse(status int, message string) *refusal {
	return &refusal{status, registry.InvalidArgument, message}
}

// readParams accepts only unambiguous requests: POST with one JSON object that has only the
// four known keys, each at most once, or GET with a query.
func readParams(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, *refusal) {
	switch r.Method {
	case http.MethodGet:
		return readURL(r)
	case http.MethodPost:
		return readBody(w, r)
	}
	w.Header().Set("Allow", "GET, POST")
	return nil, refuse(http.StatusMethodNotAllowed, "use POST with application/json, or GET for queries")
}

// Refuse answers a request that does not reach GraphQL, in the form of a GraphQL response.
func Refuse(w http.ResponseWriter, status int, code registry.Code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{"message": message, "extensions": map[string]any{"code": code}}}})
}

func readURL(r *http.Request) (*graphql.RawParams, *refusal) {
	q := r.URL.Query()
	if len(q.Get("query")) > maxBody {
		return nil, refuse(http.StatusBadRequest, "the query is too large")
	}
	for k, v := range q {
		if !requestKeys[k] || len(v) != 1 {
			return nil, refuse(http.StatusBadRequest, "only query, variables, operationName and extensions are taken, each once")
		}
		if !utf8.ValidString(v[0]) {
			return nil, refuse(http.StatusBadRequest, "the URL is not valid UTF-8")
		}
	}
	params := &graphql.RawParams{Query: q.Get("query"), OperationName: q.Get("operationName"), Headers: r.Header}
	for name, into := range map[string]*map[string]any{"variables": &params.Variables, "extensions": &params.Extensions} {
		text := q.Get(name)
		if text == "" {
			continue
		}
		var err error
		if *into, err = readObject([]byte(text), nil); err != nil {
			return nil, refuse(http.StatusBadRequest, err.Error())
		}
	}
	return params, checkPersisted(params)
}

func readBody(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, *refusal) {
	if t := r.Header.Get("Content-Type"); t != jsonType { // The usual value needs no parsing.
		if t, p, err := mime.ParseMediaType(t); err != nil || t != jsonType || p["charset"] != "" && p["charset"] != "utf-8" {
			return nil, refuse(http.StatusUnsupportedMediaType, "send Content-Type: application/json")
		}
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, refuse(http.StatusUnsupportedMediaType, "send the body without Content-Encoding")
	}
	body, err := readAll(http.MaxBytesReader(w, r.Body, maxBatchBody), r.ContentLength)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, &refusal{http.StatusRequestEntityTooLarge, registry.ResourceExhausted, fmt.Sprintf("the body is larger than %d bytes; send less at once", maxBatchBody)}
	}
	if len(body) > maxBody && !isBatch(body) {
		return nil, &refusal{http.StatusRequestEntityTooLarge, registry.ResourceExhausted,
			fmt.Sprintf("the body is larger than %d bytes; only recordFacts and recordCommits alone may have %d", maxBody, maxBatchBody)}
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "the body could not be read")
	}
	return paramsOf(body, r.Header)
}

// paramsOf reads the JSON object of a request.
func paramsOf(body []byte, headers http.Header) (*graphql.RawParams, *refusal) {
	fields, err := readObject(body, requestKeys)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, err.Error())
	}
	params := &graphql.RawParams{Headers: headers}
	if !takeField(fields, "query", &params.Query) || !takeField(fields, "operationName", &params.OperationName) ||
		!takeField(fields, "variables", &params.Variables) || !takeField(fields, "extensions", &params.Extensions) {
		return nil, refuse(http.StatusBadRequest, errJSON.Error())
	}
	return params, checkPersisted(params)
}

// readAll reads a body. contentLength is its announced length, or -1.
func readAll(r io.Reader, contentLength int64) ([]byte, error) {
	if contentLength < 0 || contentLength > maxBody {
		return io.ReadAll(r)
	}
	var b bytes.Buffer
	b.Grow(int(contentLength) + bytes.MinRead) // ReadFrom needs free space to detect the end.
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}

// takeField sets into to a field that may be null or missing. It returns false when the
// field has another type.
func takeField[T any](fields map[string]any, name string, into *T) bool {
	v := fields[name]
	if v == nil {
		return true
	}
	out, ok := v.(T)
	*into = out
	return ok
}

// batchFields lists the mutations that take a batch.
var batchFields = map[string]bool{"recordFacts": true, "recordCommits": true}

// isBatch reports whether a body contains exactly one mutation that takes a batch.
func isBatch(body []byte) bool {
	var b struct {
		Query string `json:"query"`
	}
	if json.Unmarshal(body, &b) != nil || len(b.Query) > maxBody {
		return false
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: b.Query}, maxTokens)
	if err != nil || len(doc.Operations) != 1 || doc.Operations[0].Operation != ast.Mutation || len(doc.Operations[0].SelectionSet) != 1 {
		return false
	}
	f, ok := doc.Operations[0].SelectionSet[0].(*ast.Field)
	return ok && batchFields[f.Name]
}

var requestKeys = map[string]bool{"query": true, "variables": true, "operationName": true, "extensions": true}

var errJSON = errors.New("the body is not one JSON object with query, variables, operationName and extensions")

// readObject decodes a JSON object strictly: no duplicate keys, limited lists and nesting,
// nothing after the object. Numbers stay as they were written. keys are the keys that the
// top level may have; nil allows any key.
func readObject(body []byte, keys map[string]bool) (map[string]any, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("the body is not valid UTF-8")
	}
	if bytes.Contains(body, []byte(`\u`)) && hasLoneSurrogate(string(body)) {
		return nil, errSurrogate
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errJSON
	}
	out, err := objectOf(d, keys, 1)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errJSON
	}
	return out, nil
}

func objectOf(d *json.Decoder, keys map[string]bool, level int) (map[string]any, error) {
	if level > maxNested {
		return nil, fmt.Errorf("the variables are nested deeper than %d levels", maxNested)
	}
	out := map[string]any{}
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, errJSON
		}
		if _, twice := out[key]; twice {
			return nil, errors.New("a key is given twice")
		}
		if keys != nil && !keys[key] {
			return nil, errJSON
		}
		if out[key], err = valueOf(d, level); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	if err != nil {
		return nil, errJSON
	}
	return out, nil
}

func valueOf(d *json.Decoder, level int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, errJSON
	}
	switch t {
	case json.Delim('{'):
		return objectOf(d, nil, level+1)
	case json.Delim('['):
		if level >= maxNested {
			return nil, fmt.Errorf("the variables are nested deeper than %d levels", maxNested)
		}
		out := []any{}
		for d.More() {
			if len(out) >= maxItems {
				return nil, fmt.Errorf("a list has more than %d entries; send it in parts", maxItems)
			}
			v, err := valueOf(d, level+1)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		if _, err := d.Token(); err != nil {
			return nil, errJSON
		}
		return out, nil
	}
	return t, nil
}

// checkPersisted refuses a query with the hash of another query, and a hash without a query:
// persisted queries are not stored. Clients send the text again only on exactly this message,
// and some only with status 200.
func checkPersisted(p *graphql.RawParams) *refusal {
	asked, given := p.Extensions["persistedQuery"]
	if !given || asked == nil {
		return nil
	}
	if p.Query == "" {
		return refuse(http.StatusOK, "PersistedQueryNotSupported")
	}
	m, _ := asked.(map[string]any)
	sum := sha256.Sum256([]byte(p.Query))
	if hash, _ := m["sha256Hash"].(string); hash != hex.EncodeToString(sum[:]) {
		return refuse(http.StatusBadRequest, "the hash of the persisted query is not that of the query's text")
	}
	return nil
}
