// Every page on a real server with the demo: as an administrator and as a viewer, in light and dark. With PEDIGREE_PAGES
// set to a folder the test saves a picture of each page there.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import axe from 'axe-core';
import { buildSchema, isEnumType, isInputObjectType, isListType, isNonNullType, parse, typeFromAST } from 'graphql';
import { launch, open } from './chromium.mjs';
import { operations, web } from './operations.mjs';
import { startServer, tokenFor } from './server.mjs';

let browser;
let server;
let tokens;
let pages;

before(async () => {
  server = await startServer('--demo');
  tokens = { admin: server.token, data_scientist: await tokenFor(server, 'dora', 'data_scientist'), developer: await tokenFor(server, 'dev', 'developer'), viewer: await tokenFor(server, 'vera', 'viewer') };
  const { model } = await server.ask(`{ model(name: "credit-approval") { versions(first: 10) { edges { node { id version deployments(first: 5) { edges { node { id } } } } } } } }`);
  const [b, a] = model.versions.edges.map(({ node }) => node).filter(({ version }) => ['1.0.0', '1.0.1'].includes(version));
  const { provenance } = await server.ask('query ($of: ID!) { provenance(of: $of) { rawSources { id } datasets { id } runs { id } commits { id } features { id } } }', { of: a.id });
  const { recalls, modelVersion: hit } = await server.ask('{ recalls(first: 1) { edges { node { id } } } modelVersion(model: "merchant-risk", version: "1.2.0") { id } }');
  const deployment = a.deployments.edges[0].node.id;
  pages = {
    home: '/',
    models: '/models',
    model: '/models/credit-approval',
    version: '/models/credit-approval/versions/1.0.0',
    search: '/search?q=credit',
    'lineage-start': '/lineage',
    lineage: `/lineage/${deployment}?hops=8`,
    'lineage-tree': `/lineage/${deployment}?view=tree&select=${a.id}`,
    'lineage-table': `/lineage/${a.id}?view=table`,
    impact: `/impact/${provenance.rawSources[0].id}`,
    compare: `/compare?a=${a.id}&b=${b.id}`,
    dataset: `/nodes/${provenance.datasets[0].id}`,
    run: `/nodes/${provenance.runs[0].id}`,
    commit: `/nodes/${provenance.commits[0].id}`,
    feature: `/nodes/${provenance.features[0].id}`,
    deployment: `/nodes/${deployment}`,
    datasets: '/datasets',
    runs: '/runs',
    features: '/features',
    commits: '/commits',
    deployments: '/deployments?state=live',
    requests: '/governance',
    deprecations: '/governance?board=deprecations',
    reviews: '/governance?board=reviews&within=365',
    recalls: '/recalls',
    'recalls-of-a-version': `/recalls?node=${hit.id}`,
    recall: `/recalls/${recalls.edges[0].node.id}`,
    'recalled-version': '/models/merchant-risk/versions/1.2.0',
    'recalled-lineage': `/lineage/${hit.id}`,
    log: '/log',
    access: '/access',
    'access-roles': '/access?part=roles',
    'access-fields': '/access?part=roles&noun=ModelVersion',
    'access-explain': '/access?part=explain&role=viewer&field=Model.owner',
    'access-subjects': '/access?part=subjects',
    'access-rules': '/access?part=rules',
    help: '/help',
    'help-page': '/help/governance',
    nowhere: '/models/there-is-no-such-model',
  };
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function signIn(page, token, path = '/') {
  await page.goto(server.url + path);
  await page.getByLabel('API token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#content h1').waitFor();
}

/** Waits until a page shows its answers, in two looks at it. */
async function settled(page) {
  await page.locator('#content h1').waitFor();
  for (let i = 0; i < 2; i++) {
    await page.waitForTimeout(60);
    await page.waitForFunction(() => {
      const waits = document.querySelector('.skeleton, .canvas:not([data-placed=true]), .plot:empty') !== null;
      return !waits;
    });
  }
}

/** What is wrong with a page for people who do not see it or use no mouse. */
async function barriers(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
  return violations.flatMap(({ id, nodes }) =>
    // A row of the tree contains the rows below it, whose text is not part of its name.
    nodes.filter(({ html }) => !(id === 'label-content-name-mismatch' && html.includes('role="treeitem"'))).map(({ html }) => `${id}: ${html.slice(0, 160)}`),
  );
}

/** Operations that were refused for what they cost, or that the server did not understand. */
function refusals(page) {
  const found = [];
  page.on('response', async (response) => {
    if (!response.url().endsWith('/graphql') || response.request().headers()['accept'] === 'text/event-stream') return;
    const body = await response.json().catch(() => ({}));
    for (const error of body.errors ?? []) if (!['FORBIDDEN', 'NOT_FOUND'].includes(error.extensions?.code)) found.push(`${response.request().postDataJSON().operationName}: ${error.message}`);
  });
  return found;
}

for (const role of ['admin', 'data_scientist', 'developer', 'viewer']) {
  test(`${role}: every page loads without an error, a barrier or a request to another host, in light and dark`, async () => {
    const { page, close, problems } = await open(browser, server.url, { colorScheme: 'light', reducedMotion: 'reduce' });
    const refused = refusals(page);
    await signIn(page, tokens[role]);
    for (const [name, path] of Object.entries(pages)) {
      await page.emulateMedia({ colorScheme: 'light' });
      await page.goto(server.url + path);
      await settled(page);
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await page.waitForFunction((theme) => document.documentElement.dataset.theme === theme, colorScheme);
        assert.deepEqual(await barriers(page), [], `${name} at ${path}, ${colorScheme}`);
        const folder = process.env.PEDIGREE_PAGES;
        if (folder && role === 'admin') {
          mkdirSync(folder, { recursive: true });
          await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`) });
        }
      }
      assert.equal(await page.locator('h1').count(), 1, `${name} has one heading`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} is wider than the window`);
      assert.deepEqual(problems(), [], name);
      assert.deepEqual(refused, [], name);
    }
    await close();
  });
}

for (const [words, width, height] of [['320 pixels', 320, 800], ['a 4K screen', 3840, 2160]]) {
  test(`every page fits ${words}`, async () => {
    const { page, close, problems } = await open(browser, server.url, { viewport: { width, height } });
    await signIn(page, tokens.admin);
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(server.url + path);
      await settled(page);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, name);
    }
    assert.deepEqual(problems(), []);
    await close();
  });
}

