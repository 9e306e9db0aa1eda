// What people do with the pages, from the first click to the last, on a real server with the demo.
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { barriers, demo, go, openPage, settled, signIn, withDemo } from './demo.mjs';
import { tokenFor } from './server.mjs';

withDemo('--webhook-allow-private', '--webhook-attempts', '1');

test('two people promote a version: one asks, the other approves; each sees what is theirs to do', async () => {
  const reviewer = await tokenFor(demo.server, 'rita', 'admin');
  const author = await tokenFor(demo.server, 'sam', 'data_scientist');
  await demo.server.ask('mutation ($input: PutTransitionGuardInput!) { putTransitionGuard(input: $input) { guard { id } } }', { input: { model: 'credit-approval', profile: 'GUARDED', stages: ['PRODUCTION'], needed: 1 } });
  const path = '/models/credit-approval/versions/1.1.0';
  const sam = await openPage();
  await signIn(sam.page, author, path);
  await settled(sam.page);
  await sam.page.getByRole('button', { name: 'Move to a stage…' }).click();
  await sam.page.getByLabel('To', { exact: true }).selectOption('PRODUCTION');
  await sam.page.getByText('this makes a request').waitFor();
  await sam.page.getByLabel('Reason').fill('shadow traffic looks good');
  assert.deepEqual(await barriers(sam.page), [], 'the dialog');
  await sam.page.getByRole('button', { name: 'Ask for approval' }).click();
  await sam.page.getByText('sam asks to move it').waitFor();
  assert.equal(await sam.page.getByRole('button', { name: 'Approve…' }).count(), 0, 'nobody approves their own request');
  assert.equal(await sam.page.getByRole('button', { name: 'Withdraw…' }).count(), 1);
  assert.deepEqual(sam.problems(), []);
  await sam.close();

  const rita = await openPage();
  await signIn(rita.page, reviewer);
  await rita.page.locator('main').getByRole('link', { name: 'credit-approval 1.1.0' }).click();
  await rita.page.getByRole('button', { name: 'Approve…' }).click();
  await rita.page.getByLabel('Comment').fill('seen');
  await rita.page.getByRole('button', { name: 'Approve', exact: true }).click();
  await rita.page.locator('.page-head .stage[data-stage=PRODUCTION]').waitFor();
  assert.deepEqual(rita.problems(), []);
  await rita.close();
  const { model } = await demo.server.ask('{ model(name: "credit-approval") { productionVersion { version } } }');
  assert.equal(model.productionVersion.version, '1.1.0');

  const vera = await openPage();
  await signIn(vera.page, demo.tokens.viewer, path);
  await settled(vera.page);
  for (const name of ['Move to a stage…', 'Set alias…', 'Edit card…', 'Approve…']) assert.equal(await vera.page.getByRole('button', { name }).count(), 0, `a viewer has no ${name}`);
  await vera.close();
});

test('the server’s own refusal is shown, and a card that changed meanwhile is shown beside what was typed', async () => {
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.admin, '/models/credit-approval/versions/2.0.0');
  await settled(page);
  await page.getByRole('button', { name: 'Set alias…' }).click();
  await page.getByRole('textbox', { name: 'Alias' }).fill('1.2.3');
  await page.getByRole('button', { name: 'Set', exact: true }).click();
  await page.getByRole('alert').getByText(/semver|version/).waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Edit card…' }).click();
  await page.getByLabel('Description').fill('What I typed');
  await demo.server.ask('mutation ($input: UpdateModelCardInput!) { updateModelCard(input: $input) { card { id } } }', { input: { model: 'credit-approval', version: '2.0.0', card: { description: 'What another wrote' } } });
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('alert').getByText('Someone changed it meanwhile').waitFor();
  await page.getByText('What another wrote').first().waitFor();
  assert.equal(await page.getByLabel('Description').inputValue(), 'What I typed');
  await page.getByRole('button', { name: 'Save over the newer card' }).click();
  await page.locator('.markdown').getByText('What I typed').waitFor();
  assert.deepEqual(problems(), []);
  await close();
});

