// What happens comes to the pages by itself, over one connection for all tabs of a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demo, go, openPage, settled, signIn, withDemo } from './demo.mjs';

withDemo();

test('what waits comes by itself, over one connection that ends with the page', async () => {
  const { page, close, problems } = await openPage();
  const streams = [];
  page.on('request', (request) => {
    if (request.headers()['accept'] === 'text/event-stream') streams.push(request);
  });
  let ended = 0;
  page.on('requestfailed', (request) => {
    if (streams.includes(request)) ended++;
  });
  await signIn(page, demo.tokens.admin);
  await settled(page);
  await page.waitForFunction(() => document.querySelector('main .rows') !== null);
  while (streams.length === 0) await page.waitForTimeout(20);
  await demo.server.ask('mutation ($input: RecallInput!) { recall(input: $input) { recall { id } } }', { input: { nodes: [demo.pages.run.slice('/nodes/'.length)], reason: 'the clock of this run was wrong', severity: 'LOW' } });
  await page.getByText('the clock of this run was wrong').first().waitFor();
  assert.equal(streams.length, 1);
  await page.locator('header').getByRole('link', { name: 'Models', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Models' }).waitFor();
  while (ended === 0) await page.waitForTimeout(20);
  assert.deepEqual(problems(), []);
  await close();
});

/** Opens tabs of one browser on the home page. The first signs in. */
async function openTabs(count, before) {
  const first = await openPage();
  const seen = [];
  const streams = new Set();
  const watch = (page) => {
    page.on('console', (message) => message.type() === 'error' && seen.push(message.text()));
    page.on('request', (request) => request.headers()['accept'] === 'text/event-stream' && streams.add(request));
    for (const end of ['requestfailed', 'requestfinished']) page.on(end, (request) => streams.delete(request));
  };
  if (before) await first.page.context().addInitScript(before);
  watch(first.page);
  await signIn(first.page, demo.tokens.admin);
  await settled(first.page);
  const tabs = [first.page];
  while (tabs.length < count) {
    const tab = await first.page.context().newPage();
    watch(tab);
    tabs.push(tab);
    await go(tab, '/');
  }
  return { tabs, streams, seen, close: first.close };
}

const recallOf = (node, reason) => demo.server.ask('mutation ($input: RecallInput!) { recall(input: $input) { recall { id } } }', { input: { nodes: [node], reason, severity: 'LOW' } });

test('eight tabs of a browser share one connection; when the tab that has it is closed, another goes on', { timeout: 120_000 }, async () => {
  const { tabs, streams, seen, close } = await openTabs(8);
  const node = demo.pages.run.slice('/nodes/'.length);
  while (streams.size === 0) await tabs[0].waitForTimeout(20);
  await recallOf(node, 'seen by eight tabs');
  for (const tab of tabs) await tab.getByText('seen by eight tabs').first().waitFor();
  assert.equal(streams.size, 1);
  const [leader] = [...streams].map((request) => request.frame().page());
  await leader.close();
  streams.clear();
  const left = tabs.filter((tab) => tab !== leader);
  while (streams.size === 0) await left[0].waitForTimeout(20);
  await recallOf(node, 'seen by those that are left');
  for (const tab of left) await tab.getByText('seen by those that are left').first().waitFor();
  assert.equal(streams.size, 1);
  assert.deepEqual(seen, []);
  await close();
});

test('without locks each tab reads for itself, and one that the server refuses is told so by the browser', { timeout: 120_000 }, async () => {
  const { tabs, streams, seen, close } = await openTabs(6, () => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined }));
  while (seen.length === 0) await tabs[0].waitForTimeout(20);
  assert.match(seen[0], /429/, 'the test of eight tabs would see a refusal');
  await recallOf(demo.pages.run.slice('/nodes/'.length), 'each for itself');
  for (const tab of tabs) await tab.getByText('each for itself').first().waitFor();
  assert.ok(streams.size >= 5, `${streams.size} connections`);
  await close();
});
