// One door to the server: POST /graphql.

/** An error as GraphQL tells it. */
export interface GraphQLError {
  message: string;
  path?: (string | number)[];
  extensions?: { code?: string; coordinate?: string; count?: number };
}

/** Data and errors side by side: a field that the caller may not see is null and has its error here. */
export interface Answer<T> {
  data: T;
  errors: GraphQLError[];
}

/** A request that gave no data. The code is one of the registry's, or NETWORK when no answer came at all. */
export class Failure extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'Failure';
  }
}

/** Asks the server. Throws a Failure when there is no data to show; an aborted request throws the AbortError. */
export async function ask<T>(
  query: string,
  variables: Record<string, unknown>,
  token: string,
  signal?: AbortSignal,
): Promise<Answer<T>> {
  let response: Response;
  try {
    response = await fetch('/graphql', {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/graphql-response+json, application/json',
        Authorization: `Bearer ${token}`,
      },
      body: JSON.stringify({ query, variables }),
      // Without "omit" a 401 that offers Basic would raise the browser's own password box.
      credentials: 'omit',
      cache: 'no-store',
      signal: signal ?? null,
    });
  } catch (err) {
    if (signal?.aborted) throw err;
    throw new Failure('NETWORK', 'The server did not answer.');
  }
  let body: { data?: T | null; errors?: GraphQLError[] };
  try {
    body = await response.json();
  } catch (err) {
    if (signal?.aborted) throw err;
    throw new Failure(response.status === 401 ? 'UNAUTHENTICATED' : 'INTERNAL', `The server answered ${response.status} without JSON.`);
  }
  const errors = Array.isArray(body?.errors) ? body.errors : [];
  if (response.status === 401) throw new Failure('UNAUTHENTICATED', errors[0]?.message ?? 'The token was not accepted.');
  if (body?.data == null) {
    throw new Failure(errors[0]?.extensions?.code ?? 'INTERNAL', errors[0]?.message ?? `The server answered ${response.status} without data.`);
  }
  return { data: body.data, errors };
}
