import type { Fetcher, FetcherParams } from '@graphiql/toolkit';
import { createClient, type ExecutionResult } from 'graphql-ws';
import { parse } from 'graphql';

type Headers = Record<string, unknown> | undefined;

/**
 * The fetcher of GraphiQL: POST for queries and mutations, graphql-transport-ws for subscriptions. A browser cannot set
 * headers on a WebSocket, so the headers editor's content is sent as the connection_init payload.
 */
export const fetcher: Fetcher = (params, options) => (isSubscription(params) ? subscribe(params, options?.headers) : post(params, options?.headers));

async function post(params: FetcherParams, headers: Headers) {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json, application/json', ...(headers as Record<string, string>) },
    body: JSON.stringify(params),
    // Without "omit" a 401 with a Basic challenge would open the browser's password dialog.
    credentials: 'omit',
    cache: 'no-store',
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { errors: [{ message: `The server answered ${response.status} without JSON.` }] };
  }
}

/** Opens a WebSocket per subscription and closes it with the subscription: the token in the headers editor may change. */
function subscribe(params: FetcherParams, headers: Headers): AsyncIterableIterator<ExecutionResult> {
  const url = new URL('/graphql', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const client = createClient({ url: url.href, connectionParams: headers ?? {}, retryAttempts: 0 });
  const results = client.iterate({ query: params.query, variables: params.variables as Record<string, unknown>, operationName: params.operationName ?? null });
  return results as AsyncIterableIterator<ExecutionResult>;
}

function isSubscription({ query, operationName }: FetcherParams): boolean {
  try {
    return parse(query).definitions.some(
      (definition) =>
        definition.kind === 'OperationDefinition' && definition.operation === 'subscription' && (!operationName || definition.name?.value === operationName),
    );
  } catch {
    return false; // The server reports the syntax error.
  }
}