test('a link shows a colleague the same picture', async () => {
  const of = (path) => pages[path];
  const id = of('lineage-table').slice('/lineage/'.length).replace('?view=table', '');
  const paths = [
    '/models?stage=PRODUCTION&sort=owner', '/models?name=c', '/models?tag=tier%3D2', '/models?owner=credit-risk',
    `/lineage/${id}?hops=3&kinds=DATASET_VERSION%20RUN%20MODEL_VERSION`, `/lineage/${id}?view=table&direction=BOTH`, `/lineage/${id}?view=tree&select=${id}`, `/lineage/${id}?hops=8&path=${of('impact').slice('/impact/'.length)}`,
    `/lineage/${id}?asOf=2024-02-01T00:00:00.000Z&view=table`, `/lineage/${id}?find=applications&hops=8`,
    `${of('impact')}?live=no`, `${of('impact')}?targets=versions`, of('compare'), '/search?q=credit&kind=MODEL_VERSION', '/datasets?name=payments', '/runs?kind=TRAINING', '/deployments?state=ended&environment=production',
    '/governance?whose=MINE&status=PENDING', '/governance?board=deprecations&step=ANNOUNCED', '/governance?board=reviews&within=90', '/recalls?state=all&severity=HIGH', `${of('recall')}?live=no`,
    '/log?action=stage_changed', '/access?part=explain&role=viewer&field=Model.owner', '/access?part=roles&noun=Artifact', '/help/recalls',
  ];
  const seen = (page) => page.evaluate(() => ({
    search: location.search,
    text: document.querySelector('main').innerText.replaceAll(/As of [^.]*\.|as of [^.]*\./g, ''),
    values: [...document.querySelectorAll('main :is(select, input)')].map((field) => (field.type === 'checkbox' ? field.checked : field.value)),
    nodes: [...document.querySelectorAll('.canvas .node')].map((node) => `${node.dataset.node} ${node.className}`).sort(),
  }));
  /** The picture once it no longer changes: some parts come after the first answer. */
  const still = async (page) => {
    for (let before = await seen(page); ; ) {
      await page.waitForTimeout(150);
      const now = await seen(page);
      if (JSON.stringify(now) === JSON.stringify(before)) return now;
      before = now;
    }
  };
  const mine = await open(browser, server.url);
  await signIn(mine.page, tokens.admin);
  const theirs = await open(browser, server.url);
  await signIn(theirs.page, tokens.admin);
  for (const path of paths) {
    const pictures = [];
    for (const { page } of [mine, theirs]) {
      await page.goto(server.url + path);
      await settled(page);
      pictures.push(await still(page));
    }
    assert.ok(pictures[0].text.length > 20, path);
    assert.deepEqual(pictures[1], pictures[0], path);
    await mine.page.reload();
    await settled(mine.page);
    assert.deepEqual(await still(mine.page), pictures[0], `${path} after a reload`);
  }
  // Another state is another picture: the comparison sees a difference.
  await theirs.page.goto(`${server.url}/models?name=m`);
  await settled(theirs.page);
  await mine.page.goto(`${server.url}/models?name=c`);
  await settled(mine.page);
  assert.notDeepEqual(await still(theirs.page), await still(mine.page));
  assert.deepEqual([...mine.problems(), ...theirs.problems()], []);
  await mine.close();
  await theirs.close();
});

