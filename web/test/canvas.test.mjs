// The lineage page on large answers: what it draws, when it turns to a table, and what that costs beside an empty page. The
// costs are printed, not judged: they depend on the machine. PEDIGREE_ROUNDS of 50 makes the hub and the store around it large.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open } from './chromium.mjs';
import { startServer } from './server.mjs';

const full = Number(process.env.PEDIGREE_ROUNDS ?? 3) >= 50;
const HUB = full ? 50_000 : 1_500;
const AROUND = full ? 100_000 : 2_000;
const LAYERS = 9;
const at = '2024-01-01T00:00:00Z';

let browser;
let server;
let hub;
const versions = {};

/** Records facts as JSON Lines, a part with each request. Refs hold within one. */
async function record(facts) {
  for (let i = 0; i < facts.length; i += 20_000) {
    const response = await fetch(`${server.url}/api/v1/facts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-ndjson', Authorization: `Bearer ${server.token}` },
      body: facts.slice(i, i + 20_000).map((fact) => JSON.stringify(fact)).join('\n'),
    });
    const text = await response.text();
    assert.equal(response.status, 200, text.slice(0, 500));
    assert.ok(!/"code"/.test(text), text.slice(0, 500));
  }
}

/** Nine rounds of data, each state made by a run from three of the round before: about 18 nodes for each of width. */
function layers(name, width) {
  const facts = [];
  for (let layer = 0; layer < LAYERS; layer++) {
    for (let i = 0; i < width; i++) {
      const key = `${name}_${layer}_${i}`;
      const inputs = layer === 0 ? [] : [...new Set([0, 1, 2].map((step) => `@d_${name}_${layer - 1}_${(2 * i + step) % width}`))];
      facts.push({ ref: `r_${key}`, run: { producer: 'made', runId: key, name: key, runKind: 'ETL', startedAt: at, inputs } });
      facts.push({ ref: `d_${key}`, datasetVersion: { dataset: key, namespace: 'made', version: '1', role: 'OTHER', createdAt: at, generatedBy: `@r_${key}` } });
    }
  }
  facts.push({ model: { name, createdAt: at } });
  const inputs = Array.from({ length: Math.min(width, 100) }, (_, i) => `@d_${name}_${LAYERS - 1}_${i}`);
  facts.push({ ref: 'train', run: { producer: 'made', runId: name, name: `train ${name}`, runKind: 'TRAINING', startedAt: at, inputs } });
  facts.push({ modelVersion: { model: name, version: '1.0.0', createdDate: at, run: '@train' } });
  return facts;
}

before(async () => {
  server = await startServer();
  for (const size of [300, 1000, 5000]) {
    await record(layers(`made-${size}`, Math.round(size / (2 * LAYERS))));
    versions[size] = (await server.ask('query ($model: String!) { modelVersion(model: $model, version: "1.0.0") { id } }', { model: `made-${size}` })).modelVersion.id;
  }
  const { recordDatasetVersion } = await server.ask('mutation ($input: RecordDatasetVersionInput!) { recordDatasetVersion(input: $input) { datasetVersion { id } } }', { input: { dataset: 'hub', version: '1', createdAt: at } });
  hub = recordDatasetVersion.datasetVersion.id;
  await record(Array.from({ length: HUB }, (_, i) => ({ run: { producer: 'hub', runId: String(i), name: `reader ${i}`, runKind: 'OTHER', startedAt: at, inputs: [hub] } })));
  await record(Array.from({ length: AROUND }, (_, i) => ({ datasetVersion: { dataset: `filler/${i % 997}`, version: String(i), createdAt: at } })));
  browser = await launch();
}, { timeout: 1_200_000 });
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function signedIn() {
  const opened = await open(browser, server.url, { reducedMotion: 'reduce' });
  await opened.page.addInitScript(() => {
    window.long = [];
    new PerformanceObserver((list) => window.long.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask', buffered: true });
    window.marks = {};
    window.atOnce = { drawn: 0, measured: 0 };
    const watch = new MutationObserver((records) => {
      const added = records.flatMap(({ addedNodes }) => [...addedNodes]).filter((node) => node.nodeType === 1);
      const count = (selector) => added.reduce((sum, node) => sum + (node.matches(selector) ? 1 : node.querySelectorAll(selector).length), 0);
      window.atOnce.drawn = Math.max(window.atOnce.drawn, count('.react-flow__node'));
      window.atOnce.measured = Math.max(window.atOnce.measured, count('.measure > .node'));
      if (!window.marks.picture && document.querySelector('.react-flow .node')) window.marks.picture = performance.now();
      if (!window.marks.layout && document.querySelector('.canvas[data-placed=true]')) window.marks.layout = performance.now();
      if (!window.marks.content && document.querySelector('#content h1')) window.marks.content = performance.now();
    });
    watch.observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-placed'] });
  });
  await opened.page.goto(server.url);
  await opened.page.getByLabel('API token').fill(server.token);
  await opened.page.getByRole('button', { name: 'Sign in' }).click();
  await opened.page.locator('#content h1').waitFor();
  return opened;
}

/** What the page cost so far. */
async function cost(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  await session.send('HeapProfiler.collectGarbage');
  const { metrics } = await session.send('Performance.getMetrics');
  const heap = metrics.find(({ name }) => name === 'JSHeapUsedSize').value / 1e6;
  await session.detach();
  return { heap, ...(await page.evaluate(() => ({ long: window.long.length, longest: Math.max(0, ...window.long), ...window.marks }))) };
}

const placed = (page) => page.locator('.canvas[data-placed=true]').waitFor();
const drawn = (page) => page.locator('.canvas .node').count();
const whole = (number) => (number === undefined ? '–' : Math.round(number));

test('300 and 1,000 nodes are drawn and stay usable; 5,000 answer as a table with roll-ups', async () => {
  const { page, close, problems } = await signedIn();
  await page.goto(`${server.url}/search`);
  await page.locator('#content h1').waitFor();
  const empty = await cost(page);
  const rows = [['empty page', empty]];
  for (const size of [300, 1000]) {
    await page.goto(`${server.url}/lineage/${versions[size]}?hops=20&view=graph`);
    await placed(page);
    const status = await page.locator('main p[role=status]').textContent();
    const [, nodes] = /([\d,]+) nodes and/.exec(status);
    assert.ok(Math.abs(Number(nodes.replace(',', '')) - size) <= 20, status);
    rows.push([`${size} nodes`, await cost(page)]);
    const { drawn: most, measured } = await page.evaluate(() => window.atOnce);
    assert.ok(most > 0 && most <= 40, `${most} nodes were drawn at once`);
    assert.ok((await page.locator('.react-flow__edge').count()) >= size, 'its lines are drawn');
    assert.ok(measured > 0 && measured <= 100, `${measured} nodes were measured at once`);
    const shown = await drawn(page);
    assert.ok(shown > 0 && shown <= size + 20, `${shown} are drawn`);
    // It can be used: what is seen is drawn, and a node tells what it is.
    await page.locator('.react-flow__controls-zoomin').click();
    await page.locator('.canvas .node button').first().dispatchEvent('click');
    await page.locator('.details h2').waitFor();
    assert.match(await page.locator('.details h2').textContent(), /made-/);
  }
  await page.goto(`${server.url}/lineage/${versions[5000]}?hops=20`);
  await page.getByText('More nodes follow').waitFor();
  for (;;) {
    const more = page.locator('main button', { hasText: 'Load more nodes' });
    await page.waitForFunction(() => ![...document.querySelectorAll('button')].some((one) => one.textContent === 'Load more nodes' && one.disabled));
    if ((await more.count()) === 0) break;
    await more.click();
  }
  await page.locator('main table').waitFor();
  assert.equal(await page.locator('.canvas').count(), 0, 'so many are not drawn');
  const listed = await page.locator('main tbody tr').count();
  assert.ok(listed > 4400, `${listed} rows`);
  rows.push(['5000 nodes, table', await cost(page)]);
  console.log('page, ms to picture, ms to layout, long tasks, longest ms, heap MB (times the empty page)');
  for (const [name, one] of rows) console.log(`${name}: ${whole(one.picture)}, ${whole(one.layout)}, ${one.long}, ${whole(one.longest)}, ${one.heap.toFixed(1)} (${(one.heap / empty.heap).toFixed(1)})`);
  assert.deepEqual(problems(), []);
  await close();
});

test('a hub is drawn as one box, and what is cut is told in words', async () => {
  const { page, close, problems } = await signedIn();
  await page.goto(`${server.url}/lineage/${hub}?direction=DOWNSTREAM&view=graph`);
  await placed(page);
  assert.ok((await drawn(page)) <= 3, `${await drawn(page)} boxes`);
  await page.locator('.canvas .node.rolled').first().waitFor();
  await page.locator('.truncation').getByText(/not complete/).waitFor();
  await page.goto(`${server.url}/nodes/${hub}`);
  await page.getByText(`${HUB.toLocaleString('en')}`).or(page.getByText(String(HUB))).first().waitFor();
  assert.ok((await page.locator('main .rows li').count()) <= 100);
  await page.goto(`${server.url}/impact/${hub}`);
  await page.locator('main .sentence').waitFor();
  assert.deepEqual(problems(), []);
  await close();
});

test('lists of a large store show one page of it', async () => {
  const { page, close, problems } = await signedIn();
  for (const path of ['/', '/models', '/datasets', '/runs', '/features', '/commits', '/deployments', '/log', '/governance', '/recalls', '/search?q=filler', '/search?q=reader']) {
    await page.goto(server.url + path);
    await page.locator('#content h1').waitFor();
    await page.waitForFunction(() => document.querySelector('.skeleton') === null);
    assert.ok((await page.locator('main :is(li, tr)').count()) < 600, path);
  }
  await page.goto(`${server.url}/runs`);
  await page.getByRole('button', { name: 'Next page' }).click();
  await page.getByRole('button', { name: 'First page' }).waitFor();
  assert.deepEqual(problems(), []);
  await close();
});
