// Files of what the page shows: the picture as SVG and PNG, the table as CSV, and the server's own formats.
import { enumLabel } from './labels';
import type { Box } from './layout';
import type { LineageEdge, LineageNode } from './useLineage';
import type { View } from './view';

/** The table as CSV. A value that a spreadsheet would take for a formula gets a quote before it. */
export function csv(nodes: readonly LineageNode[], edges: readonly LineageEdge[]): string {
  const cell = (value: string | number) => {
    const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const causes = (id: string) => edges.filter((edge) => edge.from === id).map((edge) => `${edge.kind} ${edge.to}`);
  const rows = nodes.map(({ node, depth, layer }) => [node.id, node.kind, node.name ?? '', depth, layer ?? '', causes(node.id).join(' ')]);
  return [['id', 'kind', 'name', 'depth', 'layer', 'causes'], ...rows].map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}

/** The picture as an SVG document in the page's colours. */
export function svg(view: View, boxes: ReadonlyMap<string, Box>): string {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const kinds: Record<string, string> = { DATASET_VERSION: 'data', RUN: 'run', COMMIT: 'code', TAG: 'code', FEATURE: 'code', MODEL_VERSION: 'model', DEPLOYMENT: 'live' };
  const all = [...boxes.values()];
  const left = Math.min(...all.map(({ x }) => x)) - 20;
  const top = Math.min(...all.map(({ y }) => y)) - 20;
  const width = Math.max(...all.map((box) => box.x + box.width)) + 20 - left;
  const height = Math.max(...all.map((box) => box.y + box.height)) + 20 - top;
  const text = (value: string) => value.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd');
  const short = (value: string) => ([...value].length > 32 ? `${[...value].slice(0, 31).join('')}…` : value);
  const lines = view.edges.flatMap(({ from, to, kind }) => {
    const [a, b] = [boxes.get(to), boxes.get(from)];
    if (!a || !b) return [];
    const [x1, y1, x2, y2] = [a.x + a.width, a.y + a.height / 2, b.x, b.y + b.height / 2];
    const bend = Math.max(30, (x2 - x1) / 2);
    return [`<path d="M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}" fill="none" stroke="${color('control-line')}" marker-end="url(#arrow)"><title>${enumLabel(kind)}</title></path>`];
  });
  const nodes = view.nodes.flatMap((node) => {
    const box = boxes.get(node.id);
    if (!box) return [];
    const mark = color(kinds[node.kind] ?? 'muted');
    const name = node.members.length > 0 ? `${node.members.length} of ${enumLabel(node.kind)}` : (node.name ?? `restricted ${enumLabel(node.kind)}`);
    return [
      `<g transform="translate(${box.x} ${box.y})"><title>${text(name)}</title><rect width="${box.width}" height="${box.height}" rx="9" fill="${color('panel')}" stroke="${color('line')}"/><rect width="5" height="${box.height}" rx="2" fill="${mark}"/>` +
        `<text x="14" y="20" font-size="12" fill="${mark}">${enumLabel(node.kind)}</text><text x="14" y="38" font-size="13" fill="${color('text')}">${text(short(name))}</text></g>`,
    ];
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${left} ${top} ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif">` +
    `<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="${color('control-line')}"/></marker></defs>` +
    `<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="${color('bg')}"/>${lines.join('')}${nodes.join('')}</svg>`
  );
}

/** Paints an SVG document, at most 8,000 pixels wide or high. */
export async function png(document_: string): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(document_)}`;
  await image.decode();
  const scale = Math.min(2, 8000 / Math.max(image.width, image.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.ceil(image.width * scale);
  canvas.height = Math.ceil(image.height * scale);
  canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the picture is too large')))));
}
