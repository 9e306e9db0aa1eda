// Validates GraphiQL's examples and the pages' operations against the server's schema.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildSchema, parse, validate } from 'graphql';
import { operations, web } from './operations.mjs';

const folder = join(web, '..', 'schema');
const schema = buildSchema(readdirSync(folder).filter((name) => name.endsWith('.graphqls')).map((name) => readFileSync(join(folder, name), 'utf8')).join('\n'));
const examples = readdirSync(join(web, 'src/graphiql/examples')).map((name) => [`example ${name}`, readFileSync(join(web, 'src/graphiql/examples', name), 'utf8')]);

test('every operation of the pages is valid for the server’s schema, and has a name of its own', () => {
  const found = operations();
  assert.ok(found.length >= 8, 'the operations were found');
  const invalid = [];
  for (const [name, text] of [...examples, ...found]) invalid.push(...validate(schema, parse(text)).map((error) => `${name}: ${error.message}`));
  assert.deepEqual(invalid, []);
  const names = found.map(([, text]) => parse(text).definitions[0].name.value);
  assert.deepEqual(names.filter((name, i) => names.indexOf(name) !== i), []);
});

test('an operation that the schema does not allow is found', () => {
  assert.equal(validate(schema, parse('{ models { edges { node { color } } } }')).length, 1);
});
