// Builds web/dist, which the Go package embeds: two pages, and their assets with content hashes in their names.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const web = dirname(fileURLToPath(import.meta.url));
const src = join(web, 'src');

/** Adapts GraphiQL's libraries to the content security policy and removes its embedded fonts. */
const adaptLibraries = {
  name: 'adapt-libraries',
  enforce: 'pre',
  resolveId(id, importer) {
    // The library creates a style element, which the policy blocks; see src/graphiql/stylesheets.ts.
    return id === './singleton' && importer?.includes('react-style-singleton') ? join(src, 'graphiql/stylesheets.ts') : null;
  },
  load(id) {
    // GraphiQL's style sheet contains 360 kB of fonts in base64; the pages use system fonts.
    if (!/node_modules[\\/]graphiql[\\/].*\.css$/.test(id)) return null;
    return readFileSync(id, 'utf8').replace(/@font-face\s*\{[^}]*\}/g, '');
  },
};

/** Writes the license texts of every package in the pages to an asset, since most licenses require them, and its address into the pages. */
const licenses = {
  name: 'licenses',
  enforce: 'post',
  generateBundle(_, bundle) {
    const folders = new Set();
    for (const chunk of Object.values(bundle)) {
      for (const id of chunk.moduleIds ?? []) {
        const found = id.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//);
        if (found) folders.add(found[1].replace(/^\0/, ''));
      }
    }
    folders.add(join(web, 'node_modules/elkjs')); // its worker is an asset
    const texts = [...folders].filter((folder) => existsSync(join(folder, 'package.json'))).sort().map((folder) => {
      const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const file = readdirSync(folder).find((name) => /^(licen[sc]e|copying)/i.test(name));
      const text = file ? readFileSync(join(folder, file), 'utf8') : `License: ${about.license ?? 'not stated'}\n`;
      return `${about.name} ${about.version}\n${'-'.repeat(72)}\n${text.trim()}\n`;
    });
    const legal = this.emitFile({ type: 'asset', name: 'licenses.txt', source: texts.join('\n\n') });
    for (const page of Object.values(bundle)) {
      if (page.type === 'asset' && page.fileName.endsWith('.html')) page.source = String(page.source).replaceAll('%LICENSES%', `/${this.getFileName(legal)}`);
    }
  },
  closeBundle() {
    writeFileSync(join(web, 'dist', '.gitkeep'), '');
  },
};

export default defineConfig({
  root: src,
  base: '/',
  plugins: [adaptLibraries, react(), licenses],
  define: { 'process.env.USE_IMPORT': '"true"' },
  // The server writes its base path into the pages. Scripts and style sheets name each other by relative paths.
  experimental: { renderBuiltUrl: (file, { hostType }) => (hostType === 'html' ? `/${file}` : { relative: true }) },
  build: {
    outDir: join(web, 'dist'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
    rollupOptions: {
      onwarn: (warning, warn) => warning.code !== 'MODULE_LEVEL_DIRECTIVE' && warn(warning),
      input: { dashboard: join(src, 'index.html'), graphiql: join(src, 'graphiql.html') },
      output: { entryFileNames: 'assets/[name]-[hash].js', chunkFileNames: 'assets/[name]-[hash].js', assetFileNames: 'assets/[name]-[hash][extname]' },
    },
  },
});
