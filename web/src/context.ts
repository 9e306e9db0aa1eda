/** What the parts of the signed-in page share. */
export interface Context {
  token: string;
  /** Aborted at sign-out. */
  signal: AbortSignal;
  /** Turns a failure into advice; signs out when the token is no longer accepted. */
  onFailure(err: unknown): string;
}

/** The node that the address names (#node=ID), so that a tree can be linked to. */
export function hashNode(): string | null {
  return new URLSearchParams(location.hash.slice(1)).get('node') || null;
}

/** The address of a node's tree. */
export function nodeHref(id: string): string {
  return `#node=${encodeURIComponent(id)}`;
}
