/** What the parts of the signed-in page share. */
export interface Context {
  /** Aborted at sign-out. */
  signal: AbortSignal;
  /** Returns the text for an error. Signs out when the session has ended. */
  onFailure(err: unknown): string;
}

/** The id in the page's address (#node=ID), or null. It makes a link to a tree possible. */
export function nodeIdInHash(): string | null {
  return new URLSearchParams(location.hash.slice(1)).get('node') || null;
}

/** The address of a node's tree. */
export function nodeHref(id: string): string {
  return `#node=${encodeURIComponent(id)}`;
}
