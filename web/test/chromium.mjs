// Starts a headless Chromium and opens pages that collect their problems.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const candidates = [process.env.PEDIGREE_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export async function launch() {
  const executablePath = candidates.find((path) => path && existsSync(path));
  if (!executablePath) throw new Error('no Chromium: install it (Debian: apt-get install chromium) or name it in PEDIGREE_CHROMIUM');
  return chromium.launch({
    executablePath,
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/** Opens a page in a new profile. problems() lists script errors, console errors, policy violations and requests to other hosts. */
export async function open(browser, base, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  const page = await context.newPage();
  const seen = [];
  page.on('pageerror', (error) => seen.push(`script error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' || /content security policy/i.test(message.text())) seen.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(base) && !/^(data|blob):/.test(request.url())) seen.push(`asked another host: ${request.url()}`);
  });
  page.on('dialog', (dialog) => { seen.push(`dialog: ${dialog.message()}`); void dialog.dismiss(); });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI}`));
    // How many answers the page waits for; a stream has no end.
    window.asked = 0;
    const ask = window.fetch;
    window.fetch = async (input, init) => {
      const stream = new Headers(init?.headers).get('Accept') === 'text/event-stream';
      if (stream) return ask(input, init);
      window.asked++;
      const done = () => setTimeout(() => window.asked--);
      try {
        const response = await ask(input, init);
        response.clone().arrayBuffer().then(done, done);
        return response;
      } catch (err) {
        done();
        throw err;
      }
    };
  });
  return { page, close: () => context.close(), problems: (expected = /^$/) => seen.filter((problem) => !expected.test(problem)) };
}

/** Saves a screenshot to the folder PEDIGREE_SHOTS, if it is set. */
export async function screenshot(page, name) {
  const folder = process.env.PEDIGREE_SHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** Texts whose contrast with their background is less than 4.5 : 1. Runs in the page. */
export function lowContrastTexts() {
  const parse = (color) => { const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number); return { r, g, b, a }; };
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor);
      if (color.a > 0.99) return color;
    }
    return { r: 255, g: 255, b: 255 };
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || element.closest('noscript, :disabled')) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${node.data.trim().slice(0, 40)}`);
  }
  return found;
}
