// Joins schema/*.graphqls into generated/schema.graphql, from which the types of the pages' operations come.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSchema, printSchema } from 'graphql';

const web = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(web, '..', 'schema');
const files = readdirSync(folder).filter((name) => name.endsWith('.graphqls')).sort();
const schema = buildSchema(files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n'));
mkdirSync(join(web, 'generated'), { recursive: true });
writeFileSync(join(web, 'generated', 'schema.graphql'), printSchema(schema));
