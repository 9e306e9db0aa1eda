import type { Fetcher, FetcherParams } from '@graphiql/toolkit';
import { createClient, type ExecutionResult } from 'graphql-ws';
import { parse } from 'graphql';

type Headers = Record<string, unknown> | undefined;

/**
 * GraphiQL's way to the server: POST for queries and mutations, graphql-transport-ws for subscriptions. A browser cannot
 * set headers on a WebSocket, so the headers editor's content goes along as the connection_init payload.
 */
export const fetcher: Fetcher = (params, options) => (isSubscription(params) ? subscribe(params, options?.headers) : post(params, options?.headers));

async function post(params: FetcherParams, headers: Headers) {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json, application/json', ...(headers as Record<string, string>) },
    body: JSON.stringify(params),
    // Without "omit" a 401 that offers Basic would raise the browser's own password box.
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

/** A WebSocket per subscription, closed with it: the token in the headers editor may change in between. */
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
    return false; // a text that does not parse is for the server to refuse
  }
}
