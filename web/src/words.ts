import { count } from './dom';
import { MAX_DEPTH, type Truncation } from './queries';
import type { TreeNode } from './treemodel';

/** An enum value as words: MODEL_VERSION is "model version". */
export function words(value: string | null, without = 'node'): string {
  return value === null ? without : value.toLowerCase().replaceAll('_', ' ');
}

/** A node as a person reads it. */
export function title(node: TreeNode): string {
  return node.restricted ? `restricted ${words(node.kind)}` : node.name || `unnamed ${words(node.kind)}`;
}

const reasons: Record<string, string> = {
  DEPTH: `what lies more than ${MAX_DEPTH} steps away is left out`,
  NODES: 'the walk stopped at the server’s limit of nodes',
  FANOUT: 'some nodes have more causes than the server follows from one node',
  TIME: 'the walk ran out of time',
  ACCESS: 'your roles may not see all of it',
};

/** The server lists no more of the frontier than this. */
const FRONTIER_LISTED = 100;

/** Says in sentences what the tree does not show; empty when it shows everything. */
export function truncationWords(truncation: Truncation | null): string[] {
  if (truncation === null) return [];
  const sentences: string[] = [];
  if (truncation.truncated) {
    const why = (truncation.reasons ?? []).map((reason) => reasons[reason] ?? words(reason));
    sentences.push(`This tree is not complete${why.length > 0 ? `: ${why.join('; ')}` : ''}.`);
    const frontier = truncation.frontier?.length ?? 0;
    const atLeast = frontier >= FRONTIER_LISTED ? 'At least ' : '';
    if (frontier > 0) sentences.push(`${atLeast}${count(frontier, 'node has', 'nodes have')} causes that were not followed.`);
  }
  if (truncation.redacted) {
    sentences.push(`${count(truncation.redacted, 'node is', 'nodes are')} restricted: connected, but without name or content for your roles.`);
  }
  return sentences;
}
