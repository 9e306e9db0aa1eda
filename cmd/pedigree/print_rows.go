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

// rowPrinter prints what a command lists, in the format of its flag -o.
type rowPrinter struct{ format string }

// addFlag adds the flag -o to a command.
func (p *rowPrinter) addFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&p.format, "output", "o", "table", "the format of the output: table, json or yaml")
}

// check answers INVALID_ARGUMENT for an unknown format, before anything is done.
func (p *rowPrinter) check() error {
	switch p.format {
	case "table", "json", "yaml":
		return nil
	}
	return registry.Invalid("output", "must be table, json or yaml")
}

// print prints a value as JSON or YAML, or the table that stands for it: a head and rows.
func (p *rowPrinter) print(w io.Writer, value any, table ...[]string) error {
	if p.format == "table" {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, row := range table {
			if _, err := fmt.Fprintln(t, strings.Join(row, "\t")); err != nil {
				return err
			}
		}
		return t.Flush()
	}
	b, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	if p.format == "json" {
		_, err = fmt.Fprintln(w, string(b))
		return err
	}
	var plain any // YAML with the names of JSON.
	if err := json.Unmarshal(b, &plain); err != nil {
		return err
	}
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(plain); err != nil {
		return err
	}
	return e.Close()
}
