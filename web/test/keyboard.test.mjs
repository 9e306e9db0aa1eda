// The same stories without a mouse: Tab, Enter, Escape and arrows, and typing where a text is asked for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demo, openPage, settled, signIn, withDemo } from './demo.mjs';
import { tokenFor } from './server.mjs';

withDemo();

/** Presses Tab until what has the focus has this name, in the content or in a dialog, and in the row of a text. Its focus must be visible. */
async function reach(page, name, row = '') {
  for (let i = 0; i < 150; i++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate((words) => {
      const e = document.activeElement;
      const label = e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent ?? e.textContent;
      return { text: label.trim(), outline: getComputedStyle(e).outlineStyle, inside: e.closest('main, [role=dialog]') !== null && (words === '' || e.closest('li')?.textContent.includes(words)) };
    }, row);
    if (!at.inside || (typeof name === 'string' ? at.text !== name : !name.test(at.text))) continue;
    assert.notEqual(at.outline, 'none', `the focus on ${name} is visible`);
    return;
  }
  throw new Error(`the keyboard does not reach ${name}`);
}

/** Reaches something and presses Enter on it. */
async function press(page, name, row) {
  await reach(page, name, row);
  await page.keyboard.press('Enter');
  await settled(page);
}

/** Reaches a field and types into it. */
async function type(page, name, text) {
  await reach(page, name);
  await page.keyboard.type(text);
}

const named = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();
const closed = (page) => page.getByRole('dialog').waitFor({ state: 'detached' });

test('with the keyboard alone: home, model, version, lineage, node, and back', async () => {
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.admin);
  await settled(page);
  const follow = (name) => press(page, name);
  await follow('credit-approval');
  await page.getByRole('heading', { level: 1, name: 'credit-approval' }).waitFor();
  await follow('1.0.1');
  await page.getByRole('heading', { level: 1, name: 'credit-approval 1.0.1' }).waitFor();
  await follow('Lineage');
  await page.getByRole('heading', { level: 1, name: /Provenance of/ }).waitFor();
  await follow('Tree');
  await page.getByRole('tree').waitFor();
  await follow('Unfold all');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.locator('.details h2').waitFor();
  await follow('Open its page');
  assert.match(page.url(), /\/nodes\//);
  for (const heading of [/Provenance of/, /Provenance of/, 'credit-approval 1.0.1', 'credit-approval', /Hello/]) {
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: heading, exact: typeof heading === 'string' }).waitFor();
  }
  assert.deepEqual(problems(), []);
  await close();
});

test('with the keyboard alone: a request is read on the board and approved', async () => {
  const author = await tokenFor(demo.server, 'kim', 'data_scientist');
  const reviewer = await tokenFor(demo.server, 'ruth', 'admin');
  await demo.server.ask('mutation ($input: PutTransitionGuardInput!) { putTransitionGuard(input: $input) { guard { id } } }', { input: { model: 'income-estimator', profile: 'GUARDED', stages: ['CANARY'], needed: 1 } });
  const asked = await fetch(`${demo.server.url}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${author}` },
    body: JSON.stringify({ query: 'mutation { transitionModelVersion(input: { model: "income-estimator", version: "2.1.0", to: CANARY, reason: "asked at night" }) { request { id } } }' }),
  }).then((r) => r.json());
  assert.ok(asked.data?.transitionModelVersion?.request?.id, JSON.stringify(asked));
  const { page, close, problems } = await openPage();
  await signIn(page, reviewer, '/governance?whose=WAITING_FOR_ME');
  await settled(page);
  const row = page.locator('main .rows > li', { hasText: 'asked at night' });
  await press(page, 'Approve…', 'asked at night');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await closed(page);
  // Escape leads back to the button, in a frame after the one that takes the dialog away.
  await page.waitForFunction(() => document.activeElement.textContent === 'Approve…');
  assert.equal(await row.getByText('pending').count(), 1, 'and decides nothing');
  await page.keyboard.press('Enter');
  await type(page, 'Comment', 'seen by keyboard');
  await press(page, 'Approve');
  await closed(page);
  await row.waitFor({ state: 'detached' });
  // The button is gone: the focus is in the content, and not at the start of the page.
  await page.waitForFunction(() => document.activeElement.id === 'content');
  await page.goto(`${demo.server.url}/models/income-estimator/versions/2.1.0`);
  await page.locator('.page-head .stage[data-stage=CANARY]').waitFor();
  assert.deepEqual(problems(), []);
  await close();
});

test('with the keyboard alone: what the gates say, and a recall', async () => {
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.admin, '/models/card-fraud/versions/3.0.0');
  await settled(page);
  await press(page, /facts? that it saw/);
  await page.locator('section.panel', { hasText: 'Gates on its way' }).locator('details[open] code').first().waitFor();
  await page.goto(demo.server.url + demo.pages.feature);
  await settled(page);
  await press(page, 'Recall…');
  await type(page, 'What is wrong', 'the feature counts twice');
  await reach(page, 'How bad is it');
  await page.keyboard.press('ArrowDown');
  assert.equal(await page.getByLabel('How bad is it').inputValue(), 'LOW');
  await press(page, 'Recall it');
  await named(page, /^Recall \d+$/);
  await press(page, 'Ask to clear it…');
  await type(page, 'Reason', 'it does not');
  await press(page, 'Ask');
  await page.getByText('It waits for a second person').waitFor();
  assert.deepEqual(problems(), []);
  await close();
});

test('with the keyboard alone: notifications are found, a webhook is made and tested; a compliance pack is saved', async () => {
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.admin);
  await settled(page);
  for (;;) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement.classList.contains('subject'))) break;
  }
  await page.keyboard.press('Enter');
  await page.getByRole('menu').waitFor();
  while (!(await page.evaluate(() => document.activeElement.textContent.trim() === 'Notifications'))) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await named(page, 'Notifications');
  await settled(page);
  await press(page, 'New webhook…');
  await type(page, 'Name', 'by keyboard');
  await type(page, 'Address', 'https://hooks.example.com/keys');
  await press(page, 'Make');
  await page.locator('.secret').waitFor();
  await press(page, 'I have it');
  await press(page, 'by keyboard');
  await named(page, 'by keyboard');
  await press(page, 'Test…');
  await press(page, 'Send');
  await closed(page);
  await page.goto(demo.server.url + demo.pages.version);
  await settled(page);
  await press(page, 'Compliance');
  await named(page, /^Compliance of/);
  await settled(page);
  const [download] = await Promise.all([page.waitForEvent('download'), press(page, 'Download the pack')]);
  assert.match(download.suggestedFilename(), /\.zip$/);
  assert.deepEqual(problems(), []);
  await close();
});
