// Finds the operations in the pages' sources.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const web = dirname(dirname(fileURLToPath(import.meta.url)));

/** Every operation with the file it is in, as it is sent: with the shared fragments that it spreads, without the directive for types. */
export function operations() {
  const src = join(web, 'src');
  const texts = readdirSync(src, { recursive: true })
    .filter((name) => /\.tsx?$/.test(name))
    .flatMap((name) => [...readFileSync(join(src, name), 'utf8').matchAll(/\bgraphql\(\s*`([^`]+)`/g)].map(([, text]) => [name, text.replaceAll('@_unmask', '')]));
  const isShared = ([, text]) => text.trim().startsWith('fragment ');
  const shared = texts.filter(isShared).map(([, text]) => text);
  const nameOf = (fragment) => /fragment (\w+)/.exec(fragment)[1];
  return texts
    .filter((one) => !isShared(one))
    .map(([name, text]) => [name, [text, ...shared.filter((fragment) => text.includes(`...${nameOf(fragment)} `) || text.includes(`...${nameOf(fragment)}\n`))].join('\n')]);
}
