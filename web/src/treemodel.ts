import type { LineageEdge, LineageNode } from './queries';

/** One row of the tree. */
export interface TreeNode {
  /** The node's id; made up for a node without one, which then has no children. */
  id: string;
  kind: string | null;
  name: string | null;
  /** A restricted node is connected but opaque: it has no name, and its id is never accepted as input. */
  restricted: boolean;
  depth: number;
  layer: number | null;
  upstreamDegree: number | null;
  downstreamDegree: number | null;
  /** The edge that the tree follows to come here, or null for the root. */
  relation: string | null;
  /** Ids of the other nodes that point here: lineage is a graph, and the tree shows each node once. */
  alsoFrom: string[];
  children: TreeNode[];
}

/**
 * Makes one tree out of the flat answer by treeParent. A node whose parent is not (yet) among the nodes, or whose
 * parents form a ring, is hung under the root rather than lost: the page shows what the server sent.
 */
export function buildTree(rootId: string | null, nodes: LineageNode[], edges: LineageEdge[]): TreeNode | null {
  const byId = new Map<string, TreeNode>();
  const parents = new Map<TreeNode, string | null>();
  nodes.forEach((flat, i) => {
    const id = flat.node?.id ?? `unnamed-${i}`;
    if (byId.has(id)) return; // a node that two pages brought
    const node: TreeNode = {
      id,
      kind: flat.node?.kind ?? null,
      name: flat.node?.name ?? null,
      restricted: flat.node?.name == null,
      depth: flat.depth ?? 0,
      layer: flat.layer,
      upstreamDegree: flat.upstreamDegree,
      downstreamDegree: flat.downstreamDegree,
      relation: null,
      alsoFrom: [],
      children: [],
    };
    byId.set(id, node);
    parents.set(node, flat.treeParent);
  });

  const all = [...byId.values()];
  const root = (rootId !== null ? byId.get(rootId) : undefined) ?? all.find((node) => parents.get(node) == null) ?? all[0];
  if (root === undefined) return null;

  const strays: TreeNode[] = [];
  for (const node of all) {
    if (node === root) continue;
    const parent = byId.get(parents.get(node) ?? '');
    if (parent === undefined || parent === node) strays.push(node);
    else parent.children.push(node);
  }
  root.children.push(...strays);

  const reached = new Set<TreeNode>();
  const reach = (from: TreeNode) => {
    const queue = [from];
    for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
      reached.add(node);
      node.children = node.children.filter((child) => !reached.has(child));
      queue.push(...node.children);
    }
  };
  reach(root);
  for (const node of all) {
    if (reached.has(node)) continue;
    root.children.push(node);
    reach(node);
  }

  const parentOf = new Map<string, string>();
  for (const node of all) for (const child of node.children) parentOf.set(child.id, node.id);
  for (const edge of edges) {
    if (edge.from == null || edge.to == null) continue;
    const node = byId.get(edge.to);
    if (node === undefined || !byId.has(edge.from)) continue;
    if (parentOf.get(node.id) === edge.from) node.relation ??= edge.kind;
    else if (!node.alsoFrom.includes(edge.from)) node.alsoFrom.push(edge.from);
  }
  return root;
}

/** All nodes of a tree, in the order in which its rows stand. */
export function flatten(root: TreeNode): TreeNode[] {
  const rows: TreeNode[] = [];
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    rows.push(node);
    for (let i = node.children.length - 1; i >= 0; i--) stack.push(node.children[i]!);
  }
  return rows;
}
