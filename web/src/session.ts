// The token is stored in sessionStorage and nowhere else: it is deleted with the tab, the browser never sends it
// automatically (so no cross-site request carries it), and it is never part of an address.

const KEY = 'pedigree.token';

/** The token of this tab, or null when nobody is signed in. */
export function token(): string | null {
  return sessionStorage.getItem(KEY);
}

/** Stores the token for this tab. */
export function saveToken(value: string): void {
  sessionStorage.setItem(KEY, value);
}

/** Deletes the token and everything that GraphiQL stored: its history contains the headers that were sent. */
export function clear(): void {
  sessionStorage.clear();
}

/**
 * Parses a pasted token: removes surrounding blanks and a leading "Bearer". Returns null when a header cannot contain
 * the token, so that the page reports the mistake before it sends a request.
 */
export function parseToken(pasted: string): string | null {
  const value = pasted.trim().replace(/^Bearer\s+/i, '');
  return /^[\x21-\x7e]{1,8192}$/.test(value) ? value : null;
}
