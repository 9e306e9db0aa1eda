// What the programs of all clients share: the server's address, its schema, and a fetch that records its requests.
import assert from 'node:assert/strict';
import { buildClientSchema, getIntrospectionQuery } from 'graphql';

export const url = `${process.env.PEDIGREE_URL}/graphql`;
export const headers = { authorization: `Bearer ${process.env.PEDIGREE_TOKEN}`, 'content-type': 'application/json' };
export const model = 'credit-approval';

/** The requests that were sent, each with the answer's status and first error. */
export const requests = [];

/** A fetch that records its requests. */
export async function recordingFetch(address, init) {
  const response = await fetch(address, init);
  const text = await response.text();
  const sent = JSON.parse(init.body);
  requests.push({ hash: sent.extensions?.persistedQuery?.sha256Hash, query: sent.query, variables: sent.variables, status: response.status, error: JSON.parse(text).errors?.[0]?.message });
  return new Response(text, { status: response.status, headers: response.headers });
}

/** Sends one operation without a client. */
export async function send(query, variables) {
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

/** The schema that the server tells by introspection. */
export async function schemaOfServer() {
  return buildClientSchema(await send(getIntrospectionQuery()));
}

/** Checks that the client asked by hash, was told that this is not supported, and sent the text then. */
export function checkFallback() {
  const refused = requests.filter((r) => r.hash && !r.query);
  assert.ok(refused.length > 0, 'no request was sent by its hash');
  for (const r of refused) assert.equal(r.error, 'PersistedQueryNotSupported');
  const whole = requests.filter((r) => r.query);
  assert.ok(whole.length > 0, 'no request was sent with its text');
  for (const r of whole) assert.equal(r.error, undefined, r.error);
  assert.ok(requests.some((r) => Object.values(r.variables ?? {}).includes(null)), 'no variable was null');
  console.log(`${requests.length} requests, of which ${refused.length} by hash alone and ${whole.length} with the text`);
}
