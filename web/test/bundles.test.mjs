// Holds what the first page loads below a limit, and the heavy parts out of it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { web } from './operations.mjs';

const dist = join(web, 'dist');
const LIMIT = 250 * 1024;

/** The files that a page's HTML loads, and the scripts that these import before they run. */
function loaded(page) {
  const html = readFileSync(join(dist, page), 'utf8');
  const queue = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, file]) => file);
  const files = new Set();
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    if (!file.endsWith('.js')) continue;
    const text = readFileSync(join(dist, file), 'utf8');
    for (const [, name] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) queue.push(`assets/${name}`);
  }
  return [...files];
}

const size = (files) => files.reduce((sum, file) => sum + gzipSync(readFileSync(join(dist, file))).length, 0);
const chunk = (name) => readdirSync(join(dist, 'assets')).filter((file) => file.startsWith(`${name}-`)).map((file) => `assets/${file}`);

test('the first page loads at most 250 KiB gzipped, and neither the graph nor plots', () => {
  assert.ok(existsSync(join(dist, 'index.html')), 'the pages were not built; run: make web');
  const first = new Set([...loaded('index.html'), ...chunk('Home')]);
  const total = size([...first]);
  console.log(`first page: ${total} bytes gzipped in ${first.size} files`);
  assert.ok(total <= LIMIT, `${total} bytes`);
  for (const heavy of ['Canvas', 'elk-worker.min', 'MetricsPlot', 'Markdown']) {
    const files = chunk(heavy);
    assert.ok(files.length > 0, `${heavy} is a file of its own`);
    for (const file of files) assert.ok(!first.has(file), `${file} is loaded by the first page`);
  }
  // The limit would hold nothing back if it were out of reach.
  assert.ok(size([...first, ...chunk('Canvas'), ...chunk('elk-worker.min')]) > LIMIT);
});
