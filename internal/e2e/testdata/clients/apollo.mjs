// Reads, pages, refetches and changes a model with Apollo Client.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { checkFallback, headers, model, recordingFetch, requests, schemaOfServer, url } from './common.mjs';

const require = createRequire(import.meta.url);
const { ApolloClient, HttpLink, InMemoryCache, gql } = require('@apollo/client/core');
const { createPersistedQueryLink } = require('@apollo/client/link/persisted-queries');
const { relayStylePagination } = require('@apollo/client/utilities');

const schema = await schemaOfServer();
const possibleTypes = Object.fromEntries(['Node', 'ProvenanceNode'].map((name) => [name, schema.getPossibleTypes(schema.getType(name)).map((type) => type.name)]));
const client = new ApolloClient({
  cache: new InMemoryCache({ possibleTypes, typePolicies: { Model: { fields: { versions: relayStylePagination(['filter']) } } } }),
  link: createPersistedQueryLink({ sha256: (text) => createHash('sha256').update(text).digest('hex') }).concat(new HttpLink({ uri: url, headers, fetch: recordingFetch })),
});

const MODEL = gql`
  query Model($name: String!, $first: Int, $after: String, $filter: ModelVersionFilter, $asOf: DateTime) {
    model(name: $name, asOf: $asOf) {
      ...ModelPage
    }
  }
  fragment ModelPage on Model {
    id
    name
    description
    versions(first: $first, after: $after, filter: $filter) {
      edges { cursor node { ...Version } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
  fragment Version on ModelVersion { id version stage }
`;

// A query with fragments, and null for each variable that is not needed.
const observed = client.watchQuery({ query: MODEL, variables: { name: model, first: 1, after: null, filter: null, asOf: null } });
let { data } = await new Promise((resolve, reject) => {
  observed.subscribe({ next: (result) => result.data?.model && resolve(result), error: reject });
});
assert.equal(data.model.name, model);
assert.equal(data.model.versions.edges.length, 1);
assert.ok(data.model.versions.pageInfo.hasNextPage);

// The next page: the cache joins the pages.
await observed.fetchMore({ variables: { after: data.model.versions.pageInfo.endCursor } });
({ data } = observed.getCurrentResult());
assert.equal(new Set(data.model.versions.edges.map((edge) => edge.node.version)).size, 2);

// A refetch, and one object by its interface.
await observed.refetch();
const { node } = (await client.query({ query: gql`query Node($id: ID!) { node(id: $id) { id ... on ProvenanceNode { kind name } } }`, variables: { id: data.model.versions.edges[0].node.id } })).data;
assert.equal(node.kind, 'MODEL_VERSION');

// A mutation; null clears, and what is left out stays.
const DESCRIBE = gql`mutation Describe($input: UpdateModelInput!) { updateModel(input: $input) { model { id description } } }`;
const describe = (input) => client.mutate({ mutation: DESCRIBE, variables: { input } });
await describe({ model, id: null, description: 'told by Apollo', tags: null });
assert.equal(client.readFragment({ id: `Model:${data.model.id}`, fragment: gql`fragment D on Model { description }` }).description, 'told by Apollo');
await describe({ model, description: null });
assert.equal(client.readFragment({ id: `Model:${data.model.id}`, fragment: gql`fragment D on Model { description }` }).description, null);
checkFallback();
assert.equal(requests.filter((r) => r.hash && !r.query).length, 1, 'Apollo asks by hash once, and never again when that is not supported');
client.stop();
