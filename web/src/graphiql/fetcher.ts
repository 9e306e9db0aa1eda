import type { Fetcher, FetcherParams } from '@graphiql/toolkit';
import { createClient, type ExecutionResult } from 'graphql-ws';
import { parse } from 'graphql';
import { BASE, REQUEST_HEADER } from '../api/session';

type Headers = Record<string, unknown> | undefined;

/** The headers of the headers editor. An Authorization there takes the place of the session. */
function withRequest(headers: Headers): Record<string, string> {
  return { ...((headers ?? {}) as Record<string, string>), ...REQUEST_HEADER };
}

/**
 * The fetcher of GraphiQL: POST for queries and mutations, graphql-transport-ws for subscriptions. A browser cannot set
 * headers on a WebSocket, so they are sent as the connection_init payload.
 */
export const fetcher: Fetcher = (params, options) => (isSubscription(params) ? subscribe : post)(params, withRequest(options?.headers));

async function post(params: FetcherParams, headers: Record<string, string>) {
  const response = await fetch(`${BASE}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json, application/json', ...headers },
    body: JSON.stringify(params),
    credentials: 'same-origin',
    cache: 'no-store',
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { errors: [{ message: `The server answered ${response.status} without JSON.` }] };
  }
}

/** Opens a WebSocket per subscription and closes it with the subscription: the session may end. */
function subscribe(params: FetcherParams, headers: Record<string, string>): AsyncIterableIterator<ExecutionResult> {
  const url = new URL(`${BASE}/graphql`, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const client = createClient({ url: url.href, connectionParams: headers, retryAttempts: 0 });
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
