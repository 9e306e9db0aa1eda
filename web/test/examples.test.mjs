// Validates GraphiQL's examples and the dashboard's queries against the server's schema.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildSchema, parse, validate } from 'graphql';

const web = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(web, '..', 'schema');
const texts = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.graphqls')).map((name) => readFileSync(join(folder, name), 'utf8')) : [];

const examples = readdirSync(join(web, 'src/examples')).map((name) => [`example ${name}`, readFileSync(join(web, 'src/examples', name), 'utf8')]);

/** The queries that src/queries.ts exports. */
async function queries() {
  const { outputFiles } = await build({ entryPoints: [join(web, 'src/queries.ts')], bundle: true, format: 'esm', write: false });
  const module = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
  return Object.entries(module).filter(([, value]) => typeof value === 'string').map(([name, text]) => [`query ${name}`, text]);
}

test('every query of the pages parses', async () => {
  for (const [name, text] of [...examples, ...(await queries())]) assert.doesNotThrow(() => parse(text), name);
});

test('every query of the pages is valid for the server’s schema', { skip: texts.length === 0 && 'schema/ has no .graphqls yet' }, async () => {
  const schema = buildSchema(texts.join('\n'));
  const invalid = [];
  for (const [name, text] of [...examples, ...(await queries())]) invalid.push(...validate(schema, parse(text)).map((error) => `${name}: ${error.message}`));
  assert.deepEqual(invalid, []);
});
