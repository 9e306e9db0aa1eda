// How the pages look: narrow and wide, on paper, the same behind a link for everyone, and the graph. With PEDIGREE_PAGES set to a
// folder the test saves pictures of the documents there.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { demo, go, openPage, settled, signIn, withDemo } from './demo.mjs';

withDemo();

test('every page fits 320 pixels, and a 4K screen', async () => {
  const narrow = { width: 320, height: 800 };
  const { page, close, problems } = await openPage({ viewport: narrow });
  await signIn(page, demo.tokens.admin);
  for (const [name, path] of Object.entries(demo.pages)) {
    await page.setViewportSize(narrow);
    await go(page, path);
    for (const size of [narrow, { width: 3840, height: 2160 }]) {
      await page.setViewportSize(size);
      await page.waitForFunction((width) => innerWidth === width, size.width);
      await settled(page);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), size.width, name);
    }
  }
  assert.deepEqual(problems(), []);
  await close();
});

test('what stands in the search field is not cut on a small laptop', async () => {
  const { page, close } = await openPage({ viewport: { width: 1280, height: 860 } });
  await signIn(page, demo.tokens.admin);
  const [text, room] = await page.locator('#search').evaluate((field) => {
    const style = getComputedStyle(field);
    const pen = document.createElement('canvas').getContext('2d');
    pen.font = style.font;
    return [pen.measureText(field.placeholder).width, field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)];
  });
  assert.ok(text > 0 && text <= room, `${text} of ${room} pixels`);
  await close();
});

test('a link shows a colleague the same picture', async () => {
  const of = (path) => demo.pages[path];
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
  /** The picture of two people, once it is the same; some parts come after the first answer. */
  const together = async (pages) => {
    for (let i = 0; ; i++) {
      const pictures = await Promise.all(pages.map(seen));
      if (i === 100 || JSON.stringify(pictures[0]) === JSON.stringify(pictures[1])) return pictures;
      await pages[0].waitForTimeout(100);
    }
  };
  const mine = await openPage();
  await signIn(mine.page, demo.tokens.admin);
  const theirs = await openPage();
  await signIn(theirs.page, demo.tokens.admin);
  const pages = [mine.page, theirs.page];
  for (const path of paths) {
    await Promise.all(pages.map((page) => go(page, path)));
    const pictures = await together(pages);
    assert.ok(pictures[0].text.length > 20, path);
    assert.deepEqual(pictures[1], pictures[0], path);
    await mine.page.reload();
    await settled(mine.page);
    const again = await together(pages);
    assert.deepEqual(again[0], again[1], `${path} after a reload`);
  }
  // Another state is another picture: the comparison sees a difference.
  await go(theirs.page, '/models?name=m');
  await go(mine.page, '/models?name=c');
  assert.notDeepEqual(await seen(theirs.page), await seen(mine.page));
  assert.deepEqual([...mine.problems(), ...theirs.problems()], []);
  await mine.close();
  await theirs.close();
});

test('a version and a comparison print as documents: light, without controls, nothing cut', async () => {
  const { page, close } = await openPage({ colorScheme: 'dark' });
  await signIn(page, demo.tokens.admin);
  for (const name of ['version', 'compare']) {
    await go(page, demo.pages[name]);
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

test('the graph opens by click, a picked node and its state survive a reload', async () => {
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.admin);
  await go(page, demo.pages.lineage.replace('?hops=8', ''));
  const shown = () => page.locator('.canvas .node').count();
  const first = await shown();
  assert.ok((await page.locator('.react-flow__edge').count()) > 0, 'lines are drawn');
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
  const { page, close, problems } = await openPage();
  await signIn(page, demo.tokens.admin);
  await go(page, demo.pages.lineage);
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
