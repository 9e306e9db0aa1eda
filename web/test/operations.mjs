// Finds the operations in the pages' sources.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const web = dirname(dirname(fileURLToPath(import.meta.url)));

/** Every operation with the file it is in, as it is sent: without the directive for the types of a fragment. */
export function operations() {
  const src = join(web, 'src');
  return readdirSync(src, { recursive: true })
    .filter((name) => /\.tsx?$/.test(name))
    .flatMap((name) => [...readFileSync(join(src, name), 'utf8').matchAll(/\bgraphql\(\s*`([^`]+)`/g)].map(([, text]) => [name, text.replaceAll('@_unmask', '')]));
}
