// Writes the server's schema and a refetchable fragment for each of its Node types, and compiles them with
// relay-compiler together with the queries of the Relay program.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { isObjectType, printSchema } from 'graphql';
import { schemaOfServer } from './common.mjs';

const schema = await schemaOfServer();
writeFileSync('schema.graphql', printSchema(schema));
const nodes = schema.getPossibleTypes(schema.getType('Node')).filter(isObjectType).map((type) => type.name).sort();
assert.ok(nodes.length > 10, `only ${nodes.length} Node types`);
writeFileSync('src/Refetch.js', nodes.map((name) => `graphql\`
  fragment Refetch_${name} on ${name} @refetchable(queryName: "Refetch${name}Query") {
    id
  }
\`;
`).join('\n'));
writeFileSync('persisted.json', '{}');
const output = execFileSync(process.execPath, ['node_modules/relay-compiler/cli.js', 'relay.config.json'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
assert.doesNotMatch(output, /error/i, output);
console.log(`relay-compiler made every one of ${nodes.length} Node types refetchable`);
