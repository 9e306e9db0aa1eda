// The browser's session: a cookie that scripts cannot read. The page sends the token once, to start a session, and keeps
// it nowhere.
import { RequestError } from './errortext';

/** The path below which the server answers, "" at the root. */
export const BASE = document.documentElement.dataset['base'] ?? '';

/** Whether the server offers a login at an identity provider. */
export const LOGIN = document.documentElement.dataset['login'] === 'yes';

/** The header of every request: a page of another origin cannot send it. */
export const REQUEST_HEADER = { 'X-Pedigree-Request': '1' };

/** The address of the login at the identity provider, which leads back to this page. */
export function loginAddress(): string {
  const here = location.pathname.slice(BASE.length) + location.search;
  return `${BASE}/login?next=${encodeURIComponent(here)}`;
}

/** Reports whether there is a session. Without one, the page sends nothing that would be refused. */
export async function exists(): Promise<boolean> {
  try {
    const response = await fetch(`${BASE}/session`, { headers: REQUEST_HEADER, credentials: 'same-origin', cache: 'no-store' });
    return ((await response.json()) as { signedIn?: boolean }).signedIn === true;
  } catch {
    throw new RequestError('NETWORK', 'The server did not answer.');
  }
}

/** Starts a session with a token. Throws a RequestError when the server does not accept it. */
export async function start(token: string): Promise<void> {
  const response = await post('/session', { Authorization: `Bearer ${token}` });
  if (response.ok) return;
  const body = (await response.json().catch(() => null)) as { errors?: { message?: string; extensions?: { code?: string } }[] } | null;
  const error = body?.errors?.[0];
  throw new RequestError(response.status === 401 ? 'UNAUTHENTICATED' : (error?.extensions?.code ?? 'INTERNAL'), error?.message ?? `The server answered ${response.status}.`);
}

/** Ends the session, and deletes what GraphiQL stored. Its history contains the headers that were sent. */
export async function end(): Promise<void> {
  await post('/logout', {}).catch(() => null); // Without an answer, the session ends by itself.
  sessionStorage.clear();
}

async function post(path: string, headers: Record<string, string>): Promise<Response> {
  try {
    return await fetch(BASE + path, { method: 'POST', headers: { ...REQUEST_HEADER, ...headers }, credentials: 'same-origin', cache: 'no-store' });
  } catch {
    throw new RequestError('NETWORK', 'The server did not answer.');
  }
}

/**
 * Parses a pasted token: removes surrounding blanks and a leading "Bearer". Returns null when a header cannot contain
 * the token, so that the page reports the mistake before it sends a request.
 */
export function parseToken(pasted: string): string | null {
  const value = pasted.trim().replace(/^Bearer\s+/i, '');
  return /^[\x21-\x7e]{1,8192}$/.test(value) ? value : null;
}