test('which deployments learned from a bad file: three clicks from home', async () => {
  const { page, close } = await openPage();
  await signIn(page, demo.tokens.admin);
  await page.getByLabel('Search', { exact: true }).fill('raw');
  await page.getByLabel('Search', { exact: true }).press('Enter');
  await page.locator('main .rows a', { hasText: 'applications/raw' }).first().click();
  await page.locator('.page-head').getByRole('link', { name: 'Impact' }).click();
  await page.getByText(/live deployments? depends? on applications\/raw/).or(page.locator('.sentence', { hasText: 'on applications/raw' })).first().waitFor();
  assert.ok((await page.locator('.path').count()) > 0);
  await close();
});

test('an entry of the log is proved in the browser, and a wrong one is not', async () => {
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.admin, '/log');
  await settled(page);
  const prove = async (row) => {
    await page.locator('main .rows > li summary').nth(row).click();
    await page.locator('main .rows > li').nth(row).getByRole('button', { name: 'Prove this entry' }).click();
    return page.locator('main .rows > li').nth(row).locator('p[role=status]').filter({ hasText: /^(NOT )?proved/i });
  };
  const said = async (row) => {
    const place = await prove(row);
    await place.waitFor();
    return place.textContent();
  };
  const rows = await page.locator('main .rows > li').count();
  for (let row = 0; row < rows; row += 5) assert.match(await said(row), /^Proved in this browser: .* holds exactly this entry\. \S+ signed that root/);
  const flip = (hash) => hash.replace(/^./, (c) => (c === '0' ? '1' : '0'));
  const lies = [
    [/does not hold an entry/, ({ auditProof }) => auditProof && (auditProof.hashes[0] = flip(auditProof.hashes[0]))],
    [/not that of what the entry says/, ({ auditLog, auditProof }) => auditProof && auditLog.edges.forEach(({ node }) => (node.actor = 'somebody else'))],
    [/did not sign this root/, ({ auditCheckpoint }) => auditCheckpoint && (auditCheckpoint.note = auditCheckpoint.note.replace(/(\u2014 \S+ \S{20})(\S)/, (_, a, b) => a + (b === 'A' ? 'B' : 'A')))],
  ];
  for (const [i, [words, lie]] of lies.entries()) {
    await page.route('**/graphql', async (route) => {
      const response = await route.fetch();
      const body = await response.json();
      if (body.data) lie(body.data);
      await route.fulfill({ response, json: body });
    });
    const told = await said(i + 1);
    assert.match(told, /^NOT proved/);
    assert.match(told, words);
    await page.unroute('**/graphql');
  }
  assert.deepEqual(problems(), []);
  await close();
});

test('a token is made, shown once, used and revoked; the matrix and the explanation say what the server does', async () => {
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.admin, '/access');
  await settled(page);
  await page.getByRole('button', { name: 'New token…' }).click();
  await page.getByLabel('Name').fill('nightly import');
  await page.getByRole('button', { name: 'Make', exact: true }).click();
  const token = await page.locator('.secret').textContent();
  const asIt = () => fetch(`${demo.server.url}/graphql`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }, body: '{"query":"{ viewer { subject } }"}' });
  assert.equal((await asIt()).status, 200);
  await page.getByRole('button', { name: 'I have it' }).click();
  await page.reload();
  await settled(page);
  assert.equal(await page.getByText(token).count(), 0, 'it is shown once');
  await page.locator('tr', { hasText: 'nightly import' }).getByRole('button', { name: 'Revoke…' }).click();
  await page.getByRole('button', { name: 'Revoke', exact: true }).click();
  await page.locator('tr', { hasText: 'nightly import' }).getByText('revoked').waitFor();
  assert.equal((await asIt()).status, 401);

  await page.goto(`${demo.server.url}/access?part=roles&noun=Artifact`);
  await settled(page);
  const cells = await page.locator('.matrix td').evaluateAll((all) => all.map((cell) => [cell.querySelector('.visually-hidden').textContent.replace(/^, /, ''), cell.dataset.allowed === 'true']));
  assert.ok(cells.length > 20, `${cells.length} cells`);
  assert.ok(cells.some(([, allowed]) => allowed) && cells.some(([, allowed]) => !allowed));
  for (const [name, allowed] of cells) {
    const [role, field] = name.split(' on ');
    const { explain } = await demo.server.ask('query ($role: String!, $field: String!) { explain(role: $role, field: $field) { allowed } }', { role, field });
    assert.equal(allowed, explain.allowed, name);
  }
  await page.locator('.matrix td[data-allowed=false] a').first().click();
  await page.locator('main .badge.bad', { hasText: 'not allowed' }).waitFor();
  assert.deepEqual(problems(), []);
  await close();
});

