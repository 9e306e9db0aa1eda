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

// The limits of what comes in.
const (
	maxBody   = 256 << 10
	maxBulk   = registry.MaxFactBytes // the body of a batch of facts
	maxItems  = 1000                  // entries of one list in variables
	maxNested = 32                    // levels of variables
)

// refusal says why a request is not looked at; its text never echoes the body.
type refusal struct {
	status  int
	code    registry.Code
	message string
}

func refuse(status int, message string) *refusal {
	return &refusal{status, registry.InvalidArgument, message}
}

// readParams admits only requests that mean one thing: POST with one JSON object
// of the four known keys, each once, or GET with a query.
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

// Refuse answers a request that did not get as far as GraphQL, in its form.
func Refuse(w http.ResponseWriter, status int, code registry.Code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{"message": message, "extensions": map[string]any{"code": code}}}, "data": nil})
}

func readURL(r *http.Request) (*graphql.RawParams, *refusal) {
	q := r.URL.Query()
	if len(q.Get("query")) > maxBody {
		return nil, refuse(http.StatusBadRequest, "the query is too large")
	}
	for k, v := range q {
		if !topKeys[k] || len(v) != 1 {
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
		if err := checkJSON([]byte(text), nil); err != nil {
			return nil, refuse(http.StatusBadRequest, err.Error())
		}
		if err := decode([]byte(text), into); err != nil {
			return nil, refuse(http.StatusBadRequest, err.Error())
		}
	}
	if err := checkPersisted(params); err != nil {
		return nil, refuse(http.StatusBadRequest, err.Error())
	}
	return params, nil
}

func readBody(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, *refusal) {
	if t := r.Header.Get("Content-Type"); t != jsonType { // What nearly everybody sends needs no parsing.
		if t, p, err := mime.ParseMediaType(t); err != nil || t != jsonType || p["charset"] != "" && p["charset"] != "utf-8" {
			return nil, refuse(http.StatusUnsupportedMediaType, "send Content-Type: application/json")
		}
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, refuse(http.StatusUnsupportedMediaType, "send the body without Content-Encoding")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBulk))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, &refusal{http.StatusRequestEntityTooLarge, registry.ResourceExhausted, fmt.Sprintf("the body is larger than %d bytes; send less at once", maxBulk)}
	}
	if len(body) > maxBody && !isBulk(body) {
		return nil, &refusal{http.StatusRequestEntityTooLarge, registry.ResourceExhausted,
			fmt.Sprintf("the body is larger than %d bytes; only recordFacts and recordCommits alone may have %d", maxBody, maxBulk)}
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "the body could not be read")
	}
	if err := checkJSON(body, topKeys); err != nil {
		return nil, refuse(http.StatusBadRequest, err.Error())
	}
	params := &graphql.RawParams{Headers: r.Header}
	if err := decode(body, params); err != nil {
		return nil, refuse(http.StatusBadRequest, err.Error())
	}
	if err := checkPersisted(params); err != nil {
		return nil, refuse(http.StatusBadRequest, err.Error())
	}
	return params, nil
}

// decode reads checked JSON; numbers stay as they were written.
func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(into) != nil {
		return errJSON
	}
	return nil
}

// bulkFields are the mutations that take a batch.
var bulkFields = map[string]bool{"recordFacts": true, "recordCommits": true}

// isBulk reports whether a body asks for one mutation that takes a batch, and for
// nothing else.
func isBulk(body []byte) bool {
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
	return ok && bulkFields[f.Name]
}

var topKeys = map[string]bool{"query": true, "variables": true, "operationName": true, "extensions": true}

var errJSON = errors.New("the body is not one JSON object with query, variables, operationName and extensions")

// checkJSON walks a JSON object: no key twice, bounded lists and levels, nothing
// behind it. keys are those that its top level may have; nil allows any.
func checkJSON(body []byte, keys map[string]bool) error {
	if !utf8.Valid(body) {
		return errors.New("the body is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errJSON
	}
	if err := checkObject(d, keys, 1); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errJSON
	}
	return nil
}

func checkObject(d *json.Decoder, keys map[string]bool, level int) error {
	if level > maxNested {
		return fmt.Errorf("the variables are nested deeper than %d levels", maxNested)
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return errJSON
		}
		if seen[key] {
			return errors.New("a key is given twice")
		}
		if seen[key] = true; keys != nil && !keys[key] {
			return errJSON
		}
		if err := checkValue(d, level); err != nil {
			return err
		}
	}
	_, err := d.Token()
	if err != nil {
		return errJSON
	}
	return nil
}

func checkValue(d *json.Decoder, level int) error {
	t, err := d.Token()
	if err != nil {
		return errJSON
	}
	switch t {
	case json.Delim('{'):
		return checkObject(d, nil, level+1)
	case json.Delim('['):
		if level >= maxNested {
			return fmt.Errorf("the variables are nested deeper than %d levels", maxNested)
		}
		for n := 0; d.More(); n++ {
			if n >= maxItems {
				return fmt.Errorf("a list has more than %d entries; send it in parts", maxItems)
			}
			if err := checkValue(d, level+1); err != nil {
				return err
			}
		}
		if _, err := d.Token(); err != nil {
			return errJSON
		}
	}
	return nil
}

// checkPersisted refuses a query that is sent under another's hash. Queries are
// not kept by hash here, so a hash alone finds nothing.
func checkPersisted(p *graphql.RawParams) error {
	asked, given := p.Extensions["persistedQuery"]
	if !given || asked == nil {
		return nil
	}
	m, _ := asked.(map[string]any)
	sum := sha256.Sum256([]byte(p.Query))
	if hash, _ := m["sha256Hash"].(string); p.Query == "" || hash != hex.EncodeToString(sum[:]) {
		return errors.New("PersistedQueryNotSupported: send the query's text")
	}
	return nil
}
