package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"pedigree/registry"
)

// printFormat is the form in which a command prints data: a table for people, JSON or YAML for
// programs. It is the value of the flag -o.
type printFormat string

// addPrintFormat adds the flag -o to a command.
func addPrintFormat(cmd *cobra.Command, f *printFormat) {
	*f = "table"
	cmd.Flags().VarP(f, "output", "o", "the form of what is printed: table, json or yaml")
}

// String returns the form.
func (f *printFormat) String() string { return string(*f) }

// Type names the values of the flag.
func (f *printFormat) Type() string { return "table|json|yaml" }

// Set sets the form, and refuses one that there is not, before anything is done.
func (f *printFormat) Set(v string) error {
	if v != "table" && v != "json" && v != "yaml" {
		return fmt.Errorf("%q is no form; use table, json or yaml", registry.Shorten(v, 20))
	}
	*f = printFormat(v)
	return nil
}

// print writes data: in a table its rows, under their titles; else the data itself, with the
// names that JSON has.
func (f printFormat) print(w io.Writer, data any, titles []string, rows [][]string) error {
	switch f {
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(data)
	case "yaml":
		raw, err := json.Marshal(data)
		if err != nil {
			return err
		}
		var plain any
		if err := json.Unmarshal(raw, &plain); err != nil {
			return err
		}
		return yaml.NewEncoder(w).Encode(plain)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(titles, "\t"))
	for _, r := range rows {
		fmt.Fprintln(t, strings.Join(r, "\t"))
	}
	return t.Flush()
}