test('a role is given and taken, and a rule is put after its preview', async () => {
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.admin, '/access?part=subjects');
  await settled(page);
  await page.getByRole('button', { name: 'Give a role…' }).click();
  await page.getByRole('textbox', { name: 'Subject' }).fill('gina');
  await page.getByLabel('Role to give').selectOption('developer');
  await page.getByRole('textbox', { name: 'Where' }).fill('model:credit-approval');
  await page.getByRole('button', { name: 'Give', exact: true }).click();
  const gina = page.locator('tr', { hasText: 'gina' });
  await gina.getByText('on model credit-approval').waitFor();
  await gina.getByRole('button', { name: 'Take…' }).click();
  await page.getByRole('button', { name: 'Take', exact: true }).click();
  await gina.getByText('none').waitFor();

  await page.goto(`${demo.server.url}/access?part=rules`);
  await settled(page);
  await page.getByRole('button', { name: 'New rule…' }).click();
  await page.getByRole('textbox', { name: 'Role' }).fill('viewer');
  await page.getByRole('textbox', { name: 'Object' }).fill('log.read');
  await page.getByText('Now it is not allowed').waitFor();
  await page.getByRole('button', { name: 'Put', exact: true }).click();
  await page.locator('main li', { hasText: 'log.read' }).getByText('by the API').first().waitFor();
  assert.equal((await demo.server.ask('{ explain(role: "viewer", action: "log.read") { allowed } }')).explain.allowed, true);
  await page.locator('main .rows li', { hasText: 'by the API' }).getByRole('button', { name: 'Withdraw…' }).click();
  await page.getByRole('button', { name: 'Withdraw', exact: true }).click();
  await page.waitForFunction(() => !document.querySelector('main').textContent.includes('by the API'));
  assert.equal((await demo.server.ask('{ explain(role: "viewer", action: "log.read") { allowed } }')).explain.allowed, false);
  assert.deepEqual(problems(), []);
  await close();
});

