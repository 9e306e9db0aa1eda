// Reads, pages, refetches and changes a model with urql.
import assert from 'node:assert/strict';
import { Client, cacheExchange, fetchExchange, gql } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import { checkFallback, headers, model, recordingFetch, requests, url } from './common.mjs';

const client = new Client({
  url,
  fetch: recordingFetch,
  fetchOptions: { headers },
  preferGetMethod: false,
  exchanges: [cacheExchange, persistedExchange({ preferGetForPersistedQueries: false, enableForMutation: true }), fetchExchange],
});

const VERSION = gql`fragment Version on ModelVersion { id version stage }`;
const MODEL = gql`
  query Model($name: String!, $first: Int, $after: String, $filter: ModelVersionFilter, $asOf: DateTime) {
    model(name: $name, asOf: $asOf) {
      id
      name
      description
      versions(first: $first, after: $after, filter: $filter) { edges { cursor node { ...Version } } pageInfo { hasNextPage endCursor } }
    }
  }
  ${VERSION}
`;
const take = ({ data, error }) => {
  assert.equal(error, undefined, error?.message);
  return data;
};
const page = async (after, context) => take(await client.query(MODEL, { name: model, first: 1, after, filter: null, asOf: null }, context).toPromise()).model;

// A query with a fragment, null for each variable that is not needed, and the next page.
const first = await page(null);
assert.equal(first.name, model);
assert.ok(first.versions.pageInfo.hasNextPage);
const second = await page(first.versions.pageInfo.endCursor);
assert.equal(second.versions.edges.length, 1);
assert.notEqual(second.versions.edges[0].node.id, first.versions.edges[0].node.id);

// From the cache, and again from the server.
const sent = requests.length;
await page(null);
assert.equal(requests.length, sent);
await page(null, { requestPolicy: 'network-only' });
assert.ok(requests.length > sent);

// A mutation; null clears, and what is left out stays.
const DESCRIBE = gql`mutation Describe($input: UpdateModelInput!) { updateModel(input: $input) { model { id description } } }`;
const describe = async (input) => take(await client.mutation(DESCRIBE, { input }).toPromise()).updateModel.model;
assert.equal((await describe({ model, id: null, description: 'told by urql', tags: null })).description, 'told by urql');
assert.equal((await describe({ model, description: null })).description, null);
checkFallback();