test('a version and a comparison print as documents: light, without controls, nothing cut', async () => {
  const { page, close } = await open(browser, server.url, { colorScheme: 'dark' });
  await signIn(page, tokens.admin);
  for (const name of ['version', 'compare']) {
    await page.goto(server.url + pages[name]);
    await settled(page);
    assert.ok(await page.locator('main button, main .button').first().isVisible(), 'the screen has controls');
    await page.emulateMedia({ media: 'print' });
    await page.setViewportSize({ width: 718, height: 1000 }); // A4 without its margins.
    assert.equal(await page.locator('header.bar, .footer').or(page.locator('main .actions')).filter({ visible: true }).count(), 0, name);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), name);
    const [text, paper] = await page.evaluate(() => [getComputedStyle(document.querySelector('h1')).color, getComputedStyle(document.querySelector('.panel')).backgroundColor]);
    assert.deepEqual([text, paper], ['rgb(23, 32, 42)', 'rgb(255, 255, 255)'], `${name} is dark on white`);
    const pdf = await page.pdf({ format: 'A4' });
    assert.equal(pdf.subarray(0, 5).toString(), '%PDF-');
    assert.ok(pdf.length > 20_000, `${pdf.length} bytes`);
    if (process.env.PEDIGREE_PAGES) await page.screenshot({ path: join(process.env.PEDIGREE_PAGES, `${name}-print.png`), fullPage: true });
    await page.emulateMedia({ media: 'screen' });
    await page.setViewportSize({ width: 1280, height: 860 });
  }
  await close();
});

test('with the keyboard alone: home, model, version, lineage, node, and back', async () => {
  const { page, close, problems } = await open(browser, server.url);
  await signIn(page, tokens.admin);
  await settled(page);
  /** Presses Tab until an element with this name has the focus, then Enter. Its focus must be visible. */
  const follow = async (name) => {
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press('Tab');
      const at = await page.evaluate(() => {
        const e = document.activeElement;
        return { text: e.textContent.trim(), outline: getComputedStyle(e).outlineStyle, inMain: e.closest('main') !== null };
      });
      if (at.text === name && at.inMain) {
        assert.notEqual(at.outline, 'none', `the focus on ${name} is visible`);
        await page.keyboard.press('Enter');
        await page.waitForTimeout(50);
        return settled(page);
      }
    }
    throw new Error(`the keyboard does not reach ${name}`);
  };
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

test('the graph opens by click, a picked node and its state survive a reload', async () => {
  const { page, close, problems } = await open(browser, server.url);
  await signIn(page, tokens.admin);
  await page.goto(server.url + pages.lineage.replace('?hops=8', ''));
  await settled(page);
  const shown = () => page.locator('.canvas .node').count();
  const first = await shown();
  await page.locator('.canvas .stub').first().click();
  await page.waitForFunction((before) => document.querySelectorAll('.canvas .node').length > before, first);
  await settled(page);
  await page.locator('.canvas .node > button:first-child').nth(1).or(page.locator('.canvas .node button').nth(1)).first().click();
  await page.locator('.details h2').waitFor();
  const before = { url: page.url(), nodes: await page.locator('.canvas .node').evaluateAll((nodes) => nodes.map((node) => node.dataset.node).sort()), details: await page.locator('.details h2').textContent() };
  await page.reload();
  await settled(page);
  await page.locator('.details h2').waitFor();
  assert.deepEqual({ url: page.url(), nodes: await page.locator('.canvas .node').evaluateAll((nodes) => nodes.map((node) => node.dataset.node).sort()), details: await page.locator('.details h2').textContent() }, before);
  for (const [item, ending] of [['Picture as SVG', '.svg'], ['Picture as PNG', '.png'], ['Table as CSV', '.csv'], ['Mermaid', ''], ['W3C PROV', '']]) {
    await page.getByRole('button', { name: 'Save as…' }).click();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: item }).click()]);
    assert.ok(download.suggestedFilename().endsWith(ending), download.suggestedFilename());
  }
  assert.deepEqual(problems(), []);
  await close();
});

test('a graph whose layout does not come in time stands in columns by layer, causes on the left', async () => {
  const { page, close, problems } = await open(browser, server.url);
  await signIn(page, tokens.admin);
  await page.goto(server.url + pages.lineage);
  await settled(page);
  assert.equal(await page.locator('.canvas').getAttribute('data-columns'), 'false', 'elk lays it out');
  await page.route('**/elk-worker*', () => {}); // the worker never begins
  await page.reload();
  await page.locator('.canvas[data-columns=true]').waitFor();
  const lefts = await page.locator('.canvas .node').evaluateAll((nodes) => nodes.map((node) => [node.querySelector('.title').textContent, node.getBoundingClientRect().left]));
  const left = (name) => lefts.find(([title]) => title.includes(name))[1];
  assert.ok(left('applications/raw') < left('applications/training') && left('applications/training') < left('production/credit-approval'));
  assert.deepEqual(problems(), []);
  await close();
});