test('a recall: said of a file, seen on all that learned from it, resolved for a deployment, and ended by two people', async () => {
  const second = await tokenFor(demo.server, 'paul', 'admin');
  const one = await openPage();
  await signIn(one.page, demo.tokens.admin, demo.pages.dataset);
  await settled(one.page);
  await one.page.getByRole('button', { name: 'Recall…' }).click();
  await one.page.getByLabel('What is wrong').fill('ages are in months');
  await one.page.getByLabel('How bad is it').selectOption('CRITICAL');
  await one.page.getByRole('button', { name: 'Recall it' }).click();
  await one.page.getByRole('heading', { level: 1, name: /^Recall \d+$/ }).waitFor();
  await settled(one.page);
  const here = new URL(one.page.url()).pathname;
  await one.page.getByRole('status').filter({ hasText: 'in production' }).waitFor();
  for (const [path, where] of [
    [demo.pages.version, '.page-head .badge.bad'],
    [demo.pages.model, 'main tr .badge.bad'],
    ['/models', 'main tr:has-text("credit-approval") .badge.bad'],
    [demo.pages.lineage, '.canvas .node.recalled .badge.bad'],
    [demo.pages['lineage-table'], 'main tr .badge.bad'],
    ['/datasets', 'main li .badge.bad'],
    ['/deployments', 'main tr .badge.bad'],
    ['/', 'main li:has-text("ages are in months") .badge.bad'],
  ]) {
    await go(one.page, path);
    assert.match(await one.page.locator(where).first().textContent(), /recall/, path);
  }
  await go(one.page, here);
  await one.page.getByRole('button', { name: 'Resolve…' }).first().click();
  await one.page.getByLabel('What was done', { exact: true }).selectOption('ACCEPTED');
  assert.equal(await one.page.getByRole('button', { name: 'Note it' }).isDisabled(), true, 'to go on needs a reason');
  await one.page.getByLabel('Reason').fill('only two months of traffic left');
  await one.page.getByRole('button', { name: 'Note it' }).click();
  await one.page.locator('main .badge.good', { hasText: 'accepted' }).waitFor();
  await one.page.getByRole('button', { name: 'Ask to clear it…' }).click();
  await one.page.getByLabel('Reason').fill('the file was right after all');
  await one.page.getByRole('button', { name: 'Ask', exact: true }).click();
  await one.page.getByText('It waits for a second person').waitFor();
  assert.equal(await one.page.getByRole('button', { name: 'Clear it…' }).count(), 0, 'nobody clears what they asked to clear');
  assert.deepEqual(one.problems(), []);
  await one.close();

  const two = await openPage();
  await signIn(two.page, second);
  await two.page.locator('main li', { hasText: 'asks to clear it' }).filter({ hasText: 'ages are in months' }).getByRole('link').click();
  await two.page.getByRole('button', { name: 'Clear it…' }).click();
  await two.page.getByRole('button', { name: 'Clear', exact: true }).click();
  await two.page.locator('.page-head .badge.good', { hasText: 'cleared' }).waitFor();
  await go(two.page, demo.pages.version);
  assert.equal(await two.page.locator('.page-head .badge.bad').count(), 0, 'nothing is recalled any more');
  assert.deepEqual(two.problems(), []);
  await two.close();

  const vera = await openPage();
  await signIn(vera.page, demo.tokens.viewer, demo.pages.dataset);
  await settled(vera.page);
  assert.equal(await vera.page.getByRole('button', { name: 'Recall…' }).count(), 0, 'a viewer recalls nothing');
  await vera.close();
});

test('the gates of a move are told with the facts that they saw before it is made', async () => {
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.admin, '/models/card-fraud/versions/3.0.0');
  await settled(page);
  const gates = page.locator('section.panel', { hasText: 'Gates on its way' });
  await gates.getByText('licences').waitFor();
  await gates.locator('li', { hasText: 'licences' }).locator('summary').click();
  await gates.getByText('sources.licence').first().waitFor();
  await page.getByRole('button', { name: 'Move to a stage…' }).click();
  await page.getByLabel('To', { exact: true }).selectOption('PRODUCTION');
  await page.getByRole('dialog').getByText('only warns').waitFor();
  assert.deepEqual(await barriers(page), [], 'the dialog with gates');
  assert.deepEqual(problems(), []);
  await close();
});

test('the deprecation of a version: planned, announced, and given up on the board', async () => {
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.admin, demo.pages.deprecations);
  await settled(page);
  await page.getByRole('button', { name: 'Plan a deprecation…' }).click();
  await page.getByLabel('Model', { exact: true }).fill('credit-approval');
  await page.getByLabel('Versions').fill('1.0.0');
  await page.getByLabel('Replacement').fill('1.1.0');
  await page.getByRole('textbox', { name: 'Plan' }).fill('the desk moves in spring');
  await page.getByRole('button', { name: 'Plan it' }).click();
  const row = page.locator('main .rows > li', { hasText: 'credit-approval 1.0.0' });
  await row.getByRole('button', { name: 'Announce…' }).click();
  await page.getByLabel('How to migrate').fill('call /approval/v2');
  assert.deepEqual(await barriers(page), [], 'the dialog');
  await page.getByRole('button', { name: 'Announce', exact: true }).click();
  await row.getByText('call /approval/v2').waitFor();
  await page.goto(`${demo.server.url}${demo.pages.version}`);
  await page.getByText('Deprecation announced').waitFor();
  await page.goto(`${demo.server.url}${demo.pages.deprecations}`);
  await settled(page);
  // Retiring before the sunset is refused, in the server's words.
  await row.getByRole('button', { name: 'Retire…' }).click();
  await page.getByRole('button', { name: 'Retire', exact: true }).click();
  await page.getByRole('alert').filter({ hasText: /sunset|supported|live/ }).waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await row.getByRole('button', { name: 'Give it up…' }).click();
  await page.getByRole('button', { name: 'Give it up', exact: true }).click();
  await row.getByText('withdrawn').first().waitFor();
  assert.deepEqual(problems(), []);
  await close();
});

