// The token lives in sessionStorage and nowhere else: it ends with the tab, is never sent by the browser on its own
// (so no cross-site request carries it), and never reaches an address or a disk profile.

const KEY = 'pedigree.token';

/** The token of this tab, or null when nobody is signed in. */
export function token(): string | null {
  return sessionStorage.getItem(KEY);
}

/** Keeps the token for this tab. */
export function keep(value: string): void {
  sessionStorage.setItem(KEY, value);
}

/** Signs out: forgets the token and all that GraphiQL kept, since its history holds the headers that were sent. */
export function forget(): void {
  sessionStorage.clear();
}

/**
 * What a person pasted, as a token: without blanks and without a leading "Bearer". Null when it cannot stand in a
 * header, so that the mistake is told here and not as a failed request.
 */
export function cleaned(pasted: string): string | null {
  const value = pasted.trim().replace(/^Bearer\s+/i, '');
  return /^[\x21-\x7e]{1,8192}$/.test(value) ? value : null;
}
