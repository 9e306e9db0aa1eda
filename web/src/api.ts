// The client of POST /graphql. All requests of the dashboard go through it, in the browser's session.
import { BASE, REQUEST_HEADER } from './session';

/** A GraphQL error. The count says how often it occurred. */
export interface GraphQLError {
  message: string;
  path?: (string | number)[];
  extensions?: { code?: string; coordinate?: string; count?: number };
}

/** Data with its errors: a field that the caller may not see is null and has an error. */
export interface Answer<T> {
  data: T;
  errors: GraphQLError[];
}

/** A request without data. The code is one of the registry's error codes, or NETWORK when there was no response. */
export class RequestError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'RequestError';
  }
}

/** Sends a query. Throws a RequestError when there is no data, and the AbortError when the request was aborted. */
export async function ask<T>(
  query: string,
  variables: Record<string, unknown>,
  signal?: AbortSignal,
): Promise<Answer<T>> {
  let response: Response;
  try {
    response = await fetch(`${BASE}/graphql`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/graphql-response+json, application/json',
        ...REQUEST_HEADER,
      },
      body: JSON.stringify({ query, variables }),
      credentials: 'same-origin',
      cache: 'no-store',
      signal: signal ?? null,
    });
  } catch (err) {
    if (signal?.aborted) throw err;
    throw new RequestError('NETWORK', 'The server did not answer.');
  }
  let body: { data?: T | null; errors?: GraphQLError[] };
  try {
    body = await response.json();
  } catch (err) {
    if (signal?.aborted) throw err;
    throw new RequestError(response.status === 401 ? 'UNAUTHENTICATED' : 'INTERNAL', `The server answered ${response.status} without JSON.`);
  }
  const errors = Array.isArray(body?.errors) ? body.errors : [];
  if (response.status === 401) throw new RequestError('UNAUTHENTICATED', errors[0]?.message ?? 'Nobody is signed in.');
  if (body?.data == null) {
    throw new RequestError(errors[0]?.extensions?.code ?? 'INTERNAL', errors[0]?.message ?? `The server answered ${response.status} without data.`);
  }
  return { data: body.data, errors };
}
