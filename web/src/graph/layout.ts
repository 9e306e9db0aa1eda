// Places the nodes of the picture: by elk in a worker, or by the server's layers when that takes too long.
import ELK from 'elkjs/lib/elk-api';
import workerUrl from 'elkjs/lib/elk-worker.min.js?url';
import type { ViewEdge, ViewNode } from './view';

/** Where a node goes, and how large it is. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** elk's time; after it, columns by layer do. */
const DEADLINE_MS = 2000;

/** A layout, and whether it is the one by columns. */
export interface Layout {
  boxes: Map<string, Box>;
  byColumns: boolean;
}

/** Columns by layer, causes on the left: what a node came from lies before it. */
export function columns(nodes: readonly ViewNode[], sizes: ReadonlyMap<string, { width: number; height: number }>): Map<string, Box> {
  const boxes = new Map<string, Box>();
  const deepest = Math.max(0, ...nodes.map(({ layer }) => layer));
  const heights = new Map<number, number>();
  for (const node of nodes) {
    const { width, height } = sizes.get(node.id) ?? { width: 220, height: 60 };
    const y = heights.get(node.layer) ?? 0;
    boxes.set(node.id, { x: (deepest - node.layer) * 300, y, width, height });
    heights.set(node.layer, y + height + 24);
  }
  return boxes;
}

/** Lays the picture out from left to right: causes before effects. */
export async function layOut(nodes: readonly ViewNode[], edges: readonly ViewEdge[], sizes: ReadonlyMap<string, { width: number; height: number }>, deadline = DEADLINE_MS): Promise<Layout> {
  const elk = new ELK({ workerFactory: () => new Worker(workerUrl) });
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const graph = {
      id: 'root',
      layoutOptions: {
        'elk.algorithm': 'layered',
        'elk.direction': 'RIGHT',
        'elk.layered.spacing.nodeNodeBetweenLayers': '70',
        'elk.spacing.nodeNode': '22',
        'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
      },
      children: nodes.map(({ id }) => ({ id, ...(sizes.get(id) ?? { width: 220, height: 60 }) })),
      // An edge of lineage leads from an effect to its cause; the picture reads the other way round.
      edges: edges.map(({ id, from, to }) => ({ id, sources: [to], targets: [from] })),
    };
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), deadline);
    });
    const placed = await Promise.race([elk.layout(graph), late]);
    if (placed === null) return { boxes: columns(nodes, sizes), byColumns: true };
    return { boxes: new Map((placed.children ?? []).map(({ id, x = 0, y = 0, width = 0, height = 0 }) => [id, { x, y, width, height }])), byColumns: false };
  } catch {
    return { boxes: columns(nodes, sizes), byColumns: true };
  } finally {
    clearTimeout(timer);
    elk.terminateWorker();
  }
}
