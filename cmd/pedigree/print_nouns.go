package main

import (
	"encoding/json"
	"io"
	"maps"
	"strings"
	"time"

	"pedigree/registry"
)

// column is a column of a table of nouns.
type column[N registry.Node] struct {
	title string
	cell  func(N) string
}

// printNouns prints nouns: as a table, or with all their fields as JSON or YAML.
func printNouns[N registry.Node](w io.Writer, format printFormat, nouns []N, columns []column[N]) error {
	return printNounsWith(w, format, nouns, columns, func(N) map[string]any { return nil })
}

// printNounsWith is printNouns, with more fields for each noun in JSON and YAML.
func printNounsWith[N registry.Node](w io.Writer, format printFormat, nouns []N, columns []column[N], more func(N) map[string]any) error {
	data, rows, titles := make([]map[string]any, len(nouns)), make([][]string, len(nouns)), []string{}
	for _, c := range columns {
		titles = append(titles, c.title)
	}
	for i, n := range nouns {
		var err error
		if data[i], err = fieldsOf(n); err != nil {
			return err
		}
		maps.Copy(data[i], more(n))
		for _, c := range columns {
			rows[i] = append(rows[i], registry.Shorten(strings.Join(strings.Fields(c.cell(n)), " "), 80))
		}
	}
	return format.print(w, data, titles, rows)
}

// printNoun prints one noun: its fields, one a line, or as JSON or YAML.
func printNoun(w io.Writer, format printFormat, n registry.Node) error {
	return printNounWith(w, format, n, nil)
}

// printNounWith is printNoun with more fields.
func printNounWith(w io.Writer, format printFormat, n registry.Node, more map[string]any) error {
	fields, err := fieldsOf(n)
	if err != nil {
		return err
	}
	maps.Copy(fields, more)
	if format == "table" {
		format = "yaml" // Fields one a line, with nested ones below.
	}
	return format.print(w, fields, nil, nil)
}

// fieldsOf returns the fields of a noun under their names in GraphQL. What only the registry
// itself needs is left out.
func fieldsOf(n registry.Node) (map[string]any, error) {
	raw, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, err
	}
	out["id"], out["revision"] = n.NodeMeta().ID, n.NodeMeta().Revision
	if approvals, ok := out["approvals"].([]any); ok {
		for _, a := range approvals {
			delete(a.(map[string]any), "grants")
		}
	}
	return out, nil
}

// day formats a time for a table, "" for none.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04")
}
