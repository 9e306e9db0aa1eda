// Every page on a real server with the demo: by role, in light and dark. With PEDIGREE_PAGES set to a folder the test saves a
// picture of each page there.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { buildSchema, isEnumType, isInputObjectType, isListType, isNonNullType, parse, typeFromAST } from 'graphql';
import { barriers, demo, go, openPage, refusals, settled, signIn, withDemo } from './demo.mjs';
import { operations, web } from './operations.mjs';

withDemo();

/** What was checked for barriers already: many pages are the same for several roles. */
const checked = new Set();

/** The markup of a page without who reads it, and without the times and numbers that are others each time. */
const markup = (page) => page.evaluate(() => {
  const body = document.body.cloneNode(true);
  body.querySelector('.subject')?.replaceChildren();
  for (const time of body.querySelectorAll('time')) time.replaceWith('a time');
  return body.outerHTML.replaceAll(/react-aria[-:\w«»_]*/g, '').replaceAll(/="[:«_]r\w*[:»_]"/g, '');
});

describe('every page, for every role', { concurrency: 2 }, () => {
  for (const role of ['admin', 'data_scientist', 'developer', 'viewer']) {
    test(`${role}: every page loads without an error, a barrier or a request to another host, in light and dark`, async () => {
      const { page, close, problems } = await openPage({ colorScheme: 'light', reducedMotion: 'reduce' });
      const refused = refusals(page);
      await signIn(page, demo.tokens[role]);
      for (const [name, path] of Object.entries(demo.pages)) {
        await page.emulateMedia({ colorScheme: 'light' });
        await go(page, path);
        for (const colorScheme of ['light', 'dark']) {
          await page.emulateMedia({ colorScheme });
          await page.waitForFunction((theme) => document.documentElement.dataset.theme === theme, colorScheme);
          // The themes differ in colours alone, and what is the same for another role was checked there.
          const key = `${colorScheme} ${await markup(page)}`;
          if (!checked.has(key)) {
            checked.add(key);
            assert.deepEqual(await barriers(page, colorScheme === 'dark'), [], `${name} at ${path}, ${colorScheme}`);
          }
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
  const id = demo.pages['recalled-lineage'].slice('/lineage/'.length);
  const send = async (token, query, variables) => {
    const response = await fetch(`${demo.server.url}/graphql`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }, body: JSON.stringify({ query, variables }) });
    return response.json();
  };
  const all = operations();
  const wrong = [];
  let asked = 0;
  for (const [role, token] of Object.entries(demo.tokens)) {
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
  const costly = await send(demo.tokens.admin, '{ models(first: 200) { edges { node { versions(first: 200) { edges { node { id } } } } } } }', {});
  assert.equal('data' in costly, false);
});

test('the check of barriers finds one, and one that only a theme has', async () => {
  const { page, close } = await openPage();
  await signIn(page, demo.tokens.admin);
  await page.evaluate(() => document.querySelector('main').append(document.createElement('input')));
  assert.ok((await barriers(page)).length > 0);
  assert.deepEqual(await barriers(page, true), []);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.evaluate(() => document.querySelector('main').append(Object.assign(document.createElement('p'), { textContent: 'black on dark', className: 'hard-to-read' })));
  await page.locator('.hard-to-read').evaluate((element) => element.style.setProperty('color', '#111'));
  assert.match((await barriers(page, true)).join(), /color-contrast/);
  await close();
});
