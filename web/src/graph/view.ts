// Which nodes of an answer the picture shows: those near the root, what the reader opened, and siblings rolled up.
import { stateOf } from '../components/Recalled';
import type { LineageEdge, LineageNode } from './useLineage';

/** A node of the picture: one of the graph, or several siblings in one. */
export interface ViewNode {
  id: string;
  kind: string;
  name: string | null;
  restricted: boolean;
  /** Whether it is recalled, or some of what it stands for. */
  recall: string | null;
  depth: number;
  layer: number;
  /** How many of its neighbours in the answer are not shown. */
  hidden: number;
  /** The rolled up siblings; empty for a node. */
  members: string[];
}

/** A line of the picture. */
export interface ViewEdge {
  id: string;
  from: string;
  to: string;
  kind: string;
}

/** What the picture shows. */
export interface View {
  nodes: ViewNode[];
  edges: ViewEdge[];
  /** How many nodes of the answer the picture leaves out, and how many it rolls up. */
  left: number;
  rolled: number;
}

/** So many siblings of one kind on one neighbour are drawn as one. */
const ROLL_UP = 6;

/** Chooses the nodes and lines of the picture. `open` has the ids of opened nodes and roll-ups. */
export function makeView(nodes: readonly LineageNode[], edges: readonly LineageEdge[], hops: number, open: ReadonlySet<string>): View {
  const neighbours = new Map<string, Set<string>>();
  const join = (a: string, b: string) => neighbours.get(a)?.add(b) ?? neighbours.set(a, new Set([b]));
  const known = new Set(nodes.map(({ node }) => node.id));
  const lines = [...new Map(edges.filter((edge) => known.has(edge.from) && known.has(edge.to)).map((edge) => [edge.id, edge])).values()];
  for (const edge of lines) {
    join(edge.from, edge.to);
    join(edge.to, edge.from);
  }
  const around = (id: string) => neighbours.get(id) ?? new Set<string>();

  const shown = new Set(nodes.filter(({ depth }) => depth <= hops).map(({ node }) => node.id));
  for (const id of open) if (known.has(id)) for (const other of [id, ...around(id)]) shown.add(other);

  const { groupOf, groups } = rollUp(nodes, lines, shown, open);
  const byId = new Map(nodes.map((one) => [one.node.id, one]));
  const out: ViewNode[] = [];
  for (const id of shown) {
    const one = byId.get(id);
    if (one === undefined || groupOf.has(id)) continue;
    out.push({ id, kind: one.node.kind, name: one.node.name, restricted: one.node.name === null, recall: stateOf(one.node), depth: one.depth, layer: one.layer ?? one.depth, hidden: [...around(id)].filter((other) => !shown.has(other)).length, members: [] });
  }
  for (const [id, members] of groups) {
    const first = byId.get(members[0]!)!;
    out.push({ id, kind: first.node.kind, name: null, restricted: false, recall: worst(members.map((member) => stateOf(byId.get(member)!.node))), depth: first.depth, layer: first.layer ?? first.depth, hidden: 0, members });
  }
  const drawn = new Map<string, ViewEdge>();
  for (const edge of lines) {
    if (!shown.has(edge.from) || !shown.has(edge.to)) continue;
    const from = groupOf.get(edge.from) ?? edge.from;
    const to = groupOf.get(edge.to) ?? edge.to;
    const id = `${from}>${to}>${edge.kind}`;
    if (from !== to) drawn.set(id, { id, from, to, kind: edge.kind });
  }
  return { nodes: out, edges: [...drawn.values()], left: known.size - shown.size, rolled: groupOf.size };
}

/** The state of several nodes together. */
const worst = (states: (string | null)[]) => ['RECALLED', 'UNKNOWN'].find((state) => states.includes(state)) ?? null;

/** Finds siblings that hang on one shown node alone, and are many of one kind. */
function rollUp(nodes: readonly LineageNode[], lines: readonly LineageEdge[], shown: ReadonlySet<string>, open: ReadonlySet<string>) {
  const touching = new Map<string, LineageEdge[]>();
  for (const edge of lines) {
    if (!shown.has(edge.from) || !shown.has(edge.to)) continue;
    for (const id of [edge.from, edge.to]) (touching.get(id) ?? touching.set(id, []).get(id)!).push(edge);
  }
  const candidates = new Map<string, string[]>();
  for (const { node, depth } of nodes) {
    const own = touching.get(node.id) ?? [];
    if (depth === 0 || own.length !== 1) continue;
    const [edge] = own;
    const parent = edge!.from === node.id ? edge!.to : edge!.from;
    const key = `group:${parent}:${edge!.kind}:${edge!.from === parent ? 'from' : 'to'}:${node.kind}`;
    (candidates.get(key) ?? candidates.set(key, []).get(key)!).push(node.id);
  }
  const groupOf = new Map<string, string>();
  const groups = new Map<string, string[]>();
  for (const [key, members] of candidates) {
    if (members.length < ROLL_UP || open.has(key)) continue;
    groups.set(key, members);
    for (const id of members) groupOf.set(id, key);
  }
  return { groupOf, groups };
}
