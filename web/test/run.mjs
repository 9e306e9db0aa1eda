// Runs the tests of the pages with one build of the server for all files. A page waits for its server, its browser and
// its pictures more than any of them works, so two files run at a time.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildServer } from './server.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const files = readdirSync(here).filter((name) => name.endsWith('.test.mjs')).sort();
const child = spawn(process.execPath, ['--test', '--test-concurrency=2', ...process.argv.slice(2), ...files.map((name) => join(here, name))], { stdio: 'inherit', env: { ...process.env, PEDIGREE_PAGES_SERVER: await buildServer() } });
child.on('exit', (code) => process.exit(code ?? 1));
