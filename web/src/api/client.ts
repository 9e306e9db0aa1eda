// The client of POST /graphql. All requests of the pages go through it, in the browser's session.
import { Client, cacheExchange, fetchExchange } from '@urql/core';
import { retryExchange } from '@urql/exchange-retry';
import { watchedFetch } from './connection';
import { BASE, REQUEST_HEADER } from './session';

/**
 * Returns a client with an empty cache. Queries that get no answer are asked again, so that a page goes on by itself when
 * the server is back; a change is never sent twice.
 */
export function makeClient(): Client {
  return new Client({
    url: `${BASE}/graphql`,
    preferGetMethod: false,
    requestPolicy: 'cache-and-network',
    fetch: watchedFetch,
    fetchOptions: { headers: REQUEST_HEADER, credentials: 'same-origin', cache: 'no-store' },
    exchanges: [
      cacheExchange,
      retryExchange({
        initialDelayMs: 1000,
        maxDelayMs: 15_000,
        maxNumberAttempts: Number.POSITIVE_INFINITY,
        retryIf: (error, operation) => operation.kind === 'query' && error.networkError !== undefined && error.response === undefined,
      }),
      fetchExchange,
    ],
  });
}
