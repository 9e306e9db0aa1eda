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
	"net/url"
	"unicode/utf8"

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

// strict admits only requests that mean one thing: POST with one JSON object of
// the four known keys, each once, or GET with a query. What is refused is
// answered with fixed texts that never echo the body.
func strict(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			if err := checkURL(r.URL.Query()); err != nil {
				Refuse(w, http.StatusBadRequest, registry.InvalidArgument, err.Error())
				return
			}
		case http.MethodPost:
			body, status, err := readBody(w, r)
			if err != nil {
				code := registry.InvalidArgument
				if status == http.StatusRequestEntityTooLarge {
					code = registry.ResourceExhausted
				}
				Refuse(w, status, code, err.Error())
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		default:
			w.Header().Set("Allow", "GET, POST")
			Refuse(w, http.StatusMethodNotAllowed, registry.InvalidArgument, "use POST with application/json, or GET for queries")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Refuse answers a request that did not get as far as GraphQL, in its form.
func Refuse(w http.ResponseWriter, status int, code registry.Code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{"message": message, "extensions": map[string]any{"code": code}}}, "data": nil})
}

func checkURL(q url.Values) error {
	if len(q.Get("query")) > maxBody {
		return errors.New("the query is too large")
	}
	for k, v := range q {
		if !topKeys[k] || len(v) != 1 {
			return errors.New("only query, variables, operationName and extensions are taken, each once")
		}
		if !utf8.ValidString(v[0]) {
			return errors.New("the URL is not valid UTF-8")
		}
	}
	if v := q.Get("variables"); v != "" {
		if err := checkJSON([]byte(v), nil); err != nil {
			return err
		}
	}
	return nil
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, int, error) {
	if t, p, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" || p["charset"] != "" && p["charset"] != "utf-8" {
		return nil, http.StatusUnsupportedMediaType, errors.New("send Content-Type: application/json")
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, http.StatusUnsupportedMediaType, errors.New("send the body without Content-Encoding")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBulk))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than %d bytes; send less at once", maxBulk)
	}
	if len(body) > maxBody && !isBulk(body) {
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than %d bytes; only recordFacts and recordCommits alone may have %d", maxBody, maxBulk)
	}
	if err != nil {
		return nil, http.StatusBadRequest, errors.New("the body could not be read")
	}
	if err := checkJSON(body, topKeys); err != nil {
		return nil, http.StatusBadRequest, err
	}
	if err := checkPersisted(body); err != nil {
		return nil, http.StatusBadRequest, err
	}
	return body, 0, nil
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
func checkPersisted(body []byte) error {
	var b struct {
		Query      string `json:"query"`
		Extensions struct {
			PersistedQuery *struct {
				Hash string `json:"sha256Hash"`
			} `json:"persistedQuery"`
		} `json:"extensions"`
	}
	if json.Unmarshal(body, &b) != nil {
		return errJSON
	}
	if p := b.Extensions.PersistedQuery; p != nil {
		sum := sha256.Sum256([]byte(b.Query))
		if b.Query == "" || p.Hash != hex.EncodeToString(sum[:]) {
			return errors.New("PersistedQueryNotSupported: send the query's text")
		}
	}
	return nil
}
