import { count } from '../components/format';

/** The depth of a walk that the pages ask for, unless the address says another. */
export const MAX_DEPTH = 20;

/** What an answer says about what it leaves out. */
export interface Truncation {
  truncated: boolean;
  reasons: readonly string[];
  frontier: readonly unknown[];
  redacted: number;
}

/** The label of an enum value: MODEL_VERSION is "model version". */
export function enumLabel(value: string | null, fallback = 'node'): string {
  return value === null ? fallback : value.toLowerCase().replaceAll('_', ' ');
}

/** The title of a node: its name, or its kind when it has none. */
export function nodeTitle(node: { kind: string | null; name: string | null; restricted: boolean }): string {
  return node.restricted ? `restricted ${enumLabel(node.kind)}` : node.name || `unnamed ${enumLabel(node.kind)}`;
}

const reasons: Record<string, string> = {
  NODES: 'the walk stopped at the server’s limit of nodes',
  FANOUT: 'some nodes have more causes than the server follows from one node',
  TIME: 'the walk ran out of time',
  ACCESS: 'your roles may not see all of it',
};

/** The maximum length of the frontier that the server sends. */
const MAX_FRONTIER = 100;

/** Sentences about what the tree does not show; empty when it shows everything. */
export function truncationText(truncation: Truncation | null, depth = MAX_DEPTH): string[] {
  if (truncation === null) return [];
  const sentences: string[] = [];
  if (truncation.truncated) {
    const why = truncation.reasons.map((reason) => (reason === 'DEPTH' ? `what lies more than ${depth} steps away is left out` : (reasons[reason] ?? enumLabel(reason))));
    sentences.push(`This picture is not complete${why.length > 0 ? `: ${why.join('; ')}` : ''}.`);
    const frontier = truncation.frontier.length;
    const atLeast = frontier >= MAX_FRONTIER ? 'At least ' : '';
    if (frontier > 0) sentences.push(`${atLeast}${count(frontier, 'node has', 'nodes have')} causes that were not followed.`);
  }
  if (truncation.redacted) {
    sentences.push(`${count(truncation.redacted, 'node is', 'nodes are')} restricted: connected, but without name or content for your roles.`);
  }
  return sentences;
}
