package croissant

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pedigree/connect/source"
	"pedigree/registry"
)

// document is a Croissant description of a dataset (JSON-LD, version 1.0), as far as it is read. A
// field with values of several forms is any.
type document struct {
	Type         any          `json:"@type"`
	Name         any          `json:"name"`
	Description  any          `json:"description"`
	URL          any          `json:"url"`
	Version      any          `json:"version"`
	License      any          `json:"license"`
	Creator      any          `json:"creator"`
	Publisher    any          `json:"publisher"`
	Keywords     any          `json:"keywords"`
	CiteAs       any          `json:"citeAs"`
	Conforms     any          `json:"conformsTo"`
	Language     any          `json:"inLanguage"`
	Published    any          `json:"datePublished"`
	Modified     any          `json:"dateModified"`
	Created      any          `json:"dateCreated"`
	SameAs       any          `json:"sameAs"`
	IsLive       any          `json:"isLiveDataset"`
	Distribution []fileObject `json:"distribution"`
	RecordSets   []recordSet  `json:"recordSet"`
}

type fileObject struct {
	Type        any    `json:"@type"`
	ID          string `json:"@id"`
	Name        string `json:"name"`
	Description any    `json:"description"`
	URL         string `json:"contentUrl"`
	Size        any    `json:"contentSize"`
	Encoding    any    `json:"encodingFormat"`
	SHA256      string `json:"sha256"`
	MD5         string `json:"md5"`
	ContainedIn any    `json:"containedIn"`
	Includes    any    `json:"includes"`
}

type recordSet struct {
	ID     string  `json:"@id"`
	Name   any     `json:"name"`
	Type   any     `json:"dataType"`
	Fields []field `json:"field"`
}

type field struct {
	ID          string  `json:"@id"`
	Name        any     `json:"name"`
	Description any     `json:"description"`
	Type        any     `json:"dataType"`
	Repeated    any     `json:"repeated"`
	Sub         []field `json:"subField"`
}

// known are the keys of a dataset that are read, or that say nothing of it.
var known = []string{"@context", "@type", "@id", "name", "description", "url", "version", "license", "creator", "publisher", "keywords", "citeAs", "conformsTo", "inLanguage",
	"datePublished", "dateModified", "dateCreated", "sameAs", "isLiveDataset", "distribution", "recordSet"}

// prefixes are the names of vocabularies, which keys and types may begin with.
var prefixes = regexp.MustCompile(`^(?:(?:sc|cr|dct|ml|schema):|https?://schema\.org/|https?://mlcommons\.org/(?:schema|croissant)/(?:1\.\d/)?)`)

// parse reads a document.
func parse(d source.Document) (doc *document, unread []string, err error) {
	var value map[string]any
	if err := json.Unmarshal(d.Body, &value); err != nil || value == nil {
		return nil, nil, registry.Errorf(registry.InvalidArgument, "%s: is no JSON object%s", registry.Shorten(d.Name, 200), placeOf(err))
	}
	if graph, ok := value["@graph"].([]any); ok { // Some tools wrap the dataset.
		for _, item := range graph {
			if inner, ok := item.(map[string]any); ok && isDataset(plainKeys(inner).(map[string]any)["@type"]) {
				value = inner
			}
		}
	}
	plain, _ := plainKeys(value).(map[string]any)
	if !isDataset(plain["@type"]) {
		return nil, nil, registry.Errorf(registry.InvalidArgument, "%s: @type: is no Dataset of schema.org", registry.Shorten(d.Name, 200))
	}
	for _, key := range []string{"distribution", "recordSet"} { // A single one needs no list.
		if one, ok := plain[key].(map[string]any); ok {
			plain[key] = []any{one}
		}
	}
	doc = &document{}
	if err := source.Decode(d.Name, plain, doc); err != nil {
		return nil, nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(plain)) {
		if !slices.Contains(known, key) {
			unread = append(unread, key)
		}
	}
	return doc, unread, nil
}

func placeOf(err error) string {
	if syntax, ok := err.(*json.SyntaxError); ok {
		return ": it is wrong at byte " + strconv.FormatInt(syntax.Offset, 10)
	}
	return ""
}

// plainKeys returns a value whose keys have no prefixes.
func plainKeys(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			name := prefixes.ReplaceAllString(key, "")
			if key == "@context" || key == "data" || name == "" {
				name = key
			}
			if _, taken := out[name]; !taken {
				out[name] = plainKeys(v[key])
			}
		}
		return out
	case []any:
		for i := range v {
			v[i] = plainKeys(v[i])
		}
	}
	return v
}

func isDataset(t any) bool { return slices.Contains(texts(t), "Dataset") }

// texts returns the texts of a value: itself, its parts, or the names of the things that it lists,
// without the prefixes of vocabularies.
func texts(v any) (out []string) {
	switch v := v.(type) {
	case string:
		if s := strings.TrimSpace(prefixes.ReplaceAllString(v, "")); s != "" {
			out = append(out, s)
		}
	case float64:
		out = append(out, strconv.FormatFloat(v, 'f', -1, 64))
	case bool:
		out = append(out, strconv.FormatBool(v))
	case []any:
		for _, item := range v {
			out = append(out, texts(item)...)
		}
	case map[string]any:
		for _, key := range []string{"@value", "name", "url", "@id", "en"} {
			if found := texts(v[key]); len(found) > 0 {
				return found
			}
		}
	}
	return out
}

// first returns the first text of a value.
func first(v any) string {
	if all := texts(v); len(all) > 0 {
		return all[0]
	}
	return ""
}

// raw returns a text as it stands.
func raw(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return first(v)
}
