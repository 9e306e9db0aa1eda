// The answer as a picture: causes on the left, effects on the right. A large one is measured and drawn a part at a time, so
// that the page can be used meanwhile.
import '@xyflow/react/dist/style.css';
import './canvas.css';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Background, Controls, MarkerType, MiniMap, ReactFlow, ReactFlowProvider, getViewportForBounds, useReactFlow, type Edge, type Node, type NodeChange } from '@xyflow/react';
import { enumLabel } from './labels';
import { layOut, type Box } from './layout';
import { Measure, NodeBox, type NodeData, type Size } from './NodeBox';
import type { View, ViewNode } from './view';

const NODE_TYPES = { box: NodeBox };
const MARKER = { type: MarkerType.ArrowClosed, width: 16, height: 16, color: 'var(--control-line)' };
const MIN_ZOOM = 0.05;

/** So many nodes are measured, and so many nodes and lines drawn, at a time. */
const MEASURED_AT_ONCE = 100;
const DRAWN_AT_ONCE = 40;
const LINES_AT_ONCE = 80;

interface Props {
  view: View;
  root: string;
  selected: string | null;
  found: ReadonlySet<string> | null;
  onSelect: (id: string) => void;
  onOpen: (id: string) => void;
  onPlaced: (boxes: ReadonlyMap<string, Box>) => void;
}

interface Placed {
  view: View;
  boxes: Map<string, Box>;
  byColumns: boolean;
}

/** The picture, with its own pan and zoom. */
export function Canvas(props: Props) {
  return (
    <ReactFlowProvider>
      <Picture {...props} />
    </ReactFlowProvider>
  );
}

function Picture({ view, root, selected, found, onSelect, onOpen, onPlaced }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const { setViewport } = useReactFlow();
  const { sizes, unmeasured, onSizes } = useSizes(view);
  const [placed, setPlaced] = useState<Placed | null>(null);
  const [moved, setMoved] = useState<ReadonlyMap<string, { x: number; y: number }>>(new Map());
  const placing = useRef<View | null>(null);

  // Nodes are measured, laid out in a worker, and then shown. What was shown before stays meanwhile.
  useEffect(() => {
    if (unmeasured.length > 0 || placing.current === view) return;
    placing.current = view;
    void layOut(view.nodes, view.edges, sizes).then(({ boxes, byColumns }) => {
      // The reader may have left, or asked for another picture.
      if (placing.current !== view || frame.current === null) return;
      setPlaced({ view, boxes, byColumns });
      setMoved(new Map());
      onPlaced(boxes);
      const { clientWidth, clientHeight } = frame.current;
      void setViewport(getViewportForBounds(around(boxes), clientWidth, clientHeight, MIN_ZOOM, 1.1, 0.12));
    });
  }, [unmeasured, view, sizes, setViewport, onPlaced]);

  const { drawn, whole } = useDrawn(placed?.view);
  const make = useNodes();
  const nodes = useMemo(
    () =>
      placed === null
        ? []
        : drawn.map((node) =>
            make(placed.boxes.get(node.id)!, moved.get(node.id), { node, root: node.id === root, selected: node.id === selected, dim: found !== null && !found.has(node.id), onSelect, onOpen }),
          ),
    [placed, drawn, moved, root, selected, found, onSelect, onOpen, make],
  );
  const edges = useEdges(placed?.view, drawn, selected);
  const change = useCallback((changes: NodeChange[]) => {
    const moves = changes.flatMap((one) => (one.type === 'position' && one.position ? [[one.id, one.position] as const] : []));
    if (moves.length > 0) setMoved((before) => new Map([...before, ...moves]));
  }, []);
  return (
    <div ref={frame} className="canvas" role="group" aria-label="Lineage graph; the table has the same nodes as rows" data-placed={placed?.view === view && whole} data-columns={placed?.view === view ? placed.byColumns : undefined}>
      {unmeasured.length > 0 && <Measure nodes={unmeasured} root={root} onSizes={onSizes} />}
      <ReactFlow
        nodes={nodes}
        edges={edges}
        onNodesChange={change}
        nodeTypes={NODE_TYPES}
        minZoom={MIN_ZOOM}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        deleteKeyCode={null}
        disableKeyboardA11y
      >
        <Background gap={24} />
        <Controls showInteractive={false} />
        {whole && nodes.length > 25 && <MiniMap pannable aria-label="Overview of the graph" nodeColor="var(--control-line)" />}
      </ReactFlow>
    </div>
  );
}

