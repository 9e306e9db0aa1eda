// Tests the pages in a real browser: against the stub server, or against a server with the demo graph when PEDIGREE_URL
// and PEDIGREE_TOKEN are set. Tests that need the stub's data are skipped there.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open, lowContrastTexts, screenshot } from './chromium.mjs';
import { HOSTILE, startStub } from './stub.mjs';

const real = process.env.PEDIGREE_URL?.replace(/\/$/, '');
const token = real ? process.env.PEDIGREE_TOKEN : 'good';
const stubOnly = { skip: Boolean(real) && 'needs the stub’s data' };

let browser;
let stub;
let base = real;

before(async () => {
  if (!real) {
    stub = await startStub();
    base = stub.url;
  }
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await stub?.stop();
});

async function signIn(page, value = token, path = '/') {
  await page.goto(base + path);
  await page.getByLabel('API token').fill(value);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Opens the first lineage that is offered, as a tree. */
async function openTree(page) {
  await page.goto(`${base}/lineage`);
  await page.locator('main .rows a').first().click();
  await page.getByRole('button', { name: 'Tree', exact: true }).click();
  await page.getByRole('tree').waitFor();
}

const row = (page) => page.evaluate(() => document.activeElement?.dataset.node ?? null);
const press = async (page, key) => { await page.keyboard.press(key); return row(page); };

test('an unknown token is refused, with the command that creates one', async () => {
  const { page, close, problems } = await open(browser, base);
  await signIn(page, 'wrong-token');
  await page.getByRole('alert').getByText('pedigree token create --subject me --role viewer').waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length + localStorage.length), 0);
  await page.getByLabel('API token').fill('two words');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('This is not a token').waitFor();
  await screenshot(page, 'login-refused');
  assert.deepEqual(problems(/status of 401/), []);
  await close();
});

