// A real server with the demo, a browser, and what the tests of pages need again and again.
import axe from 'axe-core';
import { after, before } from 'node:test';
import { launch, open } from './chromium.mjs';
import { startServer, tokenFor } from './server.mjs';

/** The server, the browser, tokens by role, and addresses by name; they stand once the tests of the file begin. */
export const demo = { browser: undefined, server: undefined, tokens: {}, pages: {} };

/** Starts the server with the demo and a browser for the tests of this file. */
export function withDemo(...flags) {
  before(async () => {
    const [server, browser] = await Promise.all([startServer('--demo', ...flags), launch()]);
    Object.assign(demo, { server, browser });
    demo.tokens = { admin: server.token };
    for (const [role, subject] of [['data_scientist', 'dora'], ['developer', 'dev'], ['viewer', 'vera']]) demo.tokens[role] = await tokenFor(server, subject, role);
    demo.pages = await addresses(server);
  });
  after(async () => {
    await demo.browser?.close();
    await demo.server?.stop();
  });
}

/** An address of every page. */
async function addresses(server) {
  const { model } = await server.ask(`{ model(name: "credit-approval") { versions(first: 10) { edges { node { id version deployments(first: 5) { edges { node { id } } } } } } } }`);
  const [b, a] = model.versions.edges.map(({ node }) => node).filter(({ version }) => ['1.0.0', '1.0.1'].includes(version));
  const { provenance } = await server.ask('query ($of: ID!) { provenance(of: $of) { rawSources { id } datasets { id } runs { id } commits { id } features { id } } }', { of: a.id });
  const { recalls, modelVersion: hit } = await server.ask('{ recalls(first: 1) { edges { node { id } } } modelVersion(model: "merchant-risk", version: "1.2.0") { id } }');
  const { createWebhook } = await server.ask('mutation { createWebhook(input: { name: "build of the desk", address: "https://hooks.example.com/pedigree", events: [TRANSITIONS, RECALLS] }) { webhook { id } } }');
  const hook = createWebhook.webhook.id;
  const deployment = a.deployments.edges[0].node.id;
  return {
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
    notifications: '/notifications',
    webhook: `/notifications/${hook}`,
    compliance: '/models/credit-approval/versions/1.0.0/compliance',
    help: '/help',
    'help-page': '/help/governance',
    nowhere: '/models/there-is-no-such-model',
  };
}

/** Opens a page in a new profile, with a watch over what it asks the server. */
export const openPage = (options) => open(demo.browser, demo.server.url, options);

/** Signs in, and waits for the page. */
export async function signIn(page, token, path = '/') {
  await page.goto(demo.server.url + path);
  await page.getByLabel('API token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#content h1').waitFor();
}

/** Opens an address, and waits until the page shows its answers. */
export async function go(page, path) {
  await page.goto(demo.server.url + path);
  await settled(page);
}

/** Waits until a page shows its answers: nothing is asked or being loaded, in several pictures after one another. */
export async function settled(page) {
  await page.evaluate(() => {
    window.quiet = 0;
  });
  await page.waitForFunction(() => {
    const busy = window.asked > 0 || document.querySelector('#content h1') === null || document.querySelector('.skeleton, .canvas:not([data-placed=true]), .plot:empty') !== null;
    window.quiet = busy ? 0 : (window.quiet ?? 0) + 1;
    return window.quiet >= 4;
  });
}

/** The rules of axe that depend on the colours of a theme. */
const COLOURS = ['color-contrast', 'link-in-text-block'];

/** What is wrong with a page for people who do not see it or use no mouse; with colours, what may differ between themes alone. */
export async function barriers(page, colours = false) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source);
  const { violations } = await page.evaluate((runOnly) => window.axe.run({ resultTypes: ['violations'], ...(runOnly && { runOnly }) }), colours ? COLOURS : null);
  return violations.flatMap(({ id, nodes }) =>
    // A row of the tree contains the rows below it, whose text is not part of its name.
    nodes.filter(({ html }) => !(id === 'label-content-name-mismatch' && html.includes('role="treeitem"'))).map(({ html }) => `${id}: ${html.slice(0, 160)}`),
  );
}

/** Operations that were refused for what they cost, or that the server did not understand. */
export function refusals(page) {
  const found = [];
  page.on('response', async (response) => {
    if (!response.url().endsWith('/graphql') || response.request().headers()['accept'] === 'text/event-stream') return;
    const body = await response.json().catch(() => ({}));
    for (const error of body.errors ?? []) if (!['FORBIDDEN', 'NOT_FOUND'].includes(error.extensions?.code)) found.push(`${response.request().postDataJSON().operationName}: ${error.message}`);
  });
  return found;
}
