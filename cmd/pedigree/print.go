package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"go.yaml.in/yaml/v3"

	"pedigree/registry"
)

// outputFlag is the flag -o of a command that prints data.
type outputFlag string

// String returns the format.
func (o *outputFlag) String() string { return string(*o) }

// Type names the values of the flag.
func (o *outputFlag) Type() string { return "table|json|yaml" }

// Set sets the format.
func (o *outputFlag) Set(v string) error {
	if v != "table" && v != "json" && v != "yaml" {
		return fmt.Errorf("%q is not table, json or yaml", v)
	}
	*o = outputFlag(v)
	return nil
}

// column is a column of a table of nouns.
type column[N registry.Node] struct {
	title string
	cell  func(N) string
}

// printNouns prints nouns: as a table, or with all their fields as JSON or YAML.
func printNouns[N registry.Node](w io.Writer, format outputFlag, nouns []N, columns []column[N]) error {
	if format != "json" && format != "yaml" {
		t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		var titles []string
		for _, c := range columns {
			titles = append(titles, c.title)
		}
		fmt.Fprintln(t, strings.Join(titles, "\t"))
		for _, n := range nouns {
			var cells []string
			for _, c := range columns {
				cells = append(cells, registry.Shorten(strings.Join(strings.Fields(c.cell(n)), " "), 80))
			}
			fmt.Fprintln(t, strings.Join(cells, "\t"))
		}
		return t.Flush()
	}
	rows := make([]map[string]any, len(nouns))
	for i, n := range nouns {
		var err error
		if rows[i], err = fieldsOf(n); err != nil {
			return err
		}
	}
	return printData(w, format, rows)
}

// printNoun prints one noun: its fields, one a line, or as JSON or YAML.
func printNoun(w io.Writer, format outputFlag, n registry.Node) error {
	fields, err := fieldsOf(n)
	if err != nil {
		return err
	}
	if format == "table" {
		format = "yaml" // Fields one a line, with nested ones below.
	}
	return printData(w, format, fields)
}

func printData(w io.Writer, format outputFlag, data any) error {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(data)
	}
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(data); err != nil {
		return err
	}
	return e.Close()
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
