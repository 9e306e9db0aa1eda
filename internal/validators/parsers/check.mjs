// Reads diagrams back with their own parsers: Graphviz itself, compiled to
// WebAssembly, and Mermaid. Standard input is a JSON list of {"kind", "text"};
// standard output a list of {"ok", "error", "nodes", "edges"}.
import { Graphviz } from '@hpcc-js/wasm-graphviz'
import { JSDOM } from 'jsdom'

const dom = new JSDOM('<!doctype html><body></body>')
globalThis.window = dom.window
globalThis.document = dom.window.document
const mermaid = (await import('mermaid')).default
mermaid.initialize({ startOnLoad: false, securityLevel: 'strict', maxEdges: 10000, maxTextSize: 5000000 })
const graphviz = await Graphviz.load()

// textLines returns the lines of text in a group of the SVG.
const textLines = (group) => [...group.children].filter((c) => c.tagName === 'text').map((c) => c.textContent.replaceAll('\u00a0', ' '))

function dot(text) {
  const svg = new dom.window.DOMParser().parseFromString(graphviz.layout(text, 'svg', 'dot'), 'image/svg+xml')
  const groups = (name) => [...svg.querySelectorAll('g.' + name)]
  const title = (group) => group.querySelector('title').textContent
  const edges = groups('edge').map((g) => {
    const [from, to] = title(g).split('->')
    return { from, to, text: textLines(g).join(' ') }
  })
  return { nodes: Object.fromEntries(groups('node').map((g) => [title(g), textLines(g)])), edges, title: textLines(groups('graph')[0]).join(' ') }
}

// decodeLabel returns a label as a browser shows it. Mermaid replaces character
// references such as &#35; with marks of its own; this replaces the marks with the
// characters.
const decodeLabel = (label) =>
  (label ?? '').replace(/ﬂ°(°?)(\w+)¶ß/g, (_, number, name) => (number ? String.fromCodePoint(Number(name)) : `&${name};`))

async function flowchart(text) {
  const { diagramType } = await mermaid.parse(text)
  const { db } = await mermaid.mermaidAPI.getDiagramFromText(text)
  const nodes = {}
  for (const v of db.getVertices().values()) nodes[v.id] = v.text.split(/<br ?\/?>/).map(decodeLabel)
  return { type: diagramType, nodes, edges: db.getEdges().map((e) => ({ from: e.start, to: e.end, text: decodeLabel(e.text) })) }
}

const chunks = []
for await (const c of process.stdin) chunks.push(c)
const out = []
for (const { kind, text } of JSON.parse(Buffer.concat(chunks).toString())) {
  try {
    out.push({ ok: true, ...(kind === 'dot' ? dot(text) : await flowchart(text)) })
  } catch (e) {
    out.push({ ok: false, error: String(e.message ?? e) })
  }
}
process.stdout.write(JSON.stringify(out))