test('signing in shows the models and a tree; the tab has no token; signing out ends the session, and signing in leads back', async () => {
  const { page, close, problems } = await open(browser, base);
  await signIn(page, token, '/models?sort=owner');
  await page.locator('.models tbody tr').first().waitFor();
  assert.ok(page.url().endsWith('/models?sort=owner'), 'the address stays the same');
  assert.ok(!page.url().includes(token));
  assert.equal(await page.evaluate(() => sessionStorage.length + localStorage.length + document.cookie.length), 0);
  const cookies = (await page.context().cookies()).filter((cookie) => cookie.name === 'pedigree_session');
  assert.deepEqual(cookies.map(({ httpOnly, sameSite }) => [httpOnly, sameSite]), [[true, 'Strict']]);
  await screenshot(page, 'models-light');
  await openTree(page);
  assert.ok((await page.getByRole('treeitem').count()) > 1);
  assert.match(page.url(), /\/lineage\/[^?]+\?view=tree$/);
  await page.reload();
  await page.getByRole('tree').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('API token').waitFor();
  assert.deepEqual(await page.context().cookies(), []);
  await page.reload();
  await page.getByLabel('API token').waitFor();
  await page.getByLabel('API token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('tree').waitFor();
  assert.deepEqual(problems(), []);
  await close();
});

test('a tree can be used with the keyboard alone', async () => {
  const { page, close, problems } = await open(browser, base);
  await signIn(page);
  await page.getByRole('heading', { level: 1, name: /Hello/ }).waitFor();
  await openTree(page);
  const tree = page.getByRole('tree');
  assert.equal(await tree.locator('[tabindex="0"]').count(), 1);
  await page.getByRole('button', { name: 'Unfold all' }).press('Enter');
  await page.getByRole('button', { name: 'Fold all', exact: true }).focus();
  const root = await press(page, 'Tab');
  const ids = await tree.locator('[role=treeitem]').evaluateAll((items) => items.map((item) => item.dataset.node));
  assert.equal(root, ids[0]);
  for (const id of ids.slice(1)) assert.equal(await press(page, 'ArrowDown'), id);
  assert.equal(await press(page, 'ArrowDown'), ids.at(-1), 'the last row has nothing below');
  assert.equal(await press(page, 'Home'), ids[0]);
  assert.equal(await press(page, 'ArrowLeft'), ids[0], 'left folds the root');
  assert.equal(await press(page, 'End'), ids[0], 'a folded tree has one row');
  assert.equal(await press(page, 'ArrowRight'), ids[0], 'right unfolds');
  assert.equal(await press(page, 'ArrowRight'), ids[1], 'right goes to the first child');
  if ((await page.evaluate(() => document.activeElement.getAttribute('aria-expanded'))) === 'true') {
    assert.equal(await press(page, 'ArrowLeft'), ids[1], 'left folds first');
  }
  assert.equal(await press(page, 'ArrowLeft'), ids[0], 'left goes back to the parent');
  await page.getByRole('button', { name: 'Unfold all' }).click();
  await tree.locator('[tabindex="0"]').focus();
  assert.equal(await press(page, 'End'), ids.at(-1));
  assert.equal(await tree.locator('[tabindex="0"]').count(), 1);
  await page.keyboard.press('Enter');
  assert.equal(await tree.locator('[aria-selected=true]').getAttribute('data-node'), ids.at(-1));
  await page.locator('.details h2').waitFor();
  const levels = await tree.locator('[role=treeitem]').evaluateAll((items) => items.every((item) => Number(item.getAttribute('aria-level')) === 1 + (function up(e, n) { const p = e.parentElement.closest('[role=treeitem]'); return p ? up(p, n + 1) : n; })(item, 0)));
  assert.ok(levels, 'aria-level is the depth of nesting');
  assert.deepEqual(problems(), []);
  await close();
});

test('names are text, restricted nodes have no name, truncation is described', stubOnly, async () => {
  const { page, close, problems } = await open(browser, base);
  await signIn(page, 'good', '/lineage/mv-churn-2?view=tree');
  await page.getByRole('tree').waitFor();
  assert.equal(await page.locator('[data-node=ds-hostile] .name').textContent(), HOSTILE);
  assert.equal(await page.title(), 'Lineage of churn-predictor 2.1.0 · Pedigree');
  assert.equal(await page.locator('main img, main script').count(), 0);
  assert.equal(await page.getByRole('treeitem', { name: /restricted dataset version depth 4/ }).count(), 1);
  const notice = await page.locator('.truncation').textContent();
  assert.match(notice, /not complete: what lies more than 20 steps away is left out; your roles may not see all of it\. 2 nodes have causes that were not followed\. 1 node is restricted/);
  assert.ok(await page.evaluate(() => document.querySelector('.truncation').compareDocumentPosition(document.querySelector('.tree')) & Node.DOCUMENT_POSITION_FOLLOWING), 'above the tree');
  assert.equal(await page.getByRole('treeitem', { name: 'ran code commit 9f3c1e7 tune the learning rate also from 1 other depth 2', exact: true }).count(), 1);
  await page.locator('[data-node=ds-hostile] > .row').click();
  await page.locator('.details h2').getByText(HOSTILE).waitFor();
  await page.getByRole('button', { name: 'Graph', exact: true }).click();
  await page.getByLabel('Steps in the graph').selectOption('20');
  await page.locator('.canvas[data-placed=true] [data-node=ds-hostile]').getByText(HOSTILE).waitFor();
  await page.goto(`${base}/models`);
  await page.getByRole('link', { name: HOSTILE }).waitFor();
  assert.equal(await page.title(), 'Models · Pedigree');
  assert.deepEqual(problems(), []);
  await close();
});

test('letters find a row, branches fold, another node becomes the root; the address follows, and back works', stubOnly, async () => {
  const { page, close, problems } = await open(browser, base);
  await signIn(page, 'good', '/#node=dep-churn');
  await page.getByRole('heading', { name: 'Provenance of churn-eu' }).waitFor();
  assert.ok(page.url().endsWith('/lineage/dep-churn'), 'links of earlier releases lead to the same node');
  await page.getByRole('button', { name: 'Tree', exact: true }).click();
  await page.getByRole('treeitem').first().focus();
  assert.equal(await press(page, 'r'), 'hidden-1', 'typed letters find a name');
  await page.waitForTimeout(700);
  await page.keyboard.type('chu');
  assert.equal(await row(page), 'tag-v2', 'letters typed together are one word');
  await page.locator('[data-node=ds-train] > .row').click();
  await page.getByRole('link', { name: 'Start here' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Provenance of churn/training@2024-06' }).waitFor();
  await page.waitForFunction(() => document.activeElement.id === 'content'); // the focus moves to the new content
  assert.ok(page.url().endsWith('/lineage/ds-train?view=tree'));
  await page.goBack();
  await page.getByRole('heading', { name: 'Provenance of churn-eu' }).waitFor();
  await page.getByRole('button', { name: 'Fold all', exact: true }).click();
  assert.equal(await page.getByRole('treeitem').count(), 2);
  await page.getByRole('button', { name: 'Unfold all' }).click();
  assert.equal(await page.getByRole('treeitem').count(), 13);
  await page.getByRole('button', { name: 'Table', exact: true }).click();
  assert.equal(await page.locator('tbody tr').count(), 13);
  await page.goto(`${base}/lineage`);
  await page.getByLabel('Any node’s id').fill('nowhere');
  await page.getByRole('button', { name: 'Draw' }).click();
  await page.getByRole('alert').getByText('There is nothing with this id').waitFor();
  await page.goto(`${base}/lineage`);
  await page.getByText('no-version-yet has no versions').waitFor();
  await page.getByRole('link', { name: 'churn-eu' }).click();
  await page.getByRole('heading', { name: 'Provenance of churn-eu' }).waitFor();
  assert.deepEqual(problems(), []);
  await close();
});

test('a long answer is loaded in pages and starts folded', stubOnly, async () => {
  const { page, close, problems } = await open(browser, base);
  await signIn(page, 'good', '/lineage/mv-huge?view=tree');
  await page.getByText('The nearest 1,000 nodes').waitFor();
  assert.equal(await page.locator('[role=treeitem]').count(), 1000);
  assert.ok((await page.getByRole('treeitem').count()) < 150);
  await page.getByRole('button', { name: 'Load more nodes' }).click();
  await page.getByText(/^1,300 nodes/).waitFor();
  assert.equal(await page.locator('[role=treeitem]').count(), 1300);
  assert.deepEqual(problems(), []);
  await close();
});

test('a node that does not exist is told, and not drawn', stubOnly, async () => {
  const { page, close, problems } = await open(browser, base);
  await signIn(page, token, '/lineage/dv-missing?view=tree');
  await page.getByRole('alert').getByText('There is nothing with this id').waitFor();
  assert.equal(await page.getByRole('tree').count(), 0);
  assert.deepEqual(problems(), []);
  await close();
});

test('hidden fields, an empty registry and a stopped server are described', stubOnly, async () => {
  const limited = await open(browser, base);
  await signIn(limited.page, 'limited', '/models');
  await limited.page.getByText('Hidden from your roles: Model.owner.').waitFor();
  assert.ok((await limited.page.locator('.models tbody tr').count()) > 0, 'visible rows are shown');
  assert.deepEqual(limited.problems(), []);
  await limited.close();

  const empty = await open(browser, base);
  await signIn(empty.page, 'empty', '/models');
  await empty.page.getByText('No models yet').waitFor();
  await empty.page.getByRole('code').getByText('pedigree demo load').waitFor();
  await screenshot(empty.page, 'dashboard-empty');
  await empty.page.route('**/session', (route) => route.abort());
  await empty.page.reload();
  await empty.page.getByRole('alert').getByText('Is pedigree serve still running?').waitFor();
  await screenshot(empty.page, 'dashboard-down');
  await empty.page.unroute('**/session');
  await empty.page.getByRole('button', { name: 'Try again' }).click();
  await empty.page.getByText('No models yet').waitFor();
  assert.deepEqual(empty.problems(/ERR_FAILED/), []);
  await empty.close();
});

test('a server that stops answering is told, what was shown stays, and the page goes on by itself', stubOnly, async () => {
  const { page, close, problems } = await open(browser, base);
  await signIn(page, 'good', '/models');
  await page.getByRole('link', { name: 'fraud-scorer' }).waitFor();
  await page.route('**/graphql', (route) => route.abort());
  await page.getByLabel('Sort by').selectOption('owner');
  await page.getByText('The server did not answer.').waitFor();
  await page.goBack();
  await page.getByRole('link', { name: 'fraud-scorer' }).waitFor();
  await page.unroute('**/graphql');
  await page.getByText('The server did not answer.').waitFor({ state: 'detached' });
  assert.deepEqual(problems(/ERR_FAILED/), []);
  await close();
});

test('an ended session asks for a token, and leads back to the same address', stubOnly, async () => {
  const { page, close, problems } = await open(browser, base);
  await signIn(page, 'good', '/models');
  await page.getByRole('link', { name: 'fraud-scorer' }).waitFor();
  await page.route('**/graphql', (route) => route.fulfill({ status: 401, contentType: 'application/json', body: '{"errors":[{"message":"no","extensions":{"code":"UNAUTHENTICATED"}}]}' }));
  await page.getByLabel('Sort by').selectOption('owner');
  await page.getByRole('alert').getByText('Your session has ended').waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await page.unroute('**/graphql');
  await page.getByLabel('API token').fill('good');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('link', { name: 'fraud-scorer' }).waitFor();
  assert.ok(page.url().endsWith('/models?sort=owner'));
  assert.deepEqual(problems(/status of 401/), []);
  await close();
});

for (const colorScheme of ['light', 'dark']) {
  test(`${colorScheme}: readable, and no wider than 320 pixels`, async () => {
    const { page, close, problems } = await open(browser, base, { colorScheme, viewport: { width: 320, height: 900 } });
    await page.goto(base);
    await page.getByLabel('API token').waitFor();
    assert.deepEqual(await page.evaluate(lowContrastTexts), []);
    await screenshot(page, `login-320-${colorScheme}`);
    await signIn(page);
    await page.getByRole('heading', { level: 1, name: /Hello/ }).waitFor();
    assert.deepEqual(await page.evaluate(lowContrastTexts), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
    await openTree(page);
    await page.getByRole('treeitem').first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    assert.deepEqual(await page.evaluate(lowContrastTexts), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
    await screenshot(page, `dashboard-320-${colorScheme}-top`);
    await page.setViewportSize({ width: 1280, height: 860 });
    await page.evaluate(() => scrollTo(0, 0));
    await screenshot(page, `dashboard-focus-${colorScheme}`);
    if (!real) {
      await page.setViewportSize({ width: 320, height: 900 });
      await page.goto(`${base}/lineage/mv-huge?view=tree`);
      await page.getByText('The nearest 1,000 nodes').waitFor();
      await page.getByRole('button', { name: 'Unfold all' }).click();
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320, 'thirty levels deep');
      await page.locator('[data-node=c-960]').scrollIntoViewIfNeeded();
      await screenshot(page, `dashboard-320-${colorScheme}-deep`);
    }
    assert.deepEqual(problems(), []);
    await close();
  });
}

/** Every text that a page shows or holds in its elements: what a shared screen or a copy of the page could give away. */
const everyText = (page) => page.evaluate(() => {
  const values = [...document.querySelectorAll('input, textarea')].map((e) => (e.type === 'password' ? '' : e.value));
  const editors = [...document.querySelectorAll('.CodeMirror')].map((e) => e.CodeMirror.getValue());
  return [document.documentElement.outerHTML, document.body.innerText, ...values, ...editors, location.href, document.title].join('\n');
});

for (const colorScheme of ['light', 'dark']) {
  test(`GraphiQL, ${colorScheme}: asks for a token in a password field, and refuses an unknown one`, async () => {
    const { page, close, problems } = await open(browser, base, { colorScheme, viewport: { width: 320, height: 700 } });
    await page.goto(`${base}/graphiql`);
    await page.getByText('Requests need a token.').waitFor();
    assert.equal(await page.getByLabel('API token').getAttribute('type'), 'password');
    assert.equal(await page.locator('.CodeMirror').count(), 0);
    await page.getByLabel('API token').fill('two words');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('This is not a token').waitFor();
    await page.getByLabel('API token').fill('wrong-token');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('pedigree token create --subject me --role viewer').waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length + document.cookie.length), 0);
    assert.deepEqual(await page.evaluate(lowContrastTexts), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
    await screenshot(page, `graphiql-sign-in-${colorScheme}`);
    assert.deepEqual(problems(/status of 401/), []);
    await close();
  });
}

test('GraphiQL signs in by itself, sends the session and never has the token', async () => {
  const { page, close, problems } = await open(browser, base);
  const sent = [];
  page.on('request', (request) => { if (request.url().endsWith('/graphql')) sent.push(request.headers()); });
  await signIn(page, token, '/graphiql');
  await page.locator('.graphiql-query-editor .CodeMirror').waitFor();
  await page.getByRole('button', { name: 'Headers' }).click();
  await page.locator('.graphiql-editor-tool .CodeMirror').last().click();
  await page.keyboard.type('{"X-Team": "payments"');
  await page.getByRole('button', { name: /Execute query/ }).click();
  await page.locator('.result-window .CodeMirror-code').getByText('"models"').first().waitFor();
  assert.equal(sent.at(-1)['x-team'], 'payments', 'the headers editor is for everything else');
  for (const headers of sent) assert.deepEqual([headers.authorization, headers['x-pedigree-request']], [undefined, '1']);
  await page.getByRole('button', { name: 'Show History' }).click();
  await page.locator('.graphiql-history-item').first().waitFor();
  const bearer = (text) => (real ? text.includes(token) : text.includes(`Bearer ${token}`));
  assert.ok(!bearer(await everyText(page)), 'no text of the page has the token');
  const stored = await page.evaluate(() => Object.entries(sessionStorage).flat().join('\n'));
  assert.ok(stored.includes('graphiql:') && !bearer(stored), 'GraphiQL does not store the token');
  // What is typed into the headers editor is shown, and goes before the token.
  await page.locator('.graphiql-editor-tool .CodeMirror').last().click();
  await page.keyboard.press('Control+a');
  await page.keyboard.type(`{"authorization": "Bearer ${token}"`);
  assert.ok(bearer(await everyText(page)), 'a token in an editor would have been found');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('API token').waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await page.reload();
  await page.getByLabel('API token').waitFor();
  assert.deepEqual(problems(), []);
  await close();
});

for (const colorScheme of ['light', 'dark']) {
  test(`GraphiQL, ${colorScheme}: uses the session, runs every example that only reads, stores nothing on disk`, async () => {
    const { page, close, problems } = await open(browser, base, { colorScheme });
    await signIn(page);
    await page.getByRole('heading', { level: 1, name: /Hello/ }).waitFor();
    await page.getByRole('link', { name: 'GraphiQL' }).click();
    const answer = page.locator('.result-window .CodeMirror-code');
    await page.locator('.pedigree-examples strong').first().waitFor();
    const examples = await page.locator('.pedigree-examples strong').allTextContents();
    assert.equal(examples.length, 6);
    const run = async (title, operation, field) => {
      await page.locator('.pedigree-examples button', { hasText: title }).first().click();
      // GraphiQL looks up the variables first: wait for the text of the example.
      await page.locator('.graphiql-query-editor .CodeMirror-code').getByText(operation, { exact: true }).first().waitFor();
      await page.getByRole('button', { name: /Execute query/ }).click();
      await answer.getByText(`"${field}"`).first().waitFor();
      assert.equal(await answer.getByText('"errors"').count(), 0, title);
    };
    await run('Models', 'Models', 'models');
    await run('Lineage of a deployment', 'Lineage', 'lineage');
    await screenshot(page, `graphiql-${colorScheme}`);
    if (real) {
      await run('Provenance', 'Provenance', 'provenance');
      await run('Impact of a dataset version', 'Impact', 'impact');
      await run('Search', 'Search', 'search');
    }
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    await page.locator('.graphiql-doc-explorer').getByText('Query', { exact: true }).click();
    await page.locator('.graphiql-doc-explorer').getByText('models', { exact: true }).waitFor();
    await page.locator('.graphiql-query-editor .CodeMirror').click();
    await page.keyboard.press('Control+a');
    await page.keyboard.type('{ vie', { delay: 30 });
    await page.locator('.CodeMirror-hints').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Open settings dialog' }).click();
    await page.getByRole('dialog').waitFor();
    assert.equal(await page.getByText('Persist headers').count(), 0);
    assert.equal(await page.evaluate(() => document.querySelectorAll('style').length), 0);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Show History' }).click();
    await page.locator('.graphiql-history-item').first().waitFor();
    assert.equal(await page.evaluate(() => localStorage.length + document.cookie.length), 0, 'GraphiQL stores data for this tab only');
    assert.deepEqual(problems(), []);
    await page.goto(base);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('API token').waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    await close();
  });
}