test('models by tag, the gaps of their ways, the paths between two nodes, and a request decided on the board', async () => {
  const author = await tokenFor(demo.server, 'sue', 'data_scientist');
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.admin, '/models');
  await settled(page);
  await page.getByLabel('Tag', { exact: true }).fill('tier=2');
  await page.waitForFunction(() => !document.querySelector('main').textContent.includes('card-fraud'));
  await page.getByRole('link', { name: 'merchant-risk' }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'card-fraud' }).count(), 0);
  assert.equal(new URL(page.url()).searchParams.get('tag'), 'tier=2');
  // A tag and another filter hold together, and a tag in a row is a filter too.
  await page.getByLabel('With a version in').selectOption('ARCHIVED');
  await page.getByText('No model fits these filters.').waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.locator('main tr', { hasText: 'card-fraud' }).getByRole('button', { name: 'tier=1' }).click();
  await page.waitForFunction(() => !document.querySelector('main').textContent.includes('merchant-risk'));
  await page.getByRole('link', { name: 'card-fraud' }).waitFor();
  assert.equal(await page.getByLabel('Tag', { exact: true }).inputValue(), 'tier=1');
  await page.goto(`${demo.server.url}${demo.pages.lineage}&path=${demo.pages.impact.slice('/impact/'.length)}`);
  await settled(page);
  await page.getByRole('heading', { name: /shortest paths? between|The path between/ }).waitFor();
  assert.ok((await page.locator('main .path').count()) > 0);
  const ask = (query, variables) => fetch(`${demo.server.url}/graphql`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${author}` }, body: JSON.stringify({ query, variables }) }).then((r) => r.json());
  await demo.server.ask('mutation ($input: PutTransitionGuardInput!) { putTransitionGuard(input: $input) { guard { id } } }', { input: { model: 'income-estimator', profile: 'GUARDED', stages: ['CANARY'], needed: 1 } });
  const made = await ask('mutation { transitionModelVersion(input: { model: "income-estimator", version: "2.1.0", to: CANARY, reason: "from the board" }) { request { id } } }');
  assert.ok(made.data?.transitionModelVersion?.request?.id, JSON.stringify(made));
  await page.goto(`${demo.server.url}/governance`);
  const row = page.locator('main .rows > li', { hasText: 'from the board' });
  await row.getByRole('button', { name: 'Reject…' }).click();
  await page.getByLabel('Comment').fill('not in this quarter');
  await page.getByRole('button', { name: 'Reject', exact: true }).click();
  await row.getByText('rejected').waitFor();
  assert.deepEqual(problems(), []);
  await close();
});

test('an approval that is not the last says how many there are, and how many it takes', async () => {
  const [author, first, second] = [await tokenFor(demo.server, 'sol', 'data_scientist'), await tokenFor(demo.server, 'fay', 'admin'), await tokenFor(demo.server, 'lou', 'admin')];
  await demo.server.ask('mutation ($input: PutTransitionGuardInput!) { putTransitionGuard(input: $input) { guard { id } } }', { input: { model: 'income-estimator', profile: 'GUARDED', stages: ['CANARY'], needed: 2 } });
  const ask = (query) => fetch(`${demo.server.url}/graphql`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${author}` }, body: JSON.stringify({ query }) }).then((r) => r.json());
  const made = await ask('mutation { transitionModelVersion(input: { model: "income-estimator", version: "2.1.0", to: CANARY, reason: "two have to agree" }) { request { id } } }');
  assert.ok(made.data?.transitionModelVersion?.request?.id, JSON.stringify(made));
  for (const [token, path, told] of [[first, '/governance?whose=WAITING_FOR_ME', '1 of 2 approvals. It waits for 1 more.'], [second, '/models/income-estimator/versions/2.1.0', '']]) {
    const { page, close, problems } = await openPage();
    await signIn(page, token, path);
    await settled(page);
    await page.locator('main li', { hasText: 'two have to agree' }).getByRole('button', { name: 'Approve…' }).click();
    await page.getByRole('button', { name: 'Approve', exact: true }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    if (told === '') {
      await page.locator('.page-head .stage[data-stage=CANARY]').waitFor();
      assert.equal(await page.getByRole('status').getByText('approvals').count(), 0, 'the version moved: the page shows it');
    } else {
      await page.getByRole('status').getByText(told).waitFor();
      assert.deepEqual(await barriers(page), []);
      await page.getByRole('link', { name: 'Log', exact: true }).click();
      await page.getByRole('status').getByText(told).waitFor({ state: 'detached' });
    }
    assert.deepEqual(problems(), []);
    await close();
  }
});

