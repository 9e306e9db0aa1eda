// Tests the login at an identity provider and the session in a real browser, against a server below a base path with the
// demo graph. internal/e2e starts the server and the provider: PEDIGREE_URL is the server's address with its base path.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { launch, open } from './chromium.mjs';

const base = process.env.PEDIGREE_URL.replace(/\/$/, '');

let browser;
before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
});

async function signIn(page) {
  await page.goto(`${base}/`);
  await page.getByRole('link', { name: 'Sign in with your organisation' }).click();
  await page.getByRole('heading', { level: 1, name: /Hello/ }).waitFor();
}

const asked = (problem) => /asked another host/.test(problem);

test('the code flow leads back to the dashboard and to GraphiQL, below the base path', async () => {
  const { page, close, problems } = await open(browser, base);
  await signIn(page);
  assert.equal(await page.locator('.subject').textContent(), 'Your menu: oidc:ada · data_scientist');
  assert.ok(page.url().startsWith(`${base}/`) && !page.url().includes('code='), page.url());
  assert.equal(await page.evaluate(() => sessionStorage.length + localStorage.length + document.cookie.length), 0);
  const cookies = (await page.context().cookies()).map(({ name, httpOnly, sameSite, path }) => [name, httpOnly, sameSite, path]);
  assert.deepEqual(cookies, [['pedigree_session', true, 'Strict', `${new URL(base).pathname}/`]]);
  await page.getByRole('link', { name: 'GraphiQL' }).click();
  await page.locator('.graphiql-query-editor .CodeMirror').waitFor();
  await page.getByRole('button', { name: /Execute query/ }).click();
  await page.locator('.result-window .CodeMirror-code').getByText('"models"').first().waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('API token').waitFor();
  assert.deepEqual(await page.context().cookies(), []);
  await page.reload();
  await page.getByLabel('API token').waitFor();
  await page.getByRole('link', { name: 'Sign in with your organisation' }).click();
  await page.locator('.graphiql-query-editor .CodeMirror').waitFor();
  assert.equal(new URL(page.url()).pathname, `${new URL(base).pathname}/graphiql`);
  assert.deepEqual(problems(/asked another host/), []);
  assert.ok(problems().every(asked));
  await close();
});

// A page on another port of the same host is of the same site, so the browser sends it the cookie in spite of SameSite.
test('a page of another origin writes nothing with the cookie, and signs nobody out', async (t) => {
  const { page, close } = await open(browser, base);
  await signIn(page);
  const evil = createServer((_, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>evil</title>'));
  t.after(() => { evil.close(); evil.closeAllConnections(); });
  await new Promise((resolve) => evil.listen(0, '127.0.0.1', resolve));
  const there = await page.context().newPage();
  await there.goto(`http://127.0.0.1:${evil.address().port}/`);
  const answers = [];
  there.on('response', (response) => response.url().startsWith(base) && answers.push([response.request().method(), response.status()]));
  const body = JSON.stringify({ query: 'mutation { registerModel(input: {name: "stolen"}) { model { name } } }' });
  const read = await there.evaluate(async ([to, text]) => {
    const outcomes = [];
    for (const options of [
      { mode: 'no-cors', headers: { 'Content-Type': 'text/plain' } },
      { mode: 'cors', headers: { 'Content-Type': 'application/json', 'X-Pedigree-Request': '1' } },
    ]) {
      for (const path of ['/graphql', '/logout']) {
        const response = await fetch(to + path, { method: 'POST', body: text, credentials: 'include', ...options }).catch(() => null);
        outcomes.push(response === null ? 'failed' : response.type);
      }
    }
    return outcomes;
  }, [base, body]);
  assert.deepEqual(read, ['opaque', 'opaque', 'failed', 'failed']);
  // Without the cookie they would be 401 and 204: the browser has sent it.
  assert.deepEqual(answers.filter(([method]) => method === 'POST').map(([, status]) => status), [403, 403]);
  const form = there.waitForResponse((response) => response.url() === `${base}/logout`);
  await there.evaluate((to) => {
    const element = document.createElement('form');
    element.method = 'POST';
    element.action = `${to}/logout`;
    document.body.append(element);
    element.submit();
  }, base);
  assert.equal((await form).status(), 403);
  const models = await page.evaluate(async ([to]) => {
    const response = await fetch(`${to}/graphql`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ query: '{ viewer { subject } model(name: "stolen") { name } }' }) });
    return (await response.json()).data;
  }, [base]);
  assert.deepEqual(models, { viewer: { subject: 'oidc:ada' }, model: null });
  await close();
});
