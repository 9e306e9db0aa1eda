// The reference clients of both protocols of subscriptions: graphql-ws over a WebSocket, graphql-sse over server-sent events.
import assert from 'node:assert/strict';
import { createClient as socketClient } from 'graphql-ws';
import { createClient as eventsClient } from 'graphql-sse';
import WebSocket from 'ws';
import { headers, send, url } from './common.mjs';

class Authorized extends WebSocket {
  constructor(address, protocols) { super(address, protocols, { headers: { authorization: headers.authorization } }); }
}
const clients = {
  'graphql-ws': () => socketClient({ url: url.replace(/^http/, 'ws'), webSocketImpl: Authorized, retryAttempts: 0 }),
  'graphql-sse': () => eventsClient({ url, headers, retryAttempts: 0 }),
};
const query = 'subscription Moves($model: String, $after: Int64) { transitions(model: $model, after: $after) { seq transition { from to } version { version } } }';
const move = 'mutation Move($input: TransitionModelVersionInput!) { transitionModelVersion(input: $input) { __typename } }';

for (const [name, connect] of Object.entries(clients)) {
  const model = `subscribed-${name}`;
  await send('mutation($input: RegisterModelVersionInput!) { registerModelVersion(input: $input) { __typename } }', { input: { model, version: '1.0.0', createModel: true } });
  const client = connect();
  const seen = [];
  const stream = client.iterate({ query, variables: { model, after: 0 } });
  for (const to of ['STAGING', 'CANARY', 'PRODUCTION']) {
    await send(move, { input: { model, version: '1.0.0', to, reason: 'story' } });
    const { value, done } = await stream.next();
    assert.equal(done, false);
    assert.equal(value.errors, undefined, JSON.stringify(value.errors));
    assert.equal(value.data.transitions.transition.to, to);
    seen.push(value.data.transitions.seq);
  }
  await stream.return();
  const again = client.iterate({ query, variables: { model, after: seen[0] } });
  for (const seq of seen.slice(1)) assert.equal((await again.next()).value.data.transitions.seq, seq);
  await again.return();

  const refused = client.iterate({ query: 'subscription { transitions(model: "nothing") { seq } }' });
  const said = await refused.next().then(({ value }) => value?.errors, (errors) => errors);
  assert.equal(said[0].extensions.code, 'NOT_FOUND', JSON.stringify(said));
  const invalid = client.iterate({ query: 'subscription { nothing }' });
  await assert.rejects(async () => { const { value } = await invalid.next(); if (value?.errors) throw value.errors; });
  client.dispose();
  console.log(`${name}: ${seen.length} events, connected again after the first, a refusal and an invalid operation told`);
}
process.exit(0);
