package compliance

import (
	"bytes"
	"html/template"
	"slices"
	"strings"

	"pedigree/markdown"
)

// document is a text that people read. Markdown and HTML are written from the same one.
type document struct {
	Title, Intro string
	Sections     []section
	// Foot says for whom and of which state it is.
	Foot []string
}

// section has a heading and one table. Without rows it says Empty.
type section struct {
	Title   string
	Columns []string
	Rows    [][]string
	Empty   string
	// Picture says that the lineage is drawn here, in documents that can show it.
	Picture bool
}

// markdown writes the document as Markdown.
func (d *document) markdown() []byte {
	var b strings.Builder
	b.WriteString("# " + markdown.Text(d.Title) + "\n\n" + markdown.Text(d.Intro) + "\n")
	for _, s := range d.Sections {
		b.WriteString("\n## " + markdown.Text(s.Title) + "\n\n")
		if s.Picture {
			b.WriteString("![Lineage](lineage.svg)\n\n")
		}
		if len(s.Rows) == 0 {
			b.WriteString(markdown.Text(s.Empty) + "\n")
			continue
		}
		row := func(cells []string) {
			for _, c := range cells {
				b.WriteString("| " + lines(c) + " ")
			}
			b.WriteString("|\n")
		}
		row(s.Columns)
		b.WriteString(strings.Repeat("|---", len(s.Columns)) + "|\n")
		for _, r := range s.Rows {
			row(r)
		}
	}
	b.WriteString("\n---\n\n")
	for _, line := range d.Foot {
		b.WriteString("- " + markdown.Text(line) + "\n")
	}
	return []byte(b.String())
}

// lines writes a text of several lines as one cell.
func lines(s string) string {
	parts := strings.Split(s, "\n")
	for i, p := range parts {
		parts[i] = markdown.Text(p)
	}
	return strings.Join(parts, "<br>")
}

// page is the HTML of a document: no script, nothing from elsewhere, and a layout for paper.
var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.D.Title}}</title>
<style>
body { font: 14px/1.45 Helvetica, Arial, sans-serif; color: #1a1d21; background: #fff; max-width: 60rem; margin: 2rem auto; padding: 0 1.5rem }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; overflow-wrap: anywhere }
h2 { font-size: 1.1rem; margin: 1.6rem 0 .4rem; border-bottom: 1px solid #c9ced6; padding-bottom: .2rem; break-after: avoid }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #e5e8ec; overflow-wrap: anywhere; white-space: pre-line }
th { font-weight: 600; color: #4a515c; white-space: nowrap }
td:first-child { min-width: 8.5em }
tr { break-inside: avoid }
p.empty { color: #5a6270; margin: .2rem 0 }
figure { margin: .5rem 0; break-inside: avoid }
figure svg { width: 100%; height: auto; max-height: 23cm }
footer { margin-top: 2rem; border-top: 1px solid #c9ced6; color: #4a515c; font-size: .85rem }
footer p { margin: .2rem 0; overflow-wrap: anywhere }
@page { size: A4; margin: 16mm 14mm }
@media print { body { margin: 0; padding: 0; max-width: none; font-size: 10pt } thead { display: table-header-group } }
</style>
</head>
<body>
<h1>{{.D.Title}}</h1>
<p>{{.D.Intro}}</p>
{{range .D.Sections}}<section>
<h2>{{.Title}}</h2>
{{if and .Picture $.SVG}}<figure>
{{$.SVG}}</figure>
{{end}}{{if .Rows}}<table>
<thead><tr>{{range .Columns}}<th scope="col">{{.}}</th>{{end}}</tr></thead>
<tbody>
{{range .Rows}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>
{{end}}</tbody>
</table>
{{else}}<p class="empty">{{.Empty}}</p>
{{end}}</section>
{{end}}<footer>
{{range .D.Foot}}<p>{{.}}</p>
{{end}}</footer>
</body>
</html>
`))

// html writes the document as a page, with the picture in it.
func (d *document) html(svg []byte) ([]byte, error) {
	var b bytes.Buffer
	clean := *d
	clean.Title, clean.Intro, clean.Foot, clean.Sections = visibleLines(d.Title), visibleLines(d.Intro), visibleCells(d.Foot), slices.Clone(d.Sections)
	for i, s := range d.Sections {
		rows := make([][]string, len(s.Rows))
		for k, r := range s.Rows {
			rows[k] = visibleCells(r)
		}
		clean.Sections[i].Rows = rows
	}
	// picture escapes every text that it draws.
	err := page.Execute(&b, struct {
		D   *document
		SVG template.HTML
	}{&clean, template.HTML(svg)})
	return b.Bytes(), err
}

// visibleLines replaces what cannot be seen in each line of a text: no name turns the text beside it
// around.
func visibleLines(s string) string {
	parts := strings.Split(s, "\n")
	for i, p := range parts {
		parts[i] = markdown.Visible(p)
	}
	return strings.Join(parts, "\n")
}

func visibleCells(cells []string) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = visibleLines(c)
	}
	return out
}