test('two people promote a version: one asks, the other approves; each sees what is theirs to do', async () => {
  const reviewer = await tokenFor(server, 'rita', 'admin');
  const author = await tokenFor(server, 'sam', 'data_scientist');
  await server.ask('mutation ($input: PutTransitionGuardInput!) { putTransitionGuard(input: $input) { guard { id } } }', { input: { model: 'credit-approval', profile: 'GUARDED', stages: ['PRODUCTION'], needed: 1 } });
  const path = '/models/credit-approval/versions/1.1.0';
  const sam = await open(browser, server.url);
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

  const rita = await open(browser, server.url);
  await signIn(rita.page, reviewer);
  await rita.page.locator('main').getByRole('link', { name: 'credit-approval 1.1.0' }).click();
  await rita.page.getByRole('button', { name: 'Approve…' }).click();
  await rita.page.getByLabel('Comment').fill('seen');
  await rita.page.getByRole('button', { name: 'Approve', exact: true }).click();
  await rita.page.locator('.page-head .stage[data-stage=PRODUCTION]').waitFor();
  assert.deepEqual(rita.problems(), []);
  await rita.close();
  const { model } = await server.ask('{ model(name: "credit-approval") { productionVersion { version } } }');
  assert.equal(model.productionVersion.version, '1.1.0');

  const vera = await open(browser, server.url);
  await signIn(vera.page, tokens.viewer, path);
  await settled(vera.page);
  for (const name of ['Move to a stage…', 'Set alias…', 'Edit card…', 'Approve…']) assert.equal(await vera.page.getByRole('button', { name }).count(), 0, `a viewer has no ${name}`);
  await vera.close();
});

test('the server’s own refusal is shown, and a card that changed meanwhile is shown beside what was typed', async () => {
  const { page, close, problems } = await open(browser, server.url);
  await signIn(page, tokens.admin, '/models/credit-approval/versions/2.0.0');
  await settled(page);
  await page.getByRole('button', { name: 'Set alias…' }).click();
  await page.getByRole('textbox', { name: 'Alias' }).fill('1.2.3');
  await page.getByRole('button', { name: 'Set', exact: true }).click();
  await page.getByRole('alert').getByText(/semver|version/).waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Edit card…' }).click();
  await page.getByLabel('Description').fill('What I typed');
  await server.ask('mutation ($input: UpdateModelCardInput!) { updateModelCard(input: $input) { card { id } } }', { input: { model: 'credit-approval', version: '2.0.0', card: { description: 'What another wrote' } } });
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('alert').getByText('Someone changed it meanwhile').waitFor();
  await page.getByText('What another wrote').first().waitFor();
  assert.equal(await page.getByLabel('Description').inputValue(), 'What I typed');
  await page.getByRole('button', { name: 'Save over the newer card' }).click();
  await page.locator('.markdown').getByText('What I typed').waitFor();
  assert.deepEqual(problems(), []);
  await close();
});

