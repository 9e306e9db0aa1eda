import { count } from './dom';
import { MAX_DEPTH, type Truncation } from './queries';
import type { TreeNode } from './treemodel';

/** The label of an enum value: MODEL_VERSION is "model version". */
export function enumLabel(value: string | null, fallback = 'node'): string {
  return value === null ? fallback : value.toLowerCase().replaceAll('_', ' ');
}

/** The title of a node: its name, or its kind when it has none. */
export function nodeTitle(node: TreeNode): string {
  return node.restricted ? `restricted ${enumLabel(node.kind)}` : node.name || `unnamed ${enumLabel(node.kind)}`;
}

const reasons: Record<string, string> = {
  DEPTH: `what lies more than ${MAX_DEPTH} steps away is left out`,
  NODES: 'the walk stopped at the server’s limit of nodes',
  FANOUT: 'some nodes have more causes than the server follows from one node',
  TIME: 'the walk ran out of time',
  ACCESS: 'your roles may not see all of it',
};

/** The maximum length of the frontier that the server sends. */
const MAX_FRONTIER = 100;

/** Sentences about what the tree does not show; empty when it shows everything. */
export function truncationText(truncation: Truncation | null): string[] {
  if (truncation === null) return [];
  const sentences: string[] = [];
  if (truncation.truncated) {
    const why = (truncation.reasons ?? []).map((reason) => reasons[reason] ?? enumLabel(reason));
    sentences.push(`This tree is not complete${why.length > 0 ? `: ${why.join('; ')}` : ''}.`);
    const frontier = truncation.frontier?.length ?? 0;
    const atLeast = frontier >= MAX_FRONTIER ? 'At least ' : '';
    if (frontier > 0) sentences.push(`${atLeast}${count(frontier, 'node has', 'nodes have')} causes that were not followed.`);
  }
  if (truncation.redacted) {
    sentences.push(`${count(truncation.redacted, 'node is', 'nodes are')} restricted: connected, but without name or content for your roles.`);
  }
  return sentences;
}