/** A receiver of webhooks on this machine. It keeps what it gets, and answers with `status`. */
async function startReceiver() {
  const got = [];
  const receiver = { got, status: 200 };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += part));
    request.on('end', () => {
      got.push({ headers: request.headers, body, type: JSON.parse(body).type });
      response.writeHead(receiver.status).end();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  receiver.url = `http://127.0.0.1:${server.address().port}/hook`;
  receiver.stop = () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); });
  /** The first of what came that fits, once it is there. */
  receiver.waitFor = async (fits) => {
    for (;;) {
      const found = got.find(fits);
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return receiver;
}

/** Whether a secret signed a message, by the Standard Webhooks specification. */
function signed(secret, { headers, body }) {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const mac = createHmac('sha256', key).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`).digest('base64');
  return headers['webhook-signature'].split(' ').includes(`v1,${mac}`);
}

test('a webhook: made, its secret shown once, tested, given a new secret, paused, told again what was given up, and deleted', { timeout: 120_000 }, async () => {
  const receiver = await startReceiver();
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.admin);
  await page.getByRole('button', { name: /Your menu/ }).click();
  await page.getByRole('menuitem', { name: 'Notifications' }).click();
  await page.getByRole('heading', { level: 1, name: 'Notifications' }).waitFor();
  await page.getByRole('button', { name: 'New webhook…' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('scoring service');
  await page.getByRole('dialog').getByRole('textbox', { name: 'Address' }).fill(receiver.url);
  await page.getByRole('dialog').getByRole('checkbox', { name: /Recalls/ }).check();
  assert.deepEqual(await barriers(page), [], 'the dialog');
  await page.getByRole('button', { name: 'Make', exact: true }).click();
  const secret = await page.locator('.secret').textContent();
  assert.match(secret, /^whsec_/);
  await page.getByRole('button', { name: 'I have it' }).click();
  await page.getByRole('link', { name: 'scoring service' }).click();
  await page.getByRole('heading', { level: 1, name: 'scoring service' }).waitFor();
  assert.equal(await page.getByText(secret).count(), 0, 'it is shown once');

  const press = async (button, confirm) => {
    await page.getByRole('button', { name: button }).click();
    await page.getByRole('dialog').getByRole('button', { name: confirm, exact: true }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  };
  await press('Test…', 'Send');
  const first = await receiver.waitFor(({ type }) => type === 'test');
  assert.ok(signed(secret, first));
  await page.locator('main tr', { hasText: 'test' }).getByText('Delivered').waitFor();

  await page.getByRole('button', { name: 'New secret…' }).click();
  await page.getByLabel('The old one signs too for').selectOption('not at all');
  await page.getByRole('button', { name: 'Make it anew' }).click();
  const second = await page.locator('.secret').textContent();
  assert.notEqual(second, secret);
  receiver.got.length = 0;
  await press('Test…', 'Send');
  const again = await receiver.waitFor(({ type }) => type === 'test');
  assert.ok(signed(second, again));
  assert.ok(!signed(secret, again), 'the old secret signs no more');

  const recall = async (reason) => demo.server.ask('mutation ($input: RecallInput!) { recall(input: $input) { recall { id } } }', { input: { nodes: [demo.pages.run.slice('/nodes/'.length)], reason, severity: 'LOW' } });
  await press('Pause…', 'Pause');
  await page.locator('.page-head .badge', { hasText: 'Paused' }).waitFor();
  receiver.got.length = 0;
  await recall('while it was paused');
  await press('Test…', 'Send');
  await receiver.waitFor(({ type }) => type === 'test');
  assert.ok(receiver.got.every(({ type }) => type === 'test'), 'only the test came');
  receiver.status = 500;
  await press('Go on…', 'Go on');
  const lost = await receiver.waitFor(({ body }) => body.includes('while it was paused'));
  const given = page.locator('section.panel', { hasText: 'Given up' });
  await given.locator('li').first().waitFor();
  receiver.status = 200;
  receiver.got.length = 0;
  await given.getByRole('button', { name: /Tell it again/ }).first().click();
  const told = await receiver.waitFor(({ body }) => body.includes('while it was paused'));
  assert.equal(told.headers['webhook-id'], lost.headers['webhook-id'], 'under the id that it had');
  await given.waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'Change…' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('scoring, production');
  await page.getByRole('button', { name: 'Change', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'scoring, production' }).waitFor();
  await press('Delete…', 'Delete');
  await page.getByRole('heading', { level: 1, name: 'Notifications' }).waitFor();
  await settled(page);
  assert.equal(await page.getByRole('link', { name: 'scoring, production' }).count(), 0);
  assert.deepEqual(problems(), []);
  await close();
  await receiver.stop();
});

test('what the reader is told: set, kept, and by mail alone for a viewer', async () => {
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.viewer, '/notifications');
  await settled(page);
  assert.equal(await page.getByRole('button', { name: 'New webhook…' }).count(), 0, 'a viewer makes no webhooks');
  assert.deepEqual(await page.getByLabel('How', { exact: true }).locator('option').allTextContents(), ['Mail']);
  await page.getByRole('checkbox', { name: /Recalls/ }).check();
  assert.equal(await page.getByRole('button', { name: 'Save' }).isDisabled(), true, 'without an address nothing can be told');
  await page.getByRole('textbox', { name: 'Mail address' }).fill('vera');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('alert').filter({ hasText: /address/ }).waitFor();
  await page.getByRole('textbox', { name: 'Mail address' }).fill('vera@example.com');
  await page.getByLabel('When', { exact: true }).selectOption('DAILY');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('It holds for what happens from now on').waitFor();
  await page.reload();
  await settled(page);
  assert.equal(await page.getByRole('textbox', { name: 'Mail address' }).inputValue(), 'vera@example.com');
  assert.equal(await page.getByRole('checkbox', { name: /Recalls/ }).isChecked(), true);
  assert.equal(await page.getByLabel('When', { exact: true }).inputValue(), 'DAILY');
  assert.deepEqual(problems(), []);
  await close();
});

test('a compliance pack: what it has, what it hides from whom, and the file that the browser proves', async () => {
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.admin, demo.pages.version);
  await settled(page);
  await page.locator('.page-head').getByRole('link', { name: 'Compliance' }).click();
  await page.getByRole('heading', { level: 1, name: 'Compliance of credit-approval 1.0.0' }).waitFor();
  await settled(page);
  const rules = await page.getByRole('group', { name: 'Rules' }).getByRole('button').allTextContents();
  assert.equal(rules.length, 3);
  await page.getByRole('button', { name: rules[1] }).click();
  assert.equal(new URL(page.url()).searchParams.get('rule'), rules[1]);
  for (const file of ['facts.json', 'model-card.html', 'log.jsonl', 'bom.cdx.json']) await page.locator('main li', { hasText: file }).first().waitFor();
  const digest = await page.locator('main dl.facts code').filter({ hasText: /^[0-9a-f]{64}$/ }).textContent();
  const save = async () => (await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download the pack' }).click()]))[0];
  const download = await save();
  assert.match(download.suggestedFilename(), /^compliance-.*\.zip$/);
  assert.equal(createHash('sha256').update(readFileSync(await download.path())).digest('hex'), digest);
  await page.getByText('it is the pack that this page shows').waitFor();
  // Another state of the registry gives another pack, and the page says so.
  await demo.server.ask('mutation ($input: SetAliasInput!) { setAlias(input: $input) { alias { id } } }', { input: { model: 'credit-approval', version: '1.0.0', alias: 'audited' } });
  await save();
  await page.getByText('it is a newer pack').waitFor();
  assert.deepEqual(problems(), []);
  await close();

  const vera = await openPage();
  await signIn(vera.page, demo.tokens.viewer, demo.pages.compliance);
  await vera.page.getByRole('heading', { name: 'Hidden from your roles' }).waitFor();
  await vera.page.getByText('vera, viewer').waitFor();
  assert.deepEqual(vera.problems(), []);
  await vera.close();
});

test('the deprecation of a version to its end: announced, moved away from, retired, archived, and cleaned up', async () => {
  const [model, version] = ['merchant-risk', '1.1.0']; // The demo plans its deprecation.
  const { modelVersion: old } = await demo.server.ask('query ($model: String!, $version: String!) { modelVersion(model: $model, version: $version) { deployments(first: 20) { edges { node { id live } } } } }', { model, version });
  const path = `/models/${model}/versions/${version}`;
  for (const { node } of old.deployments.edges) if (node.live) await demo.server.ask('mutation ($input: EndDeploymentInput!) { endDeployment(input: $input) { deployment { id } } }', { input: { id: node.id } });
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.admin, demo.pages.deprecations);
  await settled(page);
  const row = page.locator('main .rows > li', { has: page.getByRole('link', { name: `${model} ${version}`, exact: true }) }).first();
  await row.getByRole('button', { name: 'Announce…' }).click();
  await page.getByLabel('How to migrate').fill('call the newer one');
  await page.getByRole('button', { name: 'Announce', exact: true }).click();
  await row.getByText('call the newer one').waitFor();

  const dora = await openPage();
  await signIn(dora.page, demo.tokens.developer, path);
  await dora.page.getByText('Deprecation announced').waitFor();
  await dora.page.getByRole('button', { name: 'Moved…' }).click();
  assert.equal(await dora.page.getByRole('textbox', { name: 'Who' }).count(), 0, 'one answers for oneself');
  await dora.page.getByRole('textbox', { name: 'Comment' }).fill('we call 1.2.0');
  await dora.page.getByRole('button', { name: 'Say so' }).click();
  await dora.page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.deepEqual(dora.problems(), []);
  await dora.close();

  await go(page, demo.pages.deprecations);
  await row.getByText('dev (moved)').waitFor();
  await row.getByRole('button', { name: 'Retire…' }).click();
  await page.getByLabel('Before its sunset').check();
  assert.equal(await page.getByRole('button', { name: 'Retire', exact: true }).isDisabled(), true, 'before the sunset a reason is needed');
  await page.getByLabel('Reason').fill('nobody is left');
  await page.getByLabel('Days to keep its records').fill('0');
  await page.getByRole('button', { name: 'Retire', exact: true }).click();
  const cleanUp = row.getByRole('button', { name: 'Clean up…' });
  await cleanUp.waitFor();
  await go(page, path);
  await page.locator('.page-head .stage[data-stage=ARCHIVED]').waitFor();
  await go(page, demo.pages.deprecations);
  await cleanUp.click();
  const [log] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Clean up', exact: true }).click()]);
  assert.ok(readFileSync(await log.path(), 'utf8').trim().split('\n').every((line) => JSON.parse(line).seq > 0));
  await row.locator('.steps .done', { hasText: 'cleaned up' }).waitFor();
  assert.deepEqual(problems(), []);
  await close();
});
