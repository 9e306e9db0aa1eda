// The audits of graphql-http: what the specification of GraphQL over HTTP wants of a server. All must pass, those that are
// only recommended too.
import assert from 'node:assert/strict';
import { auditServer } from 'graphql-http';
import { headers, url } from './common.mjs';

/** A fetch that signs in; the audits set everything else. */
const signedIn = (address, init) => fetch(address, { ...init, headers: { ...init?.headers, authorization: headers.authorization } });

const results = await auditServer({ url, fetchFn: signedIn });
const failed = results.filter((result) => result.status !== 'ok').map((result) => `${result.status}: ${result.name}: ${result.reason}`);
assert.deepEqual(failed, []);
assert.ok(results.length >= 60, `only ${results.length} audits ran`);
console.log(`${results.length} audits, 0 errors, 0 warnings`);
