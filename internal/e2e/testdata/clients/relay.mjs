// Reads, pages, refetches and changes a model with Relay's runtime and the artifacts that relay-compiler wrote.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { checkFallback, headers, model, recordingFetch, url } from './common.mjs';

const require = createRequire(import.meta.url);
const { Environment, Network, RecordSource, Store, commitMutation, createOperationDescriptor, fetchQuery, getSingularSelector } = require('relay-runtime');
const artifact = (name) => require(`./src/__generated__/${name}.graphql.js`);
const texts = JSON.parse(readFileSync('persisted.json', 'utf8'));

async function post(body) {
  const response = await recordingFetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  return response.json();
}

/** Asks by the hash that relay-compiler wrote, and with the text when the server keeps no texts. */
async function execute({ id }, variables) {
  const extensions = { persistedQuery: { version: 1, sha256Hash: id } };
  const answer = await post({ extensions, variables });
  return answer.errors?.[0].message === 'PersistedQueryNotSupported' ? post({ query: texts[id], extensions, variables }) : answer;
}

const environment = new Environment({ network: Network.create(execute), store: new Store(new RecordSource()) });
const load = (name, variables) => fetchQuery(environment, artifact(name), variables, { fetchPolicy: 'network-only' }).toPromise();
const look = (selector) => environment.lookup(selector).data;
const fragment = (name, ref) => look(getSingularSelector(artifact(name), ref));

// A query with a fragment, and null for each variable that is not needed.
const variables = { name: model, first: 1, after: null, asOf: null };
const query = await load('CatalogQuery', variables);
const retained = environment.retain(createOperationDescriptor(artifact('CatalogQuery'), variables));
const before = fragment('Catalog_model', query.model);
assert.equal(before.name, model);
assert.equal(before.versions.edges.length, 1);
assert.ok(before.versions.pageInfo.hasNextPage);

// The next page, by the refetch query of the fragment: the store joins the pages.
await load('CatalogVersionsQuery', { id: query.model.id, first: 1, after: before.versions.pageInfo.endCursor, filter: null });
const both = fragment('Catalog_model', query.model).versions.edges.map((edge) => edge.node.version);
assert.equal(both.length, 2);
assert.notEqual(both[0], both[1]);

// One version again, by node(id:).
const [first] = fragment('Catalog_model', query.model).versions.edges;
const again = await load('CatalogVersionQuery', { id: first.node.id });
assert.equal(fragment('Catalog_version', again.node).version, first.node.version);

// A mutation; null clears, and what is left out stays.
const describe = (input) => new Promise((resolve, reject) => {
  commitMutation(environment, { mutation: artifact('CatalogDescribeMutation'), variables: { input }, onError: reject, onCompleted: (data, errors) => (errors ? reject(errors) : resolve(data)) });
});
await describe({ model, id: null, description: 'told by Relay', tags: null, owner: undefined });
assert.equal(fragment('Catalog_model', query.model).description, 'told by Relay');
await describe({ model, description: null });
assert.equal(fragment('Catalog_model', query.model).description, null);
retained.dispose();
checkFallback();
