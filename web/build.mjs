// Builds web/dist, which the Go package embeds: two pages, and their assets with content hashes in their names.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const web = dirname(fileURLToPath(import.meta.url));
const dist = join(web, 'dist');

/** Adapts libraries to the content security policy and removes embedded fonts. */
const adaptLibraries = {
  name: 'adapt-libraries',
  setup(plugin) {
    // The library creates a style element, which the policy blocks; see src/stylesheets.ts.
    plugin.onResolve({ filter: /^\.\/singleton$/ }, (args) =>
      args.importer.includes('react-style-singleton') ? { path: join(web, 'src/stylesheets.ts') } : undefined,
    );
    // GraphiQL's style sheet contains 360 kB of fonts in base64; the pages use system fonts.
    plugin.onLoad({ filter: /node_modules[\\/]graphiql[\\/].*\.css$/ }, async (args) => {
      const css = await readFile(args.path, 'utf8');
      return { contents: css.replace(/@font-face\s*\{[^}]*\}/g, ''), loader: 'css' };
    });
  },
};

for (const name of existsSync(dist) ? await readdir(dist) : []) {
  if (name !== '.gitkeep') await rm(join(dist, name), { recursive: true });
}

const { metafile } = await build({
  absWorkingDir: web,
  entryPoints: { dashboard: 'src/dashboard.ts', graphiql: 'src/graphiql.tsx' },
  outdir: 'dist/assets',
  entryNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  bundle: true,
  splitting: false, // GraphiQL loads all of its chunks at its start: one file needs fewer round trips
  format: 'esm',
  target: ['es2022'],
  jsx: 'automatic',
  minify: true,
  legalComments: 'none', // licenses() writes them to a separate file
  loader: { '.graphql': 'text' },
  define: { 'process.env.NODE_ENV': '"production"', 'process.env.USE_IMPORT': '"true"' },
  plugins: [adaptLibraries],
  metafile: true,
  logLevel: 'warning',
});

/** Writes an asset with a hash of its content in its name. Returns its address. */
async function asset(name, extension, content) {
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 8).toUpperCase();
  const file = `${name}-${hash}.${extension}`;
  await mkdir(join(dist, 'assets'), { recursive: true });
  await writeFile(join(dist, 'assets', file), content);
  return `/assets/${file}`;
}

/** The license texts of every package in the pages: most licenses require them. */
async function licenses() {
  const packages = new Map();
  for (const input of Object.keys(metafile.inputs)) {
    const found = input.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//);
    if (found) packages.set(found[1], null);
  }
  const texts = [];
  for (const folder of [...packages.keys()].sort()) {
    const about = JSON.parse(await readFile(join(web, folder, 'package.json'), 'utf8'));
    const file = (await readdir(join(web, folder))).find((name) => /^(licen[sc]e|copying)/i.test(name));
    const text = file ? await readFile(join(web, folder, file), 'utf8') : `License: ${about.license ?? 'not stated'}\n`;
    texts.push(`${about.name} ${about.version}\n${'-'.repeat(72)}\n${text.trim()}\n`);
  }
  return texts.join('\n\n');
}

const icon = await asset('icon', 'svg', await readFile(join(web, 'src/icon.svg')));
const legal = await asset('licenses', 'txt', await licenses());

for (const [entry, page] of [['src/dashboard.ts', 'index.html'], ['src/graphiql.tsx', 'graphiql.html']]) {
  const [script, output] = Object.entries(metafile.outputs).find(([, out]) => out.entryPoint === entry);
  const address = (file) => '/' + relative('dist', file).replaceAll('\\', '/');
  const head = [
    `<link rel="stylesheet" href="${address(output.cssBundle)}">`,
    `<script type="module" src="${address(script)}"></script>`,
  ].join('\n');
  const html = (await readFile(join(web, 'src', page), 'utf8')).replaceAll('%HEAD%', head).replaceAll('%ICON%', icon).replaceAll('%LICENSES%', legal);
  await writeFile(join(dist, page), html);
}
await writeFile(join(dist, '.gitkeep'), '');

let total = 0;
let packed = 0;
for (const file of (await readdir(dist, { recursive: true })).sort()) {
  const path = resolve(dist, file);
  if (!(await stat(path)).isFile() || file === '.gitkeep') continue;
  const content = await readFile(path);
  const gzip = gzipSync(content).length;
  total += content.length;
  packed += gzip;
  console.log(`${String(content.length).padStart(9)} ${String(gzip).padStart(9)} gzip  ${file}`);
}
console.log(`${String(total).padStart(9)} ${String(packed).padStart(9)} gzip  in all`);