/** The sizes of the nodes that are known, and the next nodes to measure. */
function useSizes(view: View) {
  const [sizes, setSizes] = useState<ReadonlyMap<string, Size>>(new Map());
  const unmeasured = useMemo(() => view.nodes.filter(({ id }) => !sizes.has(id)).slice(0, MEASURED_AT_ONCE), [view, sizes]);
  const onSizes = useCallback((found: [string, Size][]) => {
    // Between two parts the page can do something else.
    setTimeout(() => setSizes((before) => new Map([...before, ...found])));
  }, []);
  return { sizes, unmeasured, onSizes };
}

const NONE: ViewNode[] = [];

/** The nodes that are drawn by now, a part more each time, and whether it is all of them. */
function useDrawn(view: View | undefined): { drawn: readonly ViewNode[]; whole: boolean } {
  const all = view?.nodes ?? NONE;
  const [known, setKnown] = useState<ReadonlySet<string>>(new Set());
  const drawn = useMemo(() => all.filter(({ id }) => known.has(id)), [all, known]);
  const neighbours = useMemo(() => {
    const out = new Map<string, string[]>(all.map(({ id }) => [id, []]));
    for (const { from, to } of view?.edges ?? []) {
      out.get(from)?.push(to);
      out.get(to)?.push(from);
    }
    return out;
  }, [view, all]);
  useEffect(() => {
    if (drawn.length === all.length) return undefined;
    const timer = setTimeout(() => {
      const next = new Set(known);
      let lines = 0;
      for (const { id } of all) {
        if (next.has(id)) continue;
        lines += neighbours.get(id)!.filter((other) => next.has(other)).length;
        // Lines cost as much as nodes. One node is always drawn, however many lines it has.
        if (next.size > known.size && (next.size - known.size >= DRAWN_AT_ONCE || lines > LINES_AT_ONCE)) break;
        next.add(id);
      }
      setKnown(next);
    });
    return () => clearTimeout(timer);
  }, [all, drawn, known, neighbours]);
  return { drawn, whole: all.length > 0 && drawn.length === all.length };
}

/** Makes nodes for the library. One in which nothing changed is the same object as before, so that it is not drawn again. */
function useNodes() {
  const known = useRef(new Map<string, { key: unknown[]; made: Node<NodeData> }>());
  return useCallback((box: Box, moved: { x: number; y: number } | undefined, data: NodeData): Node<NodeData> => {
    const { id } = data.node;
    const { x, y } = moved ?? box;
    const { width, height } = box;
    const key = [x, y, width, height, ...Object.values(data)];
    const before = known.current.get(id);
    if (before && before.key.every((value, i) => value === key[i])) return before.made;
    const made: Node<NodeData> = {
      id,
      type: 'box',
      position: { x, y },
      measured: { width, height },
      data,
      focusable: false,
    };
    known.current.set(id, { key, made });
    return made;
  }, []);
}

/** The lines between the nodes that are drawn. */
function useEdges(view: View | undefined, drawn: readonly ViewNode[], selected: string | null): Edge[] {
  const known = useRef(new Map<string, Edge>());
  return useMemo(() => {
    if (view === undefined) return [];
    const ids = new Set(drawn.map(({ id }) => id));
    return view.edges
      .filter(({ from, to }) => ids.has(from) && ids.has(to))
      .map(({ id, from, to, kind }) => {
        const className = selected !== null && (from === selected || to === selected) ? 'near' : '';
        const text = view.edges.length <= 40 ? enumLabel(kind) : undefined;
        const before = known.current.get(id);
        if (before && before.className === className && before.label === text) return before;
        const made: Edge = { id, source: to, target: from, markerEnd: MARKER, className, label: text, focusable: false };
        known.current.set(id, made);
        return made;
      });
  }, [view, drawn, selected]);
}

/** The frame around all boxes. */
function around(boxes: ReadonlyMap<string, Box>) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y, width, height } of boxes.values()) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + width);
    bottom = Math.max(bottom, y + height);
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}