test('hostile texts are texts on every page', async () => {
  const attack = (n, most = 200) => `<img src=x onerror="window.fired=${n}"><script>window.fired=${n}</script>"'\u202e\u200b[a](javascript:fired=${n}) ![b](https://evil.example/${n}.png) <a href="javascript:fired=1">c</a>`.slice(0, most);
  const name = `<svg onload=window.fired=1> 50% "x"`;
  const mutate = async (field, fields, input) => (await server.ask(`mutation ($input: ${field[0].toUpperCase()}${field.slice(1)}Input!) { ${field}(input: $input) { ${fields} } }`, { input }))[field];
  const repository = { name: attack(20, 60), url: `https://git.example.com/${encodeURIComponent(attack(21, 60))}` };
  const sha = 'b'.repeat(40);
  await mutate('registerModel', 'model { id }', { name, description: attack(1, 1000), owner: attack(2), tags: [{ key: 'x', value: attack(3) }] });
  const { datasetVersion: data } = await mutate('recordDatasetVersion', 'datasetVersion { id }', {
    dataset: attack(4), digest: `sha256:${'a'.repeat(64)}`, description: attack(5, 1000), uri: attack(6), owner: attack(30), tags: [{ key: 'x', value: attack(31) }], columns: [{ name: attack(7, 100), type: attack(32, 100), description: attack(8) }],
  });
  await mutate('recordCommits', 'commits { id }', { repository, commits: [{ sha, message: attack(22, 1000), author: attack(23), email: attack(24), committer: attack(25), authoredAt: '2024-01-01T00:00:00Z', committedAt: '2024-01-01T00:00:00Z' }] });
  const { tag } = await mutate('recordTag', 'tag { id }', { repository, name: attack(26, 60).replaceAll(/[^\w<>="]/g, ''), sha, annotated: true, message: attack(27), tagger: attack(28), taggedAt: '2024-01-02T00:00:00Z' });
  const { run } = await mutate('recordRun', 'run { id }', {
    producer: attack(33, 60), runId: attack(34, 60), name: attack(35), runKind: 'TRAINING', description: attack(36, 1000), command: attack(37), inputs: [data.id], commits: [sha], parameters: { [attack(39, 60)]: attack(40) }, metrics: [{ name: attack(41, 60), value: 0.5 }], startedAt: '2024-01-03T00:00:00Z', tags: [{ key: 'x', value: attack(42) }],
  });
  const { feature } = await mutate('recordFeature', 'feature { id }', { definedOn: data.id, column: attack(7, 100), type: attack(43, 60), description: attack(44), owner: attack(45) });
  const versionInput = {
    model: name, description: attack(9, 1000), owner: attack(46), tags: [{ key: 'x', value: attack(47) }], run: run.id, releasedFrom: tag.id, features: [feature.id], artifacts: [{ name: attack(10, 100), uri: attack(11), format: attack(48, 60), digest: `sha256:${'c'.repeat(64)}` }],
    card: {
      description: attack(12, 1000), limitations: [attack(13)], dataPreprocessing: [attack(14)], features: [attack(49, 100)], modelDetails: { algorithm: attack(15), framework: attack(50), hyperparameters: { [attack(16)]: attack(17) } },
      performance: { accuracy: 0.5, metrics: [{ name: attack(51, 60), value: 0.5 }] }, ethicalConsiderations: { protectedGroups: [attack(18, 100)] },
    },
  };
  const { modelVersion } = await mutate('registerModelVersion', 'modelVersion { id }', { ...versionInput, version: '1.0.0', createdDate: '2024-01-05T00:00:00Z' });
  const { modelVersion: second } = await mutate('registerModelVersion', 'modelVersion { id }', { model: name, version: '1.1.0', label: attack(52, 60), derivedFrom: [data.id], card: { description: attack(53) } });
  await mutate('setAlias', 'alias { id }', { model: name, alias: 'best', version: '1.0.0' });
  await mutate('putGate', 'gate { id }', { name: attack(54, 60), expression: 'card.fairnessChecked', message: attack(55), models: [name], stages: ['STAGING'], mode: 'WARN' });
  await mutate('putTransitionGuard', 'guard { id }', { model: name, profile: 'GUARDED', stages: ['STAGING'], needed: 1 });
  await mutate('transitionModelVersion', 'request { id }', { model: name, version: '1.0.0', to: 'STAGING', reason: attack(56), evidence: { links: [attack(57)] } });
  const { deployment } = await mutate('recordDeployment', 'deployment { id }', { model: name, version: '1.0.0', environment: attack(58, 60), endpoint: attack(59), description: attack(60), owner: attack(61), startedAt: '2024-02-01T00:00:00Z' });
  await mutate('planDeprecation', 'deprecations { id }', { model: name, versions: ['1.0.0'], plan: attack(62) });
  await mutate('announceDeprecation', 'deprecations { id }', { model: name, versions: ['1.0.0'], guide: attack(63, 1000), sunset: new Date(Date.now() + 200 * 86_400_000).toISOString() });
  await mutate('recordReview', 'review { id }', { model: name, version: '1.0.0', findings: attack(64), decision: 'APPROVED' });
  const { recall } = await mutate('recall', 'recall { id }', { nodes: [data.id], reason: attack(65), severity: 'LOW', links: [attack(66), 'javascript:window.fired=66'] });
  await mutate('clearRecall', 'recall { id }', { id: recall.id, reason: attack(67) });
  await mutate('resolveRecallDeployment', 'resolution { id }', { recall: recall.id, deployment: deployment.id, handling: 'ACCEPTED', reason: attack(68) });
  await mutate('assignRole', '__typename', { subject: attack(69, 60).replaceAll(/[\s\u202e\u200b]/g, ''), role: 'viewer' });
  const { page, close, problems } = await open(browser, server.url);
  await signIn(page, tokens.admin);
  const there = encodeURIComponent(name);
  const node = (id) => `/nodes/${id}`;
  const paths = ['/', '/models', '/models?tag=x', '/search?q=onerror', `/models/${there}`, `/models/${there}/versions/1.0.0`, `/models/${there}/versions/1.1.0`, '/lineage', ...['graph', 'tree', 'table'].map((view) => `/lineage/${deployment.id}?view=${view}&hops=8&select=${data.id}&path=${data.id}`),
    `/impact/${data.id}`, node(data.id), node(run.id), node(tag.id), node(feature.id), node(deployment.id), `/compare?a=${modelVersion.id}&b=${second.id}`, '/datasets', '/runs', '/features', '/commits', '/deployments',
    '/governance', '/governance?board=deprecations', '/governance?board=reviews&within=365', '/recalls', `/recalls/${recall.id}`, `/recalls?node=${data.id}`, '/log', '/access', '/access?part=subjects'];
  for (const path of paths) {
    await page.goto(server.url + path);
    await settled(page);
    for (const summary of await page.locator('main summary').all()) await summary.click().catch(() => undefined);
    assert.notEqual(await page.locator('h1').textContent(), 'Not found', path);
    assert.equal(await page.evaluate(() => window.fired), undefined, path);
    assert.equal(await page.locator('main :is(script, iframe, img), main a[href^="javascript:" i]').count(), 0, path);
    assert.deepEqual(await page.locator('main a[target]').evaluateAll((links) => links.map((link) => link.rel).filter((rel) => !rel.includes('noopener'))), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${path} is wider than the window`);
  }
  await page.goto(`${server.url}/models/${there}/versions/1.0.0`);
  await page.locator('.markdown').getByText('onerror').first().waitFor();
  assert.deepEqual(problems(), []);
  await close();
});

test('which deployments learned from a bad file: three clicks from home', async () => {
  const { page, close } = await open(browser, server.url);
  await signIn(page, tokens.admin);
  await page.getByLabel('Search', { exact: true }).fill('raw');
  await page.getByLabel('Search', { exact: true }).press('Enter');
  await page.locator('main .rows a', { hasText: 'applications/raw' }).first().click();
  await page.locator('.page-head').getByRole('link', { name: 'Impact' }).click();
  await page.getByText(/live deployments? depends? on applications\/raw/).or(page.locator('.sentence', { hasText: 'on applications/raw' })).first().waitFor();
  assert.ok((await page.locator('.path').count()) > 0);
  await close();
});

test('an entry of the log is proved in the browser, and a wrong one is not', async () => {
  const { page, close, problems } = await open(browser, server.url);
  await signIn(page, tokens.admin, '/log');
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
  const { page, close, problems } = await open(browser, server.url);
  await signIn(page, tokens.admin, '/access');
  await settled(page);
  await page.getByRole('button', { name: 'New token…' }).click();
  await page.getByLabel('Name').fill('nightly import');
  await page.getByRole('button', { name: 'Make', exact: true }).click();
  const token = await page.locator('.secret').textContent();
  const asIt = () => fetch(`${server.url}/graphql`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }, body: '{"query":"{ viewer { subject } }"}' });
  assert.equal((await asIt()).status, 200);
  await page.getByRole('button', { name: 'I have it' }).click();
  await page.reload();
  await settled(page);
  assert.equal(await page.getByText(token).count(), 0, 'it is shown once');
  await page.locator('tr', { hasText: 'nightly import' }).getByRole('button', { name: 'Revoke…' }).click();
  await page.getByRole('button', { name: 'Revoke', exact: true }).click();
  await page.locator('tr', { hasText: 'nightly import' }).getByText('revoked').waitFor();
  assert.equal((await asIt()).status, 401);

  await page.goto(`${server.url}/access?part=roles&noun=Artifact`);
  await settled(page);
  const cells = await page.locator('.matrix td').evaluateAll((all) => all.map((cell) => [cell.querySelector('.visually-hidden').textContent.replace(/^, /, ''), cell.dataset.allowed === 'true']));
  assert.ok(cells.length > 20, `${cells.length} cells`);
  assert.ok(cells.some(([, allowed]) => allowed) && cells.some(([, allowed]) => !allowed));
  for (const [name, allowed] of cells) {
    const [role, field] = name.split(' on ');
    const { explain } = await server.ask('query ($role: String!, $field: String!) { explain(role: $role, field: $field) { allowed } }', { role, field });
    assert.equal(allowed, explain.allowed, name);
  }
  await page.locator('.matrix td[data-allowed=false] a').first().click();
  await page.locator('main .badge.bad', { hasText: 'not allowed' }).waitFor();
  assert.deepEqual(problems(), []);
  await close();
});

test('a role is given and taken, and a rule is put after its preview', async () => {
  const { page, close, problems } = await open(browser, server.url);
  await signIn(page, tokens.admin, '/access?part=subjects');
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

  await page.goto(`${server.url}/access?part=rules`);
  await settled(page);
  await page.getByRole('button', { name: 'New rule…' }).click();
  await page.getByRole('textbox', { name: 'Role' }).fill('viewer');
  await page.getByRole('textbox', { name: 'Object' }).fill('log.read');
  await page.getByText('Now it is not allowed').waitFor();
  await page.getByRole('button', { name: 'Put', exact: true }).click();
  await page.locator('main li', { hasText: 'log.read' }).getByText('by the API').first().waitFor();
  assert.equal((await server.ask('{ explain(role: "viewer", action: "log.read") { allowed } }')).explain.allowed, true);
  await page.locator('main .rows li', { hasText: 'by the API' }).getByRole('button', { name: 'Withdraw…' }).click();
  await page.getByRole('button', { name: 'Withdraw', exact: true }).click();
  await page.waitForFunction(() => !document.querySelector('main').textContent.includes('by the API'));
  assert.equal((await server.ask('{ explain(role: "viewer", action: "log.read") { allowed } }')).explain.allowed, false);
  assert.deepEqual(problems(), []);
  await close();
});

test('a recall: said of a file, seen on all that learned from it, resolved for a deployment, and ended by two people', async () => {
  const second = await tokenFor(server, 'paul', 'admin');
  const one = await open(browser, server.url);
  await signIn(one.page, tokens.admin, pages.dataset);
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
    [pages.version, '.page-head .badge.bad'],
    [pages.model, 'main tr .badge.bad'],
    ['/models', 'main tr:has-text("credit-approval") .badge.bad'],
    [pages.lineage, '.canvas .node.recalled .badge.bad'],
    [pages['lineage-table'], 'main tr .badge.bad'],
    ['/datasets', 'main li .badge.bad'],
    ['/deployments', 'main tr .badge.bad'],
    ['/', 'main li:has-text("ages are in months") .badge.bad'],
  ]) {
    await one.page.goto(server.url + path);
    await settled(one.page);
    assert.match(await one.page.locator(where).first().textContent(), /recall/, path);
  }
  await one.page.goto(server.url + here);
  await settled(one.page);
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

  const two = await open(browser, server.url);
  await signIn(two.page, second);
  await two.page.locator('main li', { hasText: 'asks to clear it' }).filter({ hasText: 'ages are in months' }).getByRole('link').click();
  await two.page.getByRole('button', { name: 'Clear it…' }).click();
  await two.page.getByRole('button', { name: 'Clear', exact: true }).click();
  await two.page.locator('.page-head .badge.good', { hasText: 'cleared' }).waitFor();
  await two.page.goto(server.url + pages.version);
  await settled(two.page);
  assert.equal(await two.page.locator('.page-head .badge.bad').count(), 0, 'nothing is recalled any more');
  assert.deepEqual(two.problems(), []);
  await two.close();

  const vera = await open(browser, server.url);
  await signIn(vera.page, tokens.viewer, pages.dataset);
  await settled(vera.page);
  assert.equal(await vera.page.getByRole('button', { name: 'Recall…' }).count(), 0, 'a viewer recalls nothing');
  await vera.close();
});

test('the gates of a move are told with the facts that they saw before it is made', async () => {
  const { page, close, problems } = await open(browser, server.url);
  await signIn(page, tokens.admin, '/models/card-fraud/versions/3.0.0');
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

test('what waits comes by itself, over one connection that ends with the page', async () => {
  const { page, close, problems } = await open(browser, server.url);
  const streams = [];
  page.on('request', (request) => {
    if (request.headers()['accept'] === 'text/event-stream') streams.push(request);
  });
  let ended = 0;
  page.on('requestfailed', (request) => {
    if (streams.includes(request)) ended++;
  });
  await signIn(page, tokens.admin);
  await settled(page);
  await page.waitForFunction(() => document.querySelector('main .rows') !== null);
  while (streams.length === 0) await page.waitForTimeout(20);
  await server.ask('mutation ($input: RecallInput!) { recall(input: $input) { recall { id } } }', { input: { nodes: [pages.run.slice('/nodes/'.length)], reason: 'the clock of this run was wrong', severity: 'LOW' } });
  await page.getByText('the clock of this run was wrong').first().waitFor();
  assert.equal(streams.length, 1);
  await page.locator('header').getByRole('link', { name: 'Models', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Models' }).waitFor();
  while (ended === 0) await page.waitForTimeout(20);
  assert.deepEqual(problems(), []);
  await close();
});

test('the deprecation of a version: planned, announced, and given up on the board', async () => {
  const { page, close, problems } = await open(browser, server.url);
  await signIn(page, tokens.admin, pages.deprecations);
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
  await page.goto(`${server.url}${pages.version}`);
  await page.getByText('Deprecation announced').waitFor();
  await page.goto(`${server.url}${pages.deprecations}`);
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
  const author = await tokenFor(server, 'sue', 'data_scientist');
  const { page, close, problems } = await open(browser, server.url);
  await signIn(page, tokens.admin, '/models');
  await settled(page);
  await page.getByLabel('Tag', { exact: true }).selectOption('tier=2');
  await page.waitForFunction(() => !document.querySelector('main').textContent.includes('card-fraud'));
  await page.getByRole('link', { name: 'merchant-risk' }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'card-fraud' }).count(), 0);
  await page.goto(`${server.url}${pages.lineage}&path=${pages.impact.slice('/impact/'.length)}`);
  await settled(page);
  await page.getByRole('heading', { name: /shortest paths? between|The path between/ }).waitFor();
  assert.ok((await page.locator('main .path').count()) > 0);
  const ask = (query, variables) => fetch(`${server.url}/graphql`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${author}` }, body: JSON.stringify({ query, variables }) }).then((r) => r.json());
  await server.ask('mutation ($input: PutTransitionGuardInput!) { putTransitionGuard(input: $input) { guard { id } } }', { input: { model: 'income-estimator', profile: 'GUARDED', stages: ['CANARY'], needed: 1 } });
  const made = await ask('mutation { transitionModelVersion(input: { model: "income-estimator", version: "2.1.0", to: CANARY, reason: "from the board" }) { request { id } } }');
  assert.ok(made.data?.transitionModelVersion?.request?.id, JSON.stringify(made));
  await page.goto(`${server.url}/governance`);
  const row = page.locator('main .rows > li', { hasText: 'from the board' });
  await row.getByRole('button', { name: 'Reject…' }).click();
  await page.getByLabel('Comment').fill('not in this quarter');
  await page.getByRole('button', { name: 'Reject', exact: true }).click();
  await row.getByText('rejected').waitFor();
  assert.deepEqual(problems(), []);
  await close();
});

/** Something for a variable of a type: an id of the demo, the least that an input needs. */
function valueOf(type, ids) {
  if (isNonNullType(type)) return valueOf(type.ofType, ids);
  if (isListType(type)) return [valueOf(type.ofType, ids)];
  if (isEnumType(type)) return type.getValues()[0].value;
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter((field) => isNonNullType(field.type) && field.defaultValue === undefined);
    return Object.fromEntries(fields.map((field) => [field.name, valueOf(field.type, ids)]));
  }
  return { ID: ids, Boolean: true, Int: 1, Int64: 1, Float: 0.5, DateTime: '2030-01-01T00:00:00Z', JSON: {} }[type.name] ?? 'nothing-of-this-name';
}

test('every operation of the pages is answered for every role, within the limits of cost, depth and aliases', async () => {
  const folder = join(web, '..', 'schema');
  const schema = buildSchema(readdirSync(folder).filter((file) => file.endsWith('.graphqls')).map((file) => readFileSync(join(folder, file), 'utf8')).join('\n'));
  const id = pages['recalled-lineage'].slice('/lineage/'.length);
  const send = async (token, query, variables) => {
    const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }, body: JSON.stringify({ query, variables }) });
    return response.json();
  };
  const all = operations();
  const wrong = [];
  let asked = 0;
  for (const [role, token] of Object.entries(tokens)) {
    for (const [file, text] of all) {
      const document = parse(text);
      const [operation] = document.definitions;
      if (operation.operation === 'subscription') continue; // It would not end.
      const variables = Object.fromEntries((operation.variableDefinitions ?? []).map(({ variable, type }) => [variable.name.value, valueOf(typeFromAST(schema, type), id)]));
      // A change must not happen: its ids lead nowhere.
      if (operation.operation === 'mutation') for (const key of Object.keys(variables)) variables[key] = valueOf(schema.getType(`${operation.variableDefinitions[0].type.type.name.value}`), 'mv_nothing');
      const body = await send(token, text, variables);
      asked++;
      // What is refused before it runs has no data at all.
      if (!('data' in body)) wrong.push(`${role}, ${file} ${operation.name.value}: ${JSON.stringify(body.errors)}`);
      for (const error of body.errors ?? []) if (['RESOURCE_EXHAUSTED', 'INTERNAL'].includes(error.extensions?.code)) wrong.push(`${role}, ${file} ${operation.name.value}: ${error.message}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(asked >= 4 * 50, `${asked} operations were asked`);
  // One that costs too much has no data: the test sees it.
  const costly = await send(tokens.admin, '{ models(first: 200) { edges { node { versions(first: 200) { edges { node { id } } } } } } }', {});
  assert.equal('data' in costly, false);
});

test('the check of barriers finds one', async () => {
  const { page, close } = await open(browser, server.url);
  await signIn(page, tokens.admin);
  await page.evaluate(() => document.querySelector('main').append(document.createElement('input')));
  assert.ok((await barriers(page)).length > 0);
  await close();
});
