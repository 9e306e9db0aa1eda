// Hostile texts in every field, through every page.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demo, go, openPage, settled, signIn, withDemo } from './demo.mjs';

withDemo();

test('hostile texts are texts on every page', async () => {
  const attack = (n, most = 200) => `<img src=x onerror="window.fired=${n}"><script>window.fired=${n}</script>"'\u202e\u200b[a](javascript:fired=${n}) ![b](https://evil.example/${n}.png) <a href="javascript:fired=1">c</a>`.slice(0, most);
  const name = `<svg onload=window.fired=1> 50% "x"`;
  const mutate = async (field, fields, input) => (await demo.server.ask(`mutation ($input: ${field[0].toUpperCase()}${field.slice(1)}Input!) { ${field}(input: $input) { ${fields} } }`, { input }))[field];
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
  const { webhook } = await mutate('createWebhook', 'webhook { id }', { name: attack(70, 60), address: `https://hooks.example.com/${encodeURIComponent(attack(71, 60))}`, events: ['TRANSITIONS'], model: name });
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.admin);
  const there = encodeURIComponent(name);
  const node = (id) => `/nodes/${id}`;
  const paths = ['/', '/models', '/models?tag=x', '/search?q=onerror', `/models/${there}`, `/models/${there}/versions/1.0.0`, `/models/${there}/versions/1.1.0`, '/lineage', ...['graph', 'tree', 'table'].map((view) => `/lineage/${deployment.id}?view=${view}&hops=8&select=${data.id}&path=${data.id}`),
    `/impact/${data.id}`, node(data.id), node(run.id), node(tag.id), node(feature.id), node(deployment.id), `/compare?a=${modelVersion.id}&b=${second.id}`, '/datasets', '/runs', '/features', '/commits', '/deployments',
    '/governance', '/governance?board=deprecations', '/governance?board=reviews&within=365', '/recalls', `/recalls/${recall.id}`, `/recalls?node=${data.id}`, '/log', '/access', '/access?part=subjects', '/notifications', `/notifications/${webhook.id}`, `/models/${there}/versions/1.0.0/compliance`];
  for (const path of paths) {
    await go(page, path);
    for (const summary of await page.locator('main summary').all()) await summary.click().catch(() => undefined);
    assert.notEqual(await page.locator('h1').textContent(), 'Not found', path);
    assert.equal(await page.evaluate(() => window.fired), undefined, path);
    assert.equal(await page.locator('main :is(script, iframe, img), main a[href^="javascript:" i]').count(), 0, path);
    assert.deepEqual(await page.locator('main a[target]').evaluateAll((links) => links.map((link) => link.rel).filter((rel) => !rel.includes('noopener'))), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${path} is wider than the window`);
  }
  await page.goto(`${demo.server.url}/models/${there}/versions/1.0.0`);
  await page.locator('.markdown').getByText('onerror').first().waitFor();
  assert.deepEqual(problems(), []);
  await close();
});
