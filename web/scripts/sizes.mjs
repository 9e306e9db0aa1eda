// Prints the size of every built file, as it is and gzipped.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist');
let total = 0;
let packed = 0;
for (const file of readdirSync(dist, { recursive: true }).sort()) {
  const path = join(dist, file);
  if (!statSync(path).isFile() || file.startsWith('.')) continue;
  const content = readFileSync(path);
  const gzip = gzipSync(content).length;
  total += content.length;
  packed += gzip;
  if (gzip > 4096) console.log(`${String(content.length).padStart(9)} ${String(gzip).padStart(9)} gzip  ${file}`);
}
console.log(`${String(total).padStart(9)} ${String(packed).padStart(9)} gzip  in all`);
