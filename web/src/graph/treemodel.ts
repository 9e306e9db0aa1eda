import type { LineageEdge, LineageNode } from './useLineage';

/** One row of the tree. */
export interface TreeNode {
  /** The node's id. A node without an id gets a generated one and has no children. */
  id: string;
  kind: string | null;
  name: string | null;
  /** A restricted node has edges but no name, and the server does not accept its id as input. */
  restricted: boolean;
  depth: number;
  layer: number | null;
  upstreamDegree: number | null;
  downstreamDegree: number | null;
  /** The kind of the edge from the tree's parent, or null for the root. */
  relation: string | null;
  /** Ids of the other nodes with an edge to this one: lineage is a graph, and the tree shows each node once. */
  alsoFrom: string[];
  children: TreeNode[];
}

/**
 * Builds a tree from the flat answer by treeParent. A node whose parent is not loaded (yet), or whose parents form a
 * cycle, becomes a child of the root, so that the page shows every node that the server sent.
 */
export function buildTree(rootId: string | null, nodes: readonly LineageNode[], edges: readonly LineageEdge[]): TreeNode | null {
  const byId = new Map<string, TreeNode>();
  const parents = new Map<TreeNode, string | null>();
  nodes.forEach((flat, i) => {
    const id = flat.node?.id ?? `unnamed-${i}`;
    if (byId.has(id)) return; // the same node on two pages
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

  const orphans: TreeNode[] = [];
  for (const node of all) {
    if (node === root) continue;
    const parent = byId.get(parents.get(node) ?? '');
    if (parent === undefined || parent === node) orphans.push(node);
    else parent.children.push(node);
  }
  root.children.push(...orphans);

  const reached = new Set<TreeNode>();
  // Marks all descendants as reached. Removes edges to nodes that were reached before.
  const markReached = (from: TreeNode) => {
    const queue = [from];
    for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
      reached.add(node);
      node.children = node.children.filter((child) => !reached.has(child));
      queue.push(...node.children);
    }
  };
  markReached(root);
  for (const node of all) {
    if (reached.has(node)) continue;
    root.children.push(node);
    markReached(node);
  }

  const parentOf = new Map<string, string>();
  for (const node of all) for (const child of node.children) parentOf.set(child.id, node.id);
  for (const edge of edges) {
    if (edge.from == null || edge.to == null) continue;
    const from = byId.get(edge.from);
    const to = byId.get(edge.to);
    if (from === undefined || to === undefined) continue;
    // Downstream of the root, the parent in the tree is the end of the edge.
    if (parentOf.get(to.id) === from.id) to.relation ??= edge.kind;
    else if (parentOf.get(from.id) === to.id) from.relation ??= edge.kind;
    else if (!to.alsoFrom.includes(from.id)) to.alsoFrom.push(from.id);
  }
  return root;
}

/** All nodes of a tree, in the order of its rows (depth first). */
export function flatten(root: TreeNode): TreeNode[] {
  const rows: TreeNode[] = [];
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    rows.push(node);
    for (let i = node.children.length - 1; i >= 0; i--) stack.push(node.children[i]!);
  }
  return rows;
}
